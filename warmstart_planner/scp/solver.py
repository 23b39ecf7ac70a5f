# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The SCP solver: a start in, a refined trajectory and an account of every iteration out."""

from __future__ import annotations

import ctypes
import math
import weakref
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import unchecked
from warmstart_planner.clearance import clearances
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import (
    Horizon,
    PlanningProblem,
    SolverStatus,
    Trajectory,
    trajectories,
)
from warmstart_planner.scp import library
from warmstart_planner.scp.library import (
    OutcomeStructure,
    ProblemStructure,
    SettingsStructure,
    TaskStructure,
)
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.transcription import (
    Frame,
    Margins,
    Transcription,
    control_bounds,
    transcribe,
)
from warmstart_planner.vehicle import CONTROL_SIZE, VehicleParameters

STATUS = tuple(SolverStatus)  # in the order of the enum in lanes/search.hpp
Outcome = namedtuple('Outcome', [name for name, _ in OutcomeStructure._fields_])


class Iteration(NamedTuple):
    """
    What one SCP iteration did; `ratio` is NaN where no step was tried.

    `seconds` since the call, in which other starts were at work too.
    """

    merit: float
    violation: float
    radius: float
    ratio: float
    qp_solved: bool
    qp_iterations: int
    seconds: float


class Score(NamedTuple):
    """
    Merit of a trajectory and its parts, by the base penalty.

    `violation` is the largest one of the planner's rows, margins included [m, m/s^2]; `defect`
    is the largest scaled gap of the dynamics.
    """

    merit: float
    cost: float
    violation: float
    defect: float


class BoundProblem:
    """A planning problem in the form that the compiled lanes read."""

    def __init__(self, problem: PlanningProblem, margins: Margins) -> None:
        """Transcribe the problem once, for any number of solves."""
        self.problem = problem
        self.numbers: Transcription = transcribe(problem, margins)
        vehicle = problem.vehicle
        obstacles = _with_clearances(self.numbers.obstacles, problem, margins)
        half_length, half_width, radius = obstacles[..., 4:].transpose(2, 0, 1)
        reach = (np.hypot(half_length, half_width) + radius).max(axis=1, initial=0.0)
        self._arrays = [
            np.ascontiguousarray(array, dtype=float)
            for array in (
                self.numbers.initial_state,
                self.numbers.road,
                obstacles,
                reach,
                self.numbers.state_lower,
                self.numbers.state_upper,
                self.numbers.windows,
            )
        ]
        self.structure = ProblemStructure(
            problem.horizon.steps,
            len(problem.obstacles),
            problem.horizon.dt,
            *(array.ctypes.data for array in self._arrays),
            *_control_bounds(vehicle),
            math.hypot(vehicle.length, vehicle.width) / 2,
            vehicle.rear_to_center,
            vehicle.wheelbase,
        )

    def localise(self, trajectory: Trajectory) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        States and controls of a map-frame trajectory in the problem's frame, as copies.

        Raises:
            ValueError: the trajectory is not on the problem's grid.

        """
        states, controls = localised([self], [trajectory])
        return states[0], controls[0]

    def globalise(self, states: NDArray[np.float64], controls: NDArray[np.float64]) -> Trajectory:
        """Return a trajectory of the problem's frame in the map frame."""
        return globalised([self], states[None], controls[None])[0]


def _with_clearances(
    obstacles: NDArray[np.float64], problem: PlanningProblem, margins: Margins
) -> NDArray[np.float64]:
    """
    Return transcribed obstacles, larger by what they are to be given.

    Learned models read the transcription itself, whose obstacles are as large as they are.
    """
    if not any(obstacle.clearance for obstacle in problem.obstacles):
        return obstacles
    larger = obstacles.copy()
    larger[..., -1] += clearances(problem, margins, problem.horizon.times)
    return larger


@dataclass(frozen=True)
class ScpResult:
    """
    A refined trajectory and how it was found.

    `states` and `controls` are the problem's frame's; `trajectory` is the same in the map frame.
    `within_tolerance` says whether the planner's own rows are met; only the verifier says
    feasible. `multiplier` is the largest multiplier of a soft row per its weight, which a later
    solve takes as its start (with the trajectory). Iterations count from 1; `seconds` is the
    time from the call until this search had ended.
    """

    bound: BoundProblem = field(repr=False, compare=False)
    states: NDArray[np.float64] = field(repr=False, compare=False)
    controls: NDArray[np.float64] = field(repr=False, compare=False)
    status: SolverStatus
    iterations: int
    qp_iterations: int
    within_tolerance: bool
    score: Score
    multiplier: float
    seconds: float
    rows: NDArray[np.float64] = field(repr=False, compare=False)

    @cached_property
    def trajectory(self) -> Trajectory:
        """The trajectory in the map frame."""
        return self.bound.globalise(self.states, self.controls)

    @cached_property
    def history(self) -> tuple[Iteration, ...]:
        """Account of every iteration, from `rows` as the lanes wrote them."""
        return tuple(
            Iteration(*numbers, bool(solved), int(count), seconds)
            for *numbers, solved, count, seconds in self.rows.tolist()
        )


