# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A problem as numbers: the same wherever it lies, and true to what is wanted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.objective import (
    ANCHOR_FIELDS,
    ANCHORS,
    GRIP,
    ROAD_PARAMETERS,
    SCALAR_FIELDS,
)
from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.targets import (
    stop_station,
)
from warmstart_planner.transcription import (
    ANYWHERE,
    FINE_RADIUS,
    STEERING_RATE_USE,
    Frame,
    Margins,
    box_centre_point,
    control_bounds,
    edge_margin,
    state_envelope,
    transcribe,
)
from warmstart_planner.vehicle import GRAVITY, SPEED, load_vehicle, roll_out

CAR = load_vehicle()
BEND = road_from_segments([(40.0, 0.0, 0.02), (60.0, 0.02, -0.03), (80.0, -0.03, 0.0)], 4, 3, 14)
POST = disc('post', np.array([40.0, 1.0, 0.0]), 0.4)
OTHER = box('car', np.array([[60.0, 2.0, 0.1], [61.0, 2.1, 0.1]]), 4.5, 1.8)


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


# --- where in the world ---


@given(numbers(-1e3, 1e3), numbers(-1e3, 1e3), numbers(-10.0, 10.0))
@settings(max_examples=25)
@pytest.mark.parametrize('goal', [KeepSpeed(9.0), PoseGoal(70.0, 12.0, 0.9, 4.0)])
def test_the_numbers_do_not_know_where_in_the_world_they_are(
    make_problem, move_problem, goal, x, y, yaw
):
    problem = make_problem((20, 0.5, 0.1, 9, 0.05), BEND, obstacles=(POST, OTHER), goal=goal)
    here = transcribe(problem, Margins())
    there = transcribe(move_problem(problem, x, y, yaw), Margins())
    for name in ('initial_state', 'road', 'obstacles', 'state_lower', 'state_upper'):
        np.testing.assert_allclose(
            getattr(there, name), getattr(here, name), rtol=1e-7, atol=1e-6, err_msg=name
        )


@pytest.mark.parametrize('turns', [-2, 1, 7])
def test_full_turns_of_the_measured_yaw_change_nothing(make_problem, turns):
    problem = make_problem((20, 0.5, 0.1, 9, 0.05), BEND, obstacles=(POST, OTHER))
    turned = replace(
        problem, initial_state=problem.initial_state + [0, 0, 2 * np.pi * turns, 0, 0]
    )
    here, there = transcribe(problem, Margins()), transcribe(turned, Margins())
    np.testing.assert_allclose(there.road, here.road, atol=1e-9)
    np.testing.assert_allclose(there.obstacles, here.obstacles, atol=1e-9)


@given(*[numbers(-100, 100)] * 3, *[numbers(-100, 100)] * 3)
def test_a_frame_takes_poses_there_and_back(x, y, yaw, px, py, angle):
    frame, pose = Frame(x, y, yaw), np.array([px, py, angle, 5.0, 0.1])
    np.testing.assert_allclose(frame.globalise(frame.localise(pose)), pose, atol=1e-9)
    np.testing.assert_allclose(frame.localise(np.array([x, y, yaw])), 0.0, atol=1e-9)


def test_the_car_starts_at_the_origin_with_its_own_speed_and_steering(make_problem):
    numbers_ = transcribe(make_problem((20, 0.5, 0.1, 9, 0.05), BEND), Margins())
    np.testing.assert_allclose(numbers_.initial_state, [0, 0, 0, 9, 0.05], atol=1e-12)


# --- what the numbers hold ---


def anchors_of(problem, margins=None):
    road = transcribe(problem, margins or Margins()).road
    assert road.shape == (ROAD_PARAMETERS,)
    table = road[len(SCALAR_FIELDS) :].reshape(ANCHORS, len(ANCHOR_FIELDS))
    return dict(zip(ANCHOR_FIELDS, table.T, strict=True))


def test_margins_narrow_the_corridor_and_grow_the_obstacles(make_problem):
    problem = make_problem(obstacles=(POST, OTHER))
    margins = Margins(obstacle=0.5, road=0.25, grip=0.8)
    anchors = anchors_of(problem, margins)
    np.testing.assert_allclose(anchors['left'], 3.25)
    np.testing.assert_allclose(anchors['right'], 3.25)
    result = transcribe(problem, margins)
    np.testing.assert_allclose(result.obstacles[:, 10:, 6], [[0.9] * 51, [0.5] * 51])
    assert result.road[GRIP] == pytest.approx(0.8 * GRAVITY)


