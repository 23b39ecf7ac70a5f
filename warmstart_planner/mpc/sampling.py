# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""States and controls of a trajectory at any time, also before its start and beyond its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import (
    ACCELERATION,
    CONTROL_SIZE,
    SPEED,
    STEERING,
    STEERING_RATE,
    YAW,
)

ROUNDING = 1e-6  # so that the time of a node falls into the interval that begins there


@dataclass(frozen=True)
class Sampler:
    """
    A trajectory as a function of time.

    Beyond its end the steering is held and the speed changes at `end_acceleration` [m/s^2] until
    the car stands; before its start speed and steering are held. Both are exact for the model.
    """

    trajectory: Trajectory
    wheelbase: float
    end_acceleration: float

    def sample(
        self, times: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return states (n, 5) and controls (n, 2), map frame, at absolute times (n,) [s]."""
        trajectory = self.trajectory
        last = len(trajectory.states) - 1
        elapsed = np.asarray(times, dtype=float) - trajectory.stamp
        inside = np.clip(elapsed, 0.0, last * trajectory.dt)
        index = np.minimum((inside / trajectory.dt + ROUNDING).astype(int), max(last - 1, 0))
        states = self._interpolated(index, inside - index * trajectory.dt)
        controls = self._controls(index)
        self._extend(states, controls, elapsed - inside)
        return states, controls

    def _interpolated(
        self, index: NDArray[np.int64], after: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Linear in all but the position, which is cubic: its slope is the velocity."""
        trajectory, dt = self.trajectory, self.trajectory.dt
        following = np.minimum(index + 1, len(trajectory.states) - 1)
        first, second = trajectory.states[index], trajectory.states[following]
        t = (after / dt)[:, None]
        states = first + t * (second - first)
        states[:, :2] = (
            (1 + 2 * t) * (1 - t) ** 2 * first[:, :2]
            + t**2 * (3 - 2 * t) * second[:, :2]
            + t * (1 - t) ** 2 * dt * _velocity(first)
            - t**2 * (1 - t) * dt * _velocity(second)
        )
        return states

    def _controls(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        if len(self.trajectory.controls) == 0:
            return np.zeros((len(index), CONTROL_SIZE))
        return self.trajectory.controls[index]

    def _extend(
        self,
        states: NDArray[np.float64],
        controls: NDArray[np.float64],
        beyond: NDArray[np.float64],
    ) -> None:
        """Move what lies `beyond` the ends (negative: before the start) on along its arc."""
        outside = beyond != 0.0
        if not outside.any():
            return
        speed = states[outside, SPEED]
        duration = beyond[outside]
        acceleration = np.where(duration > 0.0, self.end_acceleration, 0.0)
        if self.end_acceleration < 0.0:
            duration = np.minimum(duration, speed / -self.end_acceleration)
        standing = duration < beyond[outside]
        way = duration * (speed + acceleration * duration / 2)
        turn = way * np.tan(states[outside, STEERING]) / self.wheelbase
        chord = way * np.sinc(turn / 2 / np.pi)
        heading = states[outside, YAW] + turn / 2
        states[outside, 0] += chord * np.cos(heading)
        states[outside, 1] += chord * np.sin(heading)
        states[outside, YAW] += turn
        states[outside, SPEED] += acceleration * duration
        controls[outside, ACCELERATION] = np.where(standing, 0.0, acceleration)
        controls[outside, STEERING_RATE] = 0.0


def _velocity(states: NDArray[np.float64]) -> NDArray[np.float64]:
    heading = np.stack([np.cos(states[:, YAW]), np.sin(states[:, YAW])], axis=-1)
    return states[:, SPEED, None] * heading
