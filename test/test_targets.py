# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A goal's target is where and when the goal is, and can be followed in comfort."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from warmstart_planner.obstacles import box
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
    goal_place,
    goal_station,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.targets import (
    COMFORT_DECELERATION,
    LATERAL_COMFORT,
    LATERAL_MOST,
    PACE_ABOVE_SPEED,
    RESPONSE_TIME,
    pace_behind,
    stop_station,
    target_offsets,
    target_speeds,
)
from warmstart_planner.vehicle import GRAVITY, load_vehicle

CAR = load_vehicle()
BEND = road_from_segments([(40.0, 0.0, 0.02), (60.0, 0.02, -0.03), (80.0, -0.03, 0.0)], 4, 3, 14)
STEP = 0.1  # of a drive that follows its target [s]


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


# --- where to stop, how fast to be ---


@pytest.mark.parametrize(
    ('goal', 'front'),
    [
        (KeepSpeed(8.0), 300.0),
        (StationGoal(120.0, 8.0), 300.0),
        (StationGoal(120.0, 0.0), 120.0 + CAR.front_reach),
        (PoseGoal(120.0, 0.5, 0.0, 8.0), 300.0),
        (PoseGoal(120.0, 0.5, 0.0, 0.0), 120.0 + CAR.front_reach),
        (StopBefore(120.0, 8.0), 120.0),
        (StopBefore(1e4, 8.0), 300.0),
        (StationGoal(299.0, 0.0), 300.0),
    ],
)
def test_the_bumper_stops_where_the_goal_says_and_never_past_the_road(make_problem, goal, front):
    assert stop_station(make_problem(goal=goal)) == pytest.approx(front)


@pytest.mark.parametrize(
    ('goal', 'station'),
    [
        (KeepSpeed(8.0), np.inf),
        (StationGoal(120.0, 8.0), 120.0),
        (PoseGoal(70.0, -1.0, 0.0, 8.0), 70.0),
        (StopBefore(90.0, 8.0), 90.0),
    ],
)
def test_the_goal_lies_at_its_station(make_problem, goal, station):
    assert goal_station(goal, make_problem(goal=goal).road) == pytest.approx(station)


GOALS = [
    KeepSpeed(12.0),
    StationGoal(90.0, 3.0),
    StationGoal(90.0, 0.0),
    StopBefore(90.0, 12.0),
    PoseGoal(80.0, 20.0, 0.7, 2.0),
]


@pytest.mark.parametrize('goal', GOALS)
@pytest.mark.parametrize('friction', [1.0, 0.3])
def test_target_speeds_can_be_followed_by_comfortable_braking(make_problem, goal, friction):
    problem = make_problem(road=BEND, goal=goal, friction=friction)
    station = np.linspace(0.0, BEND.end, 800)
    square = target_speeds(problem, station) ** 2
    braking = -np.diff(square) / (2 * np.diff(station))
    assert braking.max() <= COMFORT_DECELERATION + 1e-6


@pytest.mark.parametrize('goal', GOALS)
def test_target_speeds_keep_limit_goal_and_comfort_in_bends(make_problem, goal):
    problem = make_problem(road=BEND, goal=goal, friction=0.5)
    station = np.linspace(0.0, BEND.end, 800)
    speed = target_speeds(problem, station)
    lateral = speed**2 * np.abs(BEND.at('curvature', station))
    assert lateral.max() <= LATERAL_COMFORT * 0.5 * GRAVITY + 1e-6
    assert (speed <= 14.0 + 1e-9).all()
    match goal:
        case KeepSpeed(speed=wanted) | StopBefore(cruise_speed=wanted):
            assert (speed <= wanted + 1e-9).all()
        case StationGoal(speed=wanted) | PoseGoal(speed=wanted):
            rear_axle = station - CAR.rear_to_center
            assert (
                speed[rear_axle > goal_station(problem.goal, problem.road)] <= wanted + 1e-9
            ).all()
    bumper = station + CAR.length / 2
    assert (speed[bumper >= stop_station(problem)] == 0.0).all()


