# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where the solver starts from: sources of starts, and the choice between them by merit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.mpc import formulation
from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.problem import Trajectory
from warmstart_planner.transcription import Frame
from warmstart_planner.vehicle import ACCELERATION, SPEED, YAW, VehicleParameters, roll_out


@dataclass(frozen=True)
class TrackingProblem:
    """
    One problem of the controller.

    `initial_state` (5,), `reference_states` (N + 1, 5) and `reference_controls` (N, 2) are in the
    map frame, the first at `stamp` [s], the others `dt` apart; the reference's yaw is within half
    a turn of the initial state's. `parameters`
    (N + 1, Layout.size) are what the solver sees, in `frame`.
    """

    stamp: float
    dt: float
    initial_state: NDArray[np.float64]
    reference_states: NDArray[np.float64]
    reference_controls: NDArray[np.float64]
    frame: Frame
    parameters: NDArray[np.float64]


@dataclass(frozen=True)
class WarmStart:
    """A start: states (N + 1, 5) and controls (N, 2), map frame, on the problem's grid."""

    source: str
    states: NDArray[np.float64]
    controls: NDArray[np.float64]


def facing(states: NDArray[np.float64], yaw: float) -> NDArray[np.float64]:
    """Return states (n, 5) turned by whole turns, so that the first is nearest to a yaw."""
    turned = states.copy()
    turned[:, YAW] -= 2 * np.pi * np.round((states[0, YAW] - yaw) / (2 * np.pi))
    return turned


class StartSource(Protocol):
    """Anything that can propose starts."""

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return starts for a problem, none where it has none."""


class ReferenceStart:
    """The reference itself: the cold start."""

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return the reference."""
        return (WarmStart('reference', problem.reference_states, problem.reference_controls),)


class ShiftedStart:
    """The previous solution, shifted by the time that has passed."""

    def __init__(self, wheelbase: float) -> None:
        self._wheelbase = wheelbase
        self._previous: Sampler | None = None

    def remember(self, solution: Trajectory) -> None:
        """Keep a solution for the next problem."""
        last = float(solution.controls[-1, ACCELERATION])
        # the model's speed never becomes negative: a braking end goes on until standstill
        held = min(last, 0.0) if solution.states[-1, SPEED] > 0.0 else 0.0
        self._previous = Sampler(solution, self._wheelbase, held)

    def forget(self) -> None:
        """Drop the solution, as after a failure: a stale one makes the next solve fail too."""
        self._previous = None

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return the shifted solution unless there is none or it lies wholly in the past."""
        if self._previous is None or self._previous.trajectory.times[-1] < problem.stamp:
            return ()
        times = problem.stamp + problem.dt * np.arange(len(problem.reference_states))
        states, controls = self._previous.sample(times)
        # a measured yaw may jump by a turn from one cycle to the next
        states = facing(states, problem.initial_state[YAW])
        return (WarmStart('shifted', states, controls[:-1]),)


def rolled_out(
    source: str,
    controls: NDArray[np.float64],
    problem: TrackingProblem,
    vehicle: VehicleParameters,
) -> WarmStart:
    """Return a start that drives the controls (N, 2) from the problem's initial state."""
    states, applied = roll_out(problem.initial_state, controls, problem.dt, vehicle)
    return WarmStart(source, states, applied)


def merit(
    start: WarmStart,
    problem: TrackingProblem,
    settings: ControllerSettings,
    vehicle: VehicleParameters,
) -> float:
    """Return what the solver minimises, at a start that obeys the dynamics; smaller is better."""
    layout = formulation.Layout(settings.obstacles)
    states = problem.frame.localise(start.states).T
    controls = start.controls.T
    parameters = problem.parameters.T
    early, last = slice(0, -1), slice(-1, None)
    residuals = formulation.residuals(
        states[:, early], controls, parameters[:, early], vehicle.wheelbase
    )
    end_residuals = formulation.state_residuals(
        states[:, last], parameters[:, last], vehicle.wheelbase
    )
    separations = np.stack(formulation.state_constraints(states, parameters, layout, vehicle))
    shares = formulation.friction_shares(states[:, early], controls, parameters[:, early], vehicle)
    close = _penalty(np.maximum(-separations, 0.0), settings.violation, settings)
    sliding = _penalty(
        np.maximum(np.abs(np.stack(shares)) - 1.0, 0.0), settings.friction_violation, settings
    )
    path = _squares(residuals) + close[early].sum() + sliding.sum()
    return float(problem.dt * path + _squares(end_residuals) + close[last].sum())


def best(
    starts: Sequence[WarmStart],
    problem: TrackingProblem,
    settings: ControllerSettings,
    vehicle: VehicleParameters,
) -> WarmStart:
    """Return the start of least merit after a dynamics roll-out; the only one is not judged."""
    if len(starts) == 1:
        return starts[0]
    driven = [rolled_out(start.source, start.controls, problem, vehicle) for start in starts]
    merits = np.array([merit(start, problem, settings, vehicle) for start in driven])
    return driven[int(np.argmin(np.where(np.isfinite(merits), merits, np.inf)))]


def _squares(residuals: list[NDArray[np.float64]]) -> float:
    return float(sum(np.sum(row**2) for row in residuals)) / 2


def _penalty(
    violation: NDArray[np.float64], linear: float, settings: ControllerSettings
) -> NDArray[np.float64]:
    """Penalty of each stage for violations, shape (rows, stages)."""
    return (linear * violation + settings.violation_square / 2 * violation**2).sum(axis=0)
