# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The solver, and problems that it solves."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Horizon, KeepSpeed, PoseGoal, RegionGoal, StopBefore
from warmstart_planner.road import road_from_segments
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
HORIZON = Horizon()
PARKED = box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8)
WINDING = road_from_segments(
    [(30.0, 0.0, 0.03), (40.0, 0.03, -0.04), (40.0, -0.04, 0.02), (90.0, 0.02, 0.0)], 3.5, 3.5, 15
)
NAMES = ('free', 'parked', 'winding', 'pedestrian', 'stop', 'pose', 'timed')


@pytest.fixture(scope='session')
def solver(scp_folder):
    return ScpSolver(CAR, HORIZON)


@pytest.fixture(scope='session')
def problems(make_problem):
    """Problems that have a solution which the straight line leads to."""
    crossing = np.array([[55.0, -6.0 + 0.12 * k, 1.57] for k in range(61)])
    return {
        'free': make_problem((20, 0.8, 0.05, 6, 0.0), goal=KeepSpeed(9.0)),
        'parked': make_problem(obstacles=(PARKED,)),
        'winding': make_problem((20, 0.3, 0.2, 7, 0.02), WINDING, goal=KeepSpeed(10.0)),
        'pedestrian': make_problem(obstacles=(disc('pedestrian', crossing, 0.4),)),
        'stop': make_problem(goal=StopBefore(50.0, 8.0)),
        'pose': make_problem(goal=PoseGoal(60.0, 1.2, 0.0, 5.0)),
        'timed': make_problem(goal=RegionGoal(66.0, 70.0, 4.0, 4.5, 8.0, 12.0, 1.0, 0.1, 0.05)),
    }


@pytest.fixture(params=NAMES)
def name(request):
    """Name of one of the problems, of each in turn."""
    return request.param


@pytest.fixture(scope='session')
def solve(solver, straight_line):
    def run(problem, start=None, deadline=np.inf, by=None, multiplier=0.0):
        chosen = by or solver
        guess = start or straight_line(problem)
        return chosen.solve(chosen.bind(problem), guess, deadline, multiplier)

    return run


@pytest.fixture(scope='session')
def spoiled():
    """Noise on all that a guess says: states and controls no longer belong together."""

    def spoil(trajectory, seed, size=1.0):
        rng = np.random.default_rng(seed)
        scale = size * np.array([2.0, 1.0, 0.2, 2.0, 0.2])
        states = trajectory.states + rng.normal(0, 1, trajectory.states.shape) * scale
        controls = trajectory.controls + size * rng.normal(0, 1, trajectory.controls.shape)
        return replace(trajectory, states=states, controls=controls)

    return spoil
