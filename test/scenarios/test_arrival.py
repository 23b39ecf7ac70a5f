# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""When a goal is reached: places, headings on the circle, speeds, times, and what was missed."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from warmstart_planner.scenarios.arrival import (
    ANY_HEADING,
    ASPECTS,
    Arrival,
    Place,
    Region,
    Track,
    arrival_in,
)

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
ELL = np.array([[0.0, 0.0], [6.0, 0.0], [6.0, 2.0], [2.0, 2.0], [2.0, 6.0], [0.0, 6.0]])
EVER = (0.0, 1e3)
CLEAR = 1e-6  # distance from an outline beyond which a point's side is beyond doubt [m]


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


def turned(points, angle):
    return points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def winding(polygon, point):
    """How often an outline winds about a point: the angles that its edges are seen under."""
    seen = np.arctan2(*(polygon - point).T[::-1])
    turn = np.diff(np.append(seen, seen[0]))
    return int(np.round(((turn + np.pi) % (2 * np.pi) - np.pi).sum() / (2 * np.pi)))


def edge_distance(polygon, point, count=2001):
    share = np.linspace(0.0, 1.0, count)[:, None, None]
    edges = polygon + share * (np.roll(polygon, -1, axis=0) - polygon)
    return np.sqrt(((edges - point) ** 2).sum(axis=-1)).min()


class TestPlace:
    @given(
        st.lists(numbers(0.3, 5.0), min_size=3, max_size=9), numbers(-6.0, 6.0), numbers(-6.0, 6.0)
    )
    def test_a_polygon_of_any_shape_holds_what_its_outline_winds_about(self, radii, x, y):
        """Vertices about the origin at any distances: convex or not."""
        angle = np.linspace(0.0, 2 * np.pi, len(radii), endpoint=False)
        star = np.array(radii)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        point = np.array([x, y])
        assume(edge_distance(star, point) > 0.01)
        expected = winding(star, point) != 0
        assert Place(star).contains(point[None])[0] == expected
        assert Place(star[::-1]).contains(point[None])[0] == expected
        assert Place(np.append(star, star[:1], axis=0)).contains(point[None])[0] == expected

    @given(numbers(-7, 7), numbers(-50, 50), numbers(-50, 50), st.integers(0, 5), numbers(0, 1))
    def test_the_edge_belongs_to_it(self, angle, x, y, edge, share):
        corners = turned(ELL, angle)
        at = corners[edge] + share * (corners[(edge + 1) % 6] - corners[edge])
        assert Place(corners + [x, y]).contains((at + [x, y])[None])[0]

    def test_a_notch_is_outside(self):
        points = np.array([[1.0, 5.0], [5.0, 1.0], [3.0, 3.0], [2.0 + CLEAR, 4.0], [7.0, 0.0]])
        np.testing.assert_array_equal(Place(ELL).contains(points), [1, 1, 0, 0, 0])

    @given(numbers(0.1, 9.0), numbers(-100, 100), numbers(-7, 7), numbers(0.0, 20.0))
    def test_a_disc_holds_what_is_within_its_radius(self, radius, x, angle, away):
        assume(abs(away - radius) > CLEAR)
        point = np.array([x, 3.0]) + away * np.array([np.cos(angle), np.sin(angle)])
        disc = Place(np.array([[x, 3.0]]), radius)
        assert disc.contains(point[None])[0] == (away < radius)
        assert disc.contains(np.array([[x, 3.0 + radius]]))[0]

    @given(numbers(-9, 9), numbers(-9, 9), numbers(0.1, 2.0))
    def test_a_radius_grows_a_polygon_to_all_sides(self, x, y, radius):
        point = np.array([x, y])
        gap = edge_distance(ELL, point)
        assume(abs(gap - radius) > 0.01)
        expected = winding(ELL, point) != 0 if gap > 0.01 else True
        assert Place(ELL, radius).contains(point[None])[0] == (expected or gap < radius)

    @pytest.mark.parametrize(
        ('vertices', 'radius', 'said'),
        [
            (SQUARE[:2], 0.0, 'place has 2 vertices and radius 0.0: expected an area'),
            (SQUARE[:1], 0.0, 'place has 1 vertices and radius 0.0'),
            (np.zeros((0, 2)), 1.0, 'place'),
            (SQUARE * [1.0, 0.0], 0.0, 'place has 4 vertices on one line: expected an area'),
            (SQUARE * np.nan, 0.0, 'place.vertices is nan'),
            (SQUARE, -1.0, 'place.radius is -1'),
            (SQUARE, np.inf, 'place.radius is inf'),
        ],
    )
    def test_what_has_no_area_is_refused(self, vertices, radius, said):
        with pytest.raises(ValueError, match=said):
            Place(vertices, radius)


