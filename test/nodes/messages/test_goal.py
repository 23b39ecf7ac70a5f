# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Each kind of goal survives; what is none is refused."""

import math

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages
from warmstart_planner.problem import KeepSpeed


def test_each_kind_of_goal_survives(goal, over_the_wire):
    assert messages.goal_from(over_the_wire(messages.goal_message(goal, 1.0))) == goal


def test_a_goal_that_is_not_finite_is_refused(goal):
    message = messages.goal_message(goal, 1.0)
    message.speed_mps = math.nan
    with pytest.raises(ValueError, match='goal.speed_mps is nan'):
        messages.goal_from(message)


def test_an_unknown_kind_of_goal_is_refused():
    message = messages.goal_message(KeepSpeed(8.0), 1.0)
    message.type = 9
    with pytest.raises(ValueError, match='goal.type is 9'):
        messages.goal_from(message)
