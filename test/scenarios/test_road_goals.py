# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Goals along a road: which are refused from the start, and when a drive reaches them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from warmstart_planner.problem import (
    STANDING_SPEED,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios import Scenario, ScenarioError, TrafficParticipant
from warmstart_planner.scenarios.road_goals import (
    GOAL_ANGLE,
    GOAL_DISTANCE,
    HOLD_TIME,
    STOP_DISTANCE,
    STOP_SLACK,
)
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
STRAIGHT = road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 14.0)
RADIUS = 20.0
LAP = 2 * np.pi * RADIUS
CIRCLE = road_from_segments([(1.5 * LAP, 1 / RADIUS, 1 / RADIUS)], 3.0, 3.0, 10.0)
DT = 0.05


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


def scenario(goal, road=STRAIGHT, start=50.0, **rest):
    given_ = {'initial_state': [*road.poses(start), 5.0, 0.0], 'traffic': (), 'duration': 60.0}
    return Scenario('test', '', road, goal=goal, **(given_ | rest))


def pose_goal(road, station, offset=0.0, speed=5.0, turn=0.0, known=True):
    x, y, yaw = road.poses(station, offset)
    return PoseGoal(x, y, yaw + turn, speed, station if known else None)


def drive(road, stations, offset=0.0, turn=0.0, speeds=None):
    """States every DT at stations, with the speed of their progress."""
    stations = np.asarray(stations, float)
    speeds = np.abs(np.gradient(stations, DT)) if speeds is None else speeds
    poses = road.poses(stations, offset) + [0.0, 0.0, turn]
    return np.column_stack([poses, np.broadcast_to(speeds, len(poses)), np.zeros(len(poses))])


def missed(here, states):
    return here.arrival.missed(here.track(np.arange(len(states)) * DT, states))


def steady(begin, end, speed=5.0):
    return np.arange(begin, end, speed * DT)


def stop(begin, end, standing, speed=5.0):
    """Stations of a drive at a speed that ends at once and stands for a time."""
    way = steady(begin, end, speed)
    return np.concatenate([way, np.full(int(standing / DT) + 1, end)])


ROADS = {'straight': STRAIGHT, 'circle': CIRCLE}


class TestStart:
    @pytest.mark.parametrize('name', ROADS)
    @given(turn=numbers(-np.pi, np.pi), turns=st.integers(-3, 3))
    def test_a_car_that_faces_against_its_road_is_refused(self, name, turn, turns):
        assume(abs(abs(turn) - np.pi / 2) > 0.1)
        road = ROADS[name]
        state = [*road.poses(50.0) + [0.0, 0.0, turn + 2 * np.pi * turns], 5.0, 0.0]
        if abs(turn) < np.pi / 2:
            # the centre is ahead of the axle, where a road that bends leads elsewhere
            if name == 'straight' or abs(turn) < 1.3:
                scenario(KeepSpeed(5.0), road, initial_state=state)
        elif name == 'straight' or abs(turn) > 1.8:
            with pytest.raises(ScenarioError, match='start faces against the road: it is at stat'):
                scenario(KeepSpeed(5.0), road, initial_state=state)

    def test_the_error_says_how_far_it_is_turned(self):
        state = [50.0, 0.0, 3.0 + 2 * np.pi, 0.0, 0.0]
        with pytest.raises(ScenarioError, match=r'heading of 3.00 rad to it, expected within 1.5'):
            scenario(KeepSpeed(5.0), initial_state=state)

    def test_on_the_second_lap_the_start_is_where_its_station_says(self):
        here = scenario(KeepSpeed(5.0), CIRCLE, 10.0, station=LAP + 12.0)
        assert here.start_station == pytest.approx(LAP + 10.0, abs=0.1)
        assert scenario(KeepSpeed(5.0), CIRCLE, 10.0).start_station == pytest.approx(10, abs=0.1)