def faces(yaw, low, high):
    region = Region(EVER, heading=(low, high))
    return bool(region.fulfilled(np.zeros(1), np.array([[0.0, 0.0, yaw]]), np.zeros(1))['heading'])


class TestHeading:
    @given(numbers(-7, 7), numbers(0.0, 2 * np.pi - ANY_HEADING - 0.01), numbers(-20, 20))
    def test_an_interval_leads_counter_clockwise_from_its_first_to_its_second_angle(
        self, low, width, yaw
    ):
        beyond = (yaw - low) % (2 * np.pi)
        assume(min(abs(beyond - width), beyond, 2 * np.pi - beyond) > CLEAR)
        assert faces(yaw, low, low + width) == (beyond < width)

    @given(numbers(-4, 4), numbers(0.0, 6.0), numbers(-4, 4), st.integers(-5, 5))
    def test_whole_turns_of_the_yaw_or_of_the_interval_change_nothing(self, low, width, yaw, n):
        beyond = (yaw - low) % (2 * np.pi)
        assume(min(abs(beyond - width), beyond, 2 * np.pi - beyond) > CLEAR)
        turns = 2 * np.pi * n
        expected = faces(yaw, low, low + width)
        assert faces(yaw + turns, low, low + width) == expected
        assert faces(yaw, low + turns, low + width + turns) == expected

    @given(numbers(-7, 7), numbers(0.0, 6.0), st.integers(-3, 3))
    def test_both_ends_belong_to_it(self, low, width, n):
        assert faces(low + 2 * np.pi * n, low, low + width)
        assert faces(low + width + 2 * np.pi * n, low, low + width)

    def test_an_interval_across_the_seam_of_the_circle(self):
        for yaw in (3.0, np.pi, -np.pi, -3.0, 2 * np.pi - 3.0):
            assert faces(yaw, 2.9, 2 * np.pi - 2.9)
        for yaw in (0.0, 2.8, -2.8):
            assert not faces(yaw, 2.9, 2 * np.pi - 2.9)

    def test_an_interval_longer_than_half_a_turn_is_not_the_shorter_way_round(self):
        assert faces(0.0, -2.0, 2.0)
        assert not faces(np.pi, -2.0, 2.0)
        assert faces(np.pi, 1.0, 2 * np.pi - 1.0)
        assert not faces(0.0, 1.0, 2 * np.pi - 1.0)

    @given(numbers(-20, 20), numbers(-7, 7), numbers(0.0, ANY_HEADING - 1e-6))
    def test_an_interval_that_is_almost_the_circle_is_the_circle(self, yaw, low, gap):
        assert faces(yaw, low, low + 2 * np.pi - gap)
        assert faces(yaw, low, low + 4 * np.pi - gap)


class TestSpeedAndTime:
    @pytest.mark.parametrize(
        ('speed', 'holds'), [(2.0, True), (3.0, True), (4.0, True), (1.99, False), (4.01, False)]
    )
    def test_speeds_are_inclusive(self, speed, holds):
        region = Region(EVER, speed=(2.0, 4.0))
        held = region.fulfilled(np.zeros(1), np.zeros((1, 3)), np.array([speed]))
        assert held['speed'][0] == holds

    @pytest.mark.parametrize(
        ('time', 'holds'), [(2.0, True), (2.0 + 1e-9, True), (4.0 + 1e-9, True), (4.01, False)]
    )
    def test_times_are_inclusive_whatever_rounding_leaves_of_them(self, time, holds):
        region = Region((2.0, 4.0))
        assert region.fulfilled(np.array([time]), np.zeros((1, 3)), np.zeros(1))['time'] == holds

    def test_what_is_not_asked_for_always_holds(self):
        held = Region((0.0, 1.0)).fulfilled(np.zeros(1), np.full((1, 3), 99.0), np.full(1, 99.0))
        assert set(held) == set(ASPECTS)
        assert all(flags.all() for flags in held.values())

    @pytest.mark.parametrize(
        ('field', 'said'),
        [
            ({'time': (3.0, 2.0)}, r'goal.time is \[3.0, 2.0\]: expected an end'),
            ({'time': EVER, 'heading': (1.0, 0.5)}, 'goal.heading is'),
            ({'time': EVER, 'speed': (0.0, np.nan)}, 'goal.speed is nan'),
            ({'time': (0.0, np.inf)}, 'goal.time is inf'),
        ],
    )
    def test_an_interval_that_is_none_is_refused(self, field, said):
        with pytest.raises(ValueError, match=said):
            Region(**field)


def track(times, x, y=0.0, yaw=0.0, speed=5.0):
    times = np.asarray(times, float)
    columns = np.broadcast_arrays(times, x, y, yaw, speed, 0.0)
    return Track(times, np.stack(columns[1:], axis=-1), np.array(columns[1], float))


