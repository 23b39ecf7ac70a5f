# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Problems and trajectories for the judge, with a car that needs no solver to be driven."""

import numpy as np
import pytest

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem, Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR = load_vehicle()
STRAIGHT = road_from_segments([(200.0, 0.0, 0.0)], 4.0, 4.0, 20.0)
WINDING = road_from_segments(
    [(20.0, 0.0, 0.03), (40.0, 0.03, -0.04), (40.0, -0.04, 0.02), (60.0, 0.0, 0.0)], 3.0, 3.0, 20.0
)
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])


@pytest.fixture(scope='session')
def problem_of():
    """Build a problem: a straight road of 200 m, the car at START, unless told otherwise."""

    def build(road=STRAIGHT, obstacles=(), start=START, goal=None, friction=1.0, steps=40):
        goal = goal or KeepSpeed(10.0)
        horizon = Horizon(dt=0.1, steps=steps)
        return PlanningProblem(
            initial_state=start,
            road=road,
            obstacles=tuple(obstacles),
            goal=goal,
            vehicle=CAR,
            friction=friction,
            horizon=horizon,
        )

    return build


@pytest.fixture(scope='session')
def driven():
    """Drive the model with controls, all zero unless told otherwise."""

    def drive(start=START, controls=None, steps=40):
        controls = np.zeros((steps, 2)) if controls is None else np.asarray(controls, dtype=float)
        states, applied = roll_out(np.asarray(start, dtype=float), controls, 0.1, CAR)
        return Trajectory(0.0, 0.1, states, applied)

    return drive


@pytest.fixture(scope='session')
def random_case(problem_of, driven):
    """Build random problems, each with a trajectory."""

    def build(seed, road=WINDING):
        """Return a problem with twelve obstacles and a wobbling trajectory along its road."""
        generator = np.random.default_rng(seed)
        start = np.array([*road.poses(10.0, 0.5), generator.uniform(2, 12), 0.0])
        swing = np.sin(np.arange(40) * 0.1 * generator.uniform(0.5, 3.0)) * 0.15
        controls = np.stack([generator.uniform(-2, 2, 40), swing], axis=1)
        trajectory = driven(start, controls)
        obstacles = []
        for k in range(12):
            pose = road.poses(generator.uniform(10, 70), generator.uniform(-6, 6))
            velocity = generator.uniform(-3, 3, 3) * [1.0, 1.0, 0.3]
            poses = pose + np.arange(41)[:, None] * 0.1 * velocity
            size = generator.uniform(0.3, 2.0, 2) * (k % 3 > 0)
            obstacles.append(Obstacle(str(k), poses, *size, generator.uniform(0.1, 0.5)))
        return problem_of(road, obstacles, start), trajectory

    return build
