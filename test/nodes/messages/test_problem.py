# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Problems survive."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages
from warmstart_planner.vehicle import load_vehicle

VEHICLE = load_vehicle()


def test_a_problem_survives(goal, over_the_wire, problem):
    sent = problem(goal)
    received = messages.problem_from(over_the_wire(messages.problem_message(sent)), VEHICLE)
    np.testing.assert_array_equal(received.initial_state, sent.initial_state)
    assert received.stamp == sent.stamp
    assert (received.goal, received.vehicle) == (sent.goal, sent.vehicle)
    assert (received.friction, received.horizon) == (sent.friction, sent.horizon)
    assert [o.name for o in received.obstacles] == ['parked', 'walker']
    np.testing.assert_array_equal(received.road.x, sent.road.x)