TIMES = np.arange(0.0, 10.01, 0.05)
PASSING = track(TIMES, 5.0 * TIMES)  # along y = 0 at 5 m/s
GATE = Place(np.array([[18.0, -2.0], [24.0, -2.0], [24.0, 2.0], [18.0, 2.0]]))  # 3.6 s to 4.8 s
ELSEWHERE = Place(GATE.vertices + [0.0, 50.0])


def missed(*regions, drive=PASSING, step=0.0, rear_to_center=0.0):
    return arrival_in(regions, rear_to_center, step).missed(drive)


class TestMissed:
    def test_a_drive_that_is_once_there_as_asked_missed_nothing(self):
        region = Region((3.0, 5.0), (GATE,), (-0.1, 0.1), (4.0, 6.0))
        assert missed(region) == ()
        assert arrival_in([region], 0.0, 0.0).reached(PASSING)

    @pytest.mark.parametrize(
        ('region', 'names'),
        [
            (Region((3.0, 5.0), (ELSEWHERE,), (2.0, 3.0), (0.0, 1.0)), ('place',)),
            (Region((3.0, 5.0), (GATE,), (2.0, 3.0), (4.0, 6.0)), ('heading',)),
            (Region((3.0, 5.0), (GATE,), (-0.1, 0.1), (0.0, 1.0)), ('speed',)),
            (Region((3.0, 5.0), (GATE,), (2.0, 3.0), (0.0, 1.0)), ('heading', 'speed')),
            (Region((5.0, 9.0), (GATE,), (-0.1, 0.1), (4.0, 6.0)), ('time',)),
            (Region((5.0, 9.0), (GATE,), (2.0, 3.0), (4.0, 6.0)), ('heading',)),
            (Region((11.0, 12.0)), ('time',)),
            (Region((3.0, 5.0), (ELSEWHERE, GATE)), ()),
        ],
    )
    def test_place_comes_first_then_heading_and_speed_there_then_the_time(self, region, names):
        assert missed(region) == names

    def test_heading_and_speed_that_hold_at_different_times_are_both_missed(self):
        there = track(TIMES, 20.0, 0.0, np.where(TIMES < 5.0, 0.0, 1.0), TIMES)
        assert missed(Region(EVER, (GATE,), (-0.1, 0.1), (7.0, 9.0)), drive=there) == (
            'heading',
            'speed',
        )

    def test_aspects_have_to_hold_in_the_place_and_not_elsewhere(self):
        slow_later = track(TIMES, 5.0 * TIMES, speed=np.where(TIMES > 6.0, 0.0, 5.0))
        assert missed(Region(EVER, (GATE,), None, (0.0, 1.0)), drive=slow_later) == ('speed',)

    def test_of_several_alternatives_the_least_missed_one_counts(self):
        late = Region((5.0, 9.0), (GATE,))
        fast = Region((3.0, 5.0), (GATE,), None, (8.0, 9.0))
        away = Region(EVER, (ELSEWHERE,))
        turned_there = Region((3.0, 5.0), (GATE,), (1.0, 2.0))
        good = Region((3.0, 5.0), (GATE,))
        order = [good, late, fast, turned_there, away]
        names = [(), ('time',), ('speed',), ('heading',), ('place',)]
        for k, expected in enumerate(names):
            assert missed(*order[k:]) == expected
            assert missed(*order[:k:-1], order[k]) == expected

    def test_the_centre_counts_and_not_the_rear_axle(self):
        before = track([0.0], 17.0)
        assert missed(Region(EVER, (GATE,)), drive=before) == ('place',)
        assert missed(Region(EVER, (GATE,)), drive=before, rear_to_center=1.4) == ()
        turned_away = track([0.0], 17.0, yaw=np.pi)
        assert missed(Region(EVER, (GATE,)), drive=turned_away, rear_to_center=1.4) == ('place',)

    def test_a_drive_of_no_instant_reached_nothing(self):
        empty = Track(np.zeros(0), np.zeros((0, 5)), np.zeros(0))
        for step in (0.0, 0.1):
            assert missed(Region(EVER), drive=empty, step=step) == ('time',)

    @given(numbers(-500, 500), numbers(-500, 500), numbers(-7, 7), st.integers(0, 999))
    def test_what_is_missed_does_not_depend_on_where_the_world_lies(self, x, y, angle, seed):
        generator = np.random.default_rng(seed)
        heading = np.sort(generator.uniform(-1.0, 1.0, 2))
        speed = np.sort(generator.uniform(3.0, 7.0, 2))
        time = np.sort(generator.uniform(2.0, 6.0, 2))
        drive = track(TIMES, 5.0 * TIMES, np.sin(TIMES), 0.3 * np.cos(TIMES), 5.0 + np.sin(TIMES))
        states = drive.states.copy()
        states[:, :2] = turned(states[:, :2], angle) + [x, y]
        states[:, 2] += angle
        elsewhere = Place(turned(GATE.vertices, angle) + [x, y])
        here = Region(time, (GATE,), heading, speed)
        there = Region(time, (elsewhere,), heading + angle, speed)
        assert missed(there, drive=drive._replace(states=states)) == missed(here, drive=drive)


