# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Compensation of the pipeline's delay: where the car will be when a new command takes effect."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.supervision import Actuation
from warmstart_planner.vehicle import SPEED, STEERING, VehicleParameters, step

MEMORY = 2.0  # how long commands are remembered [s]
LONGEST_STEP = 0.1  # of the integration [s]


@dataclass(frozen=True)
class Actuators:
    """Transport delay and first-order time constants of the actuators [s]."""

    delay: float
    acceleration_lag: float
    steering_lag: float


class CommandHistory:
    """Commands already sent, by the time at which they take effect."""

    def __init__(self, actuators: Actuators) -> None:
        self.actuators = actuators
        self._sent: deque[tuple[float, Actuation]] = deque()

    def add(self, stamp: float, command: Actuation) -> None:
        """Remember a command sent at `stamp`; a clock that jumped back clears the others."""
        effect = stamp + self.actuators.delay
        if self._sent and effect < self._sent[-1][0]:
            self._sent.clear()
        self._sent.append((effect, command))
        while self._sent[0][0] < effect - MEMORY:
            self._sent.popleft()

    def take_over(self, other: CommandHistory) -> None:
        """Remember the commands of another history, which take effect by these actuators."""
        later = self.actuators.delay - other.actuators.delay
        self._sent = deque((effect + later, command) for effect, command in other._sent)

    def clear(self) -> None:
        """Forget all commands."""
        self._sent.clear()

    @property
    def last(self) -> tuple[float, Actuation] | None:
        """Stamp and value of the newest command."""
        if not self._sent:
            return None
        effect, command = self._sent[-1]
        return effect - self.actuators.delay, command

    def predict(
        self,
        state: NDArray[np.float64],
        stamp: float,
        until: float,
        vehicle: VehicleParameters,
    ) -> NDArray[np.float64]:
        """
        Drive a state on through the commands sent.

        Args:
            state: measured, shape (5,), map frame.
            stamp: its time [s].
            until: time to predict to [s]; not before `stamp`: the state is returned as it is.
            vehicle: the car.

        Returns:
            The state at `until`, shape (5,).

        """
        current = [float(value) for value in state]
        acceleration = self._acceleration_at(stamp)
        for begin, end, command in self._segments(stamp, until):
            duration = end - begin
            wanted = Actuation(acceleration, current[STEERING]) if command is None else command
            mean, acceleration = _lagged(
                acceleration, wanted.acceleration, self.actuators.acceleration_lag, duration
            )
            mean = max(mean, -current[SPEED] / duration)
            _, steered = _lagged(
                current[STEERING], wanted.steering_angle, self.actuators.steering_lag, duration
            )
            rate = (steered - current[STEERING]) / duration
            rate = min(max(rate, -vehicle.steering_rate_max), vehicle.steering_rate_max)
            current = step(current, (mean, rate), duration, vehicle.wheelbase)
        return np.array(current, dtype=float)

    def _acceleration_at(self, time: float) -> float:
        """Acceleration that the actuators have reached, from the commands alone [m/s^2]."""
        acceleration = 0.0
        for index, (effect, command) in enumerate(self._sent):
            if effect >= time:
                break
            later = self._sent[index + 1][0] if index + 1 < len(self._sent) else time
            _, acceleration = _lagged(
                acceleration,
                command.acceleration,
                self.actuators.acceleration_lag,
                min(later, time) - effect,
            )
        return acceleration

    def _segments(self, begin: float, end: float) -> list[tuple[float, float, Actuation | None]]:
        """Cut a time span where a command takes effect, and to at most LONGEST_STEP."""
        if end <= begin:
            return []
        active: Actuation | None = None
        cuts: list[tuple[float, Actuation | None]] = []
        for effect, command in self._sent:
            if effect <= begin:
                active = command
            elif effect < end:
                cuts.append((effect, command))
        segments = []
        starts = [(begin, active), *cuts]
        for (first, command), (last, _) in zip(starts, [*cuts, (end, None)], strict=True):
            pieces = max(int(np.ceil((last - first) / LONGEST_STEP)), 1)
            edges = [first + (last - first) * i / pieces for i in range(pieces + 1)]
            segments += [
                (a, b, command) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a
            ]
        return segments


def _lagged(value: float, wanted: float, lag: float, duration: float) -> tuple[float, float]:
    """Mean over a time span and final value of a first-order lag towards `wanted`."""
    if lag <= 1e-6 or duration <= 0.0:
        return wanted, wanted if duration > 0.0 else value
    decay = np.exp(-duration / lag)
    mean = wanted + (value - wanted) * lag / duration * (1.0 - decay)
    return float(mean), float(wanted + (value - wanted) * decay)


def lag_inverted(value: float, rate: float, lag: float, period: float) -> float:
    """Return the target that moves a first-order lag by `rate * period` within a period."""
    if lag <= 1e-6:
        return value + rate * period
    return value + rate * period / -np.expm1(-period / lag)
