# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a scenario tells at a time: where traffic is, what matters, whether the goal is reached."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.problem import (
    MAX_OBSTACLES,
    Horizon,
    KeepSpeed,
    PoseGoal,
    StationGoal,
    StopBefore,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios import Scenario, ScenarioError, TrafficParticipant
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.scenarios.motion import along_road, crossing

ROAD = road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 14.0)
START = np.array([10.0, 0.0, 0.0, 10.0, 0.0])


def standing_car(name, station, offset=0.0):
    return TrafficParticipant(name, 2.25, 0.9, 0.0, [0.0], [[station, offset, 0.0]])


def moving_car(name='moving', **changes):
    values = {
        'name': name,
        'half_length': 2.25,
        'half_width': 0.9,
        'radius': 0.0,
        'times': [1.0, 3.0],
        'poses': [[50.0, 0.0, 3.1], [70.0, 2.0, -3.1]],
    }
    return TrafficParticipant(**(values | changes))


def scenario(**changes):
    values = {
        'name': 'test',
        'description': 'A straight road.',
        'road': ROAD,
        'initial_state': START,
        'goal': StationGoal(200.0, 10.0),
        'traffic': (),
        'duration': 20.0,
    }
    return Scenario(**(values | changes))


def state(station, offset=0.0, heading=0.0, speed=10.0):
    return np.array([station, offset, heading, speed, 0.0])


class TestTraffic:
    def test_standing_participant_is_there_at_all_times(self):
        car = standing_car('parked', 50.0)
        for t in (-5.0, 0.0, 1e4):
            np.testing.assert_array_equal(car.pose_at(t), [50.0, 0.0, 0.0])

    def test_moving_participant_exists_only_between_its_first_and_last_time(self):
        car = moving_car()
        assert car.pose_at(0.9) is None
        assert car.pose_at(3.1) is None
        assert car.obstacle_at(3.1, Horizon()) is None
        np.testing.assert_allclose(car.pose_at(2.0)[:2], [60.0, 1.0])

    def test_yaw_turns_the_short_way_between_poses(self):
        assert abs(np.cos(moving_car().pose_at(2.0)[2]) + 1.0) < 1e-3

    def test_prediction_is_where_it_will_be(self):
        car = moving_car()
        horizon = Horizon(dt=0.1, steps=60)
        obstacle = car.obstacle_at(1.5, horizon)
        for k, pose in enumerate(obstacle.poses):
            np.testing.assert_allclose(pose, car.pose_at(1.5 + k * 0.1))
        assert len(obstacle.poses) == 16

    def test_what_is_about_to_vanish_is_predicted_to_go_on(self):
        car = moving_car(poses=[[50.0, 0.0, 0.0], [70.0, 0.0, 0.0]])
        seen = car.obstacle_at(3.0, Horizon(dt=0.1, steps=60))
        np.testing.assert_allclose(seen.poses_at(3)[:, 0], [70.0, 71.0, 72.0])

    def test_size_is_that_of_the_time_and_held_beyond(self):
        grown = moving_car(half_length=[2.0, 6.0])
        np.testing.assert_allclose(grown.size_at(1.5), [3.0, 0.9, 0.0])
        np.testing.assert_allclose(grown.sizes_over(np.array([0.0, 9.0]))[:, 0], [2.0, 6.0])
        seen = grown.obstacle_at(1.5, Horizon(dt=0.1, steps=60))
        for k, size in enumerate(seen.sizes_at(16)):
            np.testing.assert_allclose(size, grown.size_at(1.5 + k * 0.1))
        assert seen.reach == pytest.approx(np.hypot(6.0, 0.9))

    def test_start_is_checked_against_the_shape_of_the_start(self):
        later = moving_car(times=[0.0, 5.0], poses=[[30.0, 0.0, 0.0]] * 2, half_length=[2.0, 30.0])
        assert scenario(traffic=(later,)).traffic[0].size_at(0.0)[0] == 2.0
        now = moving_car(times=[0.0, 5.0], poses=[[30.0, 0.0, 0.0]] * 2, half_length=[30.0, 2.0])
        with pytest.raises(ScenarioError, match='inside obstacle'):
            scenario(traffic=(now,))

    @pytest.mark.parametrize(
        ('changes', 'words'),
        [
            ({'half_width': [1.0, 1.0, 1.0]}, 'half_width has shape'),
            ({'times': [1.0, 1.0]}, 'times'),
            ({'times': []}, 'times'),
            ({'times': [1.0, np.nan]}, 'times'),
            ({'poses': [[0.0, 0.0, 0.0]]}, 'poses'),
            ({'poses': [[0.0, 0.0, 0.0], [0.0, np.inf, 0.0]]}, 'poses'),
            ({'kind': 'spaceship'}, 'kind'),
            ({'half_length': -1.0}, 'half_length'),
            ({'half_length': 0.0, 'half_width': 0.0}, 'no area'),
        ],
    )
    def test_bad_participant_is_one_error_that_names_it(self, changes, words):
        with pytest.raises(ScenarioError, match=f"'moving'.*{words}"):
            moving_car(**changes)


