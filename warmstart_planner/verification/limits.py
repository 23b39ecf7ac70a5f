# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the car and its tyres can do: bounds of states and controls, the friction circle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem, Trajectory
from warmstart_planner.vehicle import GRAVITY, SPEED, STEERING
from warmstart_planner.verification.motion import SUBSTEPS, Samples

Array = NDArray[np.float64]

RETURNING = 0.8  # share of what the car can do with which it has to return inside its bounds


def limits(problem: PlanningProblem, trajectory: Trajectory) -> Array:
    """Violation of the bounds on speed, steering and controls at each node, shape (N + 1,)."""
    vehicle = problem.vehicle
    states, controls = trajectory.states, trajectory.controls
    elapsed = np.arange(len(states)) * trajectory.dt
    result = np.zeros(len(states))
    braking = RETURNING * min(vehicle.deceleration_max, problem.friction * GRAVITY)
    speeding = RETURNING * min(vehicle.acceleration_max, problem.friction * GRAVITY)
    turning = RETURNING * vehicle.steering_rate_max
    for index, least, most, down, up in (
        (SPEED, 0.0, vehicle.speed_max, braking, speeding),
        (STEERING, -vehicle.steering_max, vehicle.steering_max, turning, turning),
    ):
        start = problem.initial_state[index]
        np.maximum(result, states[:, index] - np.maximum(most, start - down * elapsed), out=result)
        np.maximum(result, np.minimum(least, start + up * elapsed) - states[:, index], out=result)
    over = np.maximum(controls - vehicle.control_upper, vehicle.control_lower - controls)
    result[:-1] = np.maximum(result[:-1], over.max(axis=1))
    return result


def friction(problem: PlanningProblem, trajectory: Trajectory, ego: Samples) -> Array:
    """Acceleration beyond the friction circle at each sample, shape (M,)."""
    vehicle = problem.vehicle
    lateral = ego.speed**2 * np.tan(ego.steering) / vehicle.wheelbase
    along = np.repeat(trajectory.controls[:, 0], SUBSTEPS)
    total = np.abs(lateral)
    total[:-1] = np.hypot(lateral[:-1], along)
    turning = RETURNING * vehicle.steering_rate_max
    elapsed = np.arange(len(ego)) * (trajectory.dt / SUBSTEPS)
    start = problem.initial_state
    steering = np.maximum(abs(start[STEERING]) - turning * elapsed, 0.0)
    least = start[SPEED] ** 2 * np.tan(steering) / vehicle.wheelbase
    return np.maximum(total - np.maximum(problem.friction * GRAVITY, least), 0.0)
