# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Proposals survive with what is told of them; spoilt ones are refused."""

import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages
from warmstart_planner.problem import Proposal


def test_proposals_survive_with_what_their_source_says_of_them(over_the_wire, trajectory, problem):
    posed = problem()
    first = Proposal('iql_lstm', trajectory(20, posed.stamp), 'v1', -3.5, 0.5, 0.25)
    second = Proposal('zero_control', trajectory(20, posed.stamp))
    message = messages.proposals_message((first, second), posed, 0.004)
    received = messages.proposals_from(over_the_wire(message))
    assert [p.source for p in received] == ['iql_lstm', 'zero_control']
    assert (received[0].model_id, received[0].predicted_return) == ('v1', -3.5)
    assert (received[0].failure_probability, received[0].uncertainty) == (0.5, 0.25)
    for name in ('predicted_return', 'failure_probability', 'uncertainty'):
        assert math.isnan(getattr(received[1], name))
    assert received[0].trajectory.stamp == posed.stamp
    assert received[0].inference_time == pytest.approx(0.004)
    np.testing.assert_array_equal(received[1].trajectory.states, second.trajectory.states)
    np.testing.assert_array_equal(received[1].trajectory.controls, second.trajectory.controls)


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda m: m.states.__setitem__(7, math.nan), 'proposals.states is nan'),
        (lambda m: m.controls.pop(), 'proposals.controls has 39 entries: expected 40'),
        (lambda m: m.failure_probability.__setitem__(0, 1.5), 'failure_probability is 1.5: exp'),
        (lambda m: m.failure_probability.__setitem__(0, -math.inf), 'failure_probability is -inf'),
        (lambda m: m.failure_probability.pop(), 'failure_probability has 0 entries: expected 1'),
        (lambda m: setattr(m, 'count', 3), 'proposals.source has 1 entries: expected 3'),
    ],
)
def test_spoilt_proposals_are_refused(spoil, reason, trajectory, problem):
    posed = problem()
    sent = (Proposal('straight_line', trajectory(20, posed.stamp)),)
    message = messages.proposals_message(sent, posed, 0.0)
    spoil(message)
    with pytest.raises(ValueError, match=reason):
        messages.proposals_from(message)


def test_a_proposal_on_another_grid_is_not_sent(trajectory, problem):
    posed = problem()
    with pytest.raises(ValueError, match='shape'):
        messages.proposals_message((Proposal('shifted', trajectory(7)),), posed, 0.0)