class TestMotions:
    @pytest.mark.parametrize('curvature', [-0.05, 0.0, 0.05])
    @pytest.mark.parametrize('sense', [1, -1])
    def test_speed_beside_the_path_of_a_bend_is_the_speed_asked_for(self, curvature, sense):
        road = road_from_segments([(60.0, curvature, curvature)], 5.0, 5.0, 14.0)
        times, poses = along_road(road, 30.0, [(0.0, 5.0)], [(0.0, 3.0)], 1.0, sense)
        inside = times < 4.0
        travelled = np.hypot(*np.diff(poses[inside, :2], axis=0).T)
        np.testing.assert_allclose(travelled / 0.1, 5.0, rtol=0.01)

    def test_body_points_where_it_goes_during_a_lane_change(self):
        times, poses = along_road(ROAD, 20.0, [(0.0, 10.0)], [(1.0, -1.5), (4.0, 1.5)], 5.0)
        step = np.gradient(poses[:, :2], axis=0)
        np.testing.assert_allclose(poses[:, 2], np.arctan2(step[:, 1], step[:, 0]), atol=1e-6)
        np.testing.assert_allclose(poses[times > 4.05, 1], 1.5, atol=1e-9)

    def test_oncoming_traffic_drives_and_looks_against_the_road(self):
        _, poses = along_road(ROAD, 100.0, [(0.0, 10.0)], [(0.0, 2.0)], 5.0, sense=-1)
        assert (np.diff(poses[:, 0]) < 0.0).all()
        np.testing.assert_allclose(np.cos(poses[:, 2]), -1.0)

    def test_pedestrian_waits_crosses_at_its_speed_and_stays(self):
        times, poses = crossing(np.array([50.0, -5.0]), np.array([50.0, 5.0]), 1.25, 2.0, 20.0)
        np.testing.assert_allclose(poses[times <= 2.0, 1], -5.0)
        assert np.interp(6.0, times, poses[:, 1]) == pytest.approx(0.0)
        np.testing.assert_allclose(poses[times >= 10.05, 1], 5.0)


class TestRelevance:
    def test_no_more_obstacles_than_a_problem_holds_and_the_near_ones(self):
        cars = [standing_car(f'car_{i}', 30.0 + 6.0 * i, 2.5) for i in range(30)]
        seen = scenario(traffic=cars[::-1]).obstacles_at(0.0, START, Horizon())
        assert [o.name for o in seen] == [f'car_{i}' for i in range(MAX_OBSTACLES)]

    def test_what_the_car_cannot_meet_within_the_horizon_is_left_out(self):
        far = standing_car('far', 280.0)
        aside = standing_car('aside', 40.0, 60.0)
        assert scenario(traffic=(far, aside)).obstacles_at(0.0, START, Horizon()) == ()

    def test_one_that_comes_towards_the_car_matters_earlier_than_one_that_stands(self):
        times, poses = along_road(ROAD, 230.0, [(0.0, 15.0)], [(0.0, 0.0)], 20.0, sense=-1)
        oncoming = moving_car('oncoming', times=times, poses=poses)
        standing = standing_car('standing', 230.0)
        seen = scenario(traffic=(standing, oncoming)).obstacles_at(0.0, START, Horizon())
        assert [o.name for o in seen] == ['oncoming']

    def test_problem_carries_stamp_state_and_predictions_of_that_time(self):
        times, poses = along_road(ROAD, 40.0, [(0.0, 5.0)], [(0.0, 0.0)], 20.0)
        problem = scenario(traffic=(moving_car(times=times, poses=poses),)).problem_at(2.0, START)
        assert problem.stamp == 2.0
        np.testing.assert_allclose(problem.obstacles[0].poses[0, 0], 50.0)
        assert len(problem.obstacles[0].poses) == problem.horizon.steps + 1


