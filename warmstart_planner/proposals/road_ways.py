# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From ways along the road, known at a few times, to states and controls of the car."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem
from warmstart_planner.vehicle import CONTROL_SIZE, SPEED, STATE_SIZE, STEERING, YAW

Array = NDArray[np.float64]

SMOOTHING = 0.7  # window over which offsets are smoothed [s]
FADE_IN = 0.6  # time after which they are smoothed wholly [s]
MOVING = 0.5  # below this speed a course is not seen in positions [m/s]
PACE = 1.0  # speed from which on curvature is told from the course's change in time [m/s]


@dataclass(frozen=True)
class RoadWays:
    """
    Ways of the car's centre: K of them, at G + 1 times that are `per_stage` steps apart.

    `station` is where all begin [m], `lateral_speed` how fast they leave it [m/s]; `knots` has
    shape (K, G + 1, 3): station from there, offset and speed.
    """

    station: float
    lateral_speed: float
    per_stage: int
    knots: Array


def states_and_controls(problem: PlanningProblem, ways: RoadWays) -> tuple[Array, Array]:
    """
    Return states (K, N + 1, 5) and controls (K, N, 2) on a problem's grid, map frame.

    A guess in the road's geometry: nothing says that a car can do it. The first state is the
    problem's.
    """
    vehicle, dt, steps = problem.vehicle, problem.horizon.dt, problem.horizon.steps
    nodes = np.arange(steps + 1)
    stage = np.minimum(nodes // ways.per_stage, ways.knots.shape[1] - 2)
    share = nodes / ways.per_stage - stage
    speed = (1.0 - share) * ways.knots[:, stage, 2] + share * ways.knots[:, stage + 1, 2]
    advance = (speed[:, 1:] + speed[:, :-1]) / 2 * dt
    station = ways.station + np.concatenate(
        [np.zeros((len(speed), 1)), np.cumsum(advance, axis=1)], axis=1
    )
    offset = _smoothed(_interpolated(ways, dt, stage, share), ways.lateral_speed, dt)
    centre = problem.road.poses(station, offset)[..., :2]
    course = _courses(problem, centre)
    curvature = np.gradient(course, dt, axis=1) / np.maximum(speed, PACE)
    yaw = course - np.arctan(vehicle.rear_to_center * curvature)
    states = np.empty((*speed.shape, STATE_SIZE))
    axis = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    states[..., :2] = centre - vehicle.rear_to_center * axis
    states[..., YAW], states[..., SPEED] = yaw, speed
    limit = vehicle.steering_max
    states[..., STEERING] = np.clip(np.arctan(vehicle.wheelbase * curvature), -limit, limit)
    states[:, 0] = problem.initial_state
    controls = np.diff(states[..., [SPEED, STEERING]], axis=1) / dt
    controls = np.clip(controls, vehicle.control_lower, vehicle.control_upper)
    return states, controls.reshape(len(speed), steps, CONTROL_SIZE)


def _interpolated(ways: RoadWays, dt: float, stage: NDArray[np.int64], share: Array) -> Array:
    """Offsets on the grid by cubic splines through the knots that end along the road, (K, N+1)."""
    knots, duration = ways.knots[..., 1], ways.per_stage * dt
    last = knots.shape[1] - 1
    # continuous second derivatives: a tridiagonal system for the slopes at the knots
    system = np.eye(last + 1)
    right = np.zeros_like(knots)
    right[:, 0] = ways.lateral_speed
    inner = np.arange(1, last)
    system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = 1.0, 4.0, 1.0
    right[:, 1:-1] = 3.0 * (knots[:, 2:] - knots[:, :-2]) / duration
    slope = np.linalg.solve(system, right.T).T * duration
    u, v = share, 1.0 - share
    return (
        (1.0 + 2.0 * u) * v * v * knots[:, stage]
        + u * v * v * slope[:, stage]
        + u * u * (3.0 - 2.0 * u) * knots[:, stage + 1]
        - u * u * v * slope[:, stage + 1]
    )


def _smoothed(offset: Array, lateral_speed: float, dt: float) -> Array:
    """Average offsets over a window; the start stays as it is, the end goes on as it ends."""
    half = round(SMOOTHING / dt) // 2
    if half < 1:
        return offset
    kernel = np.hanning(2 * half + 3)[1:-1]
    before = offset[:, :1] - lateral_speed * dt * np.arange(half, 0, -1)
    padded = np.concatenate([before, offset, np.repeat(offset[:, -1:], half, axis=1)], axis=1)
    average = sliding_window_view(padded, len(kernel), axis=1) @ (kernel / kernel.sum())
    share = np.minimum(np.arange(offset.shape[1]) * dt / FADE_IN, 1.0)
    return offset + share * (average - offset)


def _courses(problem: PlanningProblem, centre: Array) -> Array:
    """Direction of motion of the car's centre, (K, N + 1), in the turn of the problem's yaw."""
    vehicle, state, dt = problem.vehicle, problem.initial_state, problem.horizon.dt
    slip = np.arctan(vehicle.rear_to_center * np.tan(state[STEERING]) / vehicle.wheelbase)
    step = np.diff(centre, axis=1)
    seen = np.hypot(step[..., 0], step[..., 1]) > MOVING * dt
    between = np.arctan2(step[..., 1], step[..., 0])
    # where it stands, it keeps the last course
    newest = np.maximum.accumulate(np.where(seen, np.arange(seen.shape[1]), -1), axis=1)
    held = np.take_along_axis(between, np.maximum(newest, 0), axis=1)
    course = np.where(newest >= 0, held, state[YAW] + slip)
    first = np.full((len(course), 1), state[YAW] + slip)
    course = np.unwrap(np.concatenate([first, course], axis=1), axis=1)
    middle = (course[:, 1:-1] + course[:, 2:]) / 2
    return np.concatenate([course[:, :1], middle, course[:, -1:]], axis=1)
