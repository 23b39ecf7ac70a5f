# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The CommonRoad reader: on a small file made here, on broken ones, and on the shared ones."""

import logging
from pathlib import Path

import numpy as np
import pytest

from warmstart_planner.problem import KeepSpeed, StationGoal
from warmstart_planner.scenarios import ScenarioError, load_scenario
from warmstart_planner.scenarios.commonroad import read_commonroad

SHARED = Path(__file__).resolve().parents[3] / 'shared' / 'scenarios'
SHARED_FILES = sorted(SHARED.glob('*.xml'))
MUST_DRIVE = ('USA_US101-8_1_T-1', 'C-DEU_B471-1_5_T-1', 'DEU_IV21-1_2_T-1')
needs_shared = pytest.mark.skipif(
    not SHARED_FILES, reason=f'{SHARED} is absent: no CommonRoad files to read'
)

# Two lanes to the east, of two lanelets each (10, 11 on the right; 20, 21 on their left), and the
# oncoming lane 30 to the left of those; every lane is 4 m wide, the right lane's middle is y = 0.


def points(xs, y):
    return ''.join(f'<point><x>{x}</x><y>{y}</y></point>' for x in xs)


def lanelet(id_, xs, y, extra):
    turn = 1 if xs[-1] > xs[0] else -1
    left, right = points(xs, y + 2 * turn), points(xs, y - 2 * turn)
    return (
        f'<lanelet id="{id_}"><leftBound>{left}</leftBound><rightBound>{right}</rightBound>'
        f'{extra}</lanelet>'
    )


def same(tag, ref):
    return f'<{tag} ref="{ref}" drivingDir="same"/>'


FIRST, SECOND = (0, 25, 50, 75, 100), (100, 150, 200)
LANELETS = (
    lanelet(10, FIRST, 0, '<successor ref="11"/>' + same('adjacentLeft', 20)),
    lanelet(11, SECOND, 0, '<predecessor ref="10"/>' + same('adjacentLeft', 21)),
    lanelet(
        20,
        FIRST,
        4,
        '<successor ref="21"/>'
        + same('adjacentRight', 10)
        + '<adjacentLeft ref="30" drivingDir="opposite"/><speedLimit>15.5</speedLimit>',
    ),
    lanelet(21, SECOND, 4, '<predecessor ref="20"/>' + same('adjacentRight', 11)),
    lanelet(30, FIRST[::-1], 8, '<adjacentLeft ref="20" drivingDir="opposite"/>'),
)
CAR = '<shape><rectangle><length>5</length><width>2</width></rectangle></shape>'


def exact(tag, value):
    return f'<{tag}><exact>{value}</exact></{tag}>'


def interval(tag, low, high):
    return f'<{tag}><intervalStart>{low}</intervalStart><intervalEnd>{high}</intervalEnd></{tag}>'


def at(x, y, time, turn=0.0):
    place = f'<position><point><x>{x}</x><y>{y}</y></point></position>'
    return place + exact('orientation', turn) + exact('time', time)


PARKED = (
    f'<staticObstacle id="1"><type>parkedVehicle</type>{CAR}'
    f'<initialState>{at(60, 0, 0)}</initialState></staticObstacle>'
)
START = at(30, 0, 0) + exact('velocity', 10)
GOAL = '<position><lanelet ref="11"/></position>' + interval('time', 60, 100)


def document(obstacles=PARKED, start=START, goal=GOAL, lanelets=LANELETS, version='2020a'):
    return (
        f'<?xml version="1.0"?><commonRoad timeStepSize="0.1" commonRoadVersion="{version}" '
        f'benchmarkID="ZAM_Test-1_1" source="test">{"".join(lanelets)}{obstacles}'
        f'<planningProblem id="7"><initialState>{start}</initialState>'
        f'<goalState>{goal}</goalState></planningProblem></commonRoad>'
    )


@pytest.fixture
def read(tmp_path):
    def from_text(text):
        path = tmp_path / 'trial.xml'
        path.write_text(text)
        return load_scenario(path)

    return from_text


def widths(scenario, x):
    station, offset = scenario.road.project([x, 0.0])
    left = scenario.road.at('left_width', station) - offset
    right = scenario.road.at('right_width', station) + offset
    return float(left), float(right)


