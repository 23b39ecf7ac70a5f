# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What training counts as cost and violation is what the objective says, at the nodes it sees."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch
from random_problems import random_problem

from training.dataset.returns import costs_along
from training.decision_transformer.network.merit import Merit
from training.decision_transformer.network.road_frame import RoadFrame
from warmstart_planner import objective
from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.transformer.merit_rows import STRIDE
from warmstart_planner.objective import CostWeights
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Horizon, StopBefore
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.scp.solver import BoundProblem
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR = load_vehicle()
SMOOTHING = 0.35  # by which the objective's rounded separation may be below the exact one [m]


def measured(bound, states, controls):
    """Return cost, violations (nodes,) and separations (nodes, M) of one local trajectory."""
    context = context_of(bound.numbers)
    model = Merit(CAR, Horizon(0.1, len(controls))).double()
    frame = RoadFrame(torch.tensor(bound.numbers.road)[None])
    obstacles = torch.tensor(context.obstacles, dtype=torch.float64)[None]
    present = torch.tensor(context.present)[None]
    x, u = (torch.tensor(each)[None, None] for each in (states[1:], controls))
    cost, violations = model(x, u, frame, obstacles, present)
    separation = model.separation(x[:, :, STRIDE - 1 :: STRIDE], obstacles, present)[0, 0]
    return float(cost), violations[0, 0].numpy(), separation.numpy()[:, context.present]


def trajectories(problem):
    """Drives through some guesses of the cold bundle, in the problem's frame."""
    bound = BoundProblem(problem, Margins())
    for proposal in ColdBundle().propose(problem)[::5]:
        states, controls = bound.localise(proposal.trajectory)
        controls[:, 1] = 0.02 * np.sin(np.arange(len(controls)) / 9)
        states, controls = roll_out(bound.numbers.initial_state, controls, 0.1, CAR)
        yield bound, states, controls


@pytest.mark.parametrize(('tier', 'seed'), [('medium', 0), ('hard', 3), ('hard', 5)])
def test_separations_are_those_of_the_objective_but_for_its_rounding(tier, seed):
    problem = random_problem(tier, seed)
    for bound, states, controls in trajectories(problem):
        *_, found = measured(bound, states, controls)
        at = np.arange(STRIDE, len(controls) + 1, STRIDE)
        # obstacles are seen at seven times only: compare where they are
        for node in (10, 20, 30, 40, 50, 60):
            if node % STRIDE:
                continue
            row = int(np.searchsorted(at, node))
            for m, obstacle in enumerate(bound.numbers.obstacles[:, node]):
                exact = float(objective.obstacle_separation(states[node], obstacle, CAR))
                assert exact - 0.05 <= found[row, m] <= exact + SMOOTHING


@pytest.mark.parametrize(('tier', 'seed'), [('easy', 1), ('medium', 0), ('hard', 3)])
def test_the_cost_is_the_objective_s_but_for_the_nodes_between(tier, seed):
    for bound, states, controls in trajectories(random_problem(tier, seed)):
        cost, *_ = measured(bound, states, controls)
        exact = costs_along(
            states[None], controls[None], bound.numbers.road, CAR, 0.1, CostWeights()
        )[0, 0]
        assert cost == pytest.approx(exact, rel=0.1, abs=0.5)


def test_a_car_that_cannot_stop_in_time_violates_at_the_end_by_how_far(make_problem):
    problem = make_problem(goal=StopBefore(60.0, 10.0))
    bound = BoundProblem(problem, Margins())
    controls = np.zeros((60, 2))
    states, _ = roll_out(bound.numbers.initial_state, controls, 0.1, CAR)
    _, total, _ = measured(bound, states, controls)
    on_road = objective.road_coordinates(
        *objective.box_centre(states[-1], CAR), bound.numbers.road
    )
    grip, stop = (bound.numbers.road[i] for i in (objective.GRIP, objective.STOP_STATION))
    short = -objective.stopping_reserve(states[-1], on_road, stop, grip, CAR)
    assert short > 1.0
    assert total[-1] == pytest.approx(short, rel=1e-3)
    assert np.abs(total[:-1]).max() == 0.0


def test_only_violation_beyond_what_is_allowed_is_penalised():
    model = Merit(CAR, Horizon())
    cost, violations = torch.tensor([[5.0]]), torch.full((1, 1, 20), 0.1)
    total = STRIDE * 20 * 0.1
    price = CostWeights().violation * 0.1
    for allowed in (0.0, 2.0, total, 2 * total):
        found = model.penalised(cost, violations, torch.tensor([[allowed]]))
        assert float(found) == pytest.approx(5.0 + price * max(total - allowed, 0.0), rel=1e-5)


def test_an_empty_road_driven_in_the_middle_violates_nothing(make_problem):
    bound = BoundProblem(make_problem(), Margins())
    controls = np.zeros((60, 2))
    states, _ = roll_out(bound.numbers.initial_state, controls, 0.1, CAR)
    _, total, _ = measured(bound, states, controls)
    assert np.abs(total).max() == 0.0


def test_an_obstacle_in_the_way_counts_only_where_the_car_meets_it(make_problem):
    problem = make_problem()
    x, y, yaw = problem.initial_state[:3]
    ahead = np.array([x + 30.0 * np.cos(yaw), y + 30.0 * np.sin(yaw), yaw])
    for obstacle in (box('car', ahead, 4.0, 2.0), disc('drum', ahead, 1.0)):
        bound = BoundProblem(replace(problem, obstacles=(obstacle,)), Margins())
        states, controls = roll_out(bound.numbers.initial_state, np.zeros((60, 2)), 0.1, CAR)
        _, total, separation = measured(bound, states, controls)
        met = separation[:, 0] < 0.0
        assert met.any()
        assert (total[met] > 0.0).all()
        assert (total[~met] == 0.0).all()


def test_braking_harder_than_the_grip_counts_by_how_much(make_problem):
    problem = make_problem(friction=0.5)
    bound = BoundProblem(problem, Margins())
    controls = np.tile([-8.0, 0.0], (60, 1))
    states, _ = roll_out(bound.numbers.initial_state, controls, 0.1, CAR)
    _, total, _ = measured(bound, states, controls)
    grip = bound.numbers.road[objective.GRIP]
    assert np.allclose(total[:3], 8.0 - grip, atol=0.01)
