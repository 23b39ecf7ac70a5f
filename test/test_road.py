# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The road: projection undoes poses, widths survive smoothing, bad data is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from warmstart_planner.road import (
    LOCAL,
    LOCAL_TURN,
    LOST,
    SAME_PLACE,
    Road,
    StationTracker,
    road_from_polyline,
    road_from_segments,
)

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


# --- roads that meet themselves ---


LOOPS = ('circle', 'cloverleaf', 'eight', 'hairpin')


@pytest.mark.parametrize('name', LOOPS)
@given(share=numbers(0.0, 1.0), offset=numbers(-2.5, 2.5), error=numbers(-8.0, 8.0))
def test_with_a_station_nearby_projection_undoes_poses_on_every_pass(
    loops, name, share, offset, error
):
    road = loops[name]
    station = share * road.end
    at, beside = road.project(road.poses(station, offset)[:2], station + error)
    assert at == pytest.approx(station, abs=0.15)
    assert beside == pytest.approx(offset, abs=0.02)


@given(numbers(-40, 130), numbers(-60, 60))
@pytest.mark.parametrize('name', LOOPS)
def test_without_a_station_the_nearest_place_is_found(loops, name, x, y):
    road = loops[name]
    fine = road.poses(np.linspace(road.start, road.end, 20001))
    nearest = np.hypot(fine[:, 0] - x, fine[:, 1] - y).min()
    station, offset = road.project([x, y])
    assert abs(offset) <= nearest + 0.03
    if road.start < station < road.end:
        assert abs(offset) == pytest.approx(nearest, abs=0.03)


@given(numbers(-40, 130), numbers(-60, 60), numbers(0.0, 1.0))
def test_with_a_station_nearby_the_nearest_place_about_it_is_found(loops, x, y, share):
    road = loops['cloverleaf']
    near = share * road.end
    station, offset = road.project([x, y], near)
    fine = road.poses(np.linspace(max(near - LOCAL, 0.0), min(near + LOCAL, road.end), 4001))
    nearest = np.hypot(fine[:, 0] - x, fine[:, 1] - y).min()
    # one segment more at most, and the road goes on straight beyond its ends
    assert abs(offset) <= nearest + 0.03
    beyond = max(road.start - station, station - road.end, 0.0)
    assert abs(station - near) <= LOCAL + 1.0 + beyond


def test_each_point_may_have_a_station_of_its_own(loops):
    circle = loops['circle']
    lap = 2 * np.pi * 30.0
    stations = np.array([[10.0, 10.0 + lap], [30.0 + lap, 30.0]])
    points = circle.poses(stations, 1.0)[..., :2]
    at, beside = circle.project(points, stations)
    np.testing.assert_allclose(at, stations, atol=0.1)
    np.testing.assert_allclose(beside, 1.0, atol=0.01)
    at, _ = circle.project(points, lap / 2)
    assert (np.abs(at - lap / 2) < LOCAL + 1.0).all()


def test_what_is_far_from_the_stations_asked_about_is_far_from_the_road_there():
    straight = road_from_segments([(200.0, 0.0, 0.0)], 3.0, 3.0, 10.0)
    station, offset = straight.project([150.0, 0.0], 10.0)
    assert np.hypot(150.0 - station, 0.0) == pytest.approx(abs(offset))
    assert station <= 10.0 + LOCAL + 1.0


@pytest.mark.parametrize('name', LOOPS)
@given(share=numbers(0.02, 0.98), offset=numbers(-1.0, 1.0), turn=numbers(-0.2, 0.2))
def test_a_pose_is_located_at_a_place_that_leads_its_way(loops, name, share, offset, turn):
    """The first such place; where a leg beside leads the other way, it is not that one."""
    road = loops[name]
    pose = road.poses(share * road.end, offset) + [0.0, 0.0, turn]
    station = road.locate(pose)
    assert station <= share * road.end + 0.5
    x, y, heading = road.poses(station)
    away = np.hypot(x - pose[0], y - pose[1])
    assert away == pytest.approx(abs(offset), abs=SAME_PLACE + 0.05)
    assert np.cos(heading - pose[2]) > np.cos(0.3)


def test_where_passes_cross_the_heading_decides(loops):
    cloverleaf = loops['cloverleaf']
    crossing = np.array([40.0, 0.0])
    east = cloverleaf.locate([*crossing, 0.0])
    south = cloverleaf.locate([*crossing, -np.pi / 2 + 4 * np.pi])
    assert east == pytest.approx(40.0, abs=0.5)
    assert south == pytest.approx(60.0 + 30.0 * np.pi + 20.0, abs=0.5)


@given(numbers(0.0, 1.0), numbers(0.0, 1.0), numbers(-2.0, 2.0))
def test_after_a_station_the_first_pass_from_there_on_is_found(loops, share, begin, offset):
    circle, lap = loops['circle'], 2 * np.pi * 30.0
    angle, after = share * 0.3 * lap, begin * circle.end
    assume(abs(after - angle) > 2.0 and abs(after - angle - lap) > 2.0)
    pose = circle.poses(angle, offset)
    station = circle.locate(pose, after=after)
    if after < angle:
        assert station == pytest.approx(angle, abs=0.2)
    elif after < angle + lap:
        assert station == pytest.approx(angle + lap, abs=0.2)
    assert station >= after


