# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The value types that travel: what they hold and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import disc
from warmstart_planner.problem import (
    MAX_OBSTACLES,
    Horizon,
    KeepSpeed,
    PlanningProblem,
    PoseGoal,
    StationGoal,
    StopBefore,
    Trajectory,
    goal_station,
    state_at,
    trajectories,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

ROAD = road_from_segments([(50.0, 0.0, 0.0)], 3.0, 3.0, 10.0)
PROBLEM = PlanningProblem(stamp=2.0, initial_state=np.zeros(5), road=ROAD, goal=KeepSpeed(5.0))
POST = disc('post', np.array([9.0, 0.0, 0.0]), 0.2)


def test_a_horizon_is_an_even_grid_from_zero():
    horizon = Horizon(dt=0.2, steps=5)
    np.testing.assert_allclose(horizon.times, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert horizon.duration == pytest.approx(1.0)


def test_a_problem_by_hand_is_a_road_a_start_and_a_goal():
    """The rest is an empty road on a dry day, for the car that models and solvers are for."""
    problem = PlanningProblem(
        initial_state=[1.0, 0.5, 0.0, 5.0, 0.0], road=ROAD, goal=KeepSpeed(5)
    )
    assert (problem.stamp, problem.obstacles, problem.friction) == (0.0, (), 1.0)
    assert (problem.vehicle, problem.horizon) == (load_vehicle(), Horizon())
    assert problem.here == pytest.approx(1.0)


def test_the_state_at_a_pose_has_its_speed_and_straight_wheels():
    np.testing.assert_array_equal(state_at([1.0, 2.0, 0.5], speed=3.0), [1.0, 2.0, 0.5, 3.0, 0.0])
    assert state_at([1.0, 2.0, 0.5], 3.0, steering=-0.1)[4] == -0.1


@pytest.mark.parametrize(
    ('pose', 'speed', 'told'),
    [
        ([1.0, 2.0], 3.0, r'pose has shape \(2,\): expected \(3\)'),
        ([1.0, 2.0, np.nan], 3.0, 'pose is nan'),
        ([1.0, 2.0, 0.5], np.inf, 'speed is inf'),
    ],
)
def test_a_state_that_is_none_is_refused_with_the_field(pose, speed, told):
    with pytest.raises(ValueError, match=told):
        state_at(pose, speed)


def test_a_trajectory_knows_the_absolute_times_of_its_nodes():
    trajectory = Trajectory(2.0, 0.5, np.zeros((3, 5)), np.zeros((2, 2)))
    np.testing.assert_allclose(trajectory.times, [2.0, 2.5, 3.0])


def test_values_are_copied_and_read_only():
    state = np.zeros(5)
    problem = replace(PROBLEM, initial_state=state)
    state[0] = 9.0
    assert problem.initial_state[0] == 0.0
    with pytest.raises(ValueError, match='read-only'):
        problem.initial_state[0] = 1.0


@pytest.mark.parametrize(
    'goal',
    [KeepSpeed(0.0), StationGoal(9.0, 0.0), PoseGoal(-1.0, 2.0, 9.0, 3.0), StopBefore(9, 5)],
)
def test_every_kind_of_goal_is_taken(goal):
    assert replace(PROBLEM, goal=goal).goal == goal


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'stamp': np.nan}, 'problem.stamp is nan'),
        ({'initial_state': np.zeros(4)}, 'problem.initial_state has shape'),
        ({'initial_state': np.full(5, np.nan)}, 'problem.initial_state is nan'),
        ({'friction': 0.0}, 'problem.friction is 0'),
        ({'friction': np.inf}, 'problem.friction is inf'),
        ({'goal': KeepSpeed(np.nan)}, 'problem.goal.speed is nan'),
        ({'goal': KeepSpeed(-1.0)}, 'problem.goal.speed is -1'),
        ({'goal': StopBefore(9.0, -1.0)}, 'problem.goal.cruise_speed is -1'),
        ({'goal': PoseGoal(np.inf, 0.0, 0.0, 0.0)}, 'problem.goal.x is inf'),
        ({'goal': None}, 'problem.goal is None'),
        ({'obstacles': (POST,) * (MAX_OBSTACLES + 1)}, 'problem.obstacles has 13 entries'),
    ],
)
def test_a_bad_problem_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        replace(PROBLEM, **change)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'dt': 0.0}, 'horizon.dt is 0'),
        ({'dt': np.nan}, 'horizon.dt is nan'),
        ({'steps': 0}, 'horizon.steps is 0'),
        ({'steps': 2.5}, 'horizon.steps is 2.5'),
    ],
)
def test_a_bad_horizon_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        Horizon(**change)


