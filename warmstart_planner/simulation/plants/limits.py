# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What engine, brakes and steering of a car give.

As in CommonRoad's vehicle models (M. Althoff, G. Würsching, CommonRoad: Vehicle Models, 2020,
Section 3), with the `dynamics` of the vehicle's file.
"""

from __future__ import annotations

from warmstart_planner.files.vehicle_file import (
    DynamicsParameters,
    VehicleDescription,
    VehicleError,
)
from warmstart_planner.vehicle import VehicleParameters


def dynamics_of(vehicle: VehicleDescription) -> DynamicsParameters:
    """
    Return what a car is simulated with.

    Raises:
        VehicleError: its file has none.

    """
    if vehicle.dynamics is None:
        raise VehicleError(
            f'vehicle {vehicle.parameters.name} has no dynamics: expected mass, inertia and tyres '
            'in its file, which the simulated car needs'
        )
    return vehicle.dynamics


def steering_within(rate: float, angle: float, vehicle: VehicleParameters) -> float:
    """Return the steering rate that a car's limits leave of one, at an angle [rad/s]."""
    if abs(angle) >= vehicle.steering_max and rate * angle >= 0.0:
        return 0.0
    return min(max(rate, -vehicle.steering_rate_max), vehicle.steering_rate_max)


def acceleration_within(
    acceleration: float, speed: float, vehicle: VehicleParameters, dynamics: DynamicsParameters
) -> float:
    """Return the acceleration that engine and brakes give of one, at a speed [m/s^2]."""
    if speed >= vehicle.speed_max and acceleration >= 0.0:
        return 0.0
    limit = dynamics.acceleration_limit
    power = dynamics.power_limit_speed / max(speed, dynamics.power_limit_speed)
    return min(max(acceleration, -limit), limit * power)