class TestGoalThatCannotBeReached:
    @pytest.mark.parametrize('road', [STRAIGHT, CIRCLE])
    @pytest.mark.parametrize(
        'goal_at',
        [
            lambda road, at: StationGoal(at, 5.0),
            lambda road, at: StationGoal(at, 0.0),
            lambda road, at: StopBefore(at, 5.0),
            lambda road, at: pose_goal(road, at, 1.0),
            lambda road, at: pose_goal(road, at, -1.0, 0.0),
        ],
    )
    def test_a_goal_behind_the_car_is_refused(self, road, goal_at):
        for behind in (0.5, 10.0, 40.0):
            with pytest.raises(
                ScenarioError, match='goal is at station .*, behind the car, which'
            ):
                scenario(goal_at(road, 50.0 - behind), road)
        scenario(goal_at(road, 60.0), road)

    def test_a_place_to_stop_before_counts_from_the_bumper(self):
        with pytest.raises(ScenarioError, match='behind the car'):
            scenario(StopBefore(50.0 + CAR.front_reach - 0.1, 5.0))
        scenario(StopBefore(50.0 + CAR.front_reach + 0.1, 5.0))

    def test_a_pose_behind_is_ahead_where_the_road_comes_by_again(self):
        scenario(pose_goal(CIRCLE, LAP + 30.0), CIRCLE)
        with pytest.raises(ScenarioError, match='behind the car'):
            scenario(pose_goal(CIRCLE, 30.0), CIRCLE)

    @pytest.mark.parametrize('goal', [StationGoal, StopBefore])
    @pytest.mark.parametrize('station', [-1.0, 300.5, 1e6])
    def test_a_goal_beyond_the_road_is_refused(self, goal, station):
        with pytest.raises(ScenarioError, match=r'goal is at station .*expected on the road'):
            scenario(goal(station, 5.0))

    @pytest.mark.parametrize('road', [STRAIGHT, CIRCLE])
    @pytest.mark.parametrize('offset', [-3.6, 3.6, 9.0])
    def test_a_pose_beside_the_road_is_refused(self, road, offset):
        with pytest.raises(ScenarioError, match=r'goal is at .*expected on the road'):
            scenario(pose_goal(road, 80.0, offset), road)

    @pytest.mark.parametrize('offset', [-2.9, 2.9])
    def test_a_pose_at_the_edge_is_taken(self, offset):
        scenario(pose_goal(CIRCLE, 80.0, offset), CIRCLE)

    @pytest.mark.parametrize('speed', [-0.1, 1e3])
    @pytest.mark.parametrize(
        'goal', [KeepSpeed, lambda v: StationGoal(90.0, v), lambda v: StopBefore(90.0, v)]
    )
    def test_a_speed_that_no_car_has_is_refused(self, goal, speed):
        with pytest.raises(ScenarioError, match=f'goal speed is {speed}: expected a number in'):
            scenario(goal(speed))


class TestStation:
    def test_it_is_reached_by_passing_it_at_any_speed(self):
        here = scenario(StationGoal(90.0, 5.0))
        assert missed(here, drive(STRAIGHT, steady(50, 89.7))) == ('place',)
        for speed in (1.0, 5.0, 12.0):
            assert missed(here, drive(STRAIGHT, steady(50, 92, speed))) == ()

    def test_a_lap_is_reached_only_after_the_lap(self):
        here = scenario(StationGoal(50.0 + LAP, 5.0), CIRCLE)
        for end, expected in ((70.0, ('place',)), (48.0 + LAP, ('place',)), (51.0 + LAP, ())):
            assert missed(here, drive(CIRCLE, steady(50.0, end))) == expected

    def test_a_stop_after_a_lap_is_not_the_standing_start_beside_it(self):
        goal = StationGoal(50.0 + LAP, 0.0)
        here = scenario(goal, CIRCLE, initial_state=[*CIRCLE.poses(50.0), 0.0, 0.0])
        assert missed(here, drive(CIRCLE, np.full(100, 50.0))) == ('place',)
        assert missed(here, drive(CIRCLE, stop(50.0, 50.0 + LAP, 2.0))) == ()

    @pytest.mark.parametrize('goal_at', [StationGoal, lambda s, v: pose_goal(STRAIGHT, s, 0.0, v)])
    def test_at_speed_zero_it_is_reached_only_by_standing_there_for_a_while(self, goal_at):
        here = scenario(goal_at(90.0, 0.0))
        assert missed(here, drive(STRAIGHT, steady(50, 120))) == ('speed',)
        assert missed(here, drive(STRAIGHT, stop(50, 90, HOLD_TIME - 0.3))) == ('speed',)
        assert missed(here, drive(STRAIGHT, stop(50, 90, HOLD_TIME + 0.1))) == ()
        for end, expected in (
            (90.0 - GOAL_DISTANCE + 0.1, ()),
            (90.0 + GOAL_DISTANCE - 0.1, ()),
            (90.0 - GOAL_DISTANCE - 0.3, ('place',)),
        ):
            assert missed(here, drive(STRAIGHT, stop(50, end, 2.0))) == expected

    def test_standing_on_and_off_is_not_standing(self):
        here = scenario(StationGoal(90.0, 0.0))
        states = drive(STRAIGHT, stop(50, 90, 3.0))
        states[-60::12, 3] = 2 * STANDING_SPEED
        assert missed(here, states) == ('speed',)


