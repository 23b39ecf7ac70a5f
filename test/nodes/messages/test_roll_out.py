# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Roll-outs survive; spoilt ones are refused."""

import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages


@pytest.fixture
def policy_roll_out(trajectory):
    ways = tuple(trajectory(stamp=12.25) for _ in range(3))
    return messages.PolicyRollOut(ways, 12.2, 'steady', 0.75, 0.0021)


def test_a_roll_out_survives(policy_roll_out, over_the_wire):
    sent = policy_roll_out
    message = messages.roll_out_message(sent)
    received = messages.roll_out_from(over_the_wire(message))
    assert message.header.stamp == messages.to_time(12.25)
    assert (received.problem_stamp, received.model_id) == (12.2, 'steady')
    assert received.disagreement == 0.75
    assert received.inference_time == pytest.approx(0.0021)
    for ours, theirs in zip(sent.ways, received.ways, strict=True):
        assert (theirs.stamp, theirs.dt) == (ours.stamp, ours.dt)
        np.testing.assert_array_equal(theirs.states, ours.states)
        np.testing.assert_array_equal(theirs.controls, ours.controls)


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda m: m.states.__setitem__(7, math.nan), 'roll_out.states is nan'),
        (lambda m: m.controls.__setitem__(0, math.inf), 'roll_out.controls is inf'),
        (lambda m: m.states.pop(), 'roll_out.states has 74 entries: expected 75'),
        (lambda m: m.controls.pop(), 'roll_out.controls has 23 entries: expected 24'),
        (lambda m: setattr(m, 'count', 0), 'roll_out.count is 0.0'),
        (lambda m: setattr(m, 'count', 2), 'roll_out.states has 75 entries: expected 50'),
        (lambda m: setattr(m, 'steps', 0), 'roll_out.steps is 0.0'),
        (lambda m: setattr(m, 'dt', 0.0), 'roll_out.dt is 0.0'),
        (lambda m: setattr(m, 'disagreement_m', math.nan), 'roll_out.disagreement_m is nan'),
        (lambda m: setattr(m.header, 'frame_id', 'odom'), "roll_out.header.frame_id is 'odom'"),
    ],
)
def test_spoilt_roll_outs_are_refused(policy_roll_out, spoil, reason):
    message = messages.roll_out_message(policy_roll_out)
    spoil(message)
    with pytest.raises(ValueError, match=reason):
        messages.roll_out_from(message)
