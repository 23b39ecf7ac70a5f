# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The road: projection undoes poses, widths survive smoothing, bad data is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.road import Road, road_from_polyline, road_from_segments

SEGMENTS = [(30.0, 0.0, 0.0), (40.0, 0.0, 0.05), (30.0, 0.05, -0.05), (30.0, -0.05, 0.0)]
ROAD = road_from_segments(SEGMENTS, 3.0, 2.0, 15.0, start_pose=(5.0, -3.0, 2.5))


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


@given(numbers(-20, 150), numbers(-4, 4))
def test_projection_undoes_poses(station, offset):
    at, beside = ROAD.project(ROAD.poses(station, offset)[:2])
    # half a sample of the polyline at the tightest bend
    assert at == pytest.approx(station, abs=0.08)
    assert beside == pytest.approx(offset, abs=0.01)


@given(numbers(-30, 100), numbers(-60, 60))
def test_projection_finds_the_nearest_place(x, y):
    fine = ROAD.poses(np.linspace(-120.0, 250.0, 18501))
    nearest = np.hypot(fine[:, 0] - x, fine[:, 1] - y).min()
    _, offset = ROAD.project([x, y])
    assert abs(offset) == pytest.approx(nearest, abs=0.02)


def test_left_is_positive():
    straight = road_from_segments([(20.0, 0.0, 0.0)], 3.0, 2.0, 10.0)
    station, offset = straight.project([[[4.0, 1.5], [4.0, -1.5]]])
    np.testing.assert_allclose(station, [[4.0, 4.0]])
    np.testing.assert_allclose(offset, [[1.5, -1.5]])


def test_beyond_its_ends_the_path_goes_straight_on():
    station, offset = ROAD.project(ROAD.poses([-7.0, ROAD.end + 7.0], 1.0)[:, :2])
    np.testing.assert_allclose(station, [-7.0, ROAD.end + 7.0], atol=0.05)
    np.testing.assert_allclose(offset, 1.0, atol=0.1)


def test_a_point_that_is_not_finite_projects_to_no_place():
    station, offset = ROAD.project([[np.nan, 0.0], [5.0, -3.0]])
    assert np.isnan([station[0], offset[0]]).all() and np.isfinite([station[1], offset[1]]).all()


def test_a_constant_curvature_is_a_circle():
    circle = road_from_segments([(30.0, 0.1, 0.1)], 2.0, 2.0, 10.0)
    np.testing.assert_allclose(np.hypot(circle.x, circle.y - 10.0), 10.0, atol=0.01)
    np.testing.assert_allclose(circle.heading, 0.1 * circle.station, atol=1e-9)


def test_edges_lie_at_the_widths():
    for edge, width in zip(ROAD.edges(), (3.0, -2.0), strict=True):
        np.testing.assert_allclose(ROAD.project(edge)[1], width, atol=0.01)


def test_a_width_profile_is_interpolated():
    road = road_from_segments([(40.0, 0.0, 0.0)], [(10.0, 4.0), (20.0, 2.0)], 3.0, 10.0)
    np.testing.assert_allclose(
        road.at('left_width', [0.0, 10.0, 15.0, 20.0, 99.0]), [4, 4, 3, 2, 2]
    )


@pytest.mark.parametrize(
    ('start', 'end', 'kept'),
    [
        (5.1, 7.3, (5.0, 7.5)),
        (5.1, 5.2, (5.0, 5.5)),
        (5.0, 7.0, (5.0, 7.0)),
        (-9.0, -5.0, (0.0, 0.5)),
        (200.0, 300.0, (129.5, 130.0)),
        (-9.0, 300.0, (0.0, 130.0)),
    ],
)
def test_a_window_is_the_least_part_that_covers_it(start, end, kept):
    window = ROAD.window(start, end)
    assert (window.start, window.end) == pytest.approx(kept)
    middle = (window.start + window.end) / 2
    np.testing.assert_array_equal(window.poses(middle), ROAD.poses(middle))


