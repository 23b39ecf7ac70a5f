# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Commands hold nothing that is not a number."""

import math

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages


@pytest.mark.parametrize('field', ['acceleration_mps2', 'front_wheel_angle_rad'])
def test_a_command_that_is_not_finite_never_reaches_an_actuator(field):
    from warmstart_planner.msg import Command

    message = Command()
    setattr(message, field, math.nan)
    with pytest.raises(ValueError, match=f'command.{field} is nan'):
        messages.command_from(message)
