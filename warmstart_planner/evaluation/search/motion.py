# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the car can do in a step of the search: its primitives, and the limits that they keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.files.vehicle_file import VehicleDescription
from warmstart_planner.simulation.plants.limits import dynamics_of
from warmstart_planner.vehicle import (
    GRAVITY,
    SPEED,
    STEERING,
    VehicleParameters,
    lateral_acceleration,
    step,
)

SHARE = 0.98  # of the grip that primitives use: the judge's inputs differ from ours a little
BACKWARDS = -4.0  # speed of reversing at most, where the car may [m/s]
STANDSTILL = 1e-9  # slower than that the car stands [m/s]
LEAST_SPEED = 1e-3  # that is divided by [m/s]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """
    A car with the accelerations that it may use.

    `acceleration` and `braking` are the largest along the car, `grip` the largest in all
    [m/s^2]; faster than `power_limit_speed` the engine gives less, as its power allows.
    `slowest` is 0, or negative for a car that may reverse [m/s].
    """

    name: str
    car: VehicleParameters
    acceleration: float
    braking: float
    grip: float
    power_limit_speed: float
    slowest: float = 0.0

    def accelerations(self, speed: Array) -> tuple[Array, Array]:
        """Return the least and the largest acceleration at speeds, shape (n,) each [m/s^2]."""
        power = np.minimum(self.power_limit_speed / np.maximum(np.abs(speed), LEAST_SPEED), 1.0)
        return np.full(len(speed), -self.braking), self.acceleration * power

    def farthest(self, speed: Array, seconds: float) -> Array:
        """Return how far it gets at most in a time [s] without a turn, shape (n,) [m]."""
        top = np.minimum(np.maximum(speed, 0.0) + self.acceleration * seconds, self.car.speed_max)
        return np.maximum((np.maximum(speed, 0.0) + top) / 2 * seconds, -self.slowest * seconds)


def planned(car: VehicleDescription, friction: float) -> Limits:
    """Return the limits that plans keep."""
    own = car.parameters
    grip = friction * GRAVITY
    return Limits('planned', own, own.acceleration_max, own.deceleration_max, grip, np.inf)


def published(car: VehicleDescription) -> Limits:
    """Return the limits of engine and tyres that CommonRoad publishes, which the judge takes."""
    engine = dynamics_of(car)
    limit = engine.acceleration_limit
    return Limits('published', car.parameters, limit, limit, limit, engine.power_limit_speed)


def reversing(limits: Limits) -> Limits:
    """Return the same limits for a car that may reverse."""
    return replace(limits, name=f'{limits.name}, reversing', slowest=BACKWARDS)


def primitives(
    states: Array, limits: Limits, accelerations: Array, rates: Array, seconds: float
) -> tuple[NDArray[np.intp], Array]:
    """
    Return the controls that states are tried with, each held for a time.

    They are cut to what keeps steering and speed within the car's limits; of those that become
    the same one remains.

    Args:
        states: shape (n, 5).
        limits: of the car.
        accelerations: that are tried, increasing, as shares of the largest: -1 brakes fully.
        rates: of steering that are tried, increasing, as shares of the largest.
        seconds: for which they are held.

    Returns:
        For each control the index of its state, shape (m,), and the controls, shape (m, 2).

    """
    car, speed, angle = limits.car, states[:, SPEED], states[:, STEERING]
    least, most = limits.accelerations(speed)
    wanted = np.where(accelerations < 0, -least[:, None], most[:, None]) * accelerations
    a = np.clip(
        wanted,
        np.maximum((limits.slowest - speed) / seconds, least)[:, None],
        np.minimum((car.speed_max - speed) / seconds, most)[:, None],
    )
    r = np.clip(
        np.repeat(rates[None] * car.steering_rate_max, len(states), axis=0),
        ((-car.steering_max - angle) / seconds)[:, None],
        ((car.steering_max - angle) / seconds)[:, None],
    )
    new = _differs(a)[:, :, None] & _differs(r)[:, None, :]
    state, i, j = np.nonzero(new)
    return state, np.stack([a[state, i], r[state, j]], axis=-1)


def _differs(values: Array) -> Flags:
    """Tell for rows that do not decrease which values differ from the one before."""
    new = np.ones(values.shape, bool)
    new[:, 1:] = np.diff(values, axis=1) > 1e-6
    return new


def advance(states: Array, controls: Array, dt: float, wheelbase: float) -> Array:
    """Drive states, shape (n, 5), on for a time step with controls, shape (n, 2)."""
    result = np.stack(step(states.T, controls.T, dt, wheelbase), axis=-1)
    # a goal may ask for a standstill, to the last digit
    result[np.abs(result[:, SPEED]) < STANDSTILL, SPEED] = 0.0
    return result


def within_grip(states: Array, controls: Array, limits: Limits) -> Flags:
    """Tell whether the tyres give what states and controls ask of them, shape (n,)."""
    across = lateral_acceleration(states.T, limits.car.wheelbase)
    return np.hypot(controls[:, 0], across) <= SHARE * limits.grip