class TestStep:
    def test_only_multiples_of_the_step_count(self):
        brief = Region(EVER, (Place(np.array([[21.0, 0.0]]), 0.3),))  # from 4.14 s to 4.26 s
        assert missed(brief) == ()
        assert missed(brief, step=0.2) == ()
        assert missed(brief, step=0.25) == ()
        assert missed(brief, step=0.5) == ('place',)

    def test_states_between_the_given_ones_are_interpolated(self):
        coarse = track([0.0, 3.0, 6.0], [0.0, 15.0, 30.0])
        brief = Region(EVER, (Place(np.array([[20.0, 0.0]]), 0.1),))
        assert missed(brief, drive=coarse) == ('place',)
        assert missed(brief, drive=coarse, step=1.0) == ()

    @pytest.mark.parametrize('yaws', [(3.0, -3.0), (-3.0, 3.0), (3.0, 2 * np.pi - 3.0)])
    def test_between_two_states_the_car_turns_the_short_way(self, yaws):
        turning = track([0.0, 1.0], 0.0, yaw=yaws)
        back = Region((0.5, 0.5), (), (np.pi - 0.01, np.pi + 0.01))
        ahead = Region((0.5, 0.5), (), (-0.01, 0.01))
        assert missed(back, drive=turning, step=0.5) == ()
        assert missed(ahead, drive=turning, step=0.5) == ('heading',)

    def test_multiples_count_from_the_drives_start_and_not_from_the_tracks(self):
        part = track([1.3, 1.7], [6.5, 8.5])
        at = Region((1.5, 1.5), (Place(np.array([[7.5, 0.0]]), 0.01),))
        assert missed(at, drive=part, step=0.5) == ()
        assert missed(at, drive=part, step=0.4) == ('place',)

    def test_a_drive_that_holds_no_multiple_has_not_arrived(self):
        assert missed(Region(EVER), drive=track([1.1, 1.2], 0.0), step=1.0) == ('time',)

    def test_rounding_of_the_last_time_does_not_lose_its_multiple(self):
        drive = track(np.arange(31) * 0.1 - 1e-9, 0.0)
        assert missed(Region((3.0, 3.0)), drive=drive, step=0.1) == ()


def judged(flags, hold, speed=None):
    held = {'place': np.array(flags, bool)}
    if speed is not None:
        held['speed'] = np.array(speed, bool)
    arrival = Arrival((lambda track: held,), hold=hold)
    return arrival.missed(track(np.arange(len(flags)) * 0.5, 0.0))


class TestHold:
    @pytest.mark.parametrize(
        ('flags', 'reached'),
        [
            ([0, 1, 1, 1, 0], True),
            ([0, 0, 1, 1, 1], True),
            ([1, 1, 1, 0, 0], True),
            ([1, 1, 0, 1, 1], False),
            ([0, 1, 1, 0, 1], False),
            ([0, 0, 0, 0, 0], False),
        ],
    )
    def test_it_has_to_last_on_end(self, flags, reached):
        assert (judged(flags, 1.0) == ()) is reached

    def test_all_aspects_have_to_last_together(self):
        assert judged([1, 1, 1, 0, 0], 1.0, [0, 0, 1, 1, 1]) == ('speed',)
        assert judged([0, 1, 1, 1, 0], 1.0, [1, 1, 1, 1, 0]) == ()

    @pytest.mark.parametrize(
        ('flags', 'speed', 'names'),
        [
            ([0, 1, 1, 1, 1], [0, 0, 0, 1, 1], ('speed',)),
            ([0, 0, 1, 1, 0], [1, 1, 0, 0, 0], ('speed',)),
            ([0, 0, 0, 1, 1], [0, 0, 0, 0, 1], ('speed',)),
            ([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], ('time',)),
            ([0, 0, 0, 0, 0], [1, 1, 1, 1, 1], ('place',)),
        ],
    )
    def test_what_was_too_brief_is_missed_and_not_the_place_that_it_was_in(
        self, flags, speed, names
    ):
        assert judged(flags, 1.0, speed) == names

    def test_holds_tells_of_each_instant_alone(self):
        arrival = arrival_in([Region((1.0, 2.0)), Region((4.0, 5.0))], 0.0, 0.0)
        times = np.arange(0.0, 6.0, 0.5)
        expected = ((times >= 1.0) & (times <= 2.0)) | ((times >= 4.0) & (times <= 5.0))
        np.testing.assert_array_equal(arrival.holds(track(times, 0.0)), expected)
