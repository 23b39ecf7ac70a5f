# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The car's motion between the nodes of a trajectory, as the nonlinear model has it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import PX, PY, SPEED, STATE_SIZE, STEERING, YAW, VehicleParameters

Array = NDArray[np.float64]

SUBSTEPS = 5  # samples an interval between two nodes
ABSURD = 1e8  # values beyond are cut, so that judging them cannot overflow


class Samples:
    """The car along a trajectory: rear axle and box centre at M times."""

    def __init__(
        self,
        x: Array,
        y: Array,
        yaw: Array,
        speed: Array,
        steering: Array,
        vehicle: VehicleParameters,
    ) -> None:
        self.yaw, self.speed, self.steering = yaw, speed, steering
        self.cos, self.sin = np.cos(yaw), np.sin(yaw)
        self.x = x + vehicle.rear_to_center * self.cos
        self.y = y + vehicle.rear_to_center * self.sin

    def __len__(self) -> int:
        return len(self.yaw)


@cache
def integration_weights() -> Array:
    """
    Weights that integrate the polynomial through SUBSTEPS + 1 equal samples of [0, 1].

    Row i gives the integral from 0 to sample i (Newton-Cotes of that order).
    """
    grid = np.linspace(0.0, 1.0, SUBSTEPS + 1)
    power = np.arange(SUBSTEPS + 1)
    integral = grid[:, None] ** (power + 1) / (power + 1)
    return integral @ np.linalg.inv(grid[:, None] ** power)


def follow(trajectory: Trajectory, vehicle: VehicleParameters) -> tuple[Samples, Array]:
    """
    Follow the model from every node through its interval, the control held.

    Speed and steering are then linear in time, and yaw and position are integrals of known
    functions, taken by one quadrature over the interval.

    Returns:
        Samples, M = SUBSTEPS * N + 1, and the states where the intervals end, shape (N, 5).

    """
    states = np.clip(trajectory.states, -ABSURD, ABSURD)
    controls = np.clip(trajectory.controls, -ABSURD, ABSURD)
    begin = states[:-1, :, None]
    elapsed = np.linspace(0.0, trajectory.dt, SUBSTEPS + 1)
    speed = begin[:, SPEED] + controls[:, :1] * elapsed
    steering = begin[:, STEERING] + controls[:, 1:] * elapsed
    weights = trajectory.dt * integration_weights().T
    yaw = begin[:, YAW] + (speed * np.tan(steering) / vehicle.wheelbase) @ weights
    x = begin[:, PX] + (speed * np.cos(yaw)) @ weights
    y = begin[:, PY] + (speed * np.sin(yaw)) @ weights
    series = np.stack([x, y, yaw, speed, steering])
    inside = series[:, :, :-1].reshape(STATE_SIZE, -1)
    samples = np.concatenate([inside, states[-1:].T], axis=1)
    return Samples(*samples, vehicle), series[:, :, -1].T


def per_step(sampled: Array, steps: int) -> Array:
    """Largest value from each node to the next, from one value a sample."""
    result = np.empty(steps)
    result[:-1] = sampled[:-1].reshape(steps - 1, SUBSTEPS).max(axis=1)
    result[-1] = sampled[-1]
    return result
