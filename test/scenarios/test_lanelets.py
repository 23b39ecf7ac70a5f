# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Starts, ways, corridors and speed limits on networks of a few lanelets."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.scenarios import ScenarioError
from warmstart_planner.scenarios.lanelets import (
    RUN_OUT,
    Lanelet,
    LeftOut,
    Network,
    corridor,
    drivable_area,
    extend_rows,
    find_routes,
    reason_unreachable,
    reference_path,
    road_along,
    route_rows,
    starts,
    stretches,
)
from warmstart_planner.scenarios.lanelets.corridor import ROOM, SLOPE
from warmstart_planner.scenarios.lanelets.lanelet import PASSABLE
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
HALF = 1.75  # of a lane's width [m]
BROKEN = LeftOut('its bounds cross', np.array([[0.0, 1.0], [9.0, 1.0], [0.0, -1.0], [9.0, -1.0]]))


def lanelet(id_, center, after=(), before=(), left=None, right=None, half=HALF, **others):
    center = np.asarray(center, float)
    along = np.gradient(center, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=-1)
    normal /= np.hypot(*normal.T)[:, None]
    bounds = center + half * normal, center - half * normal
    return Lanelet(id_, *bounds, tuple(after), tuple(before), left, right, **others)


def straight(id_, begin, end, *args, **others):
    share = np.linspace(0.0, 1.0, 11)[:, None]
    center = np.array(begin, float) + share * (np.array(end, float) - np.array(begin, float))
    return lanelet(id_, center, *args, **others)


def arc(id_, middle, radius, first, last, *args, **others):
    """Lanelet about a middle, from one direction as seen from there to another [deg]."""
    angle = np.radians(np.linspace(first, last, max(int(abs(last - first) / 3), 3)))
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return lanelet(id_, np.array(middle) + radius * circle, *args, **others)


def network(*lanelets, **left_out):
    return Network({each.id: each for each in lanelets}, left_out.get('left_out', {}))


# A road to the east, a loop to the left of 270 degrees, and a road to the south across the first.
RAMP = (
    straight(1, (0, 0), (90, 0), [2]),
    arc(2, (90, 25), 25.0, -90, 180, [3], [1]),
    straight(3, (65, 25), (65, -120), [], [2]),
)


class TestLanelet:
    def test_point_is_inside_between_the_bounds_alone(self):
        ring = arc(1, (0, 0), 20.0, 0, 350)
        assert ring.contains(np.array([0.0, 20.0]))
        assert not ring.contains(np.array([0.0, 0.0]))
        assert not ring.contains(np.array([0.0, 23.0]))

    def test_point_is_inside_where_a_lanelet_lies_over_itself(self):
        assert arc(1, (0, 0), 20.0, 0, 400).contains(np.array([20.0, 2.0]))

    def test_heading_beside_repeated_vertices_is_that_of_the_lane(self):
        center = [(x, 0.0) for x in (60, 40, 20, 2, 2, 2, 0, -20, -40)]
        bounds = [np.array(center) - [0, y] for y in (HALF, -HALF)]
        west = Lanelet(1, *bounds, (), (), None, None)
        for x in (2.0, 1.0, 2.4, 60.0, -40.0):
            assert np.cos(west.heading_at(np.array([x, 0.3]))) == pytest.approx(-1.0)

    def test_heading_is_that_of_the_nearest_place_of_long_and_short_segments(self):
        center = [(0, 0), (100, 0), (100.5, 0.5), (100.5, 10)]
        bent = Lanelet(1, np.array(center) + 1, np.array(center) - 1, (), (), None, None)
        assert bent.heading_at(np.array([90.0, 0.0])) == pytest.approx(0.0)

    def test_distance_is_to_the_outline(self):
        road = straight(1, (0, 0), (100, 0))
        assert road.distance(np.array([37.0, HALF + 4.0])) == pytest.approx(4.0)
        assert road.distance(np.array([103.0, 0.0])) == pytest.approx(3.0)
        assert road.distance(np.array([50.0, 1.0])) == 0.0

    def test_pieces_cover_the_lanelet_and_turn_little(self):
        ring = arc(1, (0, 0), 20.0, 0, 400)
        ends = [(piece.first, piece.last) for piece in ring.pieces]
        assert ends[0][0] == 0.0
        assert ends[-1][1] == 1.0
        assert all(a[1] == b[0] for a, b in zip(ends, ends[1:], strict=False))
        assert max(last - first for first, last in ends) * 400 < 60
        assert len(straight(1, (0, 0), (100, 0)).pieces) == 1


