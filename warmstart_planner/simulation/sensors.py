# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the car gets to know: noisy, delayed, and sometimes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.simulation.configuration import (
    EgoNoiseConfiguration,
    ObstacleNoiseConfiguration,
    TransportConfiguration,
)
from warmstart_planner.simulation.disturbances import CorrelatedNoise
from warmstart_planner.vehicle import SPEED, STEERING, VehicleParameters


class EgoSensor:
    """
    Measures the car's own state.

    Args:
        configuration: standard deviations.
        vehicle: the car, whose bounds a measured steering angle and speed keep.
        generator: source of randomness, used by this sensor alone.

    """

    def __init__(
        self,
        configuration: EgoNoiseConfiguration,
        vehicle: VehicleParameters,
        generator: np.random.Generator,
    ) -> None:
        c = configuration
        deviation = np.array([c.position, c.position, c.yaw, c.speed, c.steering])
        self._noise = CorrelatedNoise(deviation, c.correlation_time, generator)
        self._steering_max = vehicle.steering_max

    def measure(self, state: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        """
        Return a measurement of a state, shape (5,), `dt` seconds after the last one.

        Wheel encoders do not invent motion: a measured speed is never negative, and a standing
        car is measured as standing.
        """
        measured = state + self._noise.sample(dt)
        standing = state[SPEED] <= 0.0
        measured[SPEED] = 0.0 if standing else max(measured[SPEED], 0.0)
        measured[STEERING] = np.clip(measured[STEERING], -self._steering_max, self._steering_max)
        return measured


class ObstacleSensor:
    """
    Perceives obstacles and their predictions, with errors that each obstacle has of its own.

    The position error shifts the whole prediction; the yaw error turns it about the obstacle, and
    the speed error stretches it, so that a prediction drifts away from the truth with time.

    Args:
        configuration: standard deviations.
        names: all obstacles that there can be.
        generator: source of randomness, used by this sensor alone.

    """

    def __init__(
        self,
        configuration: ObstacleNoiseConfiguration,
        names: Sequence[str],
        generator: np.random.Generator,
    ) -> None:
        c = configuration
        deviation = np.tile([c.position, c.position, c.yaw, c.speed], (len(names), 1))
        self._noise = CorrelatedNoise(deviation, c.correlation_time, generator)
        self._index = {name: i for i, name in enumerate(names)}

    def perceive(self, obstacles: Sequence[Obstacle], dt: float) -> tuple[Obstacle, ...]:
        """Return what is perceived of obstacles, `dt` seconds after the last time."""
        errors = self._noise.sample(dt)
        return tuple(
            disturbed(obstacle, errors[self._index[obstacle.name]]) for obstacle in obstacles
        )


class Transport:
    """
    Decides of each observation whether it arrives, and how old it is then.

    Args:
        configuration: probabilities and delays.
        generator: source of randomness, used by the transport alone.

    """

    def __init__(
        self, configuration: TransportConfiguration, generator: np.random.Generator
    ) -> None:
        self._configuration = configuration
        self._generator = generator

    def age(self) -> float | None:
        """Age of the next observation [s], None if it is lost."""
        c = self._configuration
        lost, late = self._generator.random(2)
        if lost < c.loss_probability:
            return None
        return c.delay + (c.late_delay if late < c.late_probability else 0.0)


def disturbed(obstacle: Obstacle, error: NDArray[np.float64]) -> Obstacle:
    """Return an obstacle perceived with an error (x, y, yaw, relative speed), shape (4,)."""
    first = obstacle.poses[0]
    motion = (obstacle.poses[:, :2] - first[:2]) * (1.0 + error[3])
    cos, sin = np.cos(error[2]), np.sin(error[2])
    poses = obstacle.poses.copy()
    poses[:, 0] = first[0] + error[0] + cos * motion[:, 0] - sin * motion[:, 1]
    poses[:, 1] = first[1] + error[1] + sin * motion[:, 0] + cos * motion[:, 1]
    poses[:, 2] += error[2]
    return replace(obstacle, poses=poses)
