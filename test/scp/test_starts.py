# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Starts of the loop, good and bad: driven first, solved from, or refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.problem import Horizon, SolverStatus, Trajectory
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import SPEED, STEERING, load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
HORIZON = Horizon()
DRIVABLE = 1e-3  # gap between the loop's Runge-Kutta steps and the judge's integration [m]


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('name', ['free', 'winding', 'stop'])
def test_a_guess_whose_states_and_controls_do_not_fit_is_solved(
    problems, solve, straight_line, name, seed, spoiled
):
    problem = problems[name]
    good = solve(problem)
    result = solve(problem, spoiled(straight_line(problem), seed))
    assert verify(problem, result.trajectory).feasible
    assert result.score.cost <= 1.1 * good.score.cost + 0.05


@pytest.mark.parametrize('size', [3.0, 30.0])
def test_whatever_the_guess_the_answer_can_be_driven(
    problems, solve, straight_line, size, spoiled
):
    for seed in range(4):
        for name in ('parked', 'winding'):
            result = solve(problems[name], spoiled(straight_line(problems[name]), seed, size))
            assert verify(problems[name], result.trajectory).dynamics < DRIVABLE


@pytest.mark.parametrize('seed', range(3))
def test_gaps_of_a_guess_that_the_trust_region_leaves_open_are_driven_over(
    problems, solve, straight_line, seed, spoiled
):
    """So small a region could not close the gaps of the guess: it is driven first."""
    problem = problems['parked']
    narrow = ScpSolver(CAR, HORIZON, settings=ScpSettings(initial_radius=0.02))
    result = solve(problem, spoiled(straight_line(problem), seed, 0.3), by=narrow)
    assert result.within_tolerance
    assert verify(problem, result.trajectory).feasible
    assert result.score.cost <= 1.1 * solve(problem).score.cost


@pytest.mark.parametrize(
    ('state', 'value', 'least_share'),
    [(STEERING, CAR.steering_max + 0.1, 0.8), (STEERING, -CAR.steering_max - 0.1, 0.8)],
)
def test_a_start_with_steering_beyond_its_limit_steers_back(
    make_problem, solve, state, value, least_share
):
    problem = make_problem((60.0, 0.0, 0.0, 1.0, value))
    states = solve(problem).trajectory.states
    back = np.abs(value) - np.abs(states[:, STEERING])
    assert back[2] >= least_share * CAR.steering_rate_max * 2 * HORIZON.dt
    assert (np.abs(states[4:, STEERING]) <= CAR.steering_max + 1e-9).all()
    assert verify(problem, solve(problem).trajectory).dynamics < DRIVABLE


def test_a_start_above_the_speed_limit_of_the_car_slows_down(make_problem, solve):
    road = road_from_segments([(900.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
    problem = make_problem((20.0, 0.0, 0.0, CAR.speed_max + 2.0, 0.0), road)
    result = solve(problem)
    speed = result.trajectory.states[:, SPEED]
    assert (np.diff(speed) < 0.0).all()
    assert (speed[4:] <= CAR.speed_max + 1e-9).all()
    assert verify(problem, result.trajectory).feasible


def test_a_start_beside_the_road_comes_back_to_it(make_problem, solver, solve, straight_line):
    problem = make_problem((20.0, 3.3, 0.0, 6.0, 0.0))
    result = solve(problem)
    verdict = verify(problem, result.trajectory)
    assert verdict.dynamics < DRIVABLE
    assert verdict.constraint_to_go[25] == 0.0
    assert abs(result.trajectory.states[-1, 1]) < 0.3


def test_an_absurd_start_is_named_so(problems, solve, straight_line):
    start = straight_line(problems['free'])
    far = replace(start, states=np.vstack([start.states[:-1], [1e200, 0.0, 0.0, 8.0, 0.0]]))
    result = solve(problems['free'], far)
    assert result.status is SolverStatus.BAD_START
    assert result.iterations == 0
    assert not result.within_tolerance
    assert result.score.merit == math.inf


@pytest.mark.parametrize('steps', [1, 59, 61])
def test_a_start_on_another_grid_is_refused(problems, solve, steps):
    start = Trajectory(0.0, 0.1, np.zeros((steps + 1, 5)), np.zeros((steps, 2)))
    with pytest.raises(ValueError, match=f'start has {steps} steps: expected 60'):
        solve(problems['free'], start)


def test_a_consistent_guess_comes_back_from_the_roll_out_unchanged(problems, solver, solve, name):
    bound = solver.bind(problems[name])
    solution = solve(problems[name]).trajectory
    again = solver.roll_out(bound, solution)
    np.testing.assert_allclose(again.states, solution.states, atol=1e-6)
    np.testing.assert_allclose(again.controls, solution.controls, atol=1e-6)


def test_the_roll_out_of_a_path_follows_it(problems, solver, straight_line):
    problem = problems['winding']
    driven = solver.roll_out(solver.bind(problem), straight_line(problem))
    _, offset = problem.road.project(driven.states[:, :2])
    assert np.abs(offset[20:]).max() < 0.5
    assert verify(problem, driven).dynamics < DRIVABLE


def test_how_an_array_lies_in_memory_does_not_matter(make_problem, scp_folder):
    problem = make_problem(start=(20.0, 1.0, 0.05, 8.0, 0.0))
    solver = ScpSolver(problem.vehicle, problem.horizon)
    bound = solver.bind(problem)
    start = StraightLine().propose(problem)[0].trajectory
    turned = replace(
        start,
        states=np.asfortranarray(start.states),
        controls=np.asfortranarray(start.controls + [0.5, 0.01]),
    )
    plain = replace(start, controls=start.controls + [0.5, 0.01])
    assert solver.score(bound, plain) == solver.score(bound, turned)
    assert_same(solver.roll_out(bound, plain), solver.roll_out(bound, turned))


def assert_same(one, two):
    for name, value in vars(one).items():
        assert np.array_equal(value, getattr(two, name)), name
