# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A driver that needs no solver: follows the road's path, as fast as the goal asks."""

from dataclasses import dataclass

import numpy as np
import pytest

from warmstart_planner.problem import (
    Horizon,
    PlanResult,
    Rung,
    SolverStatus,
    StationGoal,
    StopBefore,
    Trajectory,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.vehicle import SPEED

LOOK_AHEAD = 0.8  # [s]
WHEELBASE = 2.5789128


class PathPlanner:
    """Plans the road's own path at the goal's speed; brakes for a StopBefore."""

    def __init__(self):
        self.problems = []

    def reset(self):
        self.problems = []

    def plan(self, problem, deadline):
        self.problems.append(problem)
        state = problem.initial_state
        station, _ = problem.road.project(state[:2])
        speeds = self._speeds(problem, float(station))
        travelled = np.concatenate([[0.0], np.cumsum(speeds[:-1])]) * problem.horizon.dt
        poses = problem.road.poses(station + travelled)
        states = np.column_stack([poses, speeds, np.zeros(len(speeds))])
        return PlanResult(
            problem_stamp=problem.stamp,
            rung=Rung.OPTIMISED,
            trajectory=Trajectory(
                problem.stamp, problem.horizon.dt, states, np.zeros((len(states) - 1, 2))
            ),
            source='path',
            solver_status=SolverStatus.CONVERGED,
            feasible=True,
            violation=0.0,
            clearance=np.inf,
            cost=0.0,
            iterations=3,
            candidates=1,
            total_time=0.004,
            proposal_time=0.0,
            solver_time=0.004,
            verification_time=0.0,
        )

    def _speeds(self, problem, station):
        times = problem.horizon.times
        goal = problem.goal
        if isinstance(goal, StopBefore):
            left = goal.station - problem.vehicle.front_reach - 0.5 - station
            allowed = np.sqrt(max(2 * 2.0 * left, 0.0))
            speed = min(goal.cruise_speed, allowed)
            return np.maximum(speed - 2.0 * times * (allowed < goal.cruise_speed), 0.0)
        return np.full(len(times), goal.speed)


@dataclass(frozen=True)
class Output:
    acceleration: float
    steering_angle: float
    rung: Rung = Rung.OPTIMISED
    step_time: float = 0.001


class PurePursuit:
    """Steers to the point of the reference LOOK_AHEAD from now (Coulter, 1992)."""

    def __init__(self):
        self.calls = []

    def reset(self):
        self.calls = []

    def step(self, now, state, state_stamp, reference, road, obstacles, friction):
        self.calls.append((now, state_stamp, reference))
        if reference is None:
            return Output(-3.0, 0.0)
        column = [
            np.interp(now + LOOK_AHEAD, reference.times, reference.states[:, i]) for i in range(4)
        ]
        dx, dy = column[0] - state[0], column[1] - state[1]
        left = np.cos(state[2]) * dy - np.sin(state[2]) * dx
        steering = np.arctan(2 * WHEELBASE * left / max(dx * dx + dy * dy, 1.0))
        return Output(float(1.5 * (column[3] - state[SPEED])), float(steering))


@pytest.fixture
def planner():
    return PathPlanner()


@pytest.fixture
def controller():
    return PurePursuit()


@pytest.fixture
def horizon():
    return Horizon(dt=0.1, steps=30)


@pytest.fixture(scope='session')
def make_scenario():
    def make(goal=None, traffic=(), segments=((200.0, 0.0, 0.0),), speed=10.0, **rest):
        road = road_from_segments(segments, 3.5, 3.5, 15.0)
        values = {
            'name': 'test',
            'description': 'a road for a test',
            'road': road,
            'initial_state': np.array([10.0, 0.0, 0.0, speed, 0.0]),
            'goal': goal or StationGoal(station=100.0, speed=speed),
            'traffic': tuple(traffic),
            'duration': 20.0,
        }
        return Scenario(**(values | rest))

    return make