class TestRoute:
    def test_position_is_the_centre_and_the_state_the_rear_axle(self, read):
        scenario = read(document())
        np.testing.assert_allclose(scenario.center(scenario.initial_state)[:2], [30.0, 0.0])
        assert scenario.initial_state[0] == pytest.approx(30.0 - scenario.car.rear_to_center)
        assert scenario.initial_state[3] == 10.0
        assert scenario.duration == pytest.approx(10.0)

    def test_road_follows_the_lane_and_holds_all_lanes_of_our_direction(self, read):
        scenario = read(document())
        for x in (20.0, 100.0, 180.0):
            station, offset = scenario.road.project([x, 0.0])
            assert abs(offset) < 0.05
            left, right = widths(scenario, x)
            assert left == pytest.approx(6.0, abs=0.05)
            assert right == pytest.approx(2.0, abs=0.05)

    def test_goal_lanelet_is_a_station_a_little_inside_it(self, read):
        scenario = read(document())
        assert isinstance(scenario.goal, StationGoal)
        x = scenario.road.poses(scenario.goal.station)[0] + scenario.car.rear_to_center
        assert 100.5 < x < 106.0

    def test_goal_in_the_lane_beside_moves_the_path_over(self, read):
        region = (
            '<position><rectangle><length>4</length><width>2</width><orientation>0</orientation>'
            '<center><x>150</x><y>4</y></center></rectangle></position>'
        )
        goal = region + interval('velocity', 11, 13) + interval('time', 60, 100)
        scenario = read(document(goal=goal))
        x, y, _ = scenario.road.poses(scenario.goal.station)
        assert (x + scenario.car.rear_to_center, y) == pytest.approx((150.0, 4.0), abs=0.2)
        assert scenario.goal.speed == 12.0
        begin = scenario.road.project(scenario.initial_state[:2])[1]
        assert abs(begin) < 0.1
        assert np.abs(scenario.road.curvature).max() < 0.02

    def test_goal_without_a_place_means_to_keep_driving(self, read):
        scenario = read(document(goal=interval('time', 40, 50)))
        assert scenario.goal == KeepSpeed(10.0)
        assert scenario.duration == pytest.approx(5.0)

    def test_speed_limit_comes_from_the_lanelet_or_its_sign(self, read):
        sign = (
            '<trafficSign id="5"><trafficSignElement><trafficSignID>274</trafficSignID>'
            '<additionalValue>12.5</additionalValue></trafficSignElement></trafficSign>'
        )
        lanes = list(LANELETS)
        lanes[0] = lanes[0].replace('</lanelet>', '<trafficSignRef ref="5"/></lanelet>')
        scenario = read(document(lanelets=lanes, obstacles=PARKED + sign))
        assert scenario.road.at('speed_limit', 40.0) == pytest.approx(12.5)

    def test_opposite_lane_opens_only_where_something_that_stands_blocks_ours(self, read):
        block = (
            '<staticObstacle id="2"><type>unknown</type><shape><rectangle><length>2</length>'
            f'<width>7</width></rectangle></shape><initialState>{at(80, 2, 0)}</initialState>'
            '</staticObstacle>'
        )
        scenario = read(document(obstacles=block))
        assert widths(scenario, 80.0)[0] == pytest.approx(10.0, abs=0.05)
        assert widths(scenario, 30.0)[0] == pytest.approx(6.0, abs=0.05)
        assert widths(read(document()), 80.0)[0] == pytest.approx(6.0, abs=0.05)

    def test_start_near_the_networks_edge_gets_a_road_behind_it(self, read):
        scenario = read(document(start=at(3, 0, 0) + exact('velocity', 10)))
        station, _ = scenario.road.project(scenario.initial_state[:2])
        assert station >= 10.0


