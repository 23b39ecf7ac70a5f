# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps are times from 0 on, to a microsecond."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages


@given(st.integers(0, 4 * 10**9 * 10**9 // 2))
def test_a_stamp_survives_to_a_microsecond(total):
    message = messages.to_time(total / messages.NANOSECONDS)
    assert messages.to_seconds(message) == pytest.approx(total / 1e9, abs=1e-6)
    assert 0 <= message.nanosec < messages.NANOSECONDS


@pytest.mark.parametrize('stamp', [math.nan, math.inf, -1.0])
def test_a_stamp_that_is_no_time_is_refused(stamp):
    with pytest.raises(ValueError, match='stamp'):
        messages.to_time(stamp)
