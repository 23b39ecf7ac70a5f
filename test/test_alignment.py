# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What was perceived at another time is where it will be at the problem's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.alignment import SAME_TIME, Schedule, aligned, pose_goal
from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.problem import Horizon
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