def corner(smoothing=2.0):
    points = [[0.0, 0.0], [20.0, 0.0], [20.0, 20.0]]
    return road_from_polyline(points, [3.0] * 3, [2.0] * 3, 10.0, smoothing)


def test_a_polyline_keeps_its_ends_and_directions():
    road = corner()
    np.testing.assert_allclose(road.poses(road.start), [0.0, 0.0, 0.0], atol=1e-3)
    np.testing.assert_allclose(road.poses(road.end), [20.0, 20.0, np.pi / 2], atol=1e-3)


def test_smoothing_moves_the_path_and_not_the_corridor():
    road = corner()
    assert np.abs(road.curvature).max() < 0.6 < np.abs(corner(0.2).curvature).max()
    left, right = road.edges()
    outer = np.maximum(right[:, 0] - 20.0, -right[:, 1])
    inner = np.minimum(left[:, 1], 20.0 - left[:, 0])
    straight = np.abs(road.station - road.end / 2) > 9.0
    for distance, width in ((outer, 2.0), (inner, 3.0)):
        np.testing.assert_allclose(distance[straight], width, atol=0.01)
        assert distance.max() < width + 0.01


def test_without_smoothing_the_polyline_is_the_path():
    road = corner(0.0)
    distance = np.minimum(np.abs(road.y), np.abs(road.x - 20.0))
    np.testing.assert_allclose(distance, 0.0, atol=1e-9)


def test_a_polyline_may_repeat_a_vertex():
    doubled = road_from_polyline([[0, 0], [5, 0], [5, 0], [9, 0]], [3] * 4, [3] * 4, 10.0)
    assert doubled.end == pytest.approx(9.0)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'x': np.append(ROAD.x[:-1], np.nan)}, 'road.x is nan'),
        ({'y': ROAD.y[:-1]}, 'road.y has shape'),
        ({'station': ROAD.station[::-1]}, 'road.station decreases'),
        ({'station': ROAD.station[:1]}, 'road.station has 1 entries'),
        ({'left_width': -ROAD.right_width}, 'road width is 0.000'),
        ({'speed_limit': -ROAD.speed_limit}, 'road.speed_limit is -15'),
    ],
)
def test_bad_road_data_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        replace(ROAD, **change)


@pytest.mark.parametrize(
    ('segments', 'left', 'said'),
    [
        ([], 3.0, 'road.segments has shape'),
        ([(10.0, 0.0)], 3.0, 'road.segments has shape'),
        ([(-5.0, 0.0, 0.0)], 3.0, 'expected positive'),
        ([(np.nan, 0.0, 0.0)], 3.0, 'road.segments is nan'),
        ([(10.0, 0.0, 0.0)], np.nan, 'road.left_width is nan'),
        ([(10.0, 0.0, 0.0)], [(5.0, 3.0), (0.0, 2.0)], 'width profile is empty or decreases'),
        ([(10.0, 0.0, 0.0)], [(5.0, 3.0, 1.0)], 'width profile has shape'),
    ],
)
def test_bad_segments_are_refused(segments, left, said):
    with pytest.raises(ValueError, match=said):
        road_from_segments(segments, left, 3.0, 10.0)


@pytest.mark.parametrize(
    ('points', 'widths', 'said'),
    [
        ([[0, 0], [np.inf, 0]], [3, 3], 'road.points is inf'),
        ([[0, 0], [0, 0]], [3, 3], 'road.points has 1 distinct'),
        (np.zeros((0, 2)), [], 'road.points has'),
        ([[0, 0], [9, 0]], [3], 'road.left_width has shape'),
        ([[0, 0, 0], [9, 0, 0]], [3, 3], 'road.points has shape'),
    ],
)
def test_a_bad_polyline_is_refused(points, widths, said):
    with pytest.raises(ValueError, match=said):
        road_from_polyline(points, widths, [3.0, 3.0], 10.0)


def test_a_road_is_read_only():
    with pytest.raises(ValueError, match='read-only'):
        ROAD.x[0] = 1.0
    assert isinstance(ROAD, Road)
