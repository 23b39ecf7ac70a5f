# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The plan in use: kept, followed from where it leads, handed on."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import box
from warmstart_planner.planning import Planner, PlannerSettings
from warmstart_planner.problem import Rung
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
IN_TIME = 20.0  # a deadline that no machine misses [s]
PARKED = box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8)


def test_a_followed_plan_is_kept(planner, make_problem, later):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME)
    second = planner.plan(later(problem, first.trajectory, 1), deadline=IN_TIME)
    assert second.source == 'shifted'
    gap = second.trajectory.states[:50, :2] - first.trajectory.states[1:51, :2]
    assert np.abs(gap).max() < 0.3


def test_after_a_reset_nothing_of_the_plan_before_is_left(planner, make_problem, later):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME)
    planner.reset()
    assert planner.last_refined == ()
    planner.plan(later(problem, first.trajectory, 1), deadline=IN_TIME)
    assert 'shifted' not in {entry.proposal.source for entry in planner.last_refined}


@pytest.fixture(scope='module')
def other(planner_solvers):
    """Return the planner that a change of settings brings."""
    return Planner(CAR, settings=replace(PlannerSettings(), keep_bonus=0.2))


def test_a_planner_that_takes_over_goes_on_with_the_plan_in_use(
    planner, other, make_problem, later
):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME)
    following = later(problem, first.trajectory, 1)
    noisy = replace(following, initial_state=following.initial_state + [0.3, 0.1, 0, 0.2, 0])
    other.reset()
    other.take_over(planner)
    result = other.plan(noisy, deadline=IN_TIME)
    assert result.source == 'shifted'
    np.testing.assert_allclose(
        result.trajectory.states[0], following.initial_state, atol=1e-9
    )  # from the plan, not from the noise


def test_a_planner_that_takes_over_has_the_previous_plan_to_fall_back_on(
    planner, other, make_problem, narrowed, later
):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    other.reset()
    other.take_over(planner)
    assert other.plan(narrowed(later(problem, plan, 3)), deadline=IN_TIME).rung is Rung.PREVIOUS


def test_a_planner_that_takes_over_goes_on_braking(planner, other, make_problem, wall, later):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    blocked = later(problem, plan, 5, obstacles=(wall(29.6),))
    first = planner.plan(blocked, deadline=IN_TIME).trajectory
    other.reset()
    other.take_over(planner)
    again = later(blocked, first, 2, obstacles=(wall(29.6),))
    result = other.plan(again, deadline=IN_TIME)
    assert result.rung is Rung.BRAKING
    np.testing.assert_allclose(result.trajectory.states, first.states[2:], atol=1e-9)


@pytest.fixture
def moved_start(later):
    """Return the later problem, its state measured away from the plan's."""

    def change(problem, plan, steps, gap):
        there = later(problem, plan, steps)
        return replace(there, initial_state=there.initial_state + gap)

    return change


@pytest.mark.parametrize('gap', [(0.2, 0.0, 0, 0, 0), (0, -0.1, 0, 0, 0), (0, 0, 0.03, 0.2, 0.02)])
def test_noise_of_the_measurement_does_not_move_the_plan(planner, make_problem, gap, moved_start):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME).trajectory
    result = planner.plan(moved_start(problem, first, 4, gap), deadline=IN_TIME)
    np.testing.assert_allclose(result.trajectory.states[0], first.states[4], atol=1e-9)


@pytest.mark.parametrize('gap', [(1.5, 0, 0, 0, 0), (0, 0.5, 0, 0, 0), (0, 0, 0, -1.5, 0)])
def test_a_car_that_left_the_plan_is_planned_for_where_it_is(
    planner, make_problem, gap, moved_start
):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME).trajectory
    there = moved_start(problem, first, 4, gap)
    result = planner.plan(there, deadline=IN_TIME)
    np.testing.assert_allclose(result.trajectory.states[0], there.initial_state, atol=1e-9)


def test_full_turns_of_the_measured_yaw_are_no_distance_from_the_plan(
    planner, make_problem, moved_start
):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME).trajectory
    turned = moved_start(problem, first, 4, (0, 0, 2 * np.pi, 0, 0))
    result = planner.plan(turned, deadline=IN_TIME)
    np.testing.assert_allclose(result.trajectory.states[0], first.states[4], atol=1e-9)


def test_a_plan_that_is_over_does_not_end_the_planner(planner_solvers, make_problem, narrowed):
    planner = Planner(CAR, settings=PlannerSettings(previous_age_max=60.0))
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    for wait in (5.95, 6.0, 6.05, 9.0):
        planner.reset()
        planner.plan(problem, deadline=IN_TIME)
        stale = narrowed(replace(problem, stamp=problem.stamp + wait))
        result = planner.plan(stale, deadline=IN_TIME)
        assert result.rung in (Rung.PREVIOUS, Rung.BRAKING)
    assert len(plan.states) == 61
