# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept of a drive: neutral arrays, whoever drove, with ROS or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import finite_array
from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import PX, PY, STATE_SIZE


@dataclass(frozen=True)
class PlanRecord:
    """
    One cycle of the planner, as far as the report needs it.

    `stamp` is when it was asked, `available` when its reference came into force [s]; `rung` and
    `source` are names. `reference` is None where there was none; `candidates` are what refinement
    made of all starts, as far as they were kept.
    """

    stamp: float
    available: float
    seconds: float
    iterations: int
    rung: str
    source: str
    feasible: bool
    reference: Trajectory | None
    candidates: tuple[Trajectory, ...] = ()


@dataclass(frozen=True)
class ControlRecord:
    """One step of the controller: when, how long, its commands [m/s^2, rad] and its rung."""

    stamp: float
    seconds: float
    acceleration: float
    steering_angle: float
    rung: str


@dataclass(frozen=True)
class DriveRecord:
    """
    A drive: true states of the rear axle over time and what planner and controller did.

    `times` has shape (T,), increases and starts where the drive does [s]; `states` has shape
    (T, 5), map frame; `plans` and `controls` are in order of time.

    Raises:
        ValueError: shapes do not match, a value is not finite, times do not increase, or there
            are fewer than two.

    """

    times: NDArray[np.float64]
    states: NDArray[np.float64]
    plans: tuple[PlanRecord, ...]
    controls: tuple[ControlRecord, ...]

    def __post_init__(self) -> None:
        """Check the arrays."""
        times = finite_array('drive.times', self.times, (None,))
        if len(times) < 2 or (np.diff(times) <= 0).any():
            raise ValueError(
                f'drive.times has {len(times)} entries: expected two or more that increase'
            )
        states = finite_array('drive.states', self.states, (len(times), STATE_SIZE))
        object.__setattr__(self, 'times', times)
        object.__setattr__(self, 'states', states)
        object.__setattr__(self, 'plans', tuple(self.plans))
        object.__setattr__(self, 'controls', tuple(self.controls))

    def plan_in_force(self, t: float) -> PlanRecord | None:
        """Return the plan whose reference is followed at a time, None before the first."""
        available = [plan.available for plan in self.plans]
        index = int(np.searchsorted(available, t + 1e-9, side='right')) - 1
        return self.plans[index] if index >= 0 else None

    def tracking_errors(self) -> NDArray[np.float64]:
        """
        Distance from the place where the reference in force is at each time, shape (T,) [m].

        NaN where no reference is in force, or the one in force does not cover the time.
        """
        errors = np.full(len(self.times), np.nan)
        for i, t in enumerate(self.times):
            plan = self.plan_in_force(float(t))
            if plan is None or plan.reference is None:
                continue
            grid = plan.reference.times
            if not grid[0] - 1e-9 <= t <= grid[-1] + 1e-9:
                continue
            dx = np.interp(t, grid, plan.reference.states[:, PX]) - self.states[i, PX]
            dy = np.interp(t, grid, plan.reference.states[:, PY]) - self.states[i, PY]
            errors[i] = np.hypot(dx, dy)
        return errors


def counts(names: Sequence[str]) -> dict[str, int]:
    """Count how often each name occurs, in the order of the first occurrence."""
    return {name: list(names).count(name) for name in dict.fromkeys(names)}
