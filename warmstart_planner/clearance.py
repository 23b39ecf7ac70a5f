# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Room for those who are not protected by a car's body, the more of it the faster they are passed.

An obstacle says how much more than the margin it is to be given at 50 km/h (`Obstacle.clearance`).
Solvers keep it as softly as the margins; what the verifier calls feasible is another matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import PX, PY, SPEED, YAW

WALKING_PACE = 2.0  # of the car, up to which nothing is added [m/s]
TOWN_SPEED = 50.0 / 3.6  # at which all of the clearance is [m/s]
MOST = 1.4  # times the clearance, at higher speeds
FASTER = 2.0  # lead in speed of who is given none, as he passes the car [m/s]
GIVING_WAY = 0.5  # lateral acceleration with which a car gives way calmly [m/s^2]
NOT_AT_ONCE = 0.1  # of the room that there is, for noise and rounded corners [m]

Array = NDArray[np.float64]


def clearances(problem: PlanningProblem, margins: Margins, times: Array) -> Array:
    """
    Return what is kept free of each obstacle beyond the margin, for the car's present speed.

    At once no more is demanded than straight on there would be, and later what a car gains that
    gives way calmly. So who comes into view late is given what can be, and nobody swerves.

    Args:
        problem: with the obstacles.
        margins: that are kept anyway.
        times: since the problem's stamp, shape (K,) [s].

    Returns:
        Shape (M, K) [m].

    """
    result = np.zeros((len(problem.obstacles), len(times)))
    margin = margins.obstacle_at(times)
    for row, obstacle in zip(result, problem.obstacles, strict=True):
        wanted = obstacle.clearance * _share(problem, obstacle)
        if wanted > 0.0:
            room = np.maximum(_room_aside(problem, obstacle) - NOT_AT_ONCE, margin)
            row[:] = np.minimum(wanted, room + GIVING_WAY * times**2 / 2.0 - margin)
    return result


def _share(problem: PlanningProblem, obstacle: Obstacle) -> float:
    """Share of the clearance that belongs to the car's speed; less for who is faster than it."""
    speed, yaw = problem.initial_state[[SPEED, YAW]].tolist()
    here, there = obstacle.poses_at(2)[:, :2]
    along = float((there - here) @ [np.cos(yaw), np.sin(yaw)]) / problem.horizon.dt
    share = np.clip((speed - WALKING_PACE) / (TOWN_SPEED - WALKING_PACE), 0.0, MOST)
    return float(share * np.clip(1.0 + (speed - along) / FASTER, 0.0, 1.0))


def _room_aside(problem: PlanningProblem, obstacle: Obstacle) -> float:
    """Return how far an obstacle is beside the strip straight ahead of the car, now [m]."""
    px, py, heading = problem.initial_state[[PX, PY, YAW]].tolist()
    x, y, yaw = obstacle.poses[0].tolist()
    half_length, half_width, radius = obstacle.sizes_at(1)[0].tolist()
    turn = yaw - heading
    half = half_length * abs(np.sin(turn)) + half_width * abs(np.cos(turn)) + radius
    offset = np.cos(heading) * (y - py) - np.sin(heading) * (x - px)
    return float(abs(offset) - half) - problem.vehicle.width / 2
