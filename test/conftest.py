# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings that all tests share, and builders of small planning problems."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings

from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem, PoseGoal, Trajectory
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

# A deadline per example would measure how busy the machine is; a fixed choice of examples makes a
# failure on one machine a failure on all.
settings.register_profile('repeatable', deadline=None, derandomize=True)
settings.load_profile('repeatable')

MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])


@pytest.fixture(scope='session')
def scp_folder():
    """Folder of the compiled SCP loop; a fresh clone generates it here, once."""
    from warmstart_planner.scp import library

    return library.generate(load_vehicle(), CostWeights(), Horizon())


@pytest.fixture(scope='session')
def make_problem():
    """Build a problem: a straight road of 300 m, the car at station 20, unless told otherwise."""

    def make(start=(20.0, 0.0, 0.0, 8.0, 0.0), road=None, **rest):
        given = {
            'stamp': 0.0,
            'obstacles': (),
            'goal': KeepSpeed(8.0),
            'vehicle': load_vehicle(),
            **rest,
        }
        road = road or road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
        return PlanningProblem(initial_state=np.array(start, dtype=float), road=road, **given)

    return make


@pytest.fixture(scope='session')
def straight_line():
    """Return the straight-line start of a problem."""
    return lambda problem: StraightLine().propose(problem)[0].trajectory


@pytest.fixture(scope='session')
def move_problem():
    """Put a problem elsewhere in the map: turn the world by yaw about 0, then shift it."""

    def moved(problem, x, y, yaw):
        place = rigid_motion(x, y, yaw)
        road = problem.road
        pose = place(np.stack([road.x, road.y, road.heading], axis=-1))
        goal = problem.goal
        if isinstance(goal, PoseGoal):
            goal = PoseGoal(*place(np.array([goal.x, goal.y, goal.yaw])), goal.speed)
        return replace(
            problem,
            initial_state=place(problem.initial_state),
            road=replace(road, x=pose[:, 0], y=pose[:, 1], heading=pose[:, 2]),
            obstacles=tuple(replace(o, poses=place(o.poses)) for o in problem.obstacles),
            goal=goal,
        )

    return moved


@pytest.fixture(scope='session')
def move_trajectory():
    """Put a trajectory elsewhere, as `move_problem` does."""

    def moved(trajectory, x, y, yaw):
        return replace(trajectory, states=rigid_motion(x, y, yaw)(trajectory.states))

    return moved


@pytest.fixture(scope='session')
def mirror_problem():
    """Mirror a problem at the x axis: left becomes right."""

    def mirrored(problem):
        road = problem.road
        return replace(
            problem,
            initial_state=MIRROR * problem.initial_state,
            road=replace(
                road,
                y=-road.y,
                heading=-road.heading,
                curvature=-road.curvature,
                left_width=road.right_width,
                right_width=road.left_width,
            ),
            obstacles=tuple(replace(o, poses=MIRROR[:3] * o.poses) for o in problem.obstacles),
        )

    return mirrored


@pytest.fixture(scope='session')
def mirror_trajectory():
    """Mirror a trajectory at the x axis."""

    def mirrored(trajectory):
        controls = trajectory.controls * [1.0, -1.0]
        return Trajectory(trajectory.stamp, trajectory.dt, MIRROR * trajectory.states, controls)

    return mirrored


def rigid_motion(x, y, yaw):
    """Return the motion as a function of arrays that start with x, y, yaw."""

    def place(poses):
        c, s = np.cos(yaw), np.sin(yaw)
        result = np.array(poses, dtype=float)
        result[..., 0] = x + c * poses[..., 0] - s * poses[..., 1]
        result[..., 1] = y + s * poses[..., 0] + c * poses[..., 1]
        result[..., 2] = poses[..., 2] + yaw
        return result

    return place
