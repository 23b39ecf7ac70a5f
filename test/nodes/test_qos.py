# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service: what must arrive is reliable, what goes stale is never latched."""

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')

from rclpy.qos import (
    DurabilityPolicy,
    QoSCompatibility,
    ReliabilityPolicy,
    qos_check_compatible,
    qos_profile_sensor_data,
)

from warmstart_planner.nodes import qos


def test_a_late_joiner_never_gets_an_old_command_state_or_goal_pose():
    for profile in (qos.NEWEST, qos.SENSED, qos.EVENTS, qos.DISPLAY, qos.REQUEST):
        assert profile.durability == DurabilityPolicy.VOLATILE


def test_only_the_newest_state_and_command_is_kept_and_it_arrives():
    assert qos.NEWEST.depth == 1
    assert qos.NEWEST.reliability == ReliabilityPolicy.RELIABLE


def test_a_late_joiner_gets_road_and_goal():
    assert qos.LATCHED.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert qos.LATCHED.depth == 1


@pytest.mark.parametrize('profile', [qos.NEWEST, qos.SENSED, qos_profile_sensor_data])
def test_state_and_obstacles_are_heard_whether_they_are_sent_reliably_or_not(profile):
    compatible, reason = qos_check_compatible(profile, qos.SENSED)
    assert compatible != QoSCompatibility.ERROR, reason


@pytest.mark.parametrize('profile', [qos.NEWEST, qos.EVENTS, qos.LATCHED])
def test_who_keeps_more_can_listen_to_who_keeps_one(profile):
    compatible, reason = qos_check_compatible(profile, qos.EVENTS)
    assert compatible != QoSCompatibility.ERROR, reason