@pytest.mark.parametrize('after', [250.0, 1e4])
def test_after_the_roads_end_nothing_is_nearer(loops, after):
    assert loops['circle'].locate(loops['circle'].poses(20.0), after=after) == after


@pytest.mark.parametrize('name', LOOPS)
@given(share=numbers(0.0, 1.0))
def test_a_span_turns_less_than_a_road_that_meets_itself(loops, name, share):
    road = loops[name]
    station = share * road.end
    before, beyond = road.span(station)
    assert road.start <= before <= station <= beyond <= road.end
    turn = np.abs(road.at('heading', [before, beyond]) - road.at('heading', station))
    assert turn.max() <= LOCAL_TURN + 0.1
    for end, reached in ((road.start, before), (road.end, beyond)):
        assert reached == end or turn.max() > LOCAL_TURN - 1e-9


@pytest.mark.parametrize('name', ['circle', 'eight'])
@given(share=numbers(0.0, 1.0), ahead=numbers(0.0, 70.0), offset=numbers(-2.5, 2.5))
def test_a_local_part_undoes_poses_without_a_station(loops, name, share, ahead, offset):
    road = loops[name]
    station = share * road.end
    part = road.local(station, 20.0, 100.0)
    assert road.start <= part.start <= station <= part.end <= road.end
    at = min(station + ahead, part.end)
    assert part.project(part.poses(at, offset)[:2])[0] == pytest.approx(at, abs=0.15)


def test_a_road_is_the_same_path_whatever_its_widths(loops):
    road = loops['eight']
    wider = replace(road, left_width=road.left_width + 1.0, speed_limit=road.speed_limit / 2)
    assert road.same_path(wider) and wider.same_path(road)
    assert not road.same_path(road.window(0.0, 50.0))
    assert not road.same_path(replace(road, y=road.y + 1e-3))


class TestStationTracker:
    @pytest.mark.slow
    @pytest.mark.parametrize('name', LOOPS)
    @settings(max_examples=25)
    @given(offset=numbers(-2.5, 2.5), step=numbers(0.2, 8.0))
    def test_a_car_that_is_followed_stays_on_its_own_pass(self, loops, name, offset, step):
        road = loops[name]
        stations = np.arange(0.0, road.end, step)
        tracker = StationTracker(road, 0.0)
        found = [tracker.update(road, pose) for pose in road.poses(stations, offset)]
        np.testing.assert_allclose(found, stations, atol=0.2)
        assert tracker.station == found[-1]
        if step > 0.5:
            assert (np.diff(found) > 0.0).all()

    def test_a_car_that_stands_stays_where_it_is(self, loops):
        road, lap = loops['circle'], 2 * np.pi * 30.0
        tracker = StationTracker(road, lap + 10.0)
        found = [tracker.update(road, road.poses(lap + 10.0)) for _ in range(20)]
        np.testing.assert_allclose(found, lap + 10.0, atol=0.1)

    def test_beyond_the_ends_it_goes_straight_on(self, loops):
        road = loops['cloverleaf']
        tracker = StationTracker(road, road.end - 1.0)
        stations = road.end + np.arange(0.0, LOST, 1.0)
        found = [tracker.update(road, pose) for pose in road.poses(stations)]
        np.testing.assert_allclose(found, stations, atol=0.1)

    def test_a_jump_starts_anew_from_the_pose(self, loops):
        road, lap = loops['circle'], 2 * np.pi * 30.0
        tracker = StationTracker(road, lap + 10.0)
        assert tracker.update(road, road.poses(150.0)) == pytest.approx(150.0, abs=0.1)

    @pytest.mark.parametrize('jump', [25.0, 60.0, 150.0])
    def test_a_jump_along_a_straight_road_is_one_too(self, jump):
        straight = road_from_segments([(200.0, 0.0, 0.0)], 3.0, 3.0, 10.0)
        tracker = StationTracker(straight, 10.0)
        assert tracker.update(straight, [10.0 + jump, 0.0, 0.0]) == pytest.approx(10.0 + jump)

    def test_another_road_starts_anew_and_the_same_path_does_not(self, loops):
        road, lap = loops['circle'], 2 * np.pi * 30.0
        pose = road.poses(lap + 20.0)
        wider = replace(road, left_width=road.left_width + 1.0)
        tracker = StationTracker(road, lap + 18.0)
        assert tracker.update(wider, pose) == pytest.approx(lap + 20.0, abs=0.1)
        moved = replace(road, x=road.x + 0.1)
        assert tracker.update(moved, pose) == pytest.approx(20.0, abs=0.2)

    def test_without_a_road_it_begins_at_the_pose(self, loops):
        road = loops['cloverleaf']
        assert StationTracker().update(road, road.poses(100.0)) == pytest.approx(100.0, abs=0.1)


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
