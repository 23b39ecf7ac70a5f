# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the car can still stop in time after the last state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem, StopBefore
from warmstart_planner.vehicle import GRAVITY
from warmstart_planner.verification.motion import Samples
from warmstart_planner.verification.path import Foot, Path

Array = NDArray[np.float64]

STOPPING_SHARE = 0.6  # of the friction that a stop after the horizon may use


def terminal(problem: PlanningProblem, path: Path, foot: Foot, ego: Samples, steps: int) -> Array:
    """Distance by which a stop after the last state comes too late, at the last step."""
    vehicle = problem.vehicle
    ends = np.array([0, -1])
    x = ego.x[ends] + ego.cos[ends] * vehicle.length / 2
    y = ego.y[ends] + ego.sin[ends] * vehicle.length / 2
    front = path.project(x, y, foot.station[ends] + vehicle.length / 2).station
    braking = min(problem.friction * GRAVITY * STOPPING_SHARE, vehicle.deceleration_max)
    start, end = front + ego.speed[ends] ** 2 / (2 * braking)
    limit = path.road.end
    if isinstance(problem.goal, StopBefore):
        limit = min(limit, problem.goal.station)
    result = np.zeros(steps)
    result[-1] = max(end - max(limit, start), 0.0)
    return result
