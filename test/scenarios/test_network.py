# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Lanelets of CommonRoad files: what is repaired, linked, left out, closed to cars and limited."""

import logging
import re

import numpy as np
import pytest
from lxml import etree

from warmstart_planner.scenarios import ScenarioError
from warmstart_planner.scenarios.commonroad.network import read_network
from warmstart_planner.scenarios.commonroad.signs import parse_speed
from warmstart_planner.scenarios.lanelets import find_routes, reason_unreachable

HALF = 1.75  # of a lane's width [m]


def bound(tag, points):
    text = ''.join(f'<point><x>{x}</x><y>{y}</y></point>' for x, y in points)
    return f'<{tag}>{text}</{tag}>'


def lanelet(id_, left, right, extra=''):
    bounds = bound('leftBound', left) + bound('rightBound', right)
    return f'<lanelet id="{id_}">{bounds}{extra}</lanelet>'


def lane(id_, first, last, y=0.0, extra='', step=10.0):
    """Lanelet along x from one place to another, its centre at y."""
    x = np.linspace(first, last, int(abs(last - first) / step) + 1)
    side = HALF if last > first else -HALF
    sides = [np.stack([x, np.full(len(x), y + s)], axis=-1) for s in (side, -side)]
    return lanelet(id_, *sides, extra)


def swapped_lane(*args):
    text = lane(*args)
    for old, new in (('leftB', 'otherB'), ('rightB', 'leftB'), ('otherB', 'rightB')):
        text = text.replace(old, new)
    return text


def after(*ids):
    return ''.join(f'<successor ref="{id_}"/>' for id_ in ids)


def before(*ids):
    return ''.join(f'<predecessor ref="{id_}"/>' for id_ in ids)


def beside(side, id_, way='same'):
    return f'<adjacent{side} ref="{id_}" drivingDir="{way}"/>'


def typed(*types):
    return ''.join(f'<laneletType>{each}</laneletType>' for each in types)


def sign(id_, name, *values, tag='additionalValue'):
    carried = ''.join(f'<{tag}>{value}</{tag}>' for value in values)
    return (
        f'<trafficSign id="{id_}"><trafficSignElement><trafficSignID>{name}</trafficSignID>'
        f'{carried}</trafficSignElement></trafficSign>'
    )


def read(*elements, tags=''):
    return read_network(
        etree.fromstring(f'<commonRoad tags="{tags}">{"".join(elements)}</commonRoad>')
    )


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.WARNING)

    def lines():
        return [record.getMessage() for record in caplog.records]

    return lines


def assert_leads_east(lane_):
    assert (np.diff(lane_.center[:, 0]) > 0).all()
    assert (lane_.left[:, 1] > lane_.right[:, 1]).all()


EAST = [(x, HALF) for x in (0, 10, 20, 30)], [(x, -HALF) for x in (0, 10, 20, 30)]


