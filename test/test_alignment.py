# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What was perceived at another time is where it will be at the problem's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.alignment import (
    HEADING_TOLERANCE,
    SAME_TIME,
    Schedule,
    aligned,
    check_goal,
    pose_goal,
)
from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
    goal_station,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

HORIZON = Horizon(0.1, 20)
ROAD = road_from_segments([(100.0, 0.0, 0.0)], 3.0, 3.0, 10.0)
VEHICLE = load_vehicle()
STATE = np.array([10.0, 0.0, 0.0, 5.0, 0.0])


def moving(dt, count, speed=(6.0, -2.0)):
    t = np.arange(count)[:, None] * dt
    return box('car', np.hstack([t * speed, np.full((count, 1), 0.3)]), 4.0, 2.0)


@given(st.floats(-0.3, 1.5), st.sampled_from([0.05, 0.1, 0.25]))
def test_uniform_motion_is_met_exactly_at_any_age_and_rate(age, dt):
    seen = aligned([moving(dt, 40)], age, dt, HORIZON)[0]
    expected = (age + HORIZON.times)[:, None] * (6.0, -2.0)
    np.testing.assert_allclose(seen.poses_at(21)[:, :2], expected, atol=SAME_TIME * 7)
    np.testing.assert_allclose(seen.poses[:, 2], 0.3)


@given(
    st.floats(-0.5, 1.5),
    st.sampled_from([0.05, 0.1, 0.25]),
    st.sampled_from([-np.pi / 2, 0.0, np.pi / 2, np.pi]),
    st.integers(1, 60),
)
def test_what_faces_one_way_never_faces_another(age, dt, direction, count):
    """Whatever the yaw's jumps from -pi to pi, the age, and where the prediction ends."""
    yaw = direction + 0.01 * np.where(np.arange(count + 1) % 2, 1, -1)
    t = np.arange(count + 1) * dt
    place = 10.0 * t[:, None] * [np.cos(direction), np.sin(direction)]
    poses = np.column_stack([place, (yaw + np.pi) % (2 * np.pi) - np.pi])
    seen = aligned([box('lorry', poses, 12.0, 2.5)], age, dt, HORIZON)[0].poses_at(21)
    assert np.cos(seen[:, 2] - direction).min() > np.cos(0.011)
    np.testing.assert_allclose(np.hypot(*np.diff(seen[:, :2], axis=0).T), 1.0, rtol=1e-6)


def test_a_turning_obstacle_is_not_turned_back_before_its_first_pose():
    t = np.arange(30)[:, None] * 0.1
    turning = box('car', np.hstack([5.0 * t, 0.0 * t, 0.2 + 2.0 * t]), 4.0, 2.0)
    seen = aligned([turning], -0.45, 0.1, HORIZON)[0]
    np.testing.assert_allclose(seen.poses[:5, 2], 0.2)
    np.testing.assert_allclose(seen.poses[:5, 0], 5.0 * (HORIZON.times[:5] - 0.45))


def test_what_has_the_problems_own_time_is_left_as_it_is():
    obstacle = moving(0.1, 5)
    assert aligned([obstacle], 0.0, 0.1, HORIZON) == (obstacle,)


def test_what_stands_stays():
    post = disc('post', np.array([[3.0, 1.0, 0.0]]), 0.2)
    np.testing.assert_array_equal(aligned([post], 0.7, 0.2, HORIZON)[0].poses, post.poses)


@given(st.floats(-0.3, 1.5), st.sampled_from([0.05, 0.1, 0.25]))
def test_a_shape_has_the_size_of_its_time_at_any_age_and_rate(age, dt):
    poses = np.hstack([np.arange(10)[:, None] * dt * (6.0, 0.0), np.zeros((10, 1))])
    grown = Obstacle('set', poses, 2.0 + 3.0 * dt * np.arange(10), 0.9)
    seen = aligned([grown], age, dt, HORIZON)[0].sizes_at(21)
    expected = 2.0 + 3.0 * (age + HORIZON.times).clip(0.0, 9 * dt)
    np.testing.assert_allclose(seen[:, 0], expected, atol=SAME_TIME * 4)
    np.testing.assert_array_equal(seen[:, 1:], np.tile([0.9, 0.0], (21, 1)))


def test_a_pose_on_the_road_is_a_goal_with_the_cars_turns():
    state = STATE + [0.0, 0.0, 4 * np.pi, 0.0, 0.0]
    goal = pose_goal((50.0, 1.0, 0.2), 3.0, ROAD, state, 0.0, VEHICLE)
    assert (goal.x, goal.y, goal.speed) == (50.0, 1.0, 3.0)
    assert goal.yaw == pytest.approx(0.2 + 4 * np.pi)


@pytest.mark.parametrize(
    ('pose', 'reason'),
    [
        ((50.0, 2.9, 0.0), r'goal \(50.0, 2.9\) is at station 50.0, offset 2.9: expected on the'),
        ((150.0, 0.0, 0.0), 'station 150.0'),
        ((50.0, 0.0, 3.0), 'goal yaw is 3.00'),
        ((5.0, 0.0, 0.0), 'station 5.0: expected ahead of the car'),
    ],
)
def test_a_pose_that_cannot_be_driven_to_is_refused_by_value(pose, reason):
    with pytest.raises(ValueError, match=reason):
        pose_goal(pose, 0.0, ROAD, STATE, STATE[0], VEHICLE)


