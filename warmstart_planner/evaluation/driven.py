# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A drive at a benchmark's time steps, with the centre of the car as CommonRoad has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.simulation.report import centers
from warmstart_planner.vehicle import PX, PY, SPEED, STEERING, YAW, VehicleParameters

SLOW = 1.0  # below this speed the slip angle is that of wheels that do not slip [m/s]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Driven:
    """
    States of the car at equal steps of time, each of shape (N,).

    `x` and `y` are the centre's [m], `yaw` is continuous [rad] and `speed` that of the rear
    axle [m/s]. `yaw_rate` is in [rad/s], `slip_angle` from the car's axis to the velocity of its
    centre [rad]. `times` begin at 0 and are `dt` apart [s].
    """

    dt: float
    times: Array
    x: Array
    y: Array
    yaw: Array
    speed: Array
    steering: Array
    yaw_rate: Array
    slip_angle: Array

    @property
    def poses(self) -> Array:
        """Poses of the centre, shape (N, 3)."""
        return np.stack([self.x, self.y, self.yaw], axis=-1)


def driven_at(record: DriveRecord, car: VehicleParameters, dt: float) -> Driven:
    """
    Return a drive at multiples of a time step [s], as far as it went, by linear interpolation.

    Args:
        record: of the drive.
        car: that drove.
        dt: time step [s].

    """
    since = record.times - record.times[0]
    times = np.arange(int(since[-1] / dt + 1e-6) + 1) * dt
    x, y, yaw = centers(record.states, car).T
    yaw_rate = np.gradient(yaw, since)
    columns = (
        x, y, yaw, record.states[:, SPEED], record.states[:, STEERING], yaw_rate,
        _slip_angle(record.states, since, yaw_rate, car),
    )  # fmt: skip
    return Driven(dt, times, *(np.interp(times, since, column) for column in columns))


def _slip_angle(states: Array, times: Array, yaw_rate: Array, car: VehicleParameters) -> Array:
    """Return the slip angle at the car's centre, shape (T,), from how its rear axle moved."""
    yaw, speed = states[:, YAW], states[:, SPEED]
    vx, vy = (np.gradient(states[:, i], times) for i in (PX, PY))
    sideways = np.cos(yaw) * vy - np.sin(yaw) * vx
    slipping = np.arctan2(sideways + car.rear_to_center * yaw_rate, np.maximum(speed, SLOW))
    rolling = np.arctan(car.rear_to_center * np.tan(states[:, STEERING]) / car.wheelbase)
    return np.where(speed < SLOW, rolling, slipping)
