# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What all simulated cars have in common, whatever they are modelled by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import finite_array, number
from warmstart_planner.vehicle import STATE_SIZE

_RUNGE_KUTTA = ((0.5, 1 / 6), (0.5, 1 / 3), (1.0, 1 / 3), (0.0, 1 / 6))


@dataclass(frozen=True)
class LateralLoad:
    """What the wind does to the car: lateral force at the centre of gravity and yaw moment."""

    force: float = 0.0  # left positive [N]
    moment: float = 0.0  # counter-clockwise positive [N m]


CALM = LateralLoad()


class Plant(Protocol):
    """
    One car, from targets of acceleration and steering angle to its motion.

    Everything else in the project sees it as a state of the rear axle (see `vehicle.py`).
    """

    @property
    def acceleration(self) -> float:
        """Acceleration that the actuators have reached, driving direction [m/s^2]."""

    def rear_axle_state(self) -> NDArray[np.float64]:
        """State as the rest of the project has it, shape (5,): rear axle, map frame."""

    def step(
        self, acceleration: float, steering_angle: float, dt: float, load: LateralLoad = CALM
    ) -> None:
        """
        Drive on for one integration step, inputs held.

        Args:
            acceleration: target [m/s^2].
            steering_angle: target of the front wheels [rad].
            dt: step [s].
            load: wind, held over the step.

        """

    def push(self, lateral_speed: float, yaw_rate: float) -> None:
        """Change lateral speed [m/s] and yaw rate [rad/s] at once; a standing car holds."""


def checked(
    initial_state: ArrayLike, friction: float, mass_factor: float
) -> tuple[NDArray[np.float64], float, float]:
    """
    Return what a simulated car begins with: state of the rear axle, friction, share of the mass.

    Raises:
        ValueError: a value is no finite number or one that no car has.

    """
    return (
        finite_array('plant initial state', initial_state, (STATE_SIZE,)),
        number('plant friction', friction, at_least=0.01, at_most=3.0),
        number('plant mass factor', mass_factor, at_least=0.3, at_most=3.0),
    )


def runge_kutta(
    derivative: Callable[[list[float]], Sequence[float]], begin: list[float], dt: float
) -> list[float]:
    """Return a state one step [s] later, by Runge-Kutta of order 4."""
    probe = begin
    total = [0.0] * len(begin)
    for reach, weight in _RUNGE_KUTTA:
        slope = derivative(probe)
        total = [t + weight * k for t, k in zip(total, slope, strict=True)]
        probe = [s + reach * dt * k for s, k in zip(begin, slope, strict=True)]
    return [s + dt * k for s, k in zip(begin, total, strict=True)]