@given(st.floats(0.0, 0.95), st.floats(0.0, 1.0), st.floats(-2.0, 2.0), st.floats(-1.0, 1.0))
def test_where_the_road_comes_by_again_the_first_time_ahead_is_meant(
    loops, share, at, offset, turn
):
    circle, lap = loops['circle'], 2 * np.pi * 30.0
    here, angle = share * circle.end, at * lap
    ahead = [s for s in (angle, angle + lap) if here + 3.0 < s < circle.end - 3.0]
    near = min(abs(s - here) for s in (angle - lap, angle, angle + lap))
    if near < 3.0:
        return
    pose = tuple(circle.poses(angle, offset) + [0.0, 0.0, turn])
    state = np.array([*circle.poses(here), 5.0, 0.0])
    if ahead:
        goal = pose_goal(pose, 3.0, circle, state, here, VEHICLE)
        assert goal_station(goal, circle) == pytest.approx(ahead[0], abs=0.3)
        assert np.cos(goal.yaw - pose[2]) == pytest.approx(1.0)
        assert abs(goal.yaw - circle.at('heading', goal.station)) < 2 * np.pi + 1.1
        check_goal(goal, circle, here, VEHICLE)
    elif angle + lap > circle.end + 3.0:
        with pytest.raises(ValueError, match='expected'):
            pose_goal(pose, 3.0, circle, state, here, VEHICLE)


def test_at_a_crossing_the_pose_says_by_its_heading_which_pass_is_meant(loops):
    cloverleaf = loops['cloverleaf']
    state = np.array([*cloverleaf.poses(10.0), 5.0, 0.0])
    for yaw, station in ((0.0, 40.0), (-np.pi / 2, 60.0 + 30.0 * np.pi + 20.0)):
        goal = pose_goal((40.0, 0.0, yaw), 3.0, cloverleaf, state, 10.0, VEHICLE)
        assert goal.station == pytest.approx(station, abs=0.5)
    with pytest.raises(ValueError, match='expected ahead of the car'):
        pose_goal((5.0, 0.0, 0.0), 3.0, cloverleaf, state, 10.0, VEHICLE)


@pytest.mark.parametrize('turn', [-HEADING_TOLERANCE - 0.02, HEADING_TOLERANCE + 0.02, np.pi])
def test_a_pose_across_or_against_the_road_is_refused(turn):
    with pytest.raises(ValueError, match="road's heading"):
        pose_goal((50.0, 0.0, turn), 3.0, ROAD, STATE, 10.0, VEHICLE)
    pose_goal(
        (50.0, 0.0, np.sign(turn) * (HEADING_TOLERANCE - 0.02)), 3.0, ROAD, STATE, 10, VEHICLE
    )


class TestCheckGoal:
    def test_to_keep_on_driving_is_always_possible(self, loops):
        for road in loops.values():
            check_goal(KeepSpeed(5.0), road, road.end, VEHICLE)

    @pytest.mark.parametrize('goal', [StationGoal(60.0, 5.0), StopBefore(60.0, 5.0)])
    def test_what_is_ahead_on_the_road_is_taken_and_nothing_else(self, goal):
        check_goal(goal, ROAD, 50.0, VEHICLE)
        for here in (60.0, 60.1, 99.0):
            with pytest.raises(ValueError, match='goal station 60.0 .*expected ahead of the car'):
                check_goal(goal, ROAD, here, VEHICLE)
        with pytest.raises(ValueError, match='expected on the road, stations 0.0 to 50'):
            check_goal(goal, ROAD.window(0.0, 50.0), 10.0, VEHICLE)

    def test_a_region_is_ahead_until_its_end_is_passed(self):
        goal = RegionGoal(60.0, 70.0, 3.0, 4.0)
        for here in (50.0, 65.0):
            check_goal(goal, ROAD, here, VEHICLE)
        with pytest.raises(ValueError, match='expected ahead of the car'):
            check_goal(goal, ROAD, 70.5, VEHICLE)

    def test_a_pose_is_judged_on_the_pass_of_its_station(self, loops):
        circle, lap = loops['circle'], 2 * np.pi * 30.0
        x, y, yaw = circle.poses(20.0, 1.0)
        check_goal(PoseGoal(x, y, yaw, 3.0, lap + 20.0), circle, 100.0, VEHICLE)
        check_goal(PoseGoal(x, y, yaw, 3.0), circle, 10.0, VEHICLE)
        for station in (20.0, None):
            with pytest.raises(ValueError, match='expected ahead of the car'):
                check_goal(PoseGoal(x, y, yaw, 3.0, station), circle, 100.0, VEHICLE)

    @pytest.mark.parametrize('offset', [-2.2, 2.2])
    def test_the_car_has_to_fit_beside_the_edge(self, offset):
        with pytest.raises(ValueError, match='expected on the road'):
            check_goal(PoseGoal(60.0, offset, 0.0, 3.0), ROAD, 10.0, VEHICLE)
        check_goal(PoseGoal(60.0, 0.9 * offset, 0.0, 3.0), ROAD, 10.0, VEHICLE)


def stamps_of_cycles(stamps, period=0.1):
    schedule = Schedule(period)
    for stamp in stamps:
        if schedule.due(stamp):
            schedule.done(stamp)
            yield stamp


@given(st.integers(0, 10**6))
def test_a_cycle_is_due_once_a_period_whatever_the_rate_of_states(start):
    stamps = [start * 0.05 + 0.05 * k for k in range(41)]
    assert len(list(stamps_of_cycles(stamps))) in (20, 21)


def test_a_lost_state_delays_a_cycle_and_loses_none():
    assert list(stamps_of_cycles([100.0, 100.05, 100.15, 100.2])) == [100.0, 100.15, 100.2]


def test_time_that_starts_again_starts_the_schedule_again():
    assert list(stamps_of_cycles([200.0, 100.0, 100.05, 100.1])) == [200.0, 100.0, 100.1]