class TestPose:
    @pytest.mark.parametrize('road', [STRAIGHT, CIRCLE])
    @pytest.mark.parametrize('turns', [-1, 0, 2])
    def test_place_and_heading_have_to_fit(self, road, turns):
        here = scenario(pose_goal(road, 90.0, 1.0), road)
        way, turn = steady(50, 95), 2 * np.pi * turns
        assert missed(here, drive(road, way, 1.0, turn)) == ()
        assert missed(here, drive(road, way, 1.0, turn + GOAL_ANGLE - 0.01)) == ()
        assert missed(here, drive(road, way, 1.0, turn + GOAL_ANGLE + 0.4)) == ('heading',)
        assert missed(here, drive(road, way, 1.0 + GOAL_DISTANCE - 0.1, turn)) == ()
        assert missed(here, drive(road, way, 1.0 - GOAL_DISTANCE - 0.1, turn)) == ('place',)
        assert missed(here, drive(road, steady(50, 89), 1.0, turn)) == ('place',)

    def test_on_the_second_lap_it_is_reached_there_and_not_on_the_first(self):
        here = scenario(pose_goal(CIRCLE, LAP + 20.0, 1.0), CIRCLE, 5.0)
        assert missed(here, drive(CIRCLE, steady(5.0, 60.0), 1.0)) == ('place',)
        assert missed(here, drive(CIRCLE, steady(5.0, LAP + 22.0), 1.0)) == ()

    def test_without_a_station_the_first_pass_is_meant(self):
        here = scenario(pose_goal(CIRCLE, LAP + 20.0, 1.0, known=False), CIRCLE, 5.0)
        assert here.goal_station == pytest.approx(20.0, abs=0.1)
        assert missed(here, drive(CIRCLE, steady(5.0, 30.0), 1.0)) == ()


class TestRegion:
    GOAL = RegionGoal(80.0, 90.0, 6.0, 9.0, 4.0, 6.0, offset=1.0)

    def test_place_time_and_speed_have_to_hold_at_once(self):
        here = scenario(self.GOAL)
        assert missed(here, drive(STRAIGHT, steady(50, 95), 1.0)) == ()
        assert missed(here, drive(STRAIGHT, steady(50, 79), 1.0)) == ('place',)
        assert missed(here, drive(STRAIGHT, steady(50, 95), -0.5)) == ('place',)
        assert missed(here, drive(STRAIGHT, steady(50, 95, 8.0), 1.0)) == ('speed',)
        assert missed(here, drive(STRAIGHT, steady(30, 95), 1.0)) == ('time',)

    def test_a_car_in_the_region_may_still_be_told_to_be_there(self):
        assert scenario(self.GOAL, start=85.0).goal_station == 85.0
        with pytest.raises(ScenarioError, match='behind the car'):
            scenario(self.GOAL, start=91.0)


class TestStopBefore:
    @pytest.mark.parametrize(
        ('gap', 'expected'),
        [
            (0.2, ()),
            (-STOP_SLACK + 0.05, ()),
            (STOP_DISTANCE - 0.5, ()),
            (-STOP_SLACK - 0.2, ('speed',)),
            (STOP_DISTANCE + 0.5, ('place',)),
        ],
    )
    def test_the_bumper_has_to_stand_close_before_it(self, gap, expected):
        here = scenario(StopBefore(150.0, 5.0))
        at = 150.0 - CAR.front_reach - gap
        assert missed(here, drive(STRAIGHT, stop(50, at, 2.0))) == expected

    def test_it_has_to_be_held(self):
        here = scenario(StopBefore(150.0, 5.0))
        at = 149.0 - CAR.front_reach
        assert missed(here, drive(STRAIGHT, stop(50, at, HOLD_TIME - 0.2))) == ('speed',)


