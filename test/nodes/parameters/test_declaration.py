# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Declarations and fields of nested settings belong together by dotted names."""

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.nodes.parameters.declaration import replaced


def test_nested_settings_are_replaced_by_dotted_names():
    settings = replaced(
        ControllerSettings(),
        {'period': 0.04, 'weights.lateral': 7.0},
        ('period', 'weights.lateral'),
    )
    assert (settings.period, settings.weights.lateral) == (0.04, 7.0)
    assert settings.weights.speed == ControllerSettings().weights.speed