@cache
def _control_bounds(vehicle: VehicleParameters) -> tuple[ctypes.Array, ...]:
    return tuple((ctypes.c_double * CONTROL_SIZE)(*bound) for bound in control_bounds(vehicle))


def localised(
    bounds: Sequence[BoundProblem], trajectories: Sequence[Trajectory]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    States (K, N + 1, 5) and controls (K, N, 2) of map-frame trajectories, each in its frame.

    Raises:
        ValueError: a trajectory is not on its problem's grid.

    """
    for bound, trajectory in zip(bounds, trajectories, strict=True):
        steps = bound.problem.horizon.steps
        if len(trajectory.controls) != steps:
            raise ValueError(f'start has {len(trajectory.controls)} steps: expected {steps}')
    # the compiled lanes read rows: a transposed array must not come through as it lies
    given = np.array([trajectory.states for trajectory in trajectories], order='C')
    states = _frames(bounds).localise(given)
    # yaw the short way round from the first state, so that any multiple of 2 pi is the same
    states[..., 2] -= 2 * np.pi * np.round(states[:, :1, 2] / (2 * np.pi))
    return states, np.array([trajectory.controls for trajectory in trajectories], order='C')


def globalised(
    bounds: Sequence[BoundProblem],
    states: NDArray[np.float64],
    controls: NDArray[np.float64],
) -> list[Trajectory]:
    """Return trajectories of problems' frames in the map frame; the inverse of `localised`."""
    problems = [bound.problem for bound in bounds]
    return trajectories(
        [problem.stamp for problem in problems],
        [problem.horizon.dt for problem in problems],
        _frames(bounds).globalise(states),
        controls,
    )


def _frames(bounds: Sequence[BoundProblem]) -> Frame:
    """Return the frames of problems as one, for arrays with an axis of problems first."""
    if _is_one(bounds):
        return bounds[0].numbers.frame
    frames = [bound.numbers.frame for bound in bounds]
    return Frame(*(np.array([[getattr(f, name)] for f in frames]) for name in ('x', 'y', 'yaw')))


class ScpSolver:
    """
    The compiled lanes of trust-region SCP for one car, cost and horizon.

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
        """Load the compiled lanes and allocate their workspace."""
        weights = weights or CostWeights()
        self.settings = settings or ScpSettings()
        self.margins = margins or Margins()
        self.vehicle = vehicle
        self.horizon = horizon
        self._library = library.load(vehicle, weights, horizon)
        self._settings = _settings_structure(self.settings, weights)
        self._workspace = ctypes.c_void_p(self._library.scp_create())
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
        """Turn one guess into something the car can do, as `roll_out_all`."""
        return self.roll_out_all(bound, [guess])[0]

    def roll_out_all(self, bound: BoundProblem, guesses: Sequence[Trajectory]) -> list[Trajectory]:
        """
        Turn guesses into something the car can do from the problem's start; map frame.

        The model is driven with a guess's controls and a feedback towards its states, within
        all bounds; a consistent guess from the same start comes back unchanged.

        Raises:
            ValueError: a guess is not on the problem's grid.

        """
        if not guesses:
            return []
        bounds = [bound] * len(guesses)
        states, controls = localised(bounds, guesses)
        self._library.scp_roll_out(
            self._workspace,
            _structures(bounds),
            len(guesses),
            library.pointer(states),
            library.pointer(controls),
        )
        return globalised(bounds, states, controls)

    def score(self, bound: BoundProblem, trajectory: Trajectory) -> Score:
        """Merit of a trajectory: the one function by which all candidates are compared."""
        return self.score_all(bound, [trajectory])[0]

    def score_all(self, bound: BoundProblem, trajectories: Sequence[Trajectory]) -> list[Score]:
        """
        Merit of each trajectory, as `score`.

        Raises:
            ValueError: a trajectory is not on the problem's grid.

        """
        if not trajectories:
            return []
        bounds = [bound] * len(trajectories)
        states, controls = localised(bounds, trajectories)
        numbers = np.empty((len(trajectories), library.SCORE_COLUMNS))
        self._library.scp_score(
            self._workspace,
            _structures(bounds),
            ctypes.byref(self._settings),
            len(trajectories),
            library.pointer(states),
            library.pointer(controls),
            library.pointer(numbers),
        )
        return [Score(*row) for row in numbers.tolist()]

    def solve_all(
        self,
        bounds: BoundProblem | Sequence[BoundProblem],
        starts: Sequence[Trajectory],
        deadline: float = np.inf,
        multipliers: Sequence[float] | None = None,
        iteration_limit: int | None = None,
        stragglers: int = 0,
        wide: bool = True,
    ) -> list[ScpResult]:
        """
        Refine starts, as many at once as the processor has lanes; results in the starts' order.

        No start's result depends on the others, but for when time runs out or the last are not
        waited for.

        Args:
            bounds: the problem of all starts, or one for each.
            starts: states and controls on the problems' grid, map frame; they are driven first.
            deadline: time for the iterations [s]; then the best iterates are returned.
            multipliers: largest multiplier of an earlier solution of a similar problem, or 0, by
                start.
            iteration_limit: of each search, no larger than the settings'; None: theirs.
            stragglers: once no start waits and something within the tolerances is found, so few
                unfinished searches are not waited for.
            wide: lanes of single precision; else one lane of double precision, the reference.

        Raises:
            ValueError: a start is on another grid, or the limit beyond the settings'.

        """
        count = len(starts)
        if not count:
            return []
        each = [bounds] * count if isinstance(bounds, BoundProblem) else list(bounds)
        states, controls = localised(each, starts)
        settings = self._limited(iteration_limit)
        history = np.full((count, settings.iteration_limit, library.HISTORY_COLUMNS), np.nan)
        known = np.array(np.zeros(count) if multipliers is None else multipliers, dtype=float)
        scores = np.empty((count, library.SCORE_COLUMNS))
        outcomes = np.empty(count, OutcomeStructure)
        problems = _structures(each)
        task = TaskStructure(
            ctypes.addressof(problems),
            ctypes.addressof(settings),
            deadline,
            wide,
            stragglers,
            count,
            *(array.ctypes.data for array in (states, controls, known, history, outcomes)),
        )
        self._library.scp_solve(self._workspace, ctypes.byref(task), library.pointer(scores))
        defects = scores[:, Score._fields.index('defect')].tolist()
        rows = zip(each, states, controls, outcomes.tolist(), defects, history, strict=True)
        return [_result(*row) for row in rows]

    def solve(
        self,
        bound: BoundProblem,
        start: Trajectory,
        deadline: float = np.inf,
        multiplier: float = 0.0,
        iteration_limit: int | None = None,
    ) -> ScpResult:
        """
        Refine a start in one lane of double precision, as `solve_all`.

        Args:
            bound: the problem.
            start: states and controls on the problem's grid, map frame; it may be inconsistent.
            deadline: time for the iterations [s]; when it runs out, the best iterate is returned.
            multiplier: largest multiplier of an earlier solution of a similar problem, or 0.
            iteration_limit: of this solve, no larger than the settings'; None: theirs.

        Raises:
            ValueError: the start is on another grid, or the limit beyond the settings'.

        """
        return self.solve_all(bound, [start], deadline, [multiplier], iteration_limit, wide=False)[
            0
        ]

    def _limited(self, iteration_limit: int | None) -> SettingsStructure:
        """Return the settings, those of one call with fewer iterations."""
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


def _result(
    bound: BoundProblem,
    states: NDArray[np.float64],
    controls: NDArray[np.float64],
    outcome: Sequence[float],
    defect: float,
    history: NDArray[np.float64],
) -> ScpResult:
    """Return what one search led to, from what the lanes wrote."""
    ended = Outcome._make(outcome)
    return unchecked(
        ScpResult,
        bound=bound,
        states=states,
        controls=controls,
        status=STATUS[ended.status],
        iterations=ended.iterations,
        qp_iterations=ended.qp_iterations,
        within_tolerance=bool(ended.feasible),
        score=Score(ended.merit, ended.cost, ended.violation, defect),
        multiplier=ended.multiplier,
        seconds=ended.seconds,
        rows=history[: ended.iterations],
    )


def _structures(bounds: Sequence[BoundProblem]) -> ctypes.Array:
    """Return the addresses of problems as C reads them."""
    kind = ctypes.POINTER(ProblemStructure)
    if _is_one(bounds):
        return (kind * len(bounds))(*[ctypes.pointer(bounds[0].structure)] * len(bounds))
    return (kind * len(bounds))(*(ctypes.pointer(bound.structure) for bound in bounds))


def _is_one(bounds: Sequence[BoundProblem]) -> bool:
    """Whether all problems are the same, as mostly."""
    first = bounds[0]
    return all(bound is first for bound in bounds)


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