@given(numbers(60.0, 100.0), numbers(0.0, 0.5))
@pytest.mark.parametrize('goal', [lambda at: StationGoal(at, 3.0), lambda at: StopBefore(at, 9.0)])
def test_target_speeds_move_with_the_goal_however_stations_are_sampled(make_problem, goal, at, by):
    station = np.linspace(0.0, 150.0, 151)
    here, there = (
        target_speeds(make_problem(goal=goal(place)), station) ** 2 for place in (at, at + by)
    )
    assert (there - here).min() >= -1e-9
    assert (there - here).max() <= 2 * COMFORT_DECELERATION * by + 1e-9


def test_on_a_free_road_the_target_is_the_wanted_speed(make_problem):
    speed = target_speeds(make_problem(goal=KeepSpeed(11.0)), np.linspace(20.0, 150.0, 60))
    np.testing.assert_allclose(speed, 11.0)


def test_the_target_is_the_path_unless_a_pose_is_to_be_reached(make_problem):
    station = np.linspace(20.0, 150.0, 60)
    np.testing.assert_array_equal(target_offsets(make_problem(), station), 0.0)
    pose = make_problem(goal=PoseGoal(100.0, 1.5, 0.0, 5.0))
    offset = target_offsets(pose, station)
    assert (np.diff(offset) >= 0.0).all()
    assert offset[0] == 0.0
    assert offset[-1] == pytest.approx(1.5)


# --- a region in its time ---


def followed(make_problem, goal, speed, limit=15.0):
    """Drive from station 20 as plans do, a lag behind the target; return times, places, speeds."""
    road = road_from_segments([(900.0, 0.0, 0.0)], 3.5, 3.5, limit)
    states = [(0.0, 20.0, speed)]
    while states[-1][0] < goal.end - STEP / 2:
        now, station, speed = states[-1]
        problem = make_problem((station, 0.0, 0.0, speed, 0.0), road, goal=goal, stamp=now)
        ahead = station + CAR.rear_to_center + np.linspace(0.0, 40.0, 41)
        wanted = target_speeds(problem, ahead)[0]
        change = np.clip((wanted - speed) / RESPONSE_TIME, -3.0, 3.0)
        states.append((now + STEP, station + speed * STEP, speed + change * STEP))
    return np.array(states).T


@settings(max_examples=25)
@given(numbers(15.0, 120.0), numbers(4.0, 14.0), numbers(4.0, 14.0), numbers(0.2, 2.0))
def test_who_follows_the_target_is_in_the_region_in_its_time(
    make_problem, distance, pace, speed, lasts
):
    begin = distance / pace
    assume(abs(pace - speed) < min(PACE_ABOVE_SPEED, distance / 8))
    goal = RegionGoal(20.0 + distance, 24.0 + distance, begin, begin + lasts)
    times, stations, _ = followed(make_problem, goal, speed)
    there = (stations >= goal.first) & (stations <= goal.last)
    assert (there & (times >= goal.begin)).any()


@settings(max_examples=25)
@given(numbers(40.0, 120.0), numbers(5.0, 12.0), numbers(2.0, 12.0))
def test_who_follows_the_target_has_the_region_s_speed_there(make_problem, distance, pace, wanted):
    assume(abs(wanted - pace) < 2.0)
    begin = distance / pace
    goal = RegionGoal(
        20.0 + distance, 26.0 + distance, begin, begin + 1.5, wanted - 1.5, wanted + 1.5
    )
    times, stations, speeds = followed(make_problem, goal, pace)
    there = (stations >= goal.first) & (stations <= goal.last) & (times >= goal.begin)
    there &= (speeds >= goal.slowest) & (speeds <= goal.fastest)
    assert there.any()


def test_nobody_hurries_to_a_region_that_is_reached_as_it_is(make_problem):
    goal = RegionGoal(100.0, 140.0, 0.0, 20.0)
    problem = make_problem((20.0, 0.0, 0.0, 8.0, 0.0), goal=goal)
    assert problem.target.cruise == 8.0


