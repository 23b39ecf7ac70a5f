# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Roads survive; one with a hole is refused."""

import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages


def test_a_road_survives(over_the_wire, road):
    received = messages.road_from(over_the_wire(messages.road_message(road, 1.0)))
    for name in messages.ROAD_FIELDS:
        np.testing.assert_array_equal(getattr(received, name), getattr(road, name))


@pytest.mark.parametrize('field', list(messages.ROAD_FIELDS.values()))
def test_a_road_with_a_hole_is_refused(field, road):
    message = messages.road_message(road, 1.0)
    getattr(message, field)[3] = math.nan
    with pytest.raises(ValueError, match=r'road\..* is nan at \(3,\)'):
        messages.road_from(message)