@pytest.mark.parametrize(
    ('stamp', 'dt', 'states', 'controls', 'said'),
    [
        (0.0, 0.1, np.full((3, 5), np.nan), np.zeros((2, 2)), 'trajectory.states is nan'),
        (0.0, 0.1, np.zeros((3, 5)), np.full((2, 2), np.inf), 'trajectory.controls is inf'),
        (0.0, 0.1, np.zeros((3, 4)), np.zeros((2, 2)), 'trajectory.states has shape'),
        (0.0, 0.1, np.zeros((3, 5)), np.zeros((3, 2)), 'trajectory.controls has shape'),
        (0.0, 0.1, np.zeros((0, 5)), np.zeros((0, 2)), 'trajectory.states is empty'),
        (0.0, 0.0, np.zeros((3, 5)), np.zeros((2, 2)), 'trajectory.dt is 0'),
        (np.nan, 0.1, np.zeros((3, 5)), np.zeros((2, 2)), 'trajectory.stamp is nan'),
    ],
)
def test_a_bad_trajectory_is_refused(stamp, dt, states, controls, said):
    with pytest.raises(ValueError, match=said):
        Trajectory(stamp, dt, states, controls)
    with pytest.raises(ValueError, match=said):
        trajectories(stamp, dt, states[None], controls[None])


def test_together_trajectories_are_those_that_come_one_by_one():
    rng = np.random.default_rng(1)
    states, controls = rng.normal(size=(4, 3, 5)), rng.normal(size=(4, 2, 2))
    batch = trajectories(1.0, 0.1, states, controls)
    for each, *arrays in zip(batch, states, controls, strict=True):
        alone = Trajectory(1.0, 0.1, *arrays)
        assert (each.stamp, each.dt) == (alone.stamp, alone.dt)
        for name in ('states', 'controls', 'times'):
            np.testing.assert_array_equal(getattr(each, name), getattr(alone, name))
        assert not each.states.flags.writeable
        assert not each.controls.flags.writeable


class TestStations:
    def test_the_car_is_on_the_pass_that_its_station_says(self, loops):
        circle, lap = loops['circle'], 2 * np.pi * 30.0
        state = np.array([*circle.poses(20.0, 0.5), 5.0, 0.0])
        problem = replace(PROBLEM, road=circle, initial_state=state)
        assert problem.here == pytest.approx(20.0, abs=0.1)
        assert replace(problem, station=25.0).here == pytest.approx(20.0, abs=0.1)
        assert replace(problem, station=lap + 15.0).here == pytest.approx(lap + 20.0, abs=0.1)
        with pytest.raises(ValueError, match='problem.station is nan'):
            replace(problem, station=np.nan)

    def test_without_a_station_it_is_on_the_pass_that_leads_its_way(self, loops):
        cloverleaf = loops['cloverleaf']
        for station in (40.0, 60.0 + 30.0 * np.pi + 20.0):
            state = np.array([*cloverleaf.poses(station), 5.0, 0.0])
            problem = replace(PROBLEM, road=cloverleaf, initial_state=state)
            assert problem.here == pytest.approx(station, abs=0.5)

    def test_a_pose_is_on_the_pass_that_its_station_says_or_the_first(self, loops):
        circle, lap = loops['circle'], 2 * np.pi * 30.0
        x, y, yaw = circle.poses(20.0, 0.5)
        for station, expected in ((None, 20.0), (12.0, 20.0), (lap + 28.0, lap + 20.0)):
            goal = PoseGoal(x, y, yaw, 3.0, station)
            assert goal_station(goal, circle) == pytest.approx(expected, abs=0.1)

    def test_what_blocks_is_looked_for_from_there(self, loops):
        circle, lap = loops['circle'], 2 * np.pi * 30.0
        wall = disc('wall', circle.poses(40.0), 3.0)
        state = np.array([*circle.poses(10.0), 5.0, 0.0])
        problem = replace(PROBLEM, road=circle, initial_state=state, obstacles=(wall,))
        first = problem.blocked_station
        assert 30.0 < first < 37.0
        second = replace(problem, station=lap + 10.0).blocked_station
        assert second == pytest.approx(lap + first, abs=0.3)
