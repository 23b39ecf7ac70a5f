# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Yaw from outside may come in any turn: it is unwrapped on receipt."""

import array

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages
from warmstart_planner.obstacles import box
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PlanningProblem,
    Proposal,
    Rung,
    Trajectory,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

VEHICLE = load_vehicle()
HEADING_WEST = np.pi + 0.3 * np.sin(np.arange(9.0))


def wrapped(angle):
    return (np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi


def in_one_turn(yaw):
    """Unwrapped: no step is longer than half a turn."""
    return (np.abs(np.diff(yaw)) < np.pi).all()


def test_yaw_from_outside_is_unwrapped_on_receipt(road):
    """Perception and planners elsewhere publish it in (-pi, pi]."""
    poses = np.stack([-np.arange(9.0), np.zeros(9), HEADING_WEST], axis=-1)
    sent = messages.obstacles_message(
        messages.ObstacleEstimate(1.0, 0.1, (box('lorry', poses, 12.0, 2.5),))
    )
    sent.poses = array.array('d', np.column_stack([poses[:, :2], wrapped(HEADING_WEST)]).ravel())
    assert in_one_turn(messages.obstacles_from(sent).obstacles[0].poses[:, 2])

    states = np.zeros((9, 5))
    states[:, 2] = HEADING_WEST
    driven = Trajectory(1.0, 0.1, states, np.zeros((8, 2)))
    reference = messages.Reference(1.0, driven, Rung.OPTIMISED, 'test', True)
    sent = messages.trajectory_message(reference, VEHICLE)
    sent.yaw = array.array('d', wrapped(HEADING_WEST))
    assert in_one_turn(messages.reference_from(sent).trajectory.states[:, 2])

    proposed = messages.proposals_message(
        (Proposal('test', driven),),
        PlanningProblem(
            stamp=1.0,
            initial_state=np.zeros(5),
            road=road,
            goal=KeepSpeed(8.0),
            horizon=Horizon(0.1, 8),
        ),
        0.0,
    )
    states[:, 2] = wrapped(HEADING_WEST)
    proposed.states = array.array('d', states.ravel())
    assert in_one_turn(messages.proposals_from(proposed)[0].trajectory.states[:, 2])

    ways = messages.roll_out_message(messages.PolicyRollOut((driven,), 1.0, 'test', 0.0, 0.0))
    ways.states = proposed.states
    assert in_one_turn(messages.roll_out_from(ways).ways[0].states[:, 2])


def test_a_road_whose_heading_passes_half_a_turn_leads_on():
    road = road_from_segments([(40.0, 0.02, 0.02)], 3.0, 3.0, 12.0, (0.0, 0.0, 3.0))
    sent = messages.road_message(road, 1.0)
    sent.heading = array.array('d', wrapped(road.heading))
    assert not in_one_turn(sent.heading)
    np.testing.assert_allclose(messages.road_from(sent).heading, road.heading)
