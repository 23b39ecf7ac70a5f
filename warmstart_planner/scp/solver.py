# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The SCP solver: a start in, a refined trajectory and an account of every iteration out."""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem, SolverStatus, Trajectory
from warmstart_planner.scp import library
from warmstart_planner.scp.library import OutcomeStructure, ProblemStructure, SettingsStructure
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.transcription import Margins, Transcription, control_bounds, transcribe
from warmstart_planner.vehicle import CONTROL_SIZE, VehicleParameters

STATUS = tuple(SolverStatus)  # in the order of loop.c's enum


@dataclass(frozen=True)
class Iteration:
    """What one SCP iteration did; `ratio` is NaN where no step was tried."""

    merit: float
    violation: float
    defect: float
    radius: float
    ratio: float
    qp_status: int
    qp_iterations: int
    seconds: float


@dataclass(frozen=True)
class Score:
    """
    Merit of a trajectory and its parts, by the base penalty.

    `violation` is the largest one of the planner's rows, margins included [m, m/s^2]; `defect`
    is the largest scaled gap of the dynamics.
    """

    merit: float
    cost: float
    violation: float
    defect: float


@dataclass(frozen=True)
class ScpResult:
    """
    A refined trajectory in the map frame and how it was found.

    `within_tolerance` says whether the planner's own rows are met; only the verifier says
    feasible. `multiplier` is the largest multiplier of a soft row per its weight, which a later
    solve takes as its start (with the trajectory). Iterations count from 1; `seconds` is the
    loop's own time.
    """

    trajectory: Trajectory
    status: SolverStatus
    iterations: int
    qp_iterations: int
    virtual_iterations: int
    within_tolerance: bool
    score: Score
    multiplier: float
    seconds: float
    history: tuple[Iteration, ...]


class BoundProblem:
    """A planning problem in the form that the compiled loop reads."""

    def __init__(self, problem: PlanningProblem, margins: Margins) -> None:
        """Transcribe the problem once, for any number of solves."""
        self.problem = problem
        self.numbers: Transcription = transcribe(problem, margins)
        vehicle = problem.vehicle
        reach = np.array([o.reach + margins.obstacle for o in problem.obstacles])
        self._arrays = [
            np.ascontiguousarray(array, dtype=float)
            for array in (
                self.numbers.initial_state,
                self.numbers.road,
                self.numbers.obstacles,
                reach,
                self.numbers.state_lower,
                self.numbers.state_upper,
            )
        ]
        self.structure = ProblemStructure(
            problem.horizon.steps,
            len(problem.obstacles),
            problem.horizon.dt,
            *(library.pointer(array) for array in self._arrays),
            *((ctypes.c_double * CONTROL_SIZE)(*bound) for bound in control_bounds(vehicle)),
            float(np.hypot(vehicle.length, vehicle.width)) / 2,
            vehicle.rear_to_center,
            vehicle.wheelbase,
        )

    def localise(self, trajectory: Trajectory) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        States and controls of a map-frame trajectory in the problem's frame, as copies.

        Raises:
            ValueError: the trajectory is not on the problem's grid.

        """
        steps = self.problem.horizon.steps
        if trajectory.controls.shape[0] != steps:
            raise ValueError(f'start has {trajectory.controls.shape[0]} steps: expected {steps}')
        states = self.numbers.frame.localise(trajectory.states)
        # yaw the short way round from the first state, so that any multiple of 2 pi is the same
        states[:, 2] -= 2 * np.pi * np.round(states[0, 2] / (2 * np.pi))
        # the compiled loop reads rows: a transposed array must not come through as it lies
        return np.array(states, order='C'), np.array(trajectory.controls, order='C')

    def globalise(self, states: NDArray[np.float64], controls: NDArray[np.float64]) -> Trajectory:
        """Return a trajectory of the problem's frame in the map frame."""
        return Trajectory(
            self.problem.stamp,
            self.problem.horizon.dt,
            self.numbers.frame.globalise(states),
            controls,
        )