class TestMending:
    def test_sound_lanelets_are_kept_as_they_are_without_a_word(self, log):
        roads = read(lane(1, 0, 100, 0, after(2)), lane(2, 100, 200, 0, before(1)))
        assert_leads_east(roads[1])
        assert not roads.left_out
        assert log() == []

    def test_repeated_vertices_are_dropped(self, log):
        left, right = ([p[0], p[1], p[1], p[1], p[2], p[3], p[3]] for p in EAST)
        roads = read(lanelet(1, left, right))
        np.testing.assert_allclose(roads[1].center[:, 0], [0, 10, 20, 30])
        assert log() == ['lanelet 1: repeated vertices are dropped']

    def test_vertex_that_only_one_bound_repeats_is_kept(self):
        left = [(0, HALF), (10, HALF), (10, HALF), (20, HALF)]
        right = [(0, -HALF), (9, -HALF), (11, -HALF), (20, -HALF)]
        assert len(read(lanelet(1, left, right))[1].center) == 4

    @pytest.mark.parametrize('side', ['left', 'right'])
    def test_bound_that_runs_backwards_is_turned(self, log, side):
        left, right = EAST
        bounds = (left[::-1], right) if side == 'left' else (left, right[::-1])
        assert_leads_east(read(lanelet(1, *bounds))[1])
        assert log() == [f'lanelet 1: the {side} bound runs backwards, turned']

    def test_bounds_of_a_tight_turn_are_not_against_one_another(self, log):
        angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        roads = read(lanelet(1, 2 * circle, 5.5 * circle))
        np.testing.assert_allclose(roads[1].left, 2 * circle)
        assert log() == []

    def test_points_that_are_not_equally_many_are_paired_along_the_bounds(self, log):
        left, right = EAST
        roads = read(lanelet(1, left, [right[0], right[-1]]))
        np.testing.assert_allclose(roads[1].center, [(x, 0) for x in (0, 10, 20, 30)], atol=1e-6)
        assert 'not equally many' in log()[0]

    @pytest.mark.parametrize('links', ['successor', 'predecessor', 'named by others', 'neighbour'])
    def test_swapped_bounds_are_exchanged_where_links_tell_the_way(self, log, links):
        own = {'successor': after(2), 'predecessor': before(3), 'neighbour': beside('Left', 4)}
        naming = before(1) if links == 'named by others' else ''
        roads = read(
            swapped_lane(1, 0, 100, 0, own.get(links, '')),
            lane(2, 100, 200, 0, naming),
            lane(3, -100, 0),
            lane(4, 0, 100, 2 * HALF),
        )
        assert_leads_east(roads[1])
        assert 'lanelet 1: left and right bound are swapped, exchanged' in log()

    @pytest.mark.parametrize('links', ['successor', 'neighbour'])
    def test_both_bounds_backwards_are_turned_where_links_tell_the_way(self, log, links):
        own = {'successor': after(2), 'neighbour': beside('Left', 4)}[links]
        left, right = ([*reversed(points)] for points in EAST)
        roads = read(lanelet(1, left, right, own), lane(2, 30, 90), lane(4, 0, 30, 2 * HALF))
        assert_leads_east(roads[1])
        assert 'lanelet 1: drawn against its direction, turned' in log()

    def test_lanelet_drawn_the_wrong_way_between_two_others_is_turned(self, log):
        roads = read(
            lane(1, 0, 100, 0, after(2)),
            lane(2, 200, 100, 0, before(1) + after(3)),
            lane(3, 200, 300, 0, before(2)),
        )
        assert_leads_east(roads[2])
        assert find_routes(roads, [1], [3]) == {3: [1, 2, 3]}
        assert log() == ['lanelet 2: drawn against its direction, turned']

    def test_several_lanelets_drawn_the_wrong_way_up_to_the_roads_end_are_turned(self):
        roads = read(
            lane(1, 0, 100, 0, after(2)),
            lane(2, 200, 100, 0, before(1) + after(3)),
            lane(3, 300, 200, 0, before(2)),
        )
        for each in roads.values():
            assert_leads_east(each)
        assert find_routes(roads, [1], [3]) == {3: [1, 2, 3]}

    def test_links_that_contradict_both_their_lanelets_do_not_turn_them(self):
        roads = read(lane(1, 0, 100, 0, before(2)), lane(2, 100, 200, 0, after(1)))
        assert_leads_east(roads[1])
        assert_leads_east(roads[2])
        assert find_routes(roads, [1], [2]) == {2: [1, 2]}
        assert find_routes(roads, [2], [1]) == {}

    def test_swapped_lanelet_that_nothing_decides_is_left_out_with_a_reason(self, log):
        roads = read(swapped_lane(1, 0, 100), lane(2, 0, 100, 30))
        assert list(roads) == [2]
        assert 'left bound lies on its right' in str(roads.left_out[1])
        assert 'lanelet 1 is left out: its left' in reason_unreachable(roads, [2], 1)
        assert 'lanelet 1: left out: its left bound' in log()[0]

    @pytest.mark.parametrize(
        ('left', 'right', 'words'),
        [
            ([(0, HALF)] * 2, EAST[1], 'left bound has fewer than 2 distinct points'),
            (EAST[0], [(3, -HALF)], 'right bound has fewer than 2'),
            (EAST[0], [], 'right bound has fewer than 2'),
            (EAST[0], EAST[0], 'bounds are the same line'),
            (
                [(0, HALF), (10, HALF), (20, -HALF), (30, -HALF)],
                [(0, -HALF), (10, -HALF), (20, HALF), (30, HALF)],
                'bounds (fold back or )?cross',
            ),
            (
                [(0, HALF), (14, HALF), (6, 5), (6, 0.5), (20, HALF), (30, HALF)],
                [(x, -HALF) for x in (0, 6, 12, 18, 24, 30)],
                'left bound crosses itself|turns back',
            ),
            (
                [(x, HALF) for x in (0, 20, 10, 30)],
                [(x, -HALF) for x in (0, 20, 10, 30)],
                'centre line turns back',
            ),
            ([('x', HALF), (10, HALF)], EAST[1], "leftBound.x is 'x'"),
        ],
    )
    def test_lanelet_without_a_sound_shape_is_left_out_by_name(self, log, left, right, words):
        roads = read(lanelet(1, left, right), lane(2, 0, 100, 30))
        assert list(roads) == [2]
        assert reason_unreachable(roads, [2], 1) == f'lanelet 1 is left out: {roads.left_out[1]}'
        assert_matches(words, str(roads.left_out[1]))
        assert_matches(f'lanelet 1: left out: .*({words})', '\n'.join(log()))

    def test_ramp_that_passes_over_itself_is_sound(self):
        angle = np.radians(np.linspace(-90, 180, 60))
        loop = np.array([60.0, 20.0]) + 20 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        center = np.concatenate([[(x, 0.0) for x in range(0, 60, 5)], loop])
        center = np.concatenate([center, [(40.0, y) for y in range(15, -60, -5)]])
        along = np.gradient(center, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=-1) / np.hypot(*along.T)[:, None]
        roads = read(lanelet(1, center + HALF * normal, center - HALF * normal))
        assert list(roads) == [1]

    def test_file_without_a_single_sound_lanelet_is_refused_by_name(self):
        with pytest.raises(ScenarioError, match=r'lanelet 1: its left bound lies on its right'):
            read(swapped_lane(1, 0, 100))

    def test_lanelet_given_twice_is_refused(self):
        with pytest.raises(ScenarioError, match='lanelet id is 1 twice'):
            read(lane(1, 0, 100), lane(1, 100, 200))

    def test_way_through_a_lanelet_left_out_is_refused_naming_it(self):
        roads = read(
            lane(1, 0, 100, 0, after(2)),
            lanelet(2, [(100, HALF), (150, HALF)], [], before(1) + after(3)),
            lane(3, 150, 250),
        )
        assert find_routes(roads, [1], [3]) == {}
        assert 'lanelet 2 is left out: its right bound' in reason_unreachable(roads, [1], 3)


