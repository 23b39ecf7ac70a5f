# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How coherent raw ways are, on ways whose figures are known; and the time of roll-outs."""

import numpy as np
import pytest
from random_problems import random_problem

from training.experiments.warmstart.coherence import (
    CLEAR,
    CoherenceStudy,
    clearance,
    drift,
    lateral_jerk,
    moved,
    reversals,
)
from training.experiments.warmstart.roll_outs import STEPS, RollOutClock
from warmstart_planner.learned.policy import load_policy
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon, Proposal, Trajectory
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle, roll_out
from warmstart_planner.verification import verify

CAR = load_vehicle()
STEPS_OF_A_PLAN = Horizon().steps
TIMES = Horizon().times[:-1]


def driven(problem, steering_rate=0.0):
    """Return the way at the speed that there is, with a steering rate, shape (N,) or a number."""
    controls = np.zeros((STEPS_OF_A_PLAN, 2))
    controls[:, 1] = steering_rate
    states, applied = roll_out(problem.initial_state, controls, problem.horizon.dt, CAR)
    return Trajectory(problem.stamp, problem.horizon.dt, states, applied)


def standing(at):
    return box('parked', np.array([at, 0.0, 0.0]), 4.5, 1.8)


class Fixed:
    """A source whose ways are known."""

    def __init__(self, *ways):
        self.ways = ways

    def propose(self, problem, previous=None):
        return [Proposal('fixed', way) for way in self.ways]


@pytest.fixture(scope='module')
def solver(scp_folder):
    return ScpSolver(CAR, Horizon())


# --- clearance and violations ---


def test_an_obstacle_counts_in_the_part_in_which_it_is_near(make_problem):
    # reached after 5 s of 6
    problem = make_problem(obstacles=(standing(60.0),))
    way = driven(problem)
    assert clearance(problem, way, 0, 30) == CLEAR
    assert clearance(problem, way, 40, 60) < 0.0
    assert clearance(make_problem(), way, 0, 60) == CLEAR


@pytest.mark.parametrize('seed', [50_000, 50_001, 50_002])
@pytest.mark.parametrize('cut', [1, 30, 40, 59])
def test_the_least_clearance_of_the_parts_is_that_of_the_whole(seed, cut):
    problem = random_problem('hard', seed)
    way = driven(problem)
    parts = clearance(problem, way, 0, cut), clearance(problem, way, cut, 60)
    assert min(parts) == pytest.approx(min(verify(problem, way).clearance, CLEAR), abs=5e-3)


@pytest.mark.parametrize(
    ('at', 'colliding', 'late_only'), [(None, 0, 0), (36.0, 1, 0), (52.0, 1, 1)]
)
def test_what_goes_wrong_late_only_is_told_from_what_goes_wrong_early(
    solver, make_problem, at, colliding, late_only
):
    """Obstacles are reached after about 1.5 and 3.5 s; through them the way leads on."""
    problem = make_problem(obstacles=() if at is None else (standing(at + 4.0),))
    found = CoherenceStudy(solver, {'fixed': Fixed(driven(problem))}).look(problem)['fixed'].best
    assert (found.colliding_rate, found.late_only_rate) == (colliding, late_only)


# --- oscillation ---


@pytest.mark.parametrize('frequency', [0.5, 1.0, 2.0])
def test_a_swerve_changes_direction_twice_a_period(make_problem, frequency):
    way = driven(make_problem(), 0.2 * np.sin(2 * np.pi * frequency * (TIMES + 0.05)))
    # the change at the very end is no longer within the horizon
    assert reversals(way) == pytest.approx(2 * frequency - 1 / 6, abs=1e-9)


@pytest.mark.parametrize('rate', [0.0, 0.1, 0.02 * (-1.0) ** np.arange(60)])
def test_one_direction_and_trembling_are_no_swerve(make_problem, rate):
    assert reversals(driven(make_problem(), rate)) == 0.0


def test_the_lateral_jerk_is_that_of_the_turning_steering(make_problem):
    circle = driven(make_problem((20.0, 0.0, 0.0, 8.0, 0.1)))
    assert lateral_jerk(circle, CAR.wheelbase) == pytest.approx(0.0, abs=1e-9)
    turning = driven(make_problem(), 0.01)
    assert lateral_jerk(turning, CAR.wheelbase) == pytest.approx(
        8.0**2 * 0.01 / CAR.wheelbase, rel=0.01
    )


# --- drift ---


@pytest.mark.parametrize('pose', [(0.0, 0.0, 0.0), (-310.5, 4000.25, 2.5)])
@pytest.mark.parametrize(('offset', 'yaw'), [(0.0, 0.0), (1.0, 0.0), (-1.2, 0.02)])
def test_drift_is_offset_and_heading_at_the_end_wherever_the_road_is(
    solver, make_problem, move_problem, offset, yaw, pose
):
    problem = move_problem(make_problem((20.0, offset, yaw, 8.0, 0.0)), *pose)
    found = drift(solver.bind(problem), driven(problem))
    end = offset + np.sin(yaw) * (8.0 * 6.0 + CAR.rear_to_center)
    np.testing.assert_allclose(found, [abs(end), abs(yaw)], atol=1e-3)


# --- against the refinement ---


def test_what_refinement_moves_is_told_at_its_times(make_problem):
    way = driven(make_problem())
    assert moved(way, way) == (0.0, 0.0, 0.0)
    states = way.states.copy()
    states[30:] += [3.0, 4.0, 0.5, 1.0, 0.0]
    other = Trajectory(way.stamp, way.dt, states, way.controls)
    np.testing.assert_allclose(moved(way, other), [0.0, 5.0, 5.0])


def test_what_is_good_already_is_not_moved_by_refinement(solver, make_problem):
    problem = make_problem()
    found = CoherenceStudy(solver, {'fixed': Fixed(driven(problem))}).look(problem)['fixed']
    assert found.best.moved_6s_m < 0.05


# --- sources ---


def test_the_best_by_merit_and_the_mean_over_all_are_told(solver, make_problem):
    problem = make_problem()
    straight, bent = driven(problem), driven(problem, 0.1)
    study = CoherenceStudy(
        solver, {'one': Fixed(straight), 'two': Fixed(bent, straight), 'none': Fixed()}
    )
    found = study.look(problem)
    assert list(found) == ['one', 'two']
    assert (found['one'].count, found['two'].count) == (1, 2)
    assert found['one'].best == found['one'].mean == found['two'].best
    jerk = lateral_jerk(solver.roll_out(solver.bind(problem), bent), CAR.wheelbase)
    assert found['two'].mean.lateral_jerk == pytest.approx(jerk / 2, abs=1e-6)


@pytest.mark.usefixtures('observer')
def test_a_policy_file_is_looked_at_and_timed(solver, make_problem, write_policy, tmp_path):
    policy = load_policy(write_policy(tmp_path))
    problem = make_problem()
    found = CoherenceStudy(solver, {'policy': IqlLstm(policy)}).look(problem)['policy']
    assert found.count == 5
    # it never steers
    assert found.mean.reversals_per_s == found.mean.lateral_jerk == 0.0
    times = RollOutClock(policy).times(problem)
    assert [(t.steps, t.members) for t in times] == [(steps, 4) for steps in STEPS]
    assert all(t.seconds > 0.0 for t in times)
