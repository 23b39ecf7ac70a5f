# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cost-to-go is what the solver, and everybody else, calls the cost."""

import numpy as np
import pytest

from training.dataset.returns import costs_along, costs_to_go
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle


@pytest.fixture(scope='module')
def solver(scp_folder):
    return ScpSolver(load_vehicle(), Horizon())


def test_the_first_cost_to_go_is_the_solvers_cost(samples, solver):
    for sample in samples:
        for answer in sample.answers:
            cost = solver.score(sample.bound, answer.trajectory).cost
            assert answer.cost_to_go[0] == pytest.approx(cost, rel=1e-9)


def test_costs_to_go_are_not_negative_and_do_not_increase(samples):
    for sample in samples:
        for answer in sample.answers:
            assert (answer.cost_to_go >= 0.0).all()
            assert (np.diff(answer.cost_to_go) <= 0.0).all()


def test_costs_do_not_depend_on_where_in_the_map_a_problem_lies(
    make_problem, straight_line, move_problem, move_trajectory, solver
):
    problem = make_problem()
    guess = straight_line(problem)
    here = costs_to_go(solver.bind(problem), [guess], CostWeights())
    place = (300.0, -200.0, 2.5)
    there = costs_to_go(
        solver.bind(move_problem(problem, *place)),
        [move_trajectory(guess, *place)],
        CostWeights(),
    )
    assert there == pytest.approx(here, rel=1e-6, abs=1e-6)


def test_trajectories_of_a_batch_have_the_costs_that_they_have_alone(samples, solver):
    sample = samples[0]
    ways = [answer.trajectory for answer in sample.answers[:3]]
    together = costs_to_go(sample.bound, ways, CostWeights())
    alone = [costs_to_go(sample.bound, [way], CostWeights())[0] for way in ways]
    assert together == pytest.approx(np.stack(alone))


def test_float32_arrays_of_a_shard_are_enough_to_compute_costs_again(samples):
    sample = samples[0]
    answer = sample.answers[0]
    states, controls = (
        array.astype(np.float32)[None] for array in sample.bound.localise(answer.trajectory)
    )
    road = sample.bound.numbers.road.astype(np.float32)
    car, dt = load_vehicle(), Horizon().dt
    again = costs_along(states, controls, road, car, dt, CostWeights())
    assert again[0] == pytest.approx(answer.cost_to_go, rel=1e-3, abs=1e-3)
