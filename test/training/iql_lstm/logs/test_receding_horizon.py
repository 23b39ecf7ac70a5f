# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The optimiser's disturbed drives: it answers each disturbance, and nothing else changes."""

import numpy as np
import pytest

from training.iql_lstm.logs.receding_horizon import DISTURBANCE, drive_optimally
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import PX, PY, SPEED, YAW, load_vehicle, roll_out
from warmstart_planner.verification import verify

CAR, HORIZON = load_vehicle(), Horizon()
PARKED = box('parked', np.array([[45.0, -2.2, 0.0]]), 4.5, 1.8)


@pytest.fixture(scope='module')
def solver(scp_folder):
    return ScpSolver(CAR, HORIZON)


@pytest.fixture(scope='module')
def solved(solver, make_problem):
    """Return a problem with its solution."""
    problem = make_problem((20, 0.4, 0.05, 9, 0.0), obstacles=(PARKED,))
    bound = solver.bind(problem)
    start = StraightLine().propose(problem)[0].trajectory
    return problem, solver.solve(bound, solver.roll_out(bound, start)).trajectory


def drives(solver, solved, size, seed=0):
    problem, plan = solved
    return drive_optimally(solver, problem, plan, size, np.random.default_rng(seed))


def test_undisturbed_it_drives_as_planned_while_the_end_of_the_horizon_is_far(solver, solved):
    states, controls = drives(solver, solved, 0.0)
    problem, plan = solved
    assert verify(problem, plan).feasible
    assert states[:20, :2] == pytest.approx(plan.states[:20, :2], abs=0.1)
    again, _ = roll_out(problem.initial_state, controls, HORIZON.dt, CAR)
    assert again == pytest.approx(states, abs=1e-9)


def test_a_disturbance_is_what_the_model_does_not_say(solver, solved):
    states, controls = drives(solver, solved, 1.0)
    moved = [
        roll_out(x, u[None], HORIZON.dt, CAR)[0][1]
        for x, u in zip(states[:-1], controls, strict=True)
    ]
    gap = states[1:] - np.stack(moved)
    # most are no outliers; along and across make up the position
    spread = np.median(np.abs(gap), axis=0) / 0.6745
    assert np.hypot(spread[PX], spread[PY]) < 2.0 * np.hypot(*DISTURBANCE[:2])
    assert spread[YAW] == pytest.approx(DISTURBANCE[2], rel=0.5)
    assert spread[SPEED] == pytest.approx(DISTURBANCE[3], rel=0.5)


def test_it_corrects_what_the_plan_alone_would_let_grow(solver, solved):
    problem, plan = solved
    ends = []
    for seed in range(4):
        states, controls = drives(solver, solved, 1.0, seed)
        moved = [
            roll_out(x, u[None], HORIZON.dt, CAR)[0][1]
            for x, u in zip(states[:-1], controls, strict=True)
        ]
        # the same disturbances of heading, and the plan's controls whatever happens
        astray = np.cumsum((states[1:] - np.stack(moved))[:, YAW])
        drift = np.abs(np.cumsum(plan.states[1:, SPEED] * astray) * HORIZON.dt).max()
        ends.append((np.abs(states[:, PY] - plan.states[:, PY]).max(), drift))
    answered, left_alone = np.mean(ends, axis=0)
    assert answered < 0.5 * left_alone


def test_the_same_seed_gives_the_same_drive_and_another_another(solver, solved):
    first, again, other = (drives(solver, solved, 1.0, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_it_keeps_to_what_the_car_can_do(solver, solved):
    states, controls = drives(solver, solved, 3.0)
    assert (controls >= CAR.control_lower).all()
    assert (controls <= CAR.control_upper).all()
    for column in (SPEED, 4):
        assert (states[:, column] >= CAR.state_lower[column]).all()
        assert (states[:, column] <= CAR.state_upper[column]).all()