class TestStarts:
    def test_all_lanelets_that_hold_the_car_and_lead_its_way_best_aligned_first(self):
        fork = network(
            straight(1, (-50, 0), (0, 0), [2, 3]),
            arc(3, (0, 18), 18.0, -90, 0, [], [1]),
            straight(2, (0, 0), (60, 0), [], [1]),
        )
        assert starts(fork, np.array([4.0, 0.2]), 0.0) == (2, 3)
        assert starts(fork, np.array([4.0, 0.2]), 0.25) == (3, 2)

    @pytest.mark.parametrize('turn', [0.0, 0.5, -0.5])
    def test_street_across_is_no_start(self, turn):
        crossing = network(straight(1, (-50, 0), (50, 0)), straight(2, (0, -50), (0, 50)))
        assert starts(crossing, np.array([0.0, 0.0]), 0.0) == (1,)
        assert starts(crossing, np.array([0.0, 0.0]), np.pi / 2 + turn)[0] == 2

    def test_car_a_little_beside_starts_in_the_nearest_that_leads_its_way(self):
        roads = network(straight(1, (0, 0), (100, 0)), straight(2, (100, 4), (0, 4)))
        assert starts(roads, np.array([50.0, -HALF - 1.5]), 0.1) == (1,)
        assert starts(roads, np.array([50.0, HALF + 1.0]), 0.0) == (1,)
        assert starts(roads, np.array([50.0, HALF + 1.0]), np.pi) == (2,)

    @pytest.mark.parametrize(
        ('point', 'heading', 'words'),
        [
            ((50, 0), np.pi, 'faces against lanelet 1'),
            ((50, 0), np.pi / 2, 'faces across lanelet 1'),
            ((50, 14), 0.0, 'lanelet 5 is a sidewalk'),
            ((50, -14.05), 0.0, r'12\.3 m beside the nearest lanelet, 1'),
        ],
    )
    def test_car_that_cannot_start_is_told_where_it_is_and_why(self, point, heading, words):
        walk = straight(5, (0, 14), (100, 14), for_cars=False, kind='a sidewalk')
        roads = network(straight(1, (0, 0), (100, 0)), walk)
        with pytest.raises(ScenarioError, match=f'start is at .*{words}.*expected on the road'):
            starts(roads, np.array(point), heading)

    def test_car_on_a_sidewalk_does_not_start_on_the_road_beside_it(self):
        walk = straight(5, (0, -3.5), (100, -3.5), for_cars=False, kind='a sidewalk')
        roads = network(straight(1, (0, 0), (100, 0), right=(5, True)), walk)
        with pytest.raises(ScenarioError, match='lanelet 5 is a sidewalk'):
            starts(roads, np.array([50.0, -2.5]), 0.0)
        assert starts(roads, np.array([50.0, -1.7]), 0.0) == (1,)

    def test_car_in_a_lanelet_left_out_is_told_why_it_is(self):
        roads = network(straight(1, (0, 3), (9, 3)), left_out={7: BROKEN})
        with pytest.raises(ScenarioError, match='lanelet 7 there is left out: its bounds cross'):
            starts(roads, np.array([5.0, 0.0]), 0.0)
        assert starts(roads, np.array([5.0, 3.0]), 0.0) == (1,)


# A ring of four lanelets, 1 to 4, with 5 beside 1 on its left, and an exit 6 from 2.
RING = network(
    arc(1, (0, 0), 30.0, 0, 90, [2], [4], left=(5, True)),
    arc(2, (0, 0), 30.0, 90, 180, [3, 6], [1]),
    arc(3, (0, 0), 30.0, 180, 270, [4], [2]),
    arc(4, (0, 0), 30.0, 270, 360, [1], [3]),
    arc(5, (0, 0), 26.5, 0, 90, right=(1, True)),
    straight(6, (-30, 0), (-30, -80), [], [2]),
)


