# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where there is no verified plan: the honest rungs below it."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.planning import PlannerSettings, RelaxedLimits
from warmstart_planner.problem import Rung
from warmstart_planner.road import road_from_segments
from warmstart_planner.supervision import braking_profile
from warmstart_planner.vehicle import SPEED, load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
IN_TIME = 20.0  # a deadline that no machine misses [s]


def standing_at_the_end(problem, result):
    verdict = verify(problem, result.trajectory)
    states = result.trajectory.states
    assert result.rung is Rung.BRAKING
    assert states[-1, SPEED] == 0.0
    assert (np.diff(states[:, SPEED]) <= 1e-9).all()
    assert verdict.dynamics < 0.05
    assert verdict.limits < 1e-3
    assert result.feasible == verdict.feasible
    return verdict


def test_where_the_new_problem_has_no_solution_the_previous_plan_goes_on(
    planner, make_problem, narrowed, later
):
    problem = make_problem()
    first = planner.plan(problem, deadline=IN_TIME)
    second = planner.plan(later(narrowed(problem), first.trajectory, 3), deadline=IN_TIME)
    assert second.rung is Rung.PREVIOUS
    assert second.trajectory.stamp == pytest.approx(0.3)
    np.testing.assert_allclose(second.trajectory.states, first.trajectory.states[3:], atol=1e-9)
    assert not second.feasible
    assert 'no feasible plan: road violated by' in second.message


def test_a_previous_plan_does_not_go_on_for_ever(planner, make_problem, narrowed, later):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    tight = narrowed(problem)
    rungs = {
        steps: planner.plan(later(tight, plan, steps), deadline=IN_TIME).rung
        for steps in (5, 14, 16)
    }
    assert PlannerSettings().previous_age_max == 1.5
    assert rungs == {5: Rung.PREVIOUS, 14: Rung.PREVIOUS, 16: Rung.BRAKING}


def test_where_the_previous_plan_would_collide_the_car_brakes_along_it(
    planner, make_problem, wall, later
):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    blocked = later(problem, plan, 5, obstacles=(wall(29.6),))
    result = planner.plan(blocked, deadline=IN_TIME)
    standing_at_the_end(blocked, result)
    assert 'no feasible plan: collision violated by' in result.message


def test_braking_once_begun_goes_on(planner, make_problem, wall, later):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    blocked = later(problem, plan, 5, obstacles=(wall(29.6),))
    first = planner.plan(blocked, deadline=IN_TIME).trajectory
    again = later(blocked, first, 2, obstacles=(wall(29.6),))
    result = planner.plan(again, deadline=IN_TIME)
    standing_at_the_end(again, result)
    np.testing.assert_allclose(result.trajectory.states, first.states[2:], atol=1e-9)


def test_without_a_previous_plan_the_car_brakes_along_the_best_there_is(
    planner, make_problem, narrowed
):
    problem = narrowed(make_problem())
    result = planner.plan(problem, deadline=IN_TIME)
    verdict = standing_at_the_end(problem, result)
    assert verdict.collision == 0.0
    assert not result.feasible
    assert result.source == 'braking'


def test_after_braking_the_car_plans_again_as_soon_as_it_can(
    planner, make_problem, narrowed, later
):
    problem = make_problem()
    braking = planner.plan(narrowed(problem), deadline=IN_TIME).trajectory
    result = planner.plan(later(problem, braking, 2), deadline=IN_TIME)
    assert result.rung is Rung.OPTIMISED
    assert result.feasible


def test_a_start_outside_the_limits_is_led_back_and_says_so(planner, make_problem):
    problem = make_problem((60.0, 0.0, 0.0, 1.0, CAR.steering_max + 0.05))
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.rung is Rung.OPTIMISED
    to_go = verify(problem, result.trajectory).constraint_to_go
    assert to_go[20] == 0.0


def squeezed(problem, room):
    """Make the road wider than the car by some metres in all, everywhere."""
    half = np.full_like(problem.road.left_width, (CAR.width + room) / 2)
    return replace(problem, road=replace(problem.road, left_width=half, right_width=half))


@pytest.mark.parametrize('beyond', [0.05, 0.15])
def test_a_plan_slightly_beyond_the_edge_is_relaxed_and_says_by_how_much(
    planner, make_problem, beyond
):
    problem = squeezed(make_problem(), -2 * beyond)
    result = planner.plan(problem, deadline=IN_TIME)
    verdict = verify(problem, result.trajectory)
    assert result.rung is Rung.RELAXED
    assert not result.feasible and result.violation == verdict.violation
    assert verdict.collision == 0.0
    limits = PlannerSettings().relaxed
    enough = min(each.road for each in limits.rising() if each.road > beyond)
    assert beyond - 0.01 <= verdict.road <= enough <= limits.road
    assert result.trajectory.states[-1, SPEED] > 5.0
    assert 'road' in result.message


