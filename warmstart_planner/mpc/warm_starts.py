# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where the solver starts from: sources of starts, the candidates, and their merit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.observation.observer import Observer
from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.mpc.settings import ControllerSettings, StartChoice
from warmstart_planner.mpc.tracking.merit_library import Merit
from warmstart_planner.problem import Trajectory
from warmstart_planner.transcription import Frame
from warmstart_planner.vehicle import (
    ACCELERATION,
    PX,
    PY,
    SPEED,
    YAW,
    VehicleParameters,
    step,
)

CONTROL_TOLERANCE = 1e-2  # by which a received start may leave the car's limits [m/s^2, rad/s]
STATE_TOLERANCE = 1e-3  # by which its states may be off the car model [m, rad, m/s]
# Merit from which a start is a bad one: the car was pushed, or the world has changed. At most
# times a solution's is 0.02 to 0.3, and that of its shifted one as much.
BAD_MERIT = 1.0
ELSEWHERE = 2.0  # a start so far from the car is of another place [m]


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

    @property
    def finite(self) -> bool:
        """Whether a solver may begin with it."""
        return bool(np.isfinite(self.states).all() and np.isfinite(self.controls).all())


def facing(states: NDArray[np.float64], yaw: float) -> NDArray[np.float64]:
    """Return states (n, 5) turned by whole turns, so that the first is nearest to a yaw."""
    turned = states.copy()
    turned[:, YAW] -= 2 * np.pi * np.round((states[0, YAW] - yaw) / (2 * np.pi))
    return turned


Starts = tuple[WarmStart, ...]


class StartSource(Protocol):
    """Anything that can propose starts."""

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return starts for a problem, none where it has none."""

    def forget(self) -> None:
        """Drop all that is from before, as at the beginning of a drive."""


class ReferenceStart:
    """The reference itself: the cold start."""

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return the reference."""
        return (WarmStart('reference', problem.reference_states, problem.reference_controls),)

    def forget(self) -> None:
        """Do nothing: it keeps nothing."""


class ShiftedStart:
    """The previous solution, shifted by the time that has passed."""

    def __init__(self, wheelbase: float) -> None:
        self._wheelbase = wheelbase
        self._previous: Sampler | None = None

    def remember(self, solution: Trajectory) -> None:
        """Keep a solution for the next problem."""
        self._previous = _continued(solution, self._wheelbase)

    def forget(self) -> None:
        """Drop the solution, as after a failure: a stale one makes the next solve fail too."""
        self._previous = None

    def take_over(self, other: ShiftedStart) -> None:
        """Keep the solution of another one."""
        self._previous = other._previous

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return the shifted solution unless there is none or it lies wholly in the past."""
        if self._previous is None or self._previous.trajectory.times[-1] < problem.stamp:
            return ()
        return (_sampled('shifted', self._previous, problem),)


class ReceivedStart:
    """
    Starts that were made elsewhere, such as roll-outs that came over a topic.

    Args:
        source: their name.
        vehicle: the car.
        age_max: how old the moment may be that they start from [s].

    """

    def __init__(self, source: str, vehicle: VehicleParameters, age_max: float) -> None:
        self._source = source
        self._vehicle = vehicle
        self._age_max = age_max
        self.forget()

    def receive(self, starts: Sequence[Trajectory]) -> None:
        """
        Keep starts, map frame, in place of those from before.

        Raises:
            ValueError: one is nothing that the car could drive; those from before are kept.

        """
        for start in starts:
            _check_drivable(start, self._vehicle)
        self._starts = tuple(_continued(start, self._vehicle.wheelbase) for start in starts)

    def forget(self) -> None:
        """Drop them."""
        self._starts: tuple[Sampler, ...] = ()

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return them on the problem's grid, without what is stale, yet to come or elsewhere."""
        ages = [problem.stamp - start.trajectory.stamp for start in self._starts]
        fresh = [
            _sampled(self._source, start, problem)
            for start, age in zip(self._starts, ages, strict=True)
            if -problem.dt <= age <= self._age_max
        ]
        here = problem.initial_state[[PX, PY]]
        return tuple(
            start for start in fresh if np.hypot(*(start.states[0, [PX, PY]] - here)) <= ELSEWHERE
        )


