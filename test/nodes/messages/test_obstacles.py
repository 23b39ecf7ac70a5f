# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Obstacles survive with shapes and predictions; spoilt ones are refused by name."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.alignment import aligned
from warmstart_planner.nodes import messages
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon

FINITE = st.floats(-1e6, 1e6)


@given(
    st.lists(
        st.tuples(
            arrays(float, (3, 3), elements=FINITE), st.floats(0.1, 9.0), st.floats(0.0, 9.0)
        ),
        max_size=4,
    )
)
def test_obstacles_survive(over_the_wire, shapes):
    sent = tuple(
        Obstacle(f'o{i}', poses, half, half, radius)
        for i, (poses, half, radius) in enumerate(shapes)
    )
    message = messages.obstacles_message(messages.ObstacleEstimate(4.0, 0.2, sent))
    received = messages.obstacles_from(over_the_wire(message))
    assert (received.stamp, received.dt) == (4.0, 0.2)
    assert [o.name for o in received.obstacles] == [o.name for o in sent]
    for ours, theirs in zip(sent, received.obstacles, strict=True):
        np.testing.assert_array_equal(theirs.poses, ours.poses)
        assert (theirs.half_length, theirs.radius) == (ours.half_length, ours.radius)


def test_shapes_that_change_survive_beside_those_that_do_not(over_the_wire):
    poses = np.arange(9.0).reshape(3, 3)
    sent = (
        Obstacle('set', poses, [1.0, 2.0, 3.0], 0.5, [0.0, 0.0, 0.2]),
        Obstacle('car', poses[:1], 2.0, 0.9),
    )
    message = messages.obstacles_message(messages.ObstacleEstimate(4.0, 0.2, sent))
    assert list(message.half_length) == [1.0, 2.0, 3.0, 2.0, 2.0, 2.0]
    received = messages.obstacles_from(over_the_wire(message)).obstacles
    for ours, theirs in zip(sent, received, strict=True):
        assert theirs.varies == ours.varies
        np.testing.assert_array_equal(theirs.sizes_at(4), ours.sizes_at(4))


def test_a_shape_that_never_changes_takes_one_entry(problem):
    message = messages.obstacles_message(messages.ObstacleEstimate(0.0, 0.1, problem().obstacles))
    assert message.steps > 1
    assert len(message.half_length) == len(message.half_width) == len(message.radius) == 2


def test_room_that_is_to_be_given_survives_and_need_not_be_said(over_the_wire, problem):
    car, other = problem().obstacles
    sent = (car, replace(other, clearance=1.2))
    message = over_the_wire(messages.obstacles_message(messages.ObstacleEstimate(4.0, 0.1, sent)))
    assert [o.clearance for o in messages.obstacles_from(message).obstacles] == [0.0, 1.2]
    message.clearance = []
    assert [o.clearance for o in messages.obstacles_from(message).obstacles] == [0.0, 0.0]


@pytest.mark.parametrize(('dt', 'steps'), [(0.0, 0), (0.1, 0), (0.0, 1), (math.nan, 7)])
def test_a_list_without_obstacles_is_an_empty_world_whatever_its_grid(dt, steps, over_the_wire):
    message = messages.obstacles_message(messages.ObstacleEstimate(5.0, 0.1, ()))
    message.dt, message.steps = dt, steps
    found = messages.obstacles_from(over_the_wire(message))
    assert (found.stamp, found.obstacles) == (5.0, ())
    assert aligned(found.obstacles, 0.3, found.dt, Horizon()) == ()


@pytest.mark.parametrize('field', ['half_length', 'half_width', 'radius', 'clearance', 'poses'])
def test_a_list_without_names_but_with_numbers_is_no_empty_world(field):
    message = messages.obstacles_message(messages.ObstacleEstimate(5.0, 0.1, ()))
    getattr(message, field).extend([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=f'obstacles.{field} has 3 entries: expected 0'):
        messages.obstacles_from(message)


def test_predictions_of_different_lengths_go_on_as_they_would_have(problem):
    mine = problem().obstacles
    message = messages.obstacles_message(messages.ObstacleEstimate(0.0, 0.1, mine))
    for ours, theirs in zip(mine, messages.obstacles_from(message).obstacles, strict=True):
        np.testing.assert_allclose(theirs.poses_at(30), ours.poses_at(30))


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda m: m.poses.__setitem__(1, math.nan), r'obstacles.poses is nan at \(0, 0, 1\)'),
        (lambda m: m.poses.__setitem__(3, -1e300), r'obstacles.poses is 1e\+300: expected'),
        (lambda m: m.poses.pop(), 'obstacles.poses has 17 entries: expected 18'),
        (lambda m: m.radius.pop(), 'obstacles.radius has 1 entries: expected 2 or 6'),
        (lambda m: m.clearance.pop(), 'obstacles.clearance has 1 entries: expected 0 or 2'),
        (
            lambda m: m.clearance.__setitem__(0, -1.0),
            r'clearance is -1.0: expected .* \[0.0, 5.0\]',
        ),
        (lambda m: setattr(m, 'dt', 0.0), 'obstacles.dt is 0.0'),
        (lambda m: setattr(m, 'ids', ['a', 'a']), 'expected each once'),
        (lambda m: m.half_length.__setitem__(0, -1.0), 'half_length is -1.0'),
    ],
)
def test_spoilt_obstacles_are_refused_by_name(spoil, reason, problem):
    estimate = messages.ObstacleEstimate(0.0, 0.1, problem().obstacles)
    message = messages.obstacles_message(estimate)
    spoil(message)
    with pytest.raises(ValueError, match=reason):
        messages.obstacles_from(message)