def assert_matches(pattern, text):
    assert re.search(pattern, text), f'{pattern!r} is not in {text!r}'


class TestLinks:
    @pytest.mark.parametrize('gap', [0.0, 0.07])
    def test_lanelet_that_begins_where_another_ends_follows_it(self, log, gap):
        roads = read(lane(1, 0, 100), lane(2, 100 + gap, 200))
        assert roads[1].successors == (2,)
        assert roads[2].predecessors == (1,)
        assert log() == ['lanelet 1 and 2: the second begins where the first ends, linked']

    @pytest.mark.parametrize(
        'second', [lane(2, 101, 200), lane(2, 100, 200, 0.5), lane(2, 200, 100), lane(2, 100, 0)]
    )
    def test_lanelets_apart_or_against_one_another_are_not_linked(self, second):
        roads = read(lane(1, 0, 100), second)
        assert roads[1].successors == roads[2].successors == ()

    def test_sharp_turn_off_a_lanelets_end_is_not_linked_unless_declared(self):
        up = [(100, HALF), (98, 30)], [(100, -HALF), (103, 30)]
        assert read(lane(1, 0, 100), lanelet(2, *up))[1].successors == ()
        assert read(lane(1, 0, 100, 0, after(2)), lanelet(2, *up))[1].successors == (2,)

    def test_sidewalk_is_not_linked(self):
        walk = typed('sidewalk')
        roads = read(lane(1, 0, 100), lane(2, 100, 200, 0, walk), lane(3, 0, 100, 3.5, walk))
        assert roads[1].successors == ()
        assert roads[1].left_neighbour is None

    @pytest.mark.parametrize('links', [(after(2), ''), ('', before(1))])
    def test_link_that_one_side_names_holds_both_ways(self, links):
        roads = read(lane(1, 0, 100, 0, links[0]), lane(2, 100.3, 200, 0, links[1]))
        assert roads[1].successors == (2,)
        assert roads[2].predecessors == (1,)

    def test_successor_far_away_is_ignored(self, log):
        roads = read(lane(1, 0, 100, 0, after(2)), lane(2, 150, 250, 0, before(1)))
        assert roads[1].successors == roads[2].predecessors == ()
        assert log() == ['lanelet 1: successor 2 begins 50.0 m from its end, ignored']

    def test_links_to_what_is_not_in_the_file_are_ignored(self, log):
        extra = after(9) + before(8) + beside('Left', 7) + '<trafficSignRef ref="6"/>'
        road = read(lane(1, 0, 100, 0, extra))[1]
        assert (road.successors, road.predecessors, road.left_neighbour) == ((), (), None)
        said = '\n'.join(log())
        for words in ('successor 9', 'predecessor 8', 'neighbour 7', 'traffic sign 6'):
            assert f'lanelet 1: {words} is not in the file, ignored' in said

    @pytest.mark.parametrize('step', [10.0, 3.0])
    def test_lanes_that_share_a_bound_are_neighbours(self, log, step):
        roads = read(lane(1, 0, 100), lane(2, 0, 100, 3.5, '', step))
        assert roads[1].left_neighbour == (2, True)
        assert roads[2].right_neighbour == (1, True)
        assert 'lanelet 1 and 2: ' in log()[0]
        assert find_routes(roads, [1], [2]) == {2: [1, 2]}

    def test_oncoming_lane_that_shares_a_bound_is_a_neighbour_of_the_opposite_way(self):
        roads = read(lane(1, 0, 100), lane(2, 100, 0, 3.5), lane(3, 100, 0, -3.5))
        assert roads[1].left_neighbour == (2, False)
        assert roads[1].right_neighbour == (3, False)
        assert roads[2].left_neighbour == (1, False)
        assert find_routes(roads, [1], [2, 3]) == {}

    @pytest.mark.parametrize('other', [lane(2, 0, 90, 3.5), lane(2, 0, 100, 3.8)])
    def test_lanes_that_share_no_whole_bound_are_no_neighbours(self, other):
        assert read(lane(1, 0, 100), other)[1].left_neighbour is None

    def test_neighbour_that_one_side_names_holds_both_ways(self):
        roads = read(lane(1, 0, 100, 0, beside('Left', 2)), lane(2, 0, 100, 3.8))
        assert roads[2].right_neighbour == (1, True)
        roads = read(lane(1, 0, 100, 0, beside('Left', 2, 'opposite')), lane(2, 100, 0, 3.8))
        assert roads[2].left_neighbour == (1, False)

    def test_neighbour_that_leads_the_other_way_than_declared_is_taken_as_it_lies(self, log):
        roads = read(lane(1, 0, 100, 0, beside('Left', 2)), lane(2, 100, 0, 3.5))
        assert roads[1].left_neighbour == (2, False)
        assert 'lanelet 1: neighbour 2 leads the opposite way, taken so' in log()

    def test_neighbour_far_away_is_ignored(self, log):
        roads = read(lane(1, 0, 100, 0, beside('Left', 2)), lane(2, 0, 100, 30))
        assert roads[1].left_neighbour is None
        assert 'lanelet 1: neighbour 2 lies 26.5 m beside it, ignored' in log()


