# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Values of the core to send, and the way over the wire."""

import numpy as np
import pytest

from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PlanningProblem,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
    Trajectory,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

GOALS = (
    KeepSpeed(8.0),
    StationGoal(30.0, 5.0),
    PoseGoal(1.0, 2.0, 0.3, 0.0),
    StopBefore(50.0, 9.0),
    RegionGoal(60.0, 80.0, 5.0, 7.5, 3.0, 9.0, -1.0, 0.4, 0.1),
)


@pytest.fixture(scope='session')
def over_the_wire():
    """Send a message: from bytes it comes back."""
    from rclpy.serialization import deserialize_message, serialize_message

    return lambda message: deserialize_message(serialize_message(message), type(message))


@pytest.fixture(params=GOALS)
def goal(request):
    """One goal of each kind."""
    return request.param


@pytest.fixture(scope='session')
def road():
    return road_from_segments([(40.0, 0.0, 0.02), (60.0, 0.02, 0.0)], 3.0, 2.5, 12.0)


@pytest.fixture(scope='session')
def trajectory():
    """Build a trajectory of random numbers, the same each time."""

    def make(steps=4, stamp=12.25):
        rng = np.random.default_rng(1)
        states, controls = rng.normal(size=(steps + 1, 5)), rng.normal(size=(steps, 2))
        return Trajectory(stamp, 0.1, states, controls)

    return make


@pytest.fixture(scope='session')
def problem(road):
    """Build a problem with one obstacle that stands and one that walks."""

    def make(goal=GOALS[1]):
        obstacles = (
            box('parked', np.array([[30.0, 1.0, 0.1]]), 4.0, 1.8),
            disc('walker', np.array([[20.0, 3.0, 0.0], [20.1, 2.9, 0.0], [20.2, 2.8, 0.0]]), 0.4),
        )
        return PlanningProblem(
            stamp=3.5,
            initial_state=[5.0, 0.1, 0.02, 7.0, -0.05],
            road=road,
            obstacles=obstacles,
            goal=goal,
            vehicle=load_vehicle(),
            friction=0.8,
            horizon=Horizon(0.1, 20),
        )

    return make
