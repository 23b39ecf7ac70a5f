# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A kinematic single-track model: the wheels roll where they point.

It is CommonRoad's KS (M. Althoff, G. Würsching, CommonRoad: Vehicle Models, 2020, Section 5), with
the rear axle as its reference point, and so what a solution of vehicle model KS is checked with.
Engine, brakes and steering have the same limits and lags as those of the car with tyres. Wind
and impulses do not move it: they act by the tyres' slip.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.files.vehicle_file import VehicleDescription
from warmstart_planner.simulation.configuration import ActuatorConfiguration
from warmstart_planner.simulation.plants.limits import (
    acceleration_within,
    dynamics_of,
    steering_within,
)
from warmstart_planner.simulation.plants.plant import CALM, LateralLoad, checked, runge_kutta
from warmstart_planner.vehicle import GRAVITY

# Places in the state vector, the model's own and the acceleration that the actuators have reached.
X, Y, STEER, V, PSI, ACCEL = range(6)


class KinematicPlant:
    """
    One car whose wheels do not slip, as `Plant` has it.

    What a turn takes of the largest acceleration is no longer there for braking and driving.

    Args:
        vehicle: the car.
        initial_state: shape (5,), rear axle, map frame.
        friction: of the tyres, which bounds the acceleration.
        mass_factor: real mass over the mass that the acceleration controller knows.
        actuators: lags of steering and acceleration.

    Raises:
        VehicleError: the vehicle's file has no `dynamics`.
        ValueError: a value is out of range.

    """

    def __init__(
        self,
        vehicle: VehicleDescription,
        initial_state: ArrayLike,
        friction: float,
        mass_factor: float,
        actuators: ActuatorConfiguration,
    ) -> None:
        self._vehicle, self._dynamics = vehicle.parameters, dynamics_of(vehicle)
        state, self._friction, self._mass_factor = checked(initial_state, friction, mass_factor)
        self._actuators = actuators
        x, y, yaw, speed, steering = state.tolist()
        self._state = [x, y, steering, speed, yaw, 0.0]
        self._derivative = self._build_derivative()

    @property
    def acceleration(self) -> float:
        """Acceleration that the actuators have reached, driving direction [m/s^2]."""
        return self._state[ACCEL]

    def rear_axle_state(self) -> NDArray[np.float64]:
        """State as the rest of the project has it, shape (5,): rear axle, map frame."""
        s = self._state
        return np.array([s[X], s[Y], s[PSI], s[V], s[STEER]])

    def step(
        self, acceleration: float, steering_angle: float, dt: float, load: LateralLoad = CALM
    ) -> None:
        """Drive on for one integration step, inputs held; a load is without effect."""
        self._state = runge_kutta(
            lambda state: self._derivative(state, acceleration, steering_angle), self._state, dt
        )
        # the brake holds: the car does not roll back
        self._state[V] = max(self._state[V], 0.0)

    def push(self, lateral_speed: float, yaw_rate: float) -> None:
        """Do nothing: wheels that do not slip take an impulse up."""

    def _build_derivative(self) -> Callable[[list[float], float, float], list[float]]:
        car, dynamics, lags = self._vehicle, self._dynamics, self._actuators
        limit = min(dynamics.acceleration_limit, self._friction * GRAVITY)

        def derivative(s: list[float], acceleration: float, steering_angle: float) -> list[float]:
            rate = (steering_angle - s[STEER]) / lags.steering_lag
            yaw_rate = s[V] * math.tan(s[STEER]) / car.wheelbase
            left = math.sqrt(max(limit**2 - (s[V] * yaw_rate) ** 2, 0.0))
            a = acceleration_within(s[ACCEL] / self._mass_factor, s[V], car, dynamics)
            a = min(max(a, -left), left)
            return [
                s[V] * math.cos(s[PSI]),
                s[V] * math.sin(s[PSI]),
                steering_within(rate, s[STEER], car),
                0.0 if s[V] <= 0.0 and a < 0.0 else a,
                yaw_rate,
                (acceleration - s[ACCEL]) / lags.acceleration_lag,
            ]

        return derivative