def use(extra):
    return read(lane(1, 0, 100, 0, extra), lane(2, 0, 100, 50))[1]


class TestUse:
    @pytest.mark.parametrize(
        'type_',
        'sidewalk crosswalk bicycleLane busLane busStop border shoulder restricted '
        'restricted_area tram railway footway cycleTrack'.split(),
    )
    def test_types_that_are_no_road_for_cars(self, type_):
        assert not use(typed(type_)).for_cars
        assert not use(typed('urban', type_)).for_cars

    @pytest.mark.parametrize(
        'type_',
        'urban country highway interstate mainCarriageWay accessRamp parking unknown'.split(),
    )
    def test_types_that_are_roads(self, type_):
        assert use(typed(type_)).for_cars
        assert use('').for_cars

    @pytest.mark.parametrize(
        ('users', 'open_'),
        [
            (['vehicle'], True),
            (['car', 'bus'], True),
            (['pedestrian'], False),
            (['bus', 'taxi', 'truck'], False),
            (['priorityVehicle'], False),
            (['Vehicle'], True),
        ],
    )
    @pytest.mark.parametrize('tag', ['userOneWay', 'userBidirectional'])
    @pytest.mark.parametrize('type_', ['urban', 'busLane', 'restricted'])
    def test_users_count_more_than_types(self, users, open_, tag, type_):
        extra = typed(type_) + ''.join(f'<{tag}>{user}</{tag}>' for user in users)
        assert use(extra).for_cars is open_

    def test_closed_lanelet_says_what_it_is(self):
        assert use(typed('sidewalk')).kind == 'a sidewalk'
        assert use('<userOneWay>bus</userOneWay>').kind == 'only for bus'

    def test_road_of_both_ways_is_said_to_be_taken_one_way(self, log):
        use('<userBidirectional>car</userBidirectional>')
        assert log() == [
            'lanelet 1: may be driven both ways, taken as leading the way it is drawn'
        ]

    def test_unknown_type_is_said(self, log):
        assert use(typed('boulevard')).for_cars
        assert log() == ["lanelet 1: its type 'boulevard' is unknown, taken as a road for cars"]