@given(numbers(15.0, 120.0), numbers(0.5, 40.0), numbers(-1.0, 6.0))
@settings(max_examples=40)
def test_edges_never_run_on_beyond_those_of_the_road(make_problem, begin, length, narrow):
    """However a lane ends: at once or in a taper."""
    profile = [(0.0, 4.0), (begin, 4.0), (begin + length, narrow), (300.0, narrow)]
    road = road_from_segments([(300.0, 0.0, 0.0)], profile, 3.5, 14.0)
    problem = make_problem(road=road)
    anchors = anchors_of(problem, Margins(road=0.1))
    station = np.arange(anchors['station'][0], anchors['station'][-1], 0.1)
    nearest = np.abs(station[:, None] - anchors['station']).argmin(axis=1)
    left, slope, at = (anchors[name][nearest] for name in ('left', 'left_slope', 'station'))
    line = left + slope * (station - at)
    here = road.project(box_centre_point(problem.initial_state, CAR))[0] + station
    # the road is looked at once a metre
    width = np.maximum(*(road.at('left_width', here + shift) for shift in (-1.0, 1.0)))
    assert (line <= width + np.abs(slope) + 1e-6).all()
    assert (anchors['left'] >= min(4.0, narrow) - 0.1 - 1e-9).all()
    far = anchors['station'] + here[0] - station[0] < begin - 30.0
    np.testing.assert_allclose(anchors['left'][far], 3.9)


@given(numbers(4.0, 40.0))
@settings(max_examples=20)
def test_the_tighter_a_bend_the_more_finely_it_is_described(make_problem, radius):
    bend = (np.pi / 2 * radius, 1 / radius, 1 / radius)
    road = road_from_segments([(24.0, 0.0, 0.0), bend, (90.0, 0.0, 0.0)], 2.0, 2.0, 4.0)
    problem = make_problem((20.0, 0.0, 0.0, 4.0, 0.0), road)
    here = road.project(box_centre_point(problem.initial_state, CAR))[0]
    station = anchors_of(problem)['station'] + here
    gap, middle = np.diff(station), station[:-1] + np.diff(station) / 2
    in_bend = (middle > 26.0) & (middle < 22.0 + bend[0])
    straight = (middle < 20.0) | (middle > 28.0 + bend[0])
    if radius > FINE_RADIUS:
        np.testing.assert_allclose(gap, gap.mean())
    else:
        finer = gap[straight].max() / gap[in_bend].min()
        assert finer == pytest.approx(FINE_RADIUS / radius, rel=0.25)


def test_each_node_has_the_shape_of_its_time(make_problem):
    poses = np.tile([40.0, 1.0, 0.0], (3, 1))
    grown = Obstacle('set', poses, [1.0, 2.0, 4.0], [0.5, 0.6, 0.7], [0.0, 0.1, 0.2])
    problem = make_problem((20, 0.5, 0.1, 9, 0.05), BEND, obstacles=(POST, grown))
    margins = Margins(obstacle=0.0)
    sizes = transcribe(problem, margins).obstacles[..., 4:7]
    nodes = problem.horizon.steps + 1
    np.testing.assert_array_equal(sizes[0], POST.sizes_at(nodes))
    np.testing.assert_array_equal(sizes[1], grown.sizes_at(nodes))


def test_the_margin_to_obstacles_grows_from_its_share_now_to_all_of_it(make_problem):
    margins = Margins(obstacle=0.5, obstacle_now=0.4, settling_time=1.0)
    radius = transcribe(make_problem(obstacles=(OTHER,)), margins).obstacles[0, :, 6]
    np.testing.assert_allclose(radius[:11], np.linspace(0.2, 0.5, 11))
    assert (radius[11:] == 0.5).all()


def test_obstacles_go_where_they_are_predicted_to(make_problem):
    result = transcribe(make_problem(obstacles=(OTHER,)), Margins()).obstacles
    # 1 m and 0.1 m a step, seen from station 20
    np.testing.assert_allclose(result[0, 30, :2], [40.0 + 30, 2.0 + 3.0], atol=1e-9)
    np.testing.assert_allclose(result[0, 30, 2:4], [np.cos(0.1), np.sin(0.1)], atol=1e-9)


@pytest.mark.parametrize('speed', [0.0, 5.0, 14.0])
def test_the_road_is_described_as_far_as_the_car_can_come(make_problem, speed):
    horizon = Horizon()
    problem = make_problem((20, 0, 0, speed, 0), goal=KeepSpeed(14.0), horizon=horizon)
    station = anchors_of(problem)['station']
    assert station[0] < -CAR.length / 2
    controls = np.tile([2.0, 0.0], (horizon.steps, 1))
    states, _ = roll_out(problem.initial_state, controls, horizon.dt, CAR)
    reach = np.minimum(states[:, 3], 14.0).sum() * horizon.dt
    assert station[-1] > reach


