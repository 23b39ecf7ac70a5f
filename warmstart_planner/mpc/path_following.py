# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Follow a trajectory without a solver: what is left when solves keep failing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.supervision import Actuation
from warmstart_planner.vehicle import ACCELERATION, SPEED, STEERING, YAW, VehicleParameters

LOOK_AHEAD_TIME = 0.8  # [s]
LOOK_AHEAD_LEAST = 4.0  # [m]
SPEED_GAIN = 1.0  # [1/s]
NEAREST_AIM = 1.0  # aiming at a nearer point would turn the wheels for nothing [m]
SEARCH_TIMES = np.linspace(0.0, 5.0, 51)


def follow(
    target: Sampler, state: NDArray[np.float64], now: float, vehicle: VehicleParameters
) -> Actuation:
    """
    Return acceleration by feedforward and speed error, steering by pure pursuit.

    Coulter, "Implementation of the Pure Pursuit Path Tracking Algorithm", CMU-RI-TR-92-01, 1992.

    Args:
        target: what to follow, map frame.
        state: the car, shape (5,).
        now: time on the target [s].
        vehicle: the car.

    """
    ahead, controls = target.sample(now + SEARCH_TIMES)
    acceleration = controls[0, ACCELERATION] + SPEED_GAIN * (ahead[0, SPEED] - state[SPEED])
    distance = np.hypot(*(ahead[:, :2] - state[:2]).T)
    wanted = max(LOOK_AHEAD_LEAST, LOOK_AHEAD_TIME * state[SPEED])
    beyond = distance >= wanted
    aim = int(np.argmax(beyond)) if beyond.any() else len(ahead) - 1
    dx, dy = ahead[aim, :2] - state[:2]
    forward = np.cos(state[YAW]) * dx + np.sin(state[YAW]) * dy
    lateral = np.cos(state[YAW]) * dy - np.sin(state[YAW]) * dx
    if forward < NEAREST_AIM:
        return Actuation(float(acceleration), float(state[STEERING]))
    curvature = 2 * lateral / distance[aim] ** 2
    return Actuation(float(acceleration), float(np.arctan(vehicle.wheelbase * curvature)))