class TestTraffic:
    def test_trajectory_of_both_formats_is_read_alike(self, read):
        states = ''.join(f'<state>{at(60 + k, 4, k)}</state>' for k in range(1, 5))
        body = f'{CAR}<initialState>{at(60, 4, 0)}</initialState><trajectory>{states}</trajectory>'
        new = f'<dynamicObstacle id="1"><type>truck</type>{body}</dynamicObstacle>'
        old = f'<obstacle id="1"><role>dynamic</role><type>truck</type>{body}</obstacle>'
        for text in (document(obstacles=new), document(obstacles=old, version='2018b')):
            (truck,) = read(text).traffic
            assert truck.kind == 'truck'
            assert (truck.half_length, truck.half_width, truck.radius) == (2.5, 1.0, 0.0)
            np.testing.assert_allclose(truck.pose_at(0.25), [62.5, 4.0, 0.0])
            assert truck.pose_at(0.5) is None

    def test_intervals_become_their_middle(self, read):
        state = at(60, 4, 0).replace(exact('orientation', 0.0), interval('orientation', 0.1, 0.3))
        text = PARKED.replace(at(60, 0, 0), state)
        (parked,) = read(document(obstacles=text)).traffic
        assert parked.poses[0, 2] == pytest.approx(0.2)

    def test_what_a_state_leaves_open_makes_the_shape_larger(self, read):
        state = at(60, 4, 0).replace(exact('orientation', 0.0), interval('orientation', 0.1, 0.3))
        text = PARKED.replace(at(60, 0, 0), state)
        (turned,) = read(document(obstacles=text)).traffic
        c, s = np.cos(0.1), np.sin(0.1)
        sizes = [2.5 * c + 1.0 * s, 1.0 * c + 2.5 * s, 0.0]
        np.testing.assert_allclose(turned.size_at(0.0), sizes)
        region = '<circle><radius>0.7</radius><center><x>60</x><y>4</y></center></circle>'
        text = PARKED.replace('<point><x>60</x><y>0</y></point>', region)
        (somewhere,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(somewhere.size_at(0.0), [2.5, 1.0, 0.7])
        region = (
            '<rectangle><length>2</length><width>1</width><orientation>1.5707963267948966'
            '</orientation><center><x>60</x><y>4</y></center></rectangle>'
        )
        text = PARKED.replace('<point><x>60</x><y>0</y></point>', region)
        (somewhere,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(somewhere.size_at(0.0), [3.0, 2.0, 0.0])

    def test_circle_and_polygon_and_shifted_rectangle(self, read):
        circle = '<circle><radius>0.6</radius></circle>'
        polygon = f'<polygon>{points((-1, 3), 0)}{points((3, -1), 2)}</polygon>'
        shifted = (
            '<rectangle><length>4</length><width>2</width><orientation>0.5</orientation>'
            '<center><x>1</x><y>0</y></center></rectangle>'
        )
        obstacles = ''.join(
            f'<staticObstacle id="{i}"><type>unknown</type><shape>{shape}</shape>'
            f'<initialState>{at(60 + 20 * i, 0, 0, np.pi / 2)}</initialState></staticObstacle>'
            for i, shape in enumerate((circle, polygon, shifted))
        )
        disc, area, moved = read(document(obstacles=obstacles)).traffic
        assert (disc.half_length, disc.half_width, disc.radius) == (0.0, 0.0, 0.6)
        assert sorted((area.half_length, area.half_width)) == pytest.approx([1.0, 2.0])
        np.testing.assert_allclose(area.poses[0, :2], [79.0, 1.0], atol=1e-9)
        np.testing.assert_allclose(moved.poses[0], [100.0, 1.0, np.pi / 2 + 0.5], atol=1e-9)

    def test_occupancy_set_becomes_a_motion(self, read):
        areas = ''.join(
            '<occupancy><shape><rectangle><length>6</length><width>2</width>'
            f'<center><x>{60 + k}</x><y>4</y></center></rectangle></shape>'
            f'{interval("time", k, k)}</occupancy>'
            for k in range(1, 4)
        )
        text = (
            f'<dynamicObstacle id="1"><type>car</type>{CAR}<initialState>{at(60, 4, 0)}'
            f'</initialState><occupancySet>{areas}</occupancySet></dynamicObstacle>'
        )
        (car,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(car.size_at(0.2), [3.0, 1.0, 0.0])
        np.testing.assert_allclose(car.pose_at(0.2)[:2], [62.0, 4.0])

    def test_times_count_from_the_problems_start(self, read):
        states = ''.join(f'<state>{at(60 + k, 4, k)}</state>' for k in range(1, 30))
        text = (
            f'<dynamicObstacle id="1"><type>car</type>{CAR}<initialState>{at(60, 4, 0)}'
            f'</initialState><trajectory>{states}</trajectory></dynamicObstacle>'
        )
        start = at(30, 0, 10) + exact('velocity', 10)
        scenario = read(document(obstacles=text, start=start))
        np.testing.assert_allclose(scenario.traffic[0].pose_at(0.0)[:2], [70.0, 4.0])
        assert scenario.duration == pytest.approx(9.0)


def occupancy(shape, time):
    return f'<occupancy><shape>{shape}</shape>{time}</occupancy>'


def rectangle(x, y, length=4.0, width=2.0, turn=0.0):
    return (
        f'<rectangle><length>{length}</length><width>{width}</width><orientation>{turn}'
        f'</orientation><center><x>{x}</x><y>{y}</y></center></rectangle>'
    )


def polygon(corners):
    return (
        f'<polygon>{"".join(f"<point><x>{x}</x><y>{y}</y></point>" for x, y in corners)}</polygon>'
    )


def circle(x, y, radius):
    return f'<circle><radius>{radius}</radius><center><x>{x}</x><y>{y}</y></center></circle>'


def dynamic(prediction='', state=None, shape=CAR, kind='car'):
    state = at(60, 4, 0) + exact('velocity', 10) if state is None else state
    return (
        f'<dynamicObstacle id="1"><type>{kind}</type>{shape}<initialState>{state}</initialState>'
        f'{prediction}</dynamicObstacle>'
    )


def sets(*occupancies):
    return f'<occupancySet>{"".join(occupancies)}</occupancySet>'


def phantom(*occupancies):
    return f'<phantomObstacle id="6">{sets(*occupancies)}</phantomObstacle>'


def trajectory(*states):
    return f'<trajectory>{"".join(f"<state>{state}</state>" for state in states)}</trajectory>'


def moving_at(x, y, time, *velocity):
    place = f'<position><point><x>{x}</x><y>{y}</y></point></position>{exact("time", time)}'
    tags = ('velocity', 'velocityY')
    return place + ''.join(exact(t, v) for t, v in zip(tags, velocity, strict=False))


def covered(participants, point, t=0.0):
    """Tell whether a point lies in a participant at a time."""
    for each in participants:
        pose = each.pose_at(t)
        if pose is None:
            continue
        c, s = np.cos(pose[2]), np.sin(pose[2])
        local = np.abs(np.array([[c, s], [-s, c]]) @ (np.asarray(point) - pose[:2]))
        length, width, radius = each.size_at(t)
        if np.hypot(*np.maximum(local - [length, width], 0.0)) <= radius + 1e-6:
            return True
    return False


class TestSets:
    def test_each_time_has_its_own_set_even_where_the_last_holds_the_start(self, read):
        areas = [
            occupancy(rectangle(60 + k / 2, 0, 4 + 2 * k, 2), exact('time', k))
            for k in range(1, 40)
        ]
        (car,) = read(document(obstacles=dynamic(sets(*areas), at(60, 0, 0)))).traffic
        for t in (0.1, 1.25, 3.9):
            np.testing.assert_allclose(car.size_at(t), [2 + 10 * t, 1.0, 0.0])
            np.testing.assert_allclose(car.pose_at(t), [60 + 5 * t, 0.0, 0.0])

    @pytest.mark.parametrize('heading', [0.0, np.pi / 2, np.pi, -2.0, 0.8])
    @pytest.mark.parametrize('first', range(4))
    def test_a_set_lies_along_its_way_wherever_its_polygon_begins(self, read, heading, first):
        c, s = np.cos(heading), np.sin(heading)
        corners = np.array([[2.2, -0.9], [2.2, 0.9], [-2.2, 0.9], [-2.2, -0.9]]) @ [
            [c, s],
            [-s, c],
        ]
        areas = [
            occupancy(
                polygon(np.roll(corners, first * k, axis=0) + [60 + k * c, 4 + k * s]),
                exact('time', k),
            )
            for k in range(9)
        ]
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        assert not seen.varies
        assert (seen.half_length, seen.half_width) == pytest.approx((2.2, 0.9))
        np.testing.assert_allclose(np.cos(seen.poses[:, 2] - heading), 1.0, atol=1e-9)

    def test_a_set_keeps_the_heading_of_the_body(self, read):
        lying = [
            occupancy(rectangle(60 + k, 4, 2.0, 5.0, np.pi / 2), exact('time', k))
            for k in range(1, 9)
        ]
        (car,) = read(document(obstacles=dynamic(sets(*lying)))).traffic
        assert not car.varies and car.half_length == pytest.approx(2.5)
        np.testing.assert_allclose(car.poses[:, 2], 0.0, atol=1e-12)

    def test_circles_are_discs_that_grow(self, read):
        areas = [occupancy(circle(60, 4, 1 + k / 10), exact('time', k)) for k in range(11)]
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        np.testing.assert_allclose(seen.size_at(0.5), [0.0, 0.0, 1.5])

    def test_an_interval_holds_from_its_start_to_its_end(self, read):
        areas = (
            occupancy(rectangle(60, 4, 4, 2), interval('time', 2, 10)),
            occupancy(rectangle(70, 4, 8, 2), interval('time', 10, 20)),
        )
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        assert seen.pose_at(0.19) is None and seen.pose_at(2.01) is None
        for t, x, half in ((0.2, 60, 2), (0.6, 60, 2), (0.99, 60, 2), (1.01, 70, 4), (2.0, 70, 4)):
            np.testing.assert_allclose(seen.pose_at(t), [x, 4, 0], atol=1e-9)
            np.testing.assert_allclose(seen.size_at(t), [half, 1, 0], atol=1e-9)
        for x in (58, 74):
            assert covered([seen], (x, 4), 1.0)

    def test_shapes_far_apart_leave_room_between_them(self, read):
        both = rectangle(60, 0) + rectangle(90, 8)
        areas = [occupancy(both, exact('time', k)) for k in range(9)]
        parts = read(document(obstacles=phantom(*areas))).traffic
        assert len({each.name for each in parts}) == len(parts) == 2
        assert covered(parts, (60, 0), 0.4) and covered(parts, (90, 8), 0.4)
        assert not covered(parts, (75, 4), 0.4)

    def test_shapes_that_touch_are_one(self, read):
        both = rectangle(60, 4) + rectangle(64, 4)
        areas = [occupancy(both, exact('time', k)) for k in range(9)]
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        assert (seen.half_length, seen.half_width) == pytest.approx((4.0, 1.0))

    def test_a_phantom_is_traffic(self, read):
        areas = [occupancy(rectangle(90, 0), exact('time', k)) for k in range(5, 60)]
        scenario = read(document(obstacles=phantom(*areas)))
        (seen,) = scenario.traffic
        assert seen.pose_at(0.4) is None
        np.testing.assert_allclose(seen.pose_at(3.0), [90, 0, 0])
        assert scenario.problem_at(3.0, scenario.initial_state).obstacles

    def test_a_phantom_that_is_nowhere_is_named(self, read, caplog):
        assert read(document(obstacles='<phantomObstacle id="6"/>')).traffic == ()
        assert 'phantomObstacle 6' in caplog.text


class TestMotion:
    def test_without_prediction_it_goes_on_with_its_velocity(self, read):
        state = at(60, 4, 0, 0.3) + exact('velocity', 12)
        scenario = read(document(obstacles=dynamic(state=state)))
        (car,) = scenario.traffic
        for t in (0.0, 3.7, scenario.duration):
            way = 12 * t * np.array([np.cos(0.3), np.sin(0.3)])
            np.testing.assert_allclose(car.pose_at(t), [60 + way[0], 4 + way[1], 0.3])
        seen = car.obstacle_at(9.95, scenario.problem_at(0.0, scenario.initial_state).horizon)
        assert np.hypot(*np.diff(seen.poses_at(20)[:, :2], axis=0).T) == pytest.approx(1.2)

    def test_without_prediction_an_uncertain_velocity_spreads_it(self, read):
        state = at(60, 4, 0) + interval('velocity', 8, 12)
        (car,) = read(document(obstacles=dynamic(state=state))).traffic
        np.testing.assert_allclose(car.pose_at(2.0), [80, 4, 0])
        np.testing.assert_allclose(car.size_at(2.0), [2.5 + 4, 1, 0])

    @pytest.mark.parametrize('state', [at(60, 4, 0), at(60, 4, 0) + exact('velocity', 0)])
    def test_without_velocity_it_stands(self, read, state):
        scenario = read(document(obstacles=dynamic(state=state)))
        for t in (0.0, scenario.duration):
            np.testing.assert_allclose(scenario.traffic[0].pose_at(t), [60, 4, 0])

    def test_it_is_there_from_its_first_time_on(self, read):
        late = dynamic(state=at(60, 4, 30) + exact('velocity', 5))
        (car,) = read(document(obstacles=late)).traffic
        assert car.pose_at(2.9) is None
        np.testing.assert_allclose(car.pose_at(4.0), [65, 4, 0])

    @pytest.mark.parametrize('heading', [0.0, 1.2, -2.5, np.pi])
    @pytest.mark.parametrize('velocities', [True, False])
    def test_heading_comes_from_velocity_or_way(self, read, heading, velocities):
        c, s = np.cos(heading), np.sin(heading)
        states = [
            moving_at(60 + k * c, 4 + k * s, k, *((10 * c, 10 * s) if velocities else (10,)))
            for k in range(1, 20)
        ]
        text = dynamic(trajectory(*states), at(60, 4, 0, heading))
        (car,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(np.cos(car.poses[:, 2] - heading), 1.0, atol=1e-9)

    def test_heading_is_held_while_standing(self, read):
        first = [moving_at(60, 4 + k, k, 0, 10) for k in range(1, 6)]
        then = [moving_at(60, 9, k, 0, 0) for k in range(6, 12)]
        (car,) = read(document(obstacles=dynamic(trajectory(*first, *then), at(60, 4, 0)))).traffic
        np.testing.assert_allclose(car.poses[1:, 2], np.pi / 2)
        still = [moving_at(60, 4, k, 0, 0) for k in range(1, 6)]
        (car,) = read(document(obstacles=dynamic(trajectory(*still), at(60, 4, 0, 0.4)))).traffic
        np.testing.assert_allclose(car.poses[:, 2], 0.4)

    @pytest.mark.parametrize('first', range(4))
    def test_a_body_lies_along_its_heading_wherever_its_polygon_begins(self, read, first):
        corners = np.array([[3.4, -0.9], [3.4, 0.9], [-1.0, 0.9], [-1.0, -0.9]])
        shape = f'<shape>{polygon(np.roll(corners, first, axis=0))}</shape>'
        states = [at(60 + k, 4, k) for k in range(1, 5)]
        (car,) = read(document(obstacles=dynamic(trajectory(*states), shape=shape))).traffic
        assert (car.half_length, car.half_width) == pytest.approx((2.2, 0.9))
        np.testing.assert_allclose(car.pose_at(0.3), [64.2, 4, 0], atol=1e-9)

    def test_a_short_gap_is_interpolated(self, read):
        states = [at(60 + k, 4, k) for k in (1, 2, 3, 13, 14)]
        (car,) = read(document(obstacles=dynamic(trajectory(*states)))).traffic
        np.testing.assert_allclose(car.pose_at(0.8), [68, 4, 0])

    def test_over_a_long_gap_it_is_gone(self, read):
        states = [at(60 + k, 4, k) for k in (1, 2, 3, 14, 15, 40)]
        visits = read(document(obstacles=dynamic(trajectory(*states)))).traffic
        assert len({each.name for each in visits}) == len(visits) == 3
        there = {
            t: [v.pose_at(t) for v in visits if v.pose_at(t) is not None]
            for t in (0.2, 0.5, 1.2, 1.45, 2.0, 4.0, 5.0)
        }
        assert [len(each) for each in there.values()] == [1, 0, 0, 1, 0, 1, 0]
        np.testing.assert_allclose(there[1.45][0], [74.5, 4, 0])
        np.testing.assert_allclose(there[4.0][0], [100, 4, 0])


class TestStanding:
    L_SHAPE = ((70, 10), (90, 10), (90, 12), (72, 12), (72, 40), (70, 40))

    def environment(self, shape, kind='building'):
        return (
            f'<environmentObstacle id="8"><type>{kind}</type><shape>{shape}</shape>'
            '</environmentObstacle>'
        )

    def test_an_environment_obstacle_stands_where_its_shape_is(self, read):
        (wall,) = read(document(obstacles=self.environment(rectangle(80, 12, 10, 2, 0.4)))).traffic
        np.testing.assert_allclose(wall.pose_at(5.0), [80, 12, 0.4])
        assert (wall.half_length, wall.half_width, wall.kind) == (5.0, 1.0, 'static')

    @pytest.mark.parametrize('turn', [1, -1])
    def test_a_building_takes_the_room_that_it_has_and_no_more(self, read, turn):
        building = polygon(self.L_SHAPE[::turn])
        parts = read(document(obstacles=self.environment(building))).traffic
        for point in ((71, 11), (89.9, 11.9), (71, 39), (70, 10), (72, 40)):
            assert covered(parts, point)
        for point in ((80, 20), (73, 13), (89, 13), (69.5, 20)):
            assert not covered(parts, point)

    def test_a_wall_along_a_bend_leaves_the_bend_free(self, read):
        angles = np.linspace(0.0, np.pi / 2, 15)
        arc = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        corners = np.concatenate([40 * arc, 41 * arc[::-1]]) + [60, 20]
        parts = read(document(obstacles=self.environment(polygon(corners)))).traffic
        assert len(parts) <= 16
        for angle in np.linspace(0.01, np.pi / 2 - 0.01, 40):
            way = np.array([np.cos(angle), np.sin(angle)])
            assert covered(parts, 40.5 * way + [60, 20])
            assert not covered(parts, 38.8 * way + [60, 20])

    def test_a_polygon_of_a_static_obstacle_is_turned_with_it(self, read):
        corners = np.array(self.L_SHAPE) - [70, 10]
        text = (
            f'<staticObstacle id="2"><type>building</type><shape>{polygon(corners)}</shape>'
            f'<initialState>{at(80, 10, 0, np.pi / 2)}</initialState></staticObstacle>'
        )
        parts = read(document(obstacles=text)).traffic
        assert covered(parts, (79, 29)) and covered(parts, (51, 11))
        assert not covered(parts, (70, 20))

    def test_static_obstacles_of_the_older_format_stand(self, read):
        old = PARKED.replace('staticObstacle', 'obstacle').replace(
            '<type>', '<role>static</role><type>'
        )
        (parked,) = read(document(obstacles=old, version='2018b')).traffic
        np.testing.assert_allclose(parked.pose_at(1e3), [60, 0, 0])


class TestWarnings:
    def test_what_is_not_read_is_named_once(self, read, caplog):
        extra = '<horse id="1"/><horse id="2"/><cart id="3"/>'
        odd = PARKED.replace('</staticObstacle>', '<mood/></staticObstacle>')
        read(document(obstacles=extra + odd))
        assert [r.levelno for r in caplog.records] == [logging.WARNING] * 2
        assert caplog.text.count('horse') == 1 and 'cart' in caplog.text
        assert 'staticObstacle/mood' in caplog.text

    def test_lights_are_said_not_to_be_obeyed(self, read, caplog):
        read(document(obstacles='<trafficLight id="1"/>'))
        assert 'traffic lights are not obeyed' in caplog.text

    def test_nothing_is_said_of_what_does_not_matter(self, read, caplog):
        harmless = '<location/><scenarioTags/><intersection id="3"/>'
        signals = '<initialSignalState/><signalSeries/></staticObstacle>'
        read(document(obstacles=harmless + PARKED.replace('</staticObstacle>', signals)))
        assert not caplog.records


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'not well-formed'),
        ('{"json": true}', 'not well-formed'),
        (document()[:-40], 'not well-formed'),
        ('<osm version="0.6"/>', "root element is 'osm'"),
        (document(version='2017a'), "is '2017a': expected one of 2018b, 2020a; older ones"),
        (document(version='2030x'), "is '2030x': expected one of 2018b, 2020a$"),
        (
            document(obstacles=PARKED.replace('staticObstacle', 'obstacle')),
            "obstacle 1.role is '': expected static or dynamic",
        ),
        (
            document(obstacles=PARKED.replace('</rectangle>', '</rectangle><blob/>')),
            "obstacle 1.shape holds 'blob'",
        ),
        (document(obstacles=PARKED.replace('id="1"', '')), 'staticObstacle.id is None'),
        (
            document(obstacles=dynamic(state=moving_at(60, 4, 0, 10))),
            'obstacle 1.orientation is missing',
        ),
        (
            document(obstacles=phantom(occupancy(rectangle(60, 4), interval('time', 5, 3)))),
            'obstacle 6.occupancy.time is from 5.0 to 3.0',
        ),
        (
            document(
                obstacles='<environmentObstacle id="4"><type>building</type></environmentObstacle>'
            ),
            'obstacle 4.shape is missing',
        ),
        (document(lanelets=()), 'lanelet: the file has none'),
        (document(start=START.replace('<exact>10', '<exact>nan')), 'velocity.* is nan'),
        (document(start=START.replace('<exact>10', '<exact>fast')), "velocity.* is 'fast'"),
        (document(start=at(30, 0, 0)), 'velocity is missing'),
        (document(start=at(30, 40, 0) + exact('velocity', 10)), 'start is at .* on the road'),
        (document(start=at(58, 0, 0) + exact('velocity', 10)), 'inside obstacle'),
        (
            document(goal=GOAL.replace('11', '99')),
            'goalState.position.lanelet is 99: expected the id',
        ),
        (document(goal=interval('time', 0, 0)), 'goalState.time'),
        (document(goal='<position/>' + interval('time', 0, 9)), 'position holds no shape'),
        (document(obstacles=PARKED.replace('<width>2', '<width>-2')), 'expected > 0'),
        (document(obstacles=PARKED.replace('<x>60</x>', '')), 'obstacle 1.* x is missing|.x is'),
        (document(lanelets=[LANELETS[0].replace('id="10"', 'id="ten"')]), "id is 'ten'"),
        (document().replace('timeStepSize="0.1"', 'timeStepSize="0"'), 'timeStepSize is 0.0'),
        (document().replace('timeStepSize="0.1"', ''), 'timeStepSize is None'),
    ],
)
def test_malformed_file_is_one_error_that_names_the_file(tmp_path, text, words):
    path = tmp_path / 'broken.xml'
    path.write_text(text)
    with pytest.raises(ScenarioError, match=words) as caught:
        read_commonroad(path)
    assert str(path) in str(caught.value)


def test_entities_are_not_read(tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('10')
    text = document().replace(
        '<?xml version="1.0"?>',
        f'<?xml version="1.0"?><!DOCTYPE commonRoad [<!ENTITY v SYSTEM "{secret.as_uri()}">]>',
    )
    path = tmp_path / 'entity.xml'
    path.write_text(text.replace('<exact>10</exact>', '<exact>&v;</exact>'))
    with pytest.raises(ScenarioError, match='document type'):
        read_commonroad(path)


def test_missing_file_is_one_error(tmp_path):
    with pytest.raises(ScenarioError, match=r'absent\.xml: cannot be read'):
        load_scenario(tmp_path / 'absent.xml')


def inside_any(lanelets, point):
    return any(each.contains(point) for each in lanelets)


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize('path', SHARED_FILES, ids=lambda path: path.stem)
def test_every_shared_file_gives_a_drivable_scenario(path):
    scenario = read_commonroad(path)
    station, offset = scenario.road.project(scenario.initial_state[:2])
    assert abs(offset) < 1.5
    assert station - scenario.car.rear_reach > scenario.road.start
    assert scenario.duration > 0.0
    assert not scenario.goal_reached(scenario.initial_state)
    problem = scenario.problem_at(0.0, scenario.initial_state)
    assert all(np.isfinite(o.poses).all() for o in problem.obstacles)


@needs_shared
@pytest.mark.parametrize('name', MUST_DRIVE)
class TestSharedThatMustDrive:
    def test_corridor_lies_within_the_lanelets(self, name):
        from warmstart_planner.scenarios.commonroad.network import read_network
        from warmstart_planner.scenarios.commonroad.reader import _parse

        scenario = read_commonroad(SHARED / f'{name}.xml')
        lanelets = read_network(_parse(SHARED / f'{name}.xml')).values()
        start = float(scenario.road.project(scenario.initial_state[:2])[0])
        ahead = np.arange(start - 1.0, scenario.road.end - 2.0, 1.7)
        left = scenario.road.at('left_width', ahead)
        right = scenario.road.at('right_width', ahead)
        for share in (0.0, 0.33, 0.52, 0.77, 1.0):
            places = scenario.road.poses(ahead, -right + share * (left + right))[:, :2]
            # seams between lanelets are narrower than the step aside
            outside = [p for p in places if not inside_any(lanelets, p)]
            aside = [p + d for p in outside for d in ([0.06, 0.06], [-0.06, -0.06])]
            assert all(
                inside_any(lanelets, a) or inside_any(lanelets, b)
                for a, b in zip(aside[::2], aside[1::2], strict=True)
            )

    def test_reference_path_can_be_driven_at_the_speed_of_the_start(self, name):
        scenario = read_commonroad(SHARED / f'{name}.xml')
        curvature = np.abs(scenario.road.curvature).max()
        assert scenario.initial_state[3] ** 2 * curvature < 2.0

    def test_car_fits_into_the_corridor(self, name):
        scenario = read_commonroad(SHARED / f'{name}.xml')
        width = scenario.road.left_width + scenario.road.right_width
        assert width.min() > scenario.car.width + 0.4


@needs_shared
def test_lane_blocked_by_what_stands_there_can_be_passed_on_the_other():
    scenario = read_commonroad(SHARED / 'C-DEU_B471-1_5_T-1.xml')
    (block,) = scenario.traffic
    station, offset = scenario.road.project(block.pose_at(0.0)[:2])
    room = scenario.road.at('left_width', station) - offset - block.half_width
    assert room > scenario.car.width + 0.8
