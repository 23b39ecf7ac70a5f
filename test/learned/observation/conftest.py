# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes with traffic on a winding road, and cars that drive there."""

import numpy as np
import pytest

from warmstart_planner.learned.observation.observer import moving
from warmstart_planner.obstacles import box, disc
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle, roll_out

DT = 0.1
BEND = road_from_segments([(30.0, 0.0, 0.02), (60.0, 0.02, -0.03), (200.0, -0.03, 0)], 4, 3, 14)


@pytest.fixture(scope='session')
def constant_velocity():
    """Return the poses of an obstacle that moves straight on."""

    def poses(x, y, yaw, speed, nodes=61):
        way = speed * DT * np.arange(nodes)
        return np.stack(
            [x + way * np.cos(yaw), y + way * np.sin(yaw), np.full(nodes, yaw)], axis=-1
        )

    return poses


@pytest.fixture(scope='session')
def among_traffic(make_problem, constant_velocity):
    """Return a problem on a bend: a car ahead, one that comes, a pedestrian and one parked."""
    traffic = (
        box('ahead', constant_velocity(45.0, 0.5, 0.1, 5.0), 4.5, 1.8),
        box('oncoming', constant_velocity(70.0, 3.0, 3.0, 8.0), 5.0, 2.0),
        disc('pedestrian', constant_velocity(40.0, -3.0, 1.5, 1.2), 0.4),
        box('parked', np.tile(BEND.poses(60.0, 1.3), (61, 1)), 4.5, 1.8),
    )
    return make_problem((20, 0.4, 0.05, 9, 0.02), road=BEND, obstacles=traffic)


@pytest.fixture(scope='session')
def scene(among_traffic):
    """Return trajectories (K, N + 1, 5), road and obstacles in one frame."""
    numbers = transcribe(among_traffic, Margins())
    rng = np.random.default_rng(4)
    controls = rng.normal(0, 1, (6, 60, 2)) * [2.0, 0.2]
    states, _ = roll_out(numbers.initial_state, controls, DT, load_vehicle())
    return states, numbers.road, moving(numbers.obstacles, DT)
