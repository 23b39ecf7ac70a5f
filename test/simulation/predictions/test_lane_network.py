# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Places in lanes have coordinates of their own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.scenarios.lane import Lane
from warmstart_planner.simulation.predictions import LaneNetwork

shares = st.floats(0.01, 0.99)
shifts = st.floats(-1.5, 1.5)


def place(lane, along, share):
    vertex = int(along)
    left, right = (
        bound[vertex] + (along - vertex) * (bound[vertex + 1] - bound[vertex])
        for bound in (lane.left, lane.right)
    )
    return complex(*(left + share * (right - left)))


@given(shares, shares, st.lists(shifts, min_size=8, max_size=8), st.integers(0, 1))
def test_a_place_is_found_where_it_was_put(u, share, shifted, vertex):
    """In lanes whose sides are askew as much as on straight ones."""
    shifted = np.reshape(shifted, (2, 2, 2)) * [[[1.0, 0.3]], [[1.0, 0.3]]]
    left = np.array([[0.0, 2.0], [10.0, 2.0], [20.0, 3.0]])
    right = np.array([[0.0, -2.0], [10.0, -2.0], [20.0, -1.0]])
    left[1:], right[1:] = left[1:] + shifted[0], right[1:] + shifted[1]
    lane = Lane(left, right)
    point = place(lane, vertex + u, share)
    found = LaneNetwork([lane]).places(np.array([point]), 0.0)
    k = int(np.argmin(found.outside))
    assert place(lane, float(found.along[k]), float(found.share[k])) == pytest.approx(point)
    assert 0.0 <= found.share[k] <= 1.0


def test_a_lane_that_begins_in_a_point_has_places_too():
    lane = Lane(np.array([[0.0, 0.0], [10.0, 2.0]]), np.array([[0.0, 0.0], [10.0, -2.0]]))
    found = LaneNetwork([lane]).places(np.array([6.0 + 0.6j]), 0.0)
    assert place(lane, float(found.along[0]), float(found.share[0])) == pytest.approx(6.0 + 0.6j)


def test_places_beside_a_lane_tell_how_far():
    lane = Lane(np.array([[0.0, 2.0], [10.0, 2.0]]), np.array([[0.0, -2.0], [10.0, -2.0]]))
    points = np.array([5.0 + 2.5j, 5.0 - 2.25j, -0.4 + 0.0j, 10.3 + 1.0j, 5.0 + 3.0j, 12.0 + 0.0j])
    found = LaneNetwork([lane]).places(points, 0.5)
    np.testing.assert_array_equal(found.point, [0, 1, 2, 3])
    np.testing.assert_allclose(found.outside, [0.5, 0.25, 0.4, 0.3])
    np.testing.assert_allclose(found.width, 4.0)
    np.testing.assert_allclose(found.direction, 0.0)
