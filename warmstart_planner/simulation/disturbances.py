# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What disturbs the car and its measurements: correlated noise, wind and impulses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.simulation.configuration import WindConfiguration
from warmstart_planner.simulation.plants.plant import LateralLoad

CUT = 3.0  # noise is cut at this many standard deviations, as a plausibility check would
AIR_DENSITY = 1.2  # [kg/m^3]
SIDE_HEIGHT = 1.3  # of the car's side as the wind sees it [m]
SIDE_COEFFICIENT = 1.0  # side force coefficient of a passenger car in an oblique wind
PRESSURE_POINT = 0.1  # the wind's point of attack ahead of the centre of gravity, over the length


class CorrelatedNoise:
    """
    First-order Gauss-Markov noise with given standard deviations, cut at `CUT` of them.

    Samples that are `dt` apart correlate with exp(-dt / correlation_time); a correlation time of
    0 gives white noise. The sequence starts in its stationary distribution.

    Args:
        deviation: standard deviations, any shape.
        correlation_time: [s].
        generator: source of randomness, used by this noise alone.

    """

    def __init__(
        self, deviation: ArrayLike, correlation_time: float, generator: np.random.Generator
    ) -> None:
        self._deviation = np.asarray(deviation, dtype=float)
        self._correlation_time = correlation_time
        self._generator = generator
        self._value = generator.standard_normal(self._deviation.shape)

    def sample(self, dt: float) -> NDArray[np.float64]:
        """Return the noise `dt` seconds after the last sample, in the shape of the deviations."""
        keep = math.exp(-dt / self._correlation_time) if self._correlation_time > 0 else 0.0
        fresh = self._generator.standard_normal(self._deviation.shape)
        self._value = keep * self._value + math.sqrt(1 - keep * keep) * fresh
        return self._deviation * np.clip(self._value, -CUT, CUT)


class Wind:
    """
    A steady wind with gusts, as a lateral load on the car.

    The side force is that of the air's speed relative to the car,
    rho / 2 * c * A * |v_rel| * v_rel,lateral, and attacks ahead of the centre of gravity, so that
    a gust also turns the car away from the wind. Drag is left to the acceleration controller.

    Args:
        configuration: mean and gusts.
        length: of the car [m].
        generator: source of randomness, used by the wind alone.

    """

    def __init__(
        self, configuration: WindConfiguration, length: float, generator: np.random.Generator
    ) -> None:
        self._configuration = configuration
        self._length = length
        self._gust = CorrelatedNoise(configuration.gust, configuration.gust_time, generator)

    def load(self, yaw: float, speed: float, dt: float) -> LateralLoad:
        """Return the load on a car with a yaw and speed, `dt` seconds after the last call."""
        blow = self._configuration.speed + float(self._gust.sample(dt))
        angle = self._configuration.direction - yaw
        lateral, along = blow * math.sin(angle), blow * math.cos(angle) - speed
        area = self._length * SIDE_HEIGHT
        factor = AIR_DENSITY / 2 * SIDE_COEFFICIENT * area
        force = factor * math.hypot(lateral, along) * lateral
        return LateralLoad(force, force * PRESSURE_POINT * self._length)