def _check_drivable(start: Trajectory, vehicle: VehicleParameters) -> None:
    """Refuse controls beyond the car's, and states that do not follow from each other by them."""
    lower = vehicle.control_lower - CONTROL_TOLERANCE
    upper = vehicle.control_upper + CONTROL_TOLERANCE
    outside = (start.controls < lower) | (upper < start.controls)
    if outside.any():
        node, control = (int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f'start.controls is {start.controls[node, control]} at ({node}, {control}): expected '
            f'a number in [{vehicle.control_lower[control]}, {vehicle.control_upper[control]}]'
        )
    ahead = step(start.states[:-1].T, start.controls.T, start.dt, vehicle.wheelbase)
    error = np.abs(start.states[1:] - np.stack(ahead, axis=-1)).max(axis=1)
    if error.max() > STATE_TOLERANCE:
        node = int(np.argmax(error > STATE_TOLERANCE)) + 1
        raise ValueError(
            f'start.states is off by {error[node - 1]:.2g} at {node}: expected what the car model '
            f'makes of {node - 1}'
        )


def _continued(trajectory: Trajectory, wheelbase: float) -> Sampler:
    """Return a trajectory that goes on with its last acceleration where it brakes."""
    last = float(trajectory.controls[-1, ACCELERATION])
    # the model's speed never becomes negative: a braking end goes on until standstill
    held = min(last, 0.0) if trajectory.states[-1, SPEED] > 0.0 else 0.0
    return Sampler(trajectory, wheelbase, held)


def _sampled(source: str, sampler: Sampler, problem: TrackingProblem) -> WarmStart:
    times = problem.stamp + problem.dt * np.arange(len(problem.reference_states))
    states, controls = sampler.sample(times)
    # a measured yaw may jump by a turn from one cycle to the next
    return WarmStart(source, facing(states, problem.initial_state[YAW]), controls[:-1])


Proposals = Callable[[], Starts]
IsBad = Callable[[Sequence[WarmStart]], bool]


def _others_where_bad(shifted: Proposals, others: Proposals, is_bad: IsBad) -> Starts:
    """
    Return the shifted solution; the other sources' beside it only where it is a bad start.

    Elsewhere the solver cannot begin better, and to ask takes longer than the iterations that are
    left.
    """
    first = shifted()
    return (*first, *others()) if not first or is_bad(first) else first


# from the proposals of the shifted solution and of the other sources
CANDIDATES: Mapping[StartChoice, Callable[[Proposals, Proposals, IsBad], Starts]] = {
    StartChoice.SHIFTED: lambda shifted, others, is_bad: shifted(),
    StartChoice.POLICY: lambda shifted, others, is_bad: others() or shifted(),
    StartChoice.BEST: _others_where_bad,
}


class StartSelector:
    """
    Selects starts by merit: what the solver minimises, after a roll-out through the dynamics.

    Both are compiled: in numpy they would take longer than the iterations that they save.

    Raises:
        SolverMissingError: what is compiled was not generated for this car and these settings.

    """

    def __init__(self, settings: ControllerSettings, vehicle: VehicleParameters) -> None:
        self._observer = Observer(vehicle)
        self._merit = Merit(vehicle, settings)

    def merits(self, starts: Sequence[WarmStart], problem: TrackingProblem) -> NDArray[np.float64]:
        """Return each start's merit once driven from the initial state, shape (K,)."""
        return self._merit(*self._driven(starts, problem), problem.parameters)

    def are_all_bad(self, starts: Sequence[WarmStart], problem: TrackingProblem) -> bool:
        """Tell whether all starts are bad ones."""
        merits = self.merits(starts, problem)
        return not (merits <= BAD_MERIT).any()  # NaN is bad too

    def best(self, starts: Sequence[WarmStart], problem: TrackingProblem) -> WarmStart:
        """Return the start of least merit, as driven; the only one is not looked at."""
        if len(starts) == 1:
            return starts[0]
        states, controls = self._driven(starts, problem)
        merits = self._merit(states, controls, problem.parameters)
        least = int(np.argmin(np.where(np.isfinite(merits), merits, np.inf)))
        return WarmStart(
            starts[least].source, problem.frame.globalise(states[least]), controls[least]
        )

    def _driven(
        self, starts: Sequence[WarmStart], problem: TrackingProblem
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """States (K, N + 1, 5), ego-centred, and controls (K, N, 2), within the car's limits."""
        here = problem.frame.localise(problem.initial_state)
        return self._observer.roll_out(
            np.repeat(here[None], len(starts), axis=0),
            np.stack([start.controls for start in starts]),
            problem.dt,
        )