def coming(station, speed, offset=0.0, heading=0.0):
    """Return somebody on a straight road, at a station [m], with a constant speed [m/s]."""
    way = station + speed * np.arange(61)[:, None] * 0.1 * [[np.cos(heading)]]
    aside = offset + speed * np.arange(61)[:, None] * 0.1 * [[np.sin(heading)]]
    return box('other', np.hstack([way, aside, np.full((61, 1), heading)]), 4.5, 1.8)


EASY = RegionGoal(60.0, 160.0, 7.9, 8.0)  # reached in time from station 60 at 0 to 12 m/s


def test_who_has_time_goes_as_fast_as_who_follows(make_problem):
    slow = (60.0, 0.0, 0.0, 2.0, 0.0)
    alone = make_problem(slow, goal=EASY)
    assert alone.target.cruise == pytest.approx(2.0)
    followed = make_problem(slow, goal=EASY, obstacles=(coming(45.0, 6.0),))
    assert pace_behind(followed) == pytest.approx(6.0)
    assert followed.target.cruise > 4.0
    assert target_speeds(followed, np.array([70.0]))[0] > 4.0


def test_who_follows_makes_nobody_miss_his_goal_or_slow_down(make_problem):
    slow = (60.0, 0.0, 0.0, 2.0, 0.0)
    racing = make_problem(slow, goal=EASY, obstacles=(coming(30.0, 30.0),))
    assert racing.target.speed <= 100.0 / 7.9 + 2.0
    fast = (60.0, 0.0, 0.0, 8.0, 0.0)
    assert make_problem(fast, goal=EASY, obstacles=(coming(50.0, 3.0),)).target == (
        make_problem(fast, goal=EASY).target
    )


@pytest.mark.parametrize(
    'other',
    [
        coming(75.0, 6.0),  # ahead
        coming(20.0, 6.0),  # far behind
        coming(45.0, 6.0, offset=4.5),  # beside the corridor
        coming(45.0, 6.0, heading=np.pi / 2),  # crosses
        coming(45.0, -6.0),  # drives away
        coming(45.0, 0.0),  # stands
    ],
)
def test_who_does_not_follow_presses_nobody(make_problem, other):
    assert pace_behind(make_problem((60.0, 0.0, 0.0, 2.0, 0.0), obstacles=(other,))) == 0.0


def test_the_nearest_of_those_who_follow_counts(make_problem):
    others = coming(40.0, 9.0), coming(50.0, 5.0)
    for order in (others, others[::-1]):
        problem = make_problem((60.0, 0.0, 0.0, 2.0, 0.0), obstacles=order)
        assert pace_behind(problem) == pytest.approx(5.0)


@given(numbers(10.0, 200.0), numbers(0.0, 50.0), numbers(2.0, 20.0), numbers(0.0, 10.0))
def test_the_needed_pace_rises_with_the_way_and_falls_with_the_time(
    make_problem, distance, farther, end, longer
):
    def needed(distance, end):
        goal = RegionGoal(20.0 + distance, 25.0 + distance, 0.0, end)
        return make_problem(goal=goal).target.needed

    assert needed(distance + farther, end) >= needed(distance, end) - 1e-6
    assert needed(distance, end + longer) <= needed(distance, end) + 1e-6


def test_a_region_s_time_outranks_the_speed_limit_and_comfort_but_not_the_grip(make_problem):
    goal = RegionGoal(140.0, 145.0, 5.0, 6.0)
    problem = make_problem((0.0, 0.0, 0.0, 12.0, 0.0), BEND, goal=goal)
    station = np.linspace(10.0, 100.0, 200)
    speed = target_speeds(problem, station)
    assert speed.max() > 14.0
    lateral = speed**2 * np.abs(BEND.at('curvature', station))
    assert LATERAL_COMFORT * GRAVITY < lateral.max() <= LATERAL_MOST * GRAVITY + 1e-6


@pytest.mark.parametrize(
    'goal', [RegionGoal(60.0, 70.0, 2.0, 3.0), RegionGoal(5.0, 9.0, 8.0, 9.0)]
)
def test_who_has_missed_a_region_drives_on_within_the_limits(make_problem, goal):
    problem = make_problem((20.0, 0.0, 0.0, 8.0, 0.0), goal=goal, stamp=5.0)
    speed = target_speeds(problem, np.linspace(20.0, 150.0, 60))
    np.testing.assert_allclose(speed, 8.0)


