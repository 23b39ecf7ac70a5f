# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A single-track model with tyre forces.

The equations are those of CommonRoad's single-track model (M. Althoff, G. Würsching, CommonRoad:
Vehicle Models, 2020, Section 6; `vehiclemodels.vehicle_dynamics_st`), limits of engine and
steering included, with the `dynamics` of the vehicle's file. Three things differ, and each makes
the car harder to drive:

- The lateral axle forces follow the Magic Formula instead of its tangent, and what braking or
  driving takes is no longer there for cornering (friction circle).
- Steering and acceleration follow their targets with first-order lags, within the car's limits.
- Below walking pace the slip equations are singular; there the yaw rate and the slip angle follow
  the kinematic model, blended over `BLEND_SPEEDS` (J. Kabzan et al., AMZ Driverless, JFR 2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.files.vehicle_file import (
    DynamicsParameters,
    TyreParameters,
    VehicleDescription,
)
from warmstart_planner.simulation.configuration import ActuatorConfiguration
from warmstart_planner.simulation.plants.limits import (
    acceleration_within,
    dynamics_of,
    steering_within,
)
from warmstart_planner.simulation.plants.plant import CALM, LateralLoad, checked, runge_kutta
from warmstart_planner.vehicle import GRAVITY, VehicleParameters

BLEND_SPEEDS = (1.0, 2.0)  # kinematic below the first, tyre forces above the second [m/s]
BLEND_TIME = 0.02  # with which yaw rate and slip follow the kinematic model [s]
LONGITUDINAL_SHARE = 0.98  # of the friction circle that anti-lock braking lets the brakes use
# Places in the state vector of the plant, the model's own and the acceleration it has reached.
X, Y, STEER, V, PSI, YAW_RATE, SLIP, ACCEL = range(8)


class TyrePlant:
    """
    One car whose tyres slip, as `Plant` has it.

    Args:
        vehicle: the car.
        initial_state: shape (5,), rear axle, map frame.
        friction: what the tyres really have, the road's coefficient times its error.
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
        self._axles = axle_distances(self._vehicle, self._dynamics)
        state, self._friction, self._mass_factor = checked(initial_state, friction, mass_factor)
        self._actuators = actuators
        self._state = plant_state(state, *self._axles)
        self._derivative = self._build_derivative()

    @property
    def mass(self) -> float:
        """Real mass [kg]."""
        return self._dynamics.mass * self._mass_factor

    @property
    def acceleration(self) -> float:
        """Acceleration that the actuators have reached, driving direction [m/s^2]."""
        return self._state[ACCEL]

    @property
    def lateral_acceleration(self) -> float:
        """Lateral acceleration of a steady turn with the present speed and yaw rate [m/s^2]."""
        return self._state[V] * self._state[YAW_RATE]

    @property
    def slip_angle(self) -> float:
        """Angle from the car's axis to the velocity of its centre of gravity [rad]."""
        return self._state[SLIP]

    def rear_axle_state(self) -> NDArray[np.float64]:
        """State as the rest of the project has it, shape (5,): rear axle, map frame."""
        s, (_, b) = self._state, self._axles
        return np.array(
            [
                s[X] - b * math.cos(s[PSI]),
                s[Y] - b * math.sin(s[PSI]),
                s[PSI],
                s[V] * math.cos(s[SLIP]),
                s[STEER],
            ]
        )

    def step(
        self,
        acceleration: float,
        steering_angle: float,
        dt: float,
        load: LateralLoad = CALM,
    ) -> None:
        """
        Drive on for one integration step: Runge-Kutta of order 4, inputs held.

        Args:
            acceleration: target [m/s^2].
            steering_angle: target of the front wheels [rad].
            dt: step [s], at most 10 ms for the stiff tyres.
            load: wind, held over the step.

        """
        self._state = runge_kutta(
            lambda state: self._derivative(state, acceleration, steering_angle, load),
            self._state,
            dt,
        )
        if self._state[V] <= 0.0:
            self._stand()

    def push(self, lateral_speed: float, yaw_rate: float) -> None:
        """Change lateral speed [m/s] and yaw rate [rad/s] at once; a standing car holds."""
        s = self._state
        if s[V] <= BLEND_SPEEDS[1]:
            return
        lateral = s[V] * math.sin(s[SLIP]) + lateral_speed
        forward = s[V] * math.cos(s[SLIP])
        s[V], s[SLIP] = math.hypot(forward, lateral), math.atan2(lateral, forward)
        s[YAW_RATE] += yaw_rate

    def _stand(self) -> None:
        """Let the brake hold: the car neither creeps nor rolls back."""
        s = self._state
        s[V], s[YAW_RATE] = 0.0, 0.0
        s[SLIP] = kinematic_slip(s[STEER], *self._axles)

    def _build_derivative(
        self,
    ) -> Callable[[list[float], float, float, LateralLoad], list[float]]:
        car, p, mu, mass = self._vehicle, self._dynamics, self._friction, self.mass
        (lf, lr), h = self._axles, p.center_of_gravity_height
        wheelbase = lf + lr
        inertia = p.yaw_inertia * self._mass_factor
        limit = mu * GRAVITY
        stiffness = p.mass * p.tyre.cornering_stiffness  # over the load of the described car
        lags = self._actuators

        def derivative(
            s: list[float], acceleration: float, steering_angle: float, load: LateralLoad
        ) -> list[float]:
            rate = (steering_angle - s[STEER]) / lags.steering_lag
            rate = steering_within(rate, s[STEER], car)
            a = acceleration_within(s[ACCEL] / self._mass_factor, s[V], car, p)
            most = LONGITUDINAL_SHARE * limit
            a = min(max(a, -most), most)
            if s[V] <= 0.0 and a < 0.0:
                a = 0.0
            blend = min(max((s[V] - BLEND_SPEEDS[0]) / (BLEND_SPEEDS[1] - BLEND_SPEEDS[0]), 0), 1)
            slip_dot, yaw_dot = 0.0, 0.0
            if blend < 1.0:
                slip = kinematic_slip(s[STEER], lf, lr)
                yaw_rate = s[V] * math.cos(slip) * math.tan(s[STEER]) / wheelbase
                slip_dot = (1 - blend) * (slip - s[SLIP]) / BLEND_TIME
                yaw_dot = (1 - blend) * (yaw_rate - s[YAW_RATE]) / BLEND_TIME
            if blend > 0.0:
                lateral = math.sqrt(max(1.0 - (a / limit) ** 2, 0.0))
                front_load = (GRAVITY * lr - a * h) / wheelbase
                rear_load = (GRAVITY * lf + a * h) / wheelbase
                front_angle = s[STEER] - s[SLIP] - lf * s[YAW_RATE] / s[V]
                rear_angle = -s[SLIP] + lr * s[YAW_RATE] / s[V]
                peak = mass * mu * lateral
                front = axle_force(front_angle, stiffness * front_load, peak * front_load, p.tyre)
                rear = axle_force(rear_angle, stiffness * rear_load, peak * rear_load, p.tyre)
                push = front + rear + load.force
                slip_dot += blend * (push / (mass * s[V]) - s[YAW_RATE])
                yaw_dot += blend * (lf * front - lr * rear + load.moment) / inertia
            course = s[PSI] + s[SLIP]
            return [
                s[V] * math.cos(course),
                s[V] * math.sin(course),
                rate,
                a,
                s[YAW_RATE],
                yaw_dot,
                slip_dot,
                (acceleration - s[ACCEL]) / lags.acceleration_lag,
            ]

        return derivative


def axle_distances(
    vehicle: VehicleParameters, dynamics: DynamicsParameters
) -> tuple[float, float]:
    """Distances from the centre of gravity to the front and the rear axle [m]."""
    rear = dynamics.rear_axle_to_center_of_gravity
    return vehicle.wheelbase - rear, rear


def kinematic_slip(steering: float, lf: float, lr: float) -> float:
    """Slip angle at the centre of gravity of a car whose tyres do not slip [rad]."""
    return math.atan(math.tan(steering) * lr / (lf + lr))


def axle_force(angle: float, stiffness: float, peak: float, tyre: TyreParameters) -> float:
    """
    Lateral force of an axle by the Magic Formula without camber and offsets [N].

    Args:
        angle: slip angle, positive for a force to the left [rad].
        stiffness: slope at zero [N/rad].
        peak: largest force [N].
        tyre: shape and curvature factor.

    """
    if peak <= 0.0:
        return 0.0
    scaled = stiffness / (tyre.shape_factor * peak) * angle
    bent = scaled - tyre.curvature_factor * (scaled - math.atan(scaled))
    return peak * math.sin(tyre.shape_factor * math.atan(bent))


def plant_state(state: ArrayLike, lf: float, lr: float) -> list[float]:
    """State of the plant, without tyre slip, for a state of the rear axle."""
    px, py, yaw, speed, steering = (float(value) for value in np.asarray(state))
    slip = kinematic_slip(steering, lf, lr)
    return [
        px + lr * math.cos(yaw),
        py + lr * math.sin(yaw),
        steering,
        speed / math.cos(slip),
        yaw,
        speed * math.tan(steering) / (lf + lr),
        slip,
        0.0,
    ]
