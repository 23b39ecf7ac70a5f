# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The CommonRoad reader: on a small file made here, on broken ones, and on the shared ones."""

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

    def test_goal_lanelet_is_a_station_at_its_beginning(self, read):
        goal = read(document()).goal
        assert isinstance(goal, StationGoal)
        x = read(document()).road.poses(goal.station)[0]
        assert 98.0 < x < 103.0

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
        assert car.half_length == 3.0
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


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'not well-formed'),
        ('{"json": true}', 'not well-formed'),
        (document()[:-40], 'not well-formed'),
        ('<osm version="0.6"/>', "root element is 'osm'"),
        (document(version='2017a'), "commonRoadVersion is '2017a'"),
        (document(lanelets=()), 'lanelet: the file has none'),
        (document(start=START.replace('<exact>10', '<exact>nan')), 'velocity.* is nan'),
        (document(start=START.replace('<exact>10', '<exact>fast')), "velocity.* is 'fast'"),
        (document(start=at(30, 0, 0)), 'velocity is missing'),
        (document(start=at(30, 40, 0) + exact('velocity', 10)), 'start is at .* on the road'),
        (document(start=at(58, 0, 0) + exact('velocity', 10)), 'inside obstacle'),
        (document(goal=GOAL.replace('11', '99')), 'goal lanelet is 99'),
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
@pytest.mark.parametrize('path', SHARED_FILES, ids=lambda path: path.stem)
def test_every_shared_file_gives_a_drivable_scenario(path):
    scenario = read_commonroad(path)
    station, offset = scenario.road.project(scenario.initial_state[:2])
    assert abs(offset) < 1.0
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