def test_a_region_beside_the_path_is_its_offset_when_it_begins(make_problem):
    problem = make_problem(goal=RegionGoal(100.0, 110.0, 8.0, 9.0, offset=-1.5))
    offset = target_offsets(problem, np.array([40.0, 100.0 + CAR.rear_to_center, 110.0]))
    np.testing.assert_allclose(offset, [0.0, -1.5, -1.5])
    assert goal_place(problem.goal, problem.road) == (105.0, -1.5)


# --- where to be when ---


@given(numbers(0.0, 250.0), numbers(0.5, 40.0), numbers(0.0, 15.0), numbers(0.0, 5.0))
def test_the_car_is_wanted_where_the_region_is_or_on_the_way_there(
    make_problem, distance, length, begin, lasts
):
    goal = RegionGoal(20.0 + distance, 20.0 + distance + length, begin, begin + lasts)
    problem = make_problem((20.0, 0.0, 0.0, 9.0, 0.0), goal=goal)
    wanted = problem.timed_target.arrival
    assert 0.0 <= wanted.time <= problem.horizon.duration
    assert wanted.least <= wanted.most <= goal.last + CAR.rear_to_center + 1e-9
    if wanted.time < problem.horizon.duration:
        assert wanted.least >= goal.first + CAR.rear_to_center - 1e-9
        assert wanted.time <= max(goal.end, 0.1) + 1e-9
        assert (wanted.right + wanted.left) / 2 == pytest.approx(goal.offset)


@given(numbers(60.0, 200.0), numbers(6.5, 15.0), numbers(0.0, 10.0))
def test_who_has_more_time_is_wanted_less_far_on_the_way(make_problem, distance, end, longer):
    def least(end):
        goal = RegionGoal(20.0 + distance, 30.0 + distance, end, end)
        return make_problem((20.0, 0.0, 0.0, 9.0, 0.0), goal=goal).timed_target.arrival.least

    assert least(end + longer) <= least(end) + 0.05


def test_what_is_kept_free_within_a_region_is_less_the_nearer_its_time_is(make_problem):
    kept = []
    for end in (5.0, 3.0, 1.0):
        goal = RegionGoal(30.0, 90.0, 0.0, end)
        problem = make_problem((20.0, 0.0, 0.0, 9.0, 0.0), horizon=Horizon(0.1, 60), goal=goal)
        kept.append(problem.timed_target.arrival.least - CAR.rear_to_center - goal.first)
    assert kept[0] > kept[1] > kept[2] > 0.0


def test_a_yaw_is_wanted_as_the_goal_asks_and_none_where_it_allows_all(make_problem):
    state = (20.0, 0.0, 0.0, 9.0, 0.0)
    goal = RegionGoal(40.0, 60.0, 2.0, 3.0, yaw=0.3, yaw_tolerance=0.1)
    wanted = make_problem(state, goal=goal).timed_target.arrival
    assert 0.2 <= wanted.clockwise < wanted.anticlockwise <= 0.4
    free = make_problem(state, goal=RegionGoal(40.0, 60.0, 2.0, 3.0)).timed_target.arrival
    assert (free.clockwise, free.anticlockwise) == (-np.inf, np.inf)


@pytest.mark.parametrize('goal', [KeepSpeed(8.0), StationGoal(60.0, 4.0), StopBefore(90.0, 8.0)])
def test_a_goal_without_a_time_wants_the_car_nowhere(make_problem, goal):
    assert make_problem(goal=goal).timed_target.arrival is None


@pytest.mark.parametrize('name', ['last', 'end', 'fastest'])
def test_an_interval_that_ends_before_it_begins_is_refused(name):
    given = {'first': 10.0, 'last': 20.0, 'begin': 2.0, 'end': 3.0, 'slowest': 1.0, 'fastest': 5.0}
    with pytest.raises(ValueError, match=f'goal.{name} is 0.5'):
        RegionGoal(**{**given, name: 0.5})