# --- roads that meet themselves ---


def lap_problem(make_problem, road, station, goal=None):
    start = [*road.poses(station, 0.3), 6.0, 0.0]
    return make_problem(start, road, station=station, goal=goal or KeepSpeed(6.0))


def test_each_pass_is_described_with_its_own_widths_and_limits(make_problem, loops):
    circle, lap = loops['circle'], 2 * np.pi * 30.0
    second = circle.station > lap - 20.0
    road = replace(
        circle,
        left_width=np.where(second, 1.5, 3.0),
        speed_limit=np.where(second, 4.0, 10.0),
    )
    margins = Margins(road=0.1)
    for station, width, speed in ((10.0, 2.9, 6.0), (lap + 10.0, 1.4, 4.0)):
        anchors = anchors_of(lap_problem(make_problem, road, station), margins)
        np.testing.assert_allclose(anchors['left'], width)
        np.testing.assert_allclose(anchors['right'], 2.9)
        assert anchors['speed'].max() == pytest.approx(speed)


def test_passes_that_are_alike_are_described_alike(make_problem, loops):
    circle, lap = loops['circle'], 2 * np.pi * 30.0
    longer = road_from_segments([(3.0 * lap, 1 / 30.0, 1 / 30.0)], 3.0, 3.0, 10.0)
    first, second = (
        anchors_of(lap_problem(make_problem, longer, station)) for station in (20.0, 20.0 + lap)
    )
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, atol=0.02, err_msg=name)
    # the end of the road, which comes earlier on the second pass, is far away on the first
    ends = [stop_station(lap_problem(make_problem, circle, s)) for s in (20.0, 20.0 + lap / 4)]
    assert ends == [circle.end, circle.end]


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
@given(share=numbers(0.0, 1.0))
@settings(max_examples=25)
def test_no_place_is_described_twice(make_problem, loops, name, share):
    """Each place near the road described has one nearest anchor, and its neighbours."""
    road = loops[name]
    anchors = anchors_of(lap_problem(make_problem, road, share * road.end))
    place = np.stack([anchors['x'], anchors['y']], axis=-1)
    apart = np.hypot(*(place[:, None] - place).transpose(2, 0, 1))
    along = np.abs(anchors['station'][:, None] - anchors['station'])
    far = along > 30.0
    assert apart[far].min(initial=np.inf) > 6.0


@pytest.mark.parametrize('known', [True, False])
def test_a_goal_on_the_next_pass_is_not_aimed_at_on_this_one(make_problem, loops, known):
    circle, lap = loops['circle'], 2 * np.pi * 30.0
    x, y, yaw = circle.poses(40.0, 1.5)
    goal = PoseGoal(x, y, yaw, 2.0, lap + 40.0 if known else None)
    problem = lap_problem(make_problem, circle, 20.0, goal)
    anchors = anchors_of(problem)
    assert (np.abs(anchors['offset']).max() > 1.0) is not known
    on_next = lap_problem(make_problem, circle, lap + 20.0, replace(goal, station=lap + 40.0))
    assert anchors_of(on_next)['offset'].max() == pytest.approx(1.5, abs=0.05)


# --- bounds ---


def test_planning_leaves_a_share_of_the_steering_rate_and_all_else():
    lower, upper = control_bounds(CAR)
    assert 0.5 < STEERING_RATE_USE < 1.0
    np.testing.assert_array_equal(upper, CAR.control_upper * [1.0, STEERING_RATE_USE])
    np.testing.assert_array_equal(lower, CAR.control_lower * [1.0, STEERING_RATE_USE])


def test_a_start_inside_the_bounds_leaves_them_as_they_are(make_problem):
    lower, upper = state_envelope(make_problem())
    np.testing.assert_array_equal(lower, np.tile(CAR.state_lower, (61, 1)))
    np.testing.assert_array_equal(upper, np.tile(CAR.state_upper, (61, 1)))


@pytest.mark.parametrize(
    ('state', 'value'), [(3, CAR.speed_max + 3), (3, -1.0), (4, 1.3), (4, -1.3)]
)
def test_a_start_outside_a_bound_is_led_back_as_fast_as_the_car_can(make_problem, state, value):
    start = np.array([20.0, 0.0, 0.0, 5.0, 0.0])
    start[state] = value
    lower, upper = state_envelope(make_problem(start))
    assert lower[0, state] <= value <= upper[0, state]
    # the car that returns with full controls is inside at every node
    full = CAR.control_upper if value < 0 else CAR.control_lower
    column = state - 3
    times = Horizon().times
    inside = [-CAR.steering_max, CAR.steering_max] if state == 4 else [0.0, CAR.speed_max]
    driven = value + full[column] * times
    driven = np.minimum(driven, inside[0]) if value < 0 else np.maximum(driven, inside[1])
    assert (driven >= lower[:, state] - 1e-9).all()
    assert (driven <= upper[:, state] + 1e-9).all()
    # and the widening is over as soon as it can be
    np.testing.assert_array_equal(lower[-1], CAR.state_lower)
    np.testing.assert_array_equal(upper[-1], CAR.state_upper)