class TestRoutes:
    def test_goals_come_with_their_ways_cheapest_first(self):
        assert find_routes(RING, [1], [6, 3, 2]) == {2: [1, 2], 6: [1, 2, 6], 3: [1, 2, 3]}
        assert list(find_routes(RING, [1], [4, 2])) == [2, 4]

    def test_goal_in_the_lanelet_of_the_start_is_reached_at_once(self):
        assert find_routes(RING, [1], [1]) == {1: [1]}
        assert find_routes(RING, [1], [5]) == {5: [1, 5]}

    def test_goal_behind_the_car_is_reached_once_round(self):
        assert find_routes(RING, [1], [], around=[1]) == {1: [1, 2, 3, 4, 1]}
        assert find_routes(RING, [1], [1], around=[1]) == {1: [1, 2, 3, 4, 1]}
        assert find_routes(RING, [1], [], around=[5]) == {5: [1, 2, 3, 4, 1, 5]}

    def test_lanelet_that_follows_itself_is_a_lap(self):
        ring = network(arc(1, (0, 0), 30.0, 0, 360, [1], [1]))
        assert find_routes(ring, [1], [], around=[1]) == {1: [1, 1]}
        assert route_rows(ring, [1, 1]) == [[1], [1]]

    def test_goal_behind_the_car_on_a_road_that_ends_is_out_of_reach(self):
        assert find_routes(network(*RAMP), [1], [], around=[1]) == {}

    def test_first_start_is_kept_to_where_ways_are_much_the_same(self):
        merge = network(
            straight(1, (0, 0), (100, 0), [3]),
            straight(2, (20, 0), (100, 0), [3]),
            straight(3, (100, 0), (200, 0), [], [1, 2]),
        )
        assert find_routes(merge, [1, 2], [3]) == {3: [1, 3]}
        assert find_routes(merge, [2, 1], [3]) == {3: [2, 3]}

    def test_each_way_begins_with_the_start_that_it_is_cheapest_from(self):
        fork = network(
            straight(2, (0, 0), (60, 0)),
            arc(3, (0, 18), 18.0, -90, 0, [4]),
            straight(4, (18, 18), (18, 120), [], [3]),
        )
        assert find_routes(fork, [2, 3], [4, 2]) == {2: [2], 4: [3, 4]}

    def test_no_way_leads_over_what_is_no_road_for_cars(self):
        walk = straight(2, (0, 3.5), (100, 3.5), [4], right=(1, True), for_cars=False)
        roads = network(
            straight(1, (0, 0), (100, 0), [3], left=(2, True)),
            walk,
            straight(3, (100, 0), (200, 0), [], [1], for_cars=False),
            straight(4, (100, 3.5), (200, 3.5), [], [2]),
        )
        assert find_routes(roads, [1], [2, 3, 4]) == {}
        assert find_routes(roads, [2], [4]) == {}

    def test_route_is_not_extended_over_what_is_no_road_for_cars(self):
        roads = network(
            straight(1, (0, 0), (100, 0), [2], for_cars=False),
            straight(2, (100, 0), (200, 0), [3], [1]),
            straight(3, (200, 0), (300, 0), [], [2], for_cars=False),
        )
        assert extend_rows(roads, [[2]], True, 200.0) == [[2]]

    def test_reason_names_what_is_in_the_way(self):
        lane = straight(3, (200, 0), (300, 0), for_cars=False, kind='a bus lane')
        roads = network(
            straight(1, (0, 0), (100, 0), [3]),
            replace(lane, successors=(4,)),
            straight(4, (300, 0), (400, 0), [], [3]),
            straight(5, (0, 50), (100, 50)),
            straight(8, (500, 0), (600, 0)),
            left_out={7: LeftOut('its bounds cross', np.empty((0, 2)), (1,), (8,))},
        )
        no_way = 'no successors or lane changes lead from lanelet'
        assert reason_unreachable(roads, [1], 5) == f'{no_way} 1 to 5'
        assert (
            reason_unreachable(roads, [1, 5], 4)
            == f'{no_way} 1 or 5 to 4: lanelet 3 is a bus lane'
        )
        assert reason_unreachable(roads, [1], 3) == 'lanelet 3 is a bus lane'
        assert reason_unreachable(roads, [1], 7) == 'lanelet 7 is left out: its bounds cross'
        assert reason_unreachable(roads, [1], 9) == 'lanelet 9 is not in the file'
        assert reason_unreachable(roads, [1], 8).endswith(
            '1 to 8: lanelet 7 is left out: its bounds cross'
        )


