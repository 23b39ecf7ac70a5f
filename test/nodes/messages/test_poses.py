# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Poses in ROS' own messages turn and lie as they do in the core."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from geometry_msgs.msg import PoseStamped

from warmstart_planner.nodes import messages

FINITE = st.floats(-1e6, 1e6)


def test_odometry_turns_left_with_the_wheels_to_the_left():
    estimate = messages.StateEstimate(1.0, np.array([1.0, 2.0, np.pi / 2, 5.0, 0.2]), 0.0, 1.0)
    message = messages.odometry_message(estimate, wheelbase=2.5)
    assert (message.header.frame_id, message.child_frame_id) == ('map', 'base_link')
    turn = message.pose.pose.orientation
    assert 2 * math.atan2(turn.z, turn.w) == pytest.approx(np.pi / 2)
    assert message.twist.twist.linear.x == 5.0
    assert message.twist.twist.angular.z == pytest.approx(5.0 * math.tan(0.2) / 2.5)


def test_a_path_shows_the_poses_of_the_trajectory(trajectory):
    shown = trajectory()
    message = messages.path_message(shown)
    points = [(p.pose.position.x, p.pose.position.y) for p in message.poses]
    np.testing.assert_allclose(points, shown.states[:, :2])
    stamps = [messages.to_seconds(p.header.stamp) for p in message.poses]
    np.testing.assert_allclose(stamps, shown.times)


@given(st.floats(-3.1, 3.1), FINITE, FINITE)
def test_a_goal_from_rviz_keeps_its_place_and_heading(yaw, x, y):
    message = PoseStamped(pose=messages.pose(x, y, yaw))
    message.header.frame_id = 'map'
    assert messages.goal_pose_from(message) == pytest.approx((x, y, yaw))


@pytest.mark.parametrize(('z', 'w'), [(0.0, 0.0), (math.nan, 1.0)])
def test_a_goal_without_a_heading_is_refused(z, w):
    message = PoseStamped()
    message.header.frame_id = 'map'
    message.pose.orientation.z, message.pose.orientation.w = z, w
    with pytest.raises(ValueError, match='goal_pose.orientation'):
        messages.goal_pose_from(message)