# --- narrow roads ---


@given(numbers(0.9, 4.0), numbers(0.9, 4.0), numbers(0.0, 0.15))
def test_narrow_lanes_leave_less_margin_and_never_less_than_none(make_problem, left, right, bend):
    road = road_from_segments([(60.0, bend, bend)], left, right, 10.0)
    (margin,) = edge_margin(make_problem(road=road), 0.1, np.array([30.0]))
    room = left + right - CAR.width - bend * CAR.front_reach**2 / 2
    assert 0.0 <= margin <= 0.1
    assert margin <= max(room, 0.0) / 4 + 1e-9
    if room >= 0.4:
        assert margin == pytest.approx(0.1)


@pytest.mark.parametrize('speed', [0.0, 4.0, 15.0, 30.0])
def test_the_road_is_described_as_far_as_a_car_gets_that_follows_its_target(make_problem, speed):
    road = road_from_segments([(900.0, 0.0, 0.0)], 3.5, 3.5, 14.0)
    problem = make_problem((20.0, 0.0, 0.0, speed, 0.0), road, goal=KeepSpeed(14.0))
    numbers_of_road = transcribe(problem, Margins()).road
    size = len(ANCHOR_FIELDS)
    place = len(SCALAR_FIELDS) + ANCHOR_FIELDS.index('station')
    farthest = numbers_of_road[place + (ANCHORS - 1) * size]
    driven = roll_out_at_limit(problem)
    assert driven <= farthest + 1e-6
    assert farthest <= driven + 40.0


def roll_out_at_limit(problem):
    """How far a car gets that speeds up at 2 m/s^2 to 14 m/s, or brakes to it at 3 m/s^2 [m]."""
    speed, way = problem.initial_state[SPEED], 0.0
    for _ in range(problem.horizon.steps):
        speed = min(speed + 0.2, 14.0) if speed <= 14.0 else max(speed - 0.3, 14.0)
        way += speed * problem.horizon.dt
    return way


# --- where a node is wanted ---


def test_one_node_is_wanted_where_the_goal_s_time_wants_it_and_the_others_anywhere(make_problem):
    goal = RegionGoal(40.0, 60.0, 2.0, 3.0, 4.0, 9.0, offset=1.0)
    problem = make_problem((20.0, 0.0, 0.0, 9.0, 0.0), goal=goal)
    windows = transcribe(problem, Margins()).windows
    bounded = np.flatnonzero((np.abs(windows) < ANYWHERE).any(axis=1))
    assert len(bounded) == 1
    least, most, right, left, slowest, fastest, *yaws = windows[bounded[0]]
    here = 20.0  # both of the rear axle, so that the way to the box's centre falls out
    assert goal.first - here <= least <= most <= goal.last - here
    assert right < goal.offset < left
    assert goal.slowest <= slowest <= fastest <= goal.fastest
    assert 2.0 <= problem.horizon.times[bounded[0]] <= 3.0
    assert np.abs(yaws).min() >= ANYWHERE


@given(numbers(-9.0, 9.0), numbers(-3.0, 3.0), st.integers(-3, 3))
def test_a_wanted_yaw_is_relative_to_the_car_the_short_way_round(make_problem, facing, turn, laps):
    goal = RegionGoal(
        40.0, 60.0, 2.0, 3.0, yaw=facing + turn + laps * 2 * np.pi, yaw_tolerance=0.2
    )
    problem = make_problem((20.0, 0.0, facing, 9.0, 0.0), goal=goal, station=20.0)
    windows = transcribe(problem, Margins()).windows
    node = int(np.flatnonzero((np.abs(windows) < ANYWHERE).any(axis=1))[0])
    assert windows[node, 6:].mean() == pytest.approx(turn, abs=1e-6)
    assert 0.0 < np.diff(windows[node, 6:]) <= 0.4 + 1e-9


def test_without_a_time_no_node_is_wanted_anywhere(make_problem):
    windows = transcribe(make_problem(goal=KeepSpeed(9.0)), Margins()).windows
    assert (np.abs(windows) >= ANYWHERE).all()