def road_of(roads, route, start):
    rows = route_rows(roads, route)
    return rows, road_along(roads, rows, np.array(start, float), 30.0, CAR)


def assert_width(road, stations, left, right, atol=0.1):
    np.testing.assert_allclose(road.at('left_width', stations), left, atol=atol)
    np.testing.assert_allclose(road.at('right_width', stations), right, atol=atol)


class TestCorridor:
    def test_road_that_passes_over_itself_is_one_lane_wide_at_both_passes(self):
        _, road = road_of(network(*RAMP), [1, 2, 3], (20, 0))
        assert_width(road, road.station, HALF, HALF, atol=0.3)
        assert road.poses(road.end - RUN_OUT)[:2] == pytest.approx((65.0, -120.0), abs=0.1)

    def test_one_lanelet_that_passes_over_itself_is_one_lane_wide(self):
        parts = [each.center for each in RAMP]
        center = np.concatenate([parts[0], parts[1][1:], parts[2][1:]])
        _, road = road_of(network(lanelet(1, center)), [1], (20, 0))
        assert_width(road, road.station, HALF, HALF, atol=0.3)

    def test_road_back_beside_the_road_out_is_not_its_other_lane(self):
        roads = network(
            straight(1, (0, 0), (100, 0), [2]),
            arc(2, (100, HALF), HALF, -90, 90, [3], [1]),
            straight(3, (100, 2 * HALF), (0, 2 * HALF), [], [2]),
        )
        _, road = road_of(roads, [1, 2, 3], (20, 0))
        away = np.concatenate([np.arange(20.0, 80.0), np.arange(road.end - 80, road.end - 10)])
        assert_width(road, away, HALF, HALF)

    def test_lap_measures_each_pass_through_a_lanelet(self):
        _, road = road_of(RING, [2, 3, 4, 1, 2], (0, 30))
        quarter = 30 * np.pi / 2
        behind = road.end - 5 * quarter
        assert 13.0 < behind < 16.0
        for k, left in ((0.5, HALF), (2.5, HALF), (3.5, HALF + 3.5), (4.5, HALF)):
            assert_width(road, behind + k * quarter, left, HALF, atol=0.3)

    def test_lanes_that_lead_the_same_way_count_and_others_only_on_demand(self):
        roads = network(
            straight(1, (0, 0), (200, 0), left=(2, True), right=(5, True)),
            straight(2, (0, 3.5), (200, 3.5), left=(3, False), right=(1, True)),
            straight(3, (200, 7.0), (0, 7.0), left=(2, False), right=(4, True)),
            straight(5, (0, -3.5), (200, -3.5), left=(1, True), for_cars=False),
        )
        rows, road = road_of(roads, [1], (50, 0))
        assert_width(road, 100.0, HALF + 3.5, HALF)
        left, right = corridor(roads, rows, road, np.array([50.0, 0.0]), opposite=True)
        assert left[len(left) // 2] == pytest.approx(HALF + 7.0, abs=0.1)
        assert right[len(right) // 2] == pytest.approx(HALF, abs=0.1)

    def test_opposite_lanes_that_are_no_road_are_not_opened(self):
        roads = network(
            straight(1, (0, 0), (200, 0), left=(3, False)),
            straight(3, (200, 3.5), (0, 3.5), left=(1, False), for_cars=False),
        )
        rows, road = road_of(roads, [1], (50, 0))
        left, _ = corridor(roads, rows, road, np.array([50.0, 0.0]), opposite=True)
        np.testing.assert_allclose(left, HALF, atol=0.1)

    def test_lanelets_that_lead_along_the_path_count_without_being_neighbours(self):
        beside = straight(2, (60, 3.5), (140, 3.5))
        across = straight(3, (100, -60), (100, 60))
        _, road = road_of(network(straight(1, (0, 0), (200, 0)), beside, across), [1], (20, 0))
        assert_width(road, np.array([100.0, 130.0]), HALF + 3.5, HALF, atol=0.2)
        assert_width(road, np.array([30.0, 190.0]), HALF, HALF)

    def test_a_lane_too_narrow_for_the_car_takes_in_the_road_beside_it(self):
        narrow = straight(1, (0, 0), (200, 0), left=(2, False), half=1.0)
        oncoming = straight(2, (200, 2.0), (0, 2.0), left=(1, False), half=1.0)
        _, road = road_of(network(narrow, oncoming), [1], (50, 0))
        lacking = CAR.width + ROOM - 2.0
        assert_width(road, 100.0, 1.0 + lacking, 1.0)
        _, alone = road_of(network(narrow), [1], (50, 0))
        assert_width(alone, 100.0, 1.0, 1.0)

    def test_a_turn_has_room_for_what_the_car_sweeps_where_there_is_road(self):
        turn = [arc(2, (50, 6), 6.0, -90, 0, [3], [1])]
        ours = [straight(1, (0, 0), (50, 0), [2]), *turn, straight(3, (56, 6), (56, 60), [], [2])]
        square = straight(4, (30, 20), (70, -20), half=40.0)
        _, tight = road_of(network(*ours), [1, 2, 3], (20, 0))
        _, roomy = road_of(network(*ours, square), [1, 2, 3], (20, 0))
        at = tight.station[np.argmax(np.abs(tight.curvature))]
        gained = [roomy.at(s, at) - tight.at(s, at) for s in ('left_width', 'right_width')]
        assert min(gained) > 0.1
        wanted = CAR.swept_width(tight.at('curvature', at)) + ROOM
        room = roomy.at('left_width', at) + roomy.at('right_width', at)
        assert room == pytest.approx(wanted, abs=0.3)

    def test_an_edge_turns_no_more_than_a_car_can_follow(self):
        wide = [straight(i, (50 * i, 0), (50 * i + 50, 0), [i + 1], [i - 1]) for i in range(4)]
        beside = straight(9, (100, 3.5), (150, 3.5))  # begins and ends at once
        _, road = road_of(network(*wide, beside), [0, 1, 2, 3], (20, 0))
        for width in (road.left_width, road.right_width):
            assert np.abs(np.diff(width) / np.diff(road.station)).max() <= SLOPE + 1e-6
        assert road.at('left_width', 125.0) > road.at('left_width', 50.0) + 3.0

    def test_path_goes_straight_on_where_the_map_ends(self):
        _, road = road_of(network(straight(1, (0, 0), (100, 0))), [1], (50, 0))
        assert road.poses(road.end)[:2] == pytest.approx((100.0 + RUN_OUT, 0.0), abs=0.1)
        assert_width(road, np.array([road.end]), HALF, HALF)

    def test_oblique_ends_of_lanelets_leave_no_notch(self):
        first, second = straight(1, (0, 0), (100, 0), [2]), straight(2, (100, 0), (200, 0))
        second.right[0] += [0.12, 0.0]
        second.left[0] += [0.12, 0.0]
        _, road = road_of(network(first, second), [1, 2], (20, 0))
        assert_width(road, road.station, HALF, HALF, atol=0.05)

    @pytest.mark.parametrize(('side', 'other'), [('left', 'right'), ('right', 'left')])
    def test_where_lanelets_are_apart_on_one_side_the_road_ends_where_the_gap_opens(
        self, side, other
    ):
        first, second = straight(1, (0, 0), (100, 0), [2]), straight(2, (100, 0), (200, 0))
        getattr(second, side)[0] += [1.5 * PASSABLE, 0.0]
        _, road = road_of(network(first, second), [1, 2], (20, 0))
        at = road.station[np.abs(road.x - 100.0).argmin()]
        assert road.at(f'{side}_width', at) == pytest.approx(2 * HALF / 1.5 - HALF, abs=0.1)
        assert road.at(f'{other}_width', at) == pytest.approx(HALF, abs=0.05)
        assert_width(road, np.array([60.0, 140.0]), HALF, HALF, atol=0.05)

    def test_a_lane_with_too_little_room_takes_none_in_a_gap(self):
        first = straight(1, (0, 0), (100, 0), [2], left=(4, False), half=1.0)
        second = straight(2, (100, 0), (200, 0), left=(3, False), half=1.0)
        second.left[0] += [1.5 * PASSABLE, 0.0]
        oncoming = (
            straight(3, (200, 2.5), (100.2, 2.5), [4], left=(2, False), half=1.5),
            straight(4, (99.9, 2.5), (0, 2.5), left=(1, False), half=1.5),
        )
        _, road = road_of(network(first, second, *oncoming), [1, 2], (20, 0))
        at = road.station[np.abs(road.x - 100.0).argmin()] + np.array([-0.5, 0.0, 0.5])
        np.testing.assert_allclose(road.at('left_width', at), 2.0 / 1.5 - 1.0, atol=0.1)
        assert road.at('left_width', 60.0) > 1.5

    def test_a_gap_that_another_lanelet_lies_over_is_none(self):
        first, second = straight(1, (0, 0), (100, 0), [2]), straight(2, (100, 0), (200, 0))
        second.left[0] += [1.5 * PASSABLE, 0.0]
        over = straight(3, (100, 20), (100, -20), half=10.0)
        _, road = road_of(network(first, second, over), [1, 2], (20, 0))
        assert road.at('left_width', road.station[np.abs(road.x - 100.0).argmin()]) > HALF - 0.05

    def test_a_gap_on_the_path_itself_is_the_map_s(self):
        first, second = straight(1, (0, 0), (100, 0), [2]), straight(2, (100, 0), (200, 0))
        second.left[0] += [3 * PASSABLE, 0.0]
        _, road = road_of(network(first, second), [1, 2], (20, 0))
        assert_width(road, road.station, HALF, HALF, atol=0.05)

    def test_stretches_follow_one_another_along_the_road(self):
        rows, road = road_of(network(*RAMP), [1, 2, 3], (5, 0))
        (a, b), (c, d), (e, f) = stretches(network(*RAMP), rows, road, np.array([5.0, 0.0]))
        assert a == pytest.approx(10.0, abs=0.5)
        assert b == pytest.approx(c, abs=0.5)
        assert d == pytest.approx(e, abs=0.5)
        assert f == pytest.approx(road.end - RUN_OUT, abs=0.1)
        assert road.poses(b)[:2] == pytest.approx((90.0, 0.0), abs=1.0)

    def test_path_knows_the_lanelet_of_each_of_its_points(self):
        roads = network(
            straight(1, (0, 0), (200, 0), left=(2, True)),
            straight(2, (0, 3.5), (200, 3.5), [3], right=(1, True)),
            straight(3, (200, 3.5), (300, 3.5), [], [2]),
        )
        path = reference_path(roads, [[1, 2], [3]], np.array([20.0, 0.0]))
        for point, id_ in zip(path.points[:-1], path.lanelets[:-1], strict=True):
            assert roads[id_].distance(point) < 0.01
        assert set(path.lanelets) == {1, 2, 3}


class TestSpeedLimit:
    def test_each_lanelet_has_its_own_limit_and_those_without_the_default(self):
        roads = network(
            straight(1, (0, 0), (100, 0), [2], speed_limit=10.0),
            straight(2, (100, 0), (200, 0), [3], [1]),
            straight(3, (200, 0), (300, 0), [], [2], speed_limit=20.0),
        )
        _, road = road_of(roads, [1, 2, 3], (30, 0))
        at = road.at('speed_limit', [5.0, 98.0, 102.0, 198.0, 202.0, 290.0])
        np.testing.assert_allclose(at, [10.0, 10.0, 30.0, 30.0, 20.0, 20.0])

    def test_limit_changes_with_the_lane(self):
        roads = network(
            straight(1, (0, 0), (200, 0), left=(2, True), speed_limit=10.0),
            straight(2, (0, 3.5), (200, 3.5), right=(1, True), speed_limit=20.0),
        )
        _, road = road_of(roads, [1, 2], (20, 0))
        lane = road.y > HALF
        assert set(road.speed_limit[~lane & (road.y < HALF - 0.3)]) == {10.0}
        assert set(road.speed_limit[lane & (road.y > HALF + 0.3)]) == {20.0}


def test_drivable_area_holds_the_lanes_of_both_directions_and_no_sidewalk():
    roads = network(
        straight(1, (0, 0), (100, 0)),
        straight(2, (100, 3.5), (0, 3.5)),
        straight(3, (0, -3.5), (100, -3.5), for_cars=False),
    )
    area = drivable_area(roads)
    assert len(area) == 2
    corners = np.concatenate(area)
    assert (corners[:, 1].min(), corners[:, 1].max()) == (-HALF, 3 * HALF)
    assert len(drivable_area(network(*RAMP))) > 3


def test_drivable_area_leaves_gaps_between_lanelets_as_they_are():
    roads = network(
        straight(1, (0, 0), (100, 0), [2]),
        straight(2, (100.3, 0), (200, 0), [3]),
        straight(3, (201, 0), (300, 0)),
    )
    assert len(drivable_area(roads)) == 3
