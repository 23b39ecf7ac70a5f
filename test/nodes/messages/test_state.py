# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""States survive; one that is not a state of a car in the map is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages

FINITE = st.floats(-1e6, 1e6)


@given(arrays(float, 5, elements=FINITE), FINITE, st.floats(0.05, 2.0))
def test_a_state_survives(over_the_wire, state, acceleration, friction):
    sent = messages.StateEstimate(2.5, state, acceleration, friction)
    message = over_the_wire(messages.vehicle_state_message(sent))
    received = messages.vehicle_state_from(message)
    np.testing.assert_array_equal(received.state, state)
    assert (received.stamp, received.acceleration) == (2.5, acceleration)
    assert received.friction == friction


@pytest.mark.parametrize(
    'field',
    ['x', 'y', 'yaw', 'longitudinal_velocity_mps', 'front_wheel_angle_rad', 'acceleration_mps2'],
)
@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_state_that_is_not_finite_is_refused_by_name(field, value):
    message = messages.vehicle_state_message(messages.StateEstimate(0.0, np.zeros(5), 0.0, 1.0))
    setattr(message, field, value)
    with pytest.raises(ValueError, match=f'state.{field} is {value}'):
        messages.vehicle_state_from(message)


@pytest.mark.parametrize('field', ['x', 'y', 'yaw', 'longitudinal_velocity_mps'])
@pytest.mark.parametrize('value', [1e300, -1e9])
def test_a_state_beyond_all_measure_is_refused_by_name(field, value):
    message = messages.vehicle_state_message(messages.StateEstimate(0.0, np.zeros(5), 0.0, 1.0))
    setattr(message, field, value)
    with pytest.raises(ValueError, match=f'state.{field} is .*expected a number in'):
        messages.vehicle_state_from(message)


def test_a_state_in_another_frame_is_refused():
    message = messages.vehicle_state_message(messages.StateEstimate(0.0, np.zeros(5), 0.0, 1.0))
    message.header.frame_id = 'odom'
    with pytest.raises(ValueError, match="frame_id is 'odom'"):
        messages.vehicle_state_from(message)