def test_what_hits_something_is_never_relaxed(planner, make_problem, wall):
    problem = squeezed(make_problem(obstacles=(wall(27.0),)), -0.1)
    assert planner.plan(problem, deadline=IN_TIME).rung is Rung.BRAKING


def test_relaxed_stands_between_optimised_and_previous():
    assert Rung.OPTIMISED.value < Rung.RELAXED.value < Rung.PREVIOUS.value < Rung.BRAKING.value


def test_relaxed_limits_rise_from_a_small_share_to_themselves():
    limits = RelaxedLimits(road=0.2, terminal=1.0)
    *shares, whole = limits.rising()
    assert whole == limits
    beyond = [(each.road / limits.road, each.terminal / limits.terminal) for each in shares]
    assert beyond == sorted(beyond) and 0.0 < min(min(beyond)) <= 0.2
    assert all(road == pytest.approx(terminal) for road, terminal in beyond)


def test_limits_that_are_no_limits_are_refused():
    with pytest.raises(ValueError, match=r'relaxed\.road is -0\.1: expected'):
        RelaxedLimits(road=-0.1)


def test_with_nothing_in_the_way_braking_is_gentle(planner, make_problem, narrowed):
    problem = narrowed(make_problem())
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.rung is Rung.BRAKING
    assert result.trajectory.controls[:, 0].min() >= -PlannerSettings().braking.firm - 1e-9


def test_braking_is_hard_where_only_that_avoids_a_collision(
    planner, make_problem, wall, narrowed, later
):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    ahead = float(plan.states[5, 0]) + CAR.front_reach
    stop = plan.states[5, SPEED] ** 2 / 2 / 6.6
    blocked = narrowed(later(problem, plan, 5, obstacles=(wall(ahead + stop + 0.5),)))
    result = planner.plan(blocked, deadline=IN_TIME)
    assert result.rung is Rung.BRAKING
    assert verify(blocked, result.trajectory).collision == 0.0
    assert result.trajectory.controls[:, 0].min() < -PlannerSettings().braking.firm - 0.5


def test_where_braking_is_hit_the_way_that_is_hit_least_is_driven(planner, make_problem):
    """Somebody comes from behind, too fast to get away from in a lane too narrow to give way."""
    road = road_from_segments([(300.0, 0.0, 0.0)], 1.2, 1.2, 15.0)
    along = 11.0 + 18.0 * 0.1 * np.arange(61)
    poses = np.stack([along, np.zeros(61), np.zeros(61)], axis=-1)
    behind = Obstacle('behind', poses, 2.2, 0.9, 0.0)
    problem = make_problem((20.0, 0.0, 0.0, 5.0, 0.0), road, obstacles=(behind,))
    result = planner.plan(problem, deadline=IN_TIME)
    braked = braking_profile(
        result.trajectory, CAR, 1.0, PlannerSettings().braking, 0.0, problem.initial_state
    )
    assert result.rung is Rung.BRAKING
    assert result.source != 'braking'
    assert not result.feasible
    verdict = verify(problem, result.trajectory)
    assert 0.0 < verdict.collision < verify(problem, braked).collision


def test_a_car_against_its_road_is_answered_by_standing_and_never_verified(
    planner, make_problem, later
):
    problem = make_problem((60.0, 0.0, np.pi, 5.0, 0.0))
    for _ in range(30):
        result = planner.plan(problem, deadline=IN_TIME)
        moves = result.trajectory.states[:, SPEED].max() > 0.05
        assert not (result.feasible and moves)
        problem = later(problem, result.trajectory, 1)
    assert problem.initial_state[SPEED] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize('name', ['collision', 'direction', 'limits', 'friction', 'dynamics'])
def test_what_the_car_cannot_do_or_may_not_hit_is_no_soft_limit(planner, make_problem, name):
    problem = make_problem()
    good = verify(problem, planner.plan(problem, deadline=IN_TIME).trajectory)
    limits = RelaxedLimits()
    assert limits.allow(replace(good, road=limits.road, terminal=limits.terminal))
    assert not limits.allow(replace(good, **{name: 0.3}))
    assert not limits.allow(replace(good, road=1.1 * limits.road))
    assert not limits.allow(replace(good, terminal=1.1 * limits.terminal))
