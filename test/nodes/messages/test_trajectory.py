# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""References survive on every rung; one that is not finite is refused."""

import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages
from warmstart_planner.problem import Rung
from warmstart_planner.vehicle import load_vehicle

VEHICLE = load_vehicle()


@pytest.mark.parametrize('rung', [Rung.OPTIMISED, Rung.PREVIOUS, Rung.BRAKING])
def test_a_reference_survives_on_every_rung(rung, over_the_wire, trajectory):
    sent = messages.Reference(12.0, trajectory(), rung, 'shifted', True)
    received = messages.reference_from(over_the_wire(messages.trajectory_message(sent, VEHICLE)))
    assert (received.rung, received.source, received.verified) == (rung, 'shifted', True)
    assert received.problem_stamp == 12.0
    assert (received.trajectory.stamp, received.trajectory.dt) == (12.25, 0.1)
    np.testing.assert_array_equal(received.trajectory.states, sent.trajectory.states)
    np.testing.assert_array_equal(received.trajectory.controls, sent.trajectory.controls)


def test_no_reference_is_an_empty_message():
    sent = messages.Reference(12.0, None, Rung.NONE, '', False)
    message = messages.trajectory_message(sent, VEHICLE)
    assert len(message.x) == 0
    assert messages.reference_from(message).trajectory is None


@pytest.mark.parametrize('field', ['x', 'yaw', 'longitudinal_velocity_mps', 'acceleration_mps2'])
def test_a_reference_that_is_not_finite_is_refused(field, trajectory):
    sent = messages.Reference(12.0, trajectory(), Rung.OPTIMISED, 'shifted', True)
    message = messages.trajectory_message(sent, VEHICLE)
    getattr(message, field)[2] = math.nan
    with pytest.raises(ValueError, match=rf'trajectory.{field} is nan at \(2,\)'):
        messages.reference_from(message)