class TestGoals:
    def test_station_is_reached_by_passing_it(self):
        here = scenario()
        assert not here.goal_reached(state(199.0))
        assert here.goal_reached(state(200.5))

    def test_station_at_speed_zero_is_reached_by_standing_there(self):
        here = scenario(goal=StationGoal(200.0, 0.0))
        assert not here.goal_reached(state(200.0, speed=3.0))
        assert not here.goal_reached(state(190.0, speed=0.0))
        assert here.goal_reached(state(200.3, speed=0.0))

    def test_pose_needs_place_and_heading(self):
        here = scenario(goal=PoseGoal(200.0, 1.0, 0.0, 5.0))
        assert here.goal_reached(state(201.0, 1.2, 0.05))
        assert not here.goal_reached(state(201.0, -1.5))
        assert not here.goal_reached(state(201.0, 1.0, 0.5))
        assert not here.goal_reached(state(195.0, 1.0))

    def test_pose_heading_wraps(self):
        here = scenario(goal=PoseGoal(200.0, 0.0, 0.0, 5.0))
        assert here.goal_reached(state(201.0, 0.0, 2 * np.pi))

    def test_stop_before_counts_the_front_bumper(self):
        here = scenario(goal=StopBefore(200.0, 10.0))
        front = here.car.front_reach
        assert here.goal_reached(state(199.0 - front, speed=0.0))
        assert not here.goal_reached(state(199.0, speed=0.0))
        assert not here.goal_reached(state(100.0, speed=0.0))
        assert not here.goal_reached(state(199.0 - front, speed=2.0))

    def test_keep_speed_is_reached_at_the_time_limit_or_the_roads_end(self):
        here = scenario(goal=KeepSpeed(10.0))
        assert not here.goal_reached(state(150.0), 10.0)
        assert here.goal_reached(state(150.0), 20.0)
        assert here.goal_reached(state(296.5), 10.0)

    def test_blocked_road_wants_a_stop_before_what_blocks_it(self):
        here = scenario(must_stop=True, traffic=(standing_car('block', 120.0),))
        assert here.goal_reached(state(110.0, speed=0.0))
        assert not here.goal_reached(state(110.0, speed=3.0))
        assert not here.goal_reached(state(20.0, speed=0.0))
        assert not here.goal_reached(state(210.0, speed=10.0))


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'initial_state': [10.0, 0.0, 0.0, np.nan, 0.0]}, 'initial_state is nan'),
        ({'initial_state': [10.0, 0.0, 0.0]}, 'initial_state has shape'),
        ({'initial_state': [10.0, 0.0, 0.0, -1.0, 0.0]}, 'initial_state speed is -1.0'),
        ({'initial_state': [10.0, 5.0, 0.0, 10.0, 0.0]}, 'start is at .* expected on the road'),
        ({'initial_state': [-9.0, 0.0, 0.0, 10.0, 0.0]}, 'start is at .* expected on the road'),
        ({'traffic': (standing_car('wall', 13.0),)}, "inside obstacle 'wall'"),
        ({'traffic': (standing_car('a', 50.0), standing_car('a', 80.0))}, "'a' twice"),
        ({'goal': StationGoal(301.0, 10.0)}, 'goal is at station 301.* expected on the road'),
        ({'goal': PoseGoal(100.0, 4.0, 0.0, 5.0)}, 'goal is at .* expected on the road'),
        ({'goal': KeepSpeed(-2.0)}, 'goal speed is -2.0'),
        ({'goal': StationGoal(np.nan, 10.0)}, 'goal.station is nan'),
        ({'vehicle': 'hovercraft'}, "vehicle is 'hovercraft'"),
        ({'duration': 0.0}, 'duration is 0.0'),
        ({'friction': np.nan}, 'friction is nan'),
    ],
)
def test_scenario_that_cannot_be_driven_is_one_error_that_says_why(changes, words):
    with pytest.raises(ScenarioError, match=words):
        scenario(**changes)


def test_start_inside_a_disc_is_found_too():
    disc = TrafficParticipant('pillar', 0.0, 0.0, 0.5, [0.0], [[13.0, 1.2, 0.0]], 'static')
    with pytest.raises(ScenarioError, match='pillar'):
        scenario(traffic=(disc,))
    scenario(traffic=(replace(disc, poses=[[13.0, 1.4, 0.0]]),))


def test_separation_of_boxes_is_the_gap_between_parallel_ones_and_symmetric():
    first, second = [0.0, 0.0, 0.0], [5.0, 0.0, 0.0]
    half, other = (2.0, 1.0), (1.0, 0.5)
    assert separation(first, half, second, other) == pytest.approx(2.0)
    assert separation(second, other, first, half) == pytest.approx(2.0)
    assert separation(first, half, [2.5, 0.0, 0.0], other) == pytest.approx(-0.5)
    # turned by 90 degrees, the other reaches half as far
    assert separation(first, half, [5.0, 0.0, np.pi / 2], other) == pytest.approx(2.5)
