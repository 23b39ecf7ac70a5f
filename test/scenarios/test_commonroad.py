# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The CommonRoad reader: on a small file made here, on broken ones, and on the shared ones."""

import logging
from pathlib import Path

import numpy as np
import pytest
from commonroad_document import (
    GOAL,
    LANELETS,
    PARKED,
    START,
    at,
    document,
    dynamic,
    exact,
    interval,
    moving_at,
    occupancy,
    phantom,
    rectangle,
)

from warmstart_planner.problem import KeepSpeed, RegionGoal
from warmstart_planner.scenarios import ScenarioError, load_scenario
from warmstart_planner.scenarios.commonroad import read_commonroad
from warmstart_planner.scenarios.lanelets import RUN_OUT

SHARED = Path(__file__).resolve().parents[3] / 'shared' / 'scenarios'
SHARED_FILES = sorted(SHARED.glob('*.xml'))
MUST_DRIVE = ('USA_US101-8_1_T-1', 'C-DEU_B471-1_5_T-1', 'DEU_IV21-1_2_T-1')
needs_shared = pytest.mark.skipif(
    not SHARED_FILES, reason=f'{SHARED} is absent: no CommonRoad files to read'
)


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

    def test_lanes_are_all_lanelets_with_those_that_follow_them(self, read):
        lanes = read(document()).lanes
        ends = [
            (a.center[-1], b.center[0])
            for a in lanes
            for b in map(lanes.__getitem__, a.successors)
        ]
        assert len(ends) == 2
        np.testing.assert_allclose(*zip(*ends, strict=True))

    def test_goal_lanelet_is_a_stretch_of_the_road(self, read):
        scenario = read(document())
        assert isinstance(scenario.goal, RegionGoal)
        x = scenario.road.poses(scenario.goal.first)[0] + scenario.car.rear_to_center
        assert x == pytest.approx(100.0, abs=0.5)

    def test_goal_in_the_lane_beside_moves_the_path_over(self, read):
        region = (
            '<position><rectangle><length>4</length><width>2</width><orientation>0</orientation>'
            '<center><x>150</x><y>4</y></center></rectangle></position>'
        )
        goal = region + interval('velocity', 11, 13) + interval('time', 60, 100)
        scenario = read(document(goal=goal))
        x, y, _ = scenario.road.poses(scenario.goal_station)
        assert (x + scenario.car.rear_to_center, y) == pytest.approx((150.0, 4.0), abs=0.2)
        assert (scenario.goal.slowest, scenario.goal.fastest) == (11.0, 13.0)
        assert (scenario.goal.begin, scenario.goal.end) == pytest.approx((6.0, 10.0))
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
        # where the map ends, the road goes straight on
        end = scenario.road.end - RUN_OUT - 2.0
        ahead = np.arange(start - 1.0, end, 1.7)
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