class ScpSolver:
    """
    The compiled trust-region loop for one car, cost and horizon.

    One instance serves one thread at a time; instances are independent.

    Raises:
        SolverMissingError: nothing is generated for this car, cost and horizon.

    """

    def __init__(
        self,
        vehicle: VehicleParameters,
        horizon: Horizon,
        weights: CostWeights | None = None,
        settings: ScpSettings | None = None,
        margins: Margins | None = None,
    ) -> None:
        """Load the compiled loop and allocate its workspace."""
        weights = weights or CostWeights()
        self.settings = settings or ScpSettings()
        self.margins = margins or Margins()
        self.vehicle = vehicle
        self.horizon = horizon
        self._library = library.load(vehicle, weights, horizon)
        self._settings = _settings_structure(self.settings, weights)
        self._workspace = ctypes.c_void_p(self._library.scp_create(horizon.steps))
        if not self._workspace:
            raise MemoryError('SCP workspace could not be allocated')
        weakref.finalize(self, self._library.scp_destroy, self._workspace)

    def bind(self, problem: PlanningProblem) -> BoundProblem:
        """
        Prepare a problem for this solver.

        Raises:
            ValueError: it is for another car or horizon than the solver.

        """
        if problem.vehicle != self.vehicle:
            raise ValueError(
                f'problem.vehicle is {problem.vehicle.name!r}: '
                f'the solver was generated for {self.vehicle.name!r}'
            )
        if problem.horizon != self.horizon:
            raise ValueError(
                f'problem.horizon is {problem.horizon}: '
                f'the solver was generated for {self.horizon}'
            )
        return BoundProblem(problem, self.margins)

    def roll_out(self, bound: BoundProblem, guess: Trajectory) -> Trajectory:
        """
        Turn a guess into something the car can do from the problem's start; map frame.

        The model is driven with the guess's controls and a feedback towards its states, within
        all bounds; a consistent guess from the same start comes back unchanged.
        """
        states, controls = bound.localise(guess)
        self._library.scp_roll_out(
            self._workspace,
            ctypes.byref(bound.structure),
            library.pointer(states),
            library.pointer(controls),
        )
        return bound.globalise(states, controls)

    def score(self, bound: BoundProblem, trajectory: Trajectory) -> Score:
        """Merit of a trajectory: the one function by which all candidates are compared."""
        states, controls = bound.localise(trajectory)
        numbers = np.empty(4)
        self._library.scp_score(
            self._workspace,
            ctypes.byref(bound.structure),
            ctypes.byref(self._settings),
            library.pointer(states),
            library.pointer(controls),
            library.pointer(numbers),
        )
        return Score(*numbers.tolist())

    def solve(
        self,
        bound: BoundProblem,
        start: Trajectory,
        deadline: float = np.inf,
        multiplier: float = 0.0,
        iteration_limit: int | None = None,
    ) -> ScpResult:
        """
        Refine a start.

        Args:
            bound: the problem.
            start: states and controls on the problem's grid, map frame; it may be inconsistent.
            deadline: time for the loop [s]; when it runs out, the best iterate is returned.
            multiplier: largest multiplier of an earlier solution of a similar problem, or 0.
            iteration_limit: of this solve, no larger than the settings'; None: theirs.

        Raises:
            ValueError: the start is on another grid, or the limit beyond the settings'.

        """
        states, controls = bound.localise(start)
        settings = self._limited(iteration_limit)
        history = np.full((settings.iteration_limit, library.HISTORY_COLUMNS), np.nan)
        multipliers = np.array([multiplier])
        outcome = OutcomeStructure()
        self._library.scp_solve(
            self._workspace,
            ctypes.byref(bound.structure),
            ctypes.byref(settings),
            float(deadline),
            library.pointer(states),
            library.pointer(controls),
            library.pointer(multipliers),
            library.pointer(history),
            ctypes.byref(outcome),
        )
        return ScpResult(
            trajectory=bound.globalise(states, controls),
            status=STATUS[outcome.status],
            iterations=outcome.iterations,
            qp_iterations=outcome.qp_iterations,
            virtual_iterations=outcome.virtual_iterations,
            within_tolerance=bool(outcome.feasible),
            score=Score(outcome.merit, outcome.cost, outcome.violation, outcome.defect),
            multiplier=float(multipliers[0]),
            seconds=outcome.seconds,
            history=tuple(_iteration(row) for row in history[: outcome.iterations]),
        )

    def _limited(self, iteration_limit: int | None) -> SettingsStructure:
        """Return the settings, those of one solve with fewer iterations."""
        if iteration_limit is None:
            return self._settings
        most = self.settings.iteration_limit
        if iteration_limit not in range(1, most + 1):
            raise ValueError(
                f'iteration_limit is {iteration_limit!r}: expected a whole number in [1, {most}]'
            )
        limited = SettingsStructure.from_buffer_copy(self._settings)
        limited.iteration_limit = iteration_limit
        return limited


def _iteration(row: NDArray[np.float64]) -> Iteration:
    merit, violation, defect, radius, ratio, status, count, seconds = row.tolist()
    return Iteration(
        merit,
        violation,
        defect,
        radius,
        ratio,
        -1 if np.isnan(status) else int(status),
        0 if np.isnan(count) else int(count),
        seconds,
    )


def _settings_structure(settings: ScpSettings, weights: CostWeights) -> SettingsStructure:
    structure = SettingsStructure()
    values = vars(settings) | {
        'penalty': weights.violation,
        'penalty_square': weights.violation_square,
    }
    for name, value in values.items():
        if isinstance(value, tuple):
            getattr(structure, name)[:] = value
        else:
            setattr(structure, name, value)
    return structure
