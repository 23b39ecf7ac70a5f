# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drivers that follow the plain rule, and their drives: what logs of ordinary driving come from.

What the rule is: `driver_model.plain_rule`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.driver_model.plain_rule import PlainSettings
from warmstart_planner.learned.observation.observer import Observer, moving
from warmstart_planner.simulation.disturbances import CorrelatedNoise
from warmstart_planner.transcription import Transcription
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters, roll_out

Array = NDArray[np.float64]

PLAIN = 'plain_controller'  # its name as a source of episodes
NOISE_TIME = 0.8  # correlation time of exploration noise [s]
NOISE_DEVIATION = np.array([1.0, 0.08])  # of it, at size 1 [m/s^2, rad/s]
HABIT_RANGE = 2.0  # by which factor drivers' gains and distances differ
OFFSET_DEVIATION = 1.0  # of the lateral offset that a drive keeps, at size 1 [m]


def other_habits(settings: PlainSettings, rng: np.random.Generator) -> PlainSettings:
    """Return another driver's settings: every number from half to twice as large."""
    factors = HABIT_RANGE ** rng.uniform(-1.0, 1.0, len(vars(settings)))
    values = np.array(list(vars(settings).values())) * factors
    return PlainSettings(*values.tolist())


class PlainController:
    """
    Controls of any number of cars in one problem.

    Args:
        vehicle: the car.
        settings: gains and distances.

    """

    def __init__(self, vehicle: VehicleParameters, settings: PlainSettings | None = None) -> None:
        self.vehicle = vehicle
        self.settings = settings or PlainSettings()
        self._observer = Observer(vehicle)

    def act(
        self, states: Array, road: Array, obstacles: Array, offset: Array | float = 0.0
    ) -> Array:
        """
        Return the controls of cars that do not see each other, within the car's limits.

        Args:
            states: (K, 5) in the frame of a `Transcription`.
            road: (ROAD_PARAMETERS,).
            obstacles: (M, 9), with velocities as `observer.moving` appends them.
            offset: lateral distance that is kept to the road's target, scalar or (K,) [m].

        Returns:
            Shape (K, 2) [m/s^2, rad/s].

        """
        return self._observer.rule(states, road, obstacles, self.settings, offset)


def drive_model(
    controller: PlainController,
    numbers: Transcription,
    dt: float,
    noise: Sequence[float],
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """
    Drive the kinematic model over a problem's horizon, once for each size of exploration.

    Exploration is slow noise on the controls and another lateral offset to keep.

    Args:
        controller: who drives.
        numbers: the problem.
        dt: of its grid [s].
        noise: sizes, shape (K,); 0 is the controller as it is.
        rng: of the noise.

    Returns:
        States (K, N + 1, 5) and controls (K, N, 2), in the problem's frame.

    """
    sizes = np.asarray(noise, dtype=float)
    obstacles = moving(numbers.obstacles, dt)
    steps = len(numbers.state_lower) - 1
    wobble = CorrelatedNoise(sizes[:, None] * NOISE_DEVIATION, NOISE_TIME, rng)
    offset = sizes * OFFSET_DEVIATION * rng.standard_normal(len(sizes))
    states = np.empty((len(sizes), steps + 1, STATE_SIZE))
    controls = np.empty((len(sizes), steps, CONTROL_SIZE))
    states[:, 0] = numbers.initial_state
    for k in range(steps):
        wanted = controller.act(states[:, k], numbers.road, obstacles[:, k], offset)
        moved, applied = roll_out(
            states[:, k], (wanted + wobble.sample(dt))[:, None], dt, controller.vehicle
        )
        states[:, k + 1], controls[:, k] = moved[:, 1], applied[:, 0]
    return states, controls
