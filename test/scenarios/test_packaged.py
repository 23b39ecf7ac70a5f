# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The packaged scenarios: all there, consistent, and not decided before they begin."""

import numpy as np
import pytest

from warmstart_planner.problem import StationGoal
from warmstart_planner.scenarios import load_scenario, packaged_scenarios
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.scenarios.reachability import is_passable

NAMES = packaged_scenarios()


def straight_on(scenario):
    """Poses of the car's centre that keeps its speed and offset, each 0.1 s, and their times."""
    station, offset = scenario.road.project(scenario.center(scenario.initial_state)[:2])
    times = np.arange(0.0, scenario.duration, 0.1)
    poses = scenario.road.poses(station + scenario.initial_state[3] * times, offset)
    return times, poses


def hits(scenario):
    times, poses = straight_on(scenario)
    half = (scenario.car.length / 2, scenario.car.width / 2)
    for t, pose in zip(times, poses, strict=True):
        for each in scenario.traffic:
            other = each.pose_at(t)
            size = (each.half_length, each.half_width)
            if other is not None and separation(pose, half, other, size) < each.radius:
                return True
    return False


def test_the_eight_kinds_are_there():
    assert set(NAMES) >= {
        'free_road',
        'parked_cars_slalom',
        'narrow_gap',
        'overtaking_oncoming',
        'pedestrian_crossing',
        'cut_in',
        'sharp_bend_low_friction',
        'blocked_road',
    }


@pytest.mark.parametrize('name', NAMES)
class TestEach:
    def test_is_a_drive_of_realistic_speed_and_length(self, name):
        scenario = load_scenario(name)
        assert scenario.name == name
        assert 8.0 <= scenario.initial_state[3] <= 20.0
        assert 12.0 <= scenario.duration <= 30.0
        assert isinstance(scenario.goal, StationGoal)
        # room to plan a whole horizon beyond the goal, or beyond the block
        assert scenario.road.end - scenario.goal.station >= 40.0

    def test_goal_is_ahead_and_within_reach_of_the_time_limit(self, name):
        scenario = load_scenario(name)
        assert not scenario.goal_reached(scenario.initial_state)
        needed = (scenario.goal.station - 10.0) / scenario.duration
        assert needed < min(scenario.initial_state[3], scenario.road.speed_limit.min())

    def test_traffic_does_not_drive_through_itself(self, name):
        scenario = load_scenario(name)
        for t in np.arange(0.0, scenario.duration, 0.25):
            for i, first in enumerate(scenario.traffic):
                for second in scenario.traffic[:i]:
                    gap = separation(
                        first.pose_at(t),
                        (first.half_length, first.half_width),
                        second.pose_at(t),
                        (second.half_length, second.half_width),
                    )
                    assert gap - first.radius - second.radius > 0.0, (t, first.name, second.name)

    @pytest.mark.slow
    def test_there_is_a_way_through_unless_the_road_is_blocked(self, name):
        scenario = load_scenario(name)
        reach = scenario.goal.station - 10.0
        assert is_passable(scenario, scenario.duration, 0.0)
        assert is_passable(scenario, scenario.duration, reach) != scenario.must_stop

    def test_traffic_demands_a_reaction(self, name):
        scenario = load_scenario(name)
        assert hits(scenario) == bool(scenario.traffic)


def test_slippery_bend_is_too_sharp_for_the_speed_at_the_start():
    scenario = load_scenario('sharp_bend_low_friction')
    wanted = scenario.initial_state[3] ** 2 * np.abs(scenario.road.curvature).max()
    assert wanted > 1.5 * scenario.friction * 9.81


def test_gap_is_narrow_but_wide_enough_for_car_and_margins():
    scenario = load_scenario('narrow_gap')
    parked, lorry = scenario.traffic[:2]
    size = (parked.half_length, parked.half_width), (lorry.half_length, lorry.half_width)
    gap = separation(parked.pose_at(0.0), size[0], lorry.pose_at(0.0), size[1])
    assert scenario.car.width + 2 * 0.3 < 2.6 < gap < 2.9