def limit(*signs, extra=''):
    refs = ''.join(f'<trafficSignRef ref="{70 + i}"/>' for i in range(len(signs)))
    placed = [sign(70 + i, *each) for i, each in enumerate(signs)]
    return read(lane(1, 0, 100, 0, refs + extra), *placed)[1].speed_limit


class TestSpeedLimits:
    @pytest.mark.parametrize(
        'name',
        '274 274.1 R2-1 r301 s301 3.24 R15 C43 B14 P-32 \u03a1-32 B31 maxSpeed r2-1 R301'.split(),
    )
    def test_signs_of_all_countries_are_read(self, log, name):
        assert limit((name, '8.33')) == pytest.approx(8.33)
        assert log() == []

    @pytest.mark.parametrize(
        ('text', 'speed'),
        [
            ('8.33', 8.33),
            ('8.33 m/s', 8.33),
            ('30kmh', 30 / 3.6),
            ('30 km/h', 30 / 3.6),
            (' 30.0 KM/H ', 30 / 3.6),
            ('8,33', 8.33),
            ('20 mph', 20 * 0.44704),
            ('1e1', 10.0),
            ('14.', 14.0),
            ('fast', None),
            ('', None),
            (None, None),
            ('-5', None),
            ('0', None),
            ('nan', None),
            ('30 knots', None),
        ],
    )
    def test_values_may_have_units(self, text, speed):
        assert parse_speed(text) == (None if speed is None else pytest.approx(speed))

    @pytest.mark.parametrize(
        ('name', 'speed'), [('274-30', 30), ('274-120', 120), ('274.1-20', 20), ('274.1-30', 30)]
    )
    def test_id_may_hold_the_value_in_kilometres_per_hour(self, name, speed):
        assert limit((name,)) == pytest.approx(speed / 3.6)

    @pytest.mark.parametrize('name', ['274.2', '278', '282', '278-30', '274.2-20', '275', '262'])
    def test_ends_minimum_speeds_and_weights_are_no_limits(self, log, name):
        assert np.isnan(limit((name, '8.33')))
        assert log() == []

    def test_slowest_of_several_signs_and_elements_counts(self):
        both = ('274', '20'), ('274.1', '10')
        assert limit(*both) == 10.0
        assert limit(*both, extra='<speedLimit>7</speedLimit>') == 7.0

    @pytest.mark.parametrize('value', ['fast', '-3', 'nan', '30 knots'])
    def test_value_that_cannot_be_read_is_said_and_not_counted(self, log, value):
        assert np.isnan(limit(('274', value)))
        (line,) = log()
        assert f"'274' with value '{value}'" in line
        assert 'not counted' in line

    def test_sign_without_a_value_is_said(self, log):
        assert np.isnan(limit(('274.1',)))
        assert "'274.1' with value None" in log()[0]

    def test_bare_value_beyond_all_cars_is_said(self, log):
        assert limit(('R2-1', '65')) == 65.0
        assert "without a unit are taken in m/s, as the format says: 'R2-1'" in log()[0]

    def test_unknown_signs_that_could_limit_the_speed_are_said_once(self, log):
        assert np.isnan(limit(('R4-1', '20'), ('R4-1', '30'), ('speedZone',), ('206',)))
        (line,) = log()
        assert line.endswith("unknown and not counted: 'R4-1', 'speedZone'")

    @pytest.mark.parametrize(
        ('types', 'tags', 'speed'),
        [
            (('urban',), '', 50 / 3.6),
            (('country',), '', 100 / 3.6),
            (('highway',), '', 36.0),
            (('interstate', 'mainCarriageWay'), '', 36.0),
            (('country', 'accessRamp'), '', 100 / 3.6),
            (('driveWay',), '', 30 / 3.6),
            (('parking',), '', 30 / 3.6),
            (('unknown',), 'urban critical', 50 / 3.6),
            (('unknown',), '', np.nan),
            ((), 'urban', np.nan),
        ],
    )
    def test_lanelet_without_a_limit_has_that_of_its_type(self, types, tags, speed):
        road = read(lane(1, 0, 100, 0, typed(*types)), tags=tags)[1]
        np.testing.assert_allclose(road.speed_limit, speed)

    def test_sign_counts_more_than_the_type(self):
        assert limit(('274', '20'), extra=typed('urban')) == 20.0