class TestKeepSpeed:
    def test_it_is_reached_by_the_clock(self):
        here = scenario(KeepSpeed(5.0), duration=4.0)
        assert missed(here, drive(STRAIGHT, steady(50, 50 + 3.9 * 5))) == ('time',)
        assert missed(here, drive(STRAIGHT, steady(50, 50 + 4.1 * 5))) == ()

    @pytest.mark.parametrize('name', ROADS)
    def test_or_at_the_roads_end(self, name):
        road = ROADS[name]
        here = scenario(KeepSpeed(10.0), road)
        end = road.end - CAR.front_reach
        assert missed(here, drive(road, steady(50, end - 2 * GOAL_DISTANCE, 10.0))) == ('time',)
        assert missed(here, drive(road, steady(50, end, 10.0))) == ()


def parked(pose, name='parked'):
    return TrafficParticipant(name, 2.2, 0.9, 0.0, [0.0], [pose])


class TestMustStop:
    def test_it_is_to_stand_for_a_while_close_before_what_blocks_the_road(self):
        here = scenario(KeepSpeed(5.0), must_stop=True, traffic=(parked([150.0, 0.0, 0.0]),))
        assert missed(here, drive(STRAIGHT, stop(50, 140, 2.0))) == ()
        assert missed(here, drive(STRAIGHT, stop(50, 140, 0.5))) == ('speed',)
        assert missed(here, drive(STRAIGHT, stop(50, 100, 2.0))) == ('place',)
        assert missed(here, drive(STRAIGHT, steady(50, 290))) == ('speed',)

    def test_what_is_beside_the_road_is_no_reason_to_stand(self):
        for offset in (8.0, -8.0, 60.0):
            aside = parked([150.0, offset, 0.0])
            here = scenario(KeepSpeed(5.0), must_stop=True, traffic=(aside,))
            assert missed(here, drive(STRAIGHT, stop(50, 140, 2.0))) == ('place',)

    def test_what_stands_on_the_next_lap_is_no_reason_on_this_one(self):
        start = [*CIRCLE.poses(20.0), 0.0, 0.0]
        behind = parked(CIRCLE.poses(8.0))
        here = scenario(
            KeepSpeed(5.0), CIRCLE, initial_state=start, must_stop=True, traffic=(behind,)
        )
        assert missed(here, drive(CIRCLE, np.full(60, 20.0))) == ('place',)
        assert missed(here, drive(CIRCLE, stop(20.0, LAP - 5.0, 2.0))) == ()


class TestTrack:
    @given(numbers(-2.0, 2.0), st.integers(0, 99))
    def test_stations_follow_the_drive_round_the_lap(self, offset, seed):
        way = 5.0 + np.cumsum(np.random.default_rng(seed).uniform(0.0, 1.0, 300))
        way = way[way < CIRCLE.end]
        here = scenario(StationGoal(CIRCLE.end - 1.0, 5.0), CIRCLE, 5.0)
        track = here.track(np.arange(len(way)) * DT, drive(CIRCLE, way, offset))
        np.testing.assert_allclose(track.stations, way, atol=0.2)

    def test_a_state_alone_is_on_the_pass_that_is_said(self):
        here = scenario(StationGoal(LAP + 20.0, 5.0), CIRCLE, 5.0)
        state = drive(CIRCLE, [LAP + 25.0], speeds=5.0)[0]
        assert not here.goal_reached(state)
        assert not here.goal_reached(state, station=25.0)
        assert here.goal_reached(state, station=LAP + 20.0)


@settings(max_examples=25)
@given(numbers(-500, 500), numbers(-500, 500), numbers(-7, 7), numbers(0.0, 1.4))
def test_what_is_missed_does_not_depend_on_where_the_world_lies(x, y, angle, laps):
    road = replace(
        CIRCLE,
        x=x + np.cos(angle) * CIRCLE.x - np.sin(angle) * CIRCLE.y,
        y=y + np.sin(angle) * CIRCLE.x + np.cos(angle) * CIRCLE.y,
        heading=CIRCLE.heading + angle,
    )
    way = steady(5.0, 5.0 + laps * LAP)
    assume(len(way) > 1 and abs(way[-1] - 120.0) > 0.5)
    for goal_on in (lambda r: StationGoal(120.0, 4.0), lambda r: pose_goal(r, 120.0, 0.5)):
        here, there = scenario(goal_on(CIRCLE), CIRCLE, 5.0), scenario(goal_on(road), road, 5.0)
        assert missed(there, drive(road, way)) == missed(here, drive(CIRCLE, way))
