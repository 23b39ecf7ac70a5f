# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The engine: starts of any number of sources, refined together and verified from the cheapest on.

It remembers nothing from one problem to the next, and prefers no source.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from typing import TypeVar

from warmstart_planner.planning.settings import PlannerSettings
from warmstart_planner.problem import Horizon, PlanningProblem, Proposal, SolverStatus
from warmstart_planner.scp.solver import BoundProblem, ScpResult, ScpSolver
from warmstart_planner.vehicle import VehicleParameters
from warmstart_planner.verification import Judge, Verdict
from warmstart_planner.verification.judge import compiled

STEP_TOLERANCE = 1e-9  # between the steps of grids that are one [s]
UNFINISHED = (SolverStatus.DEADLINE, SolverStatus.STOPPED)

Item = TypeVar('Item')


@dataclass(frozen=True)
class PreparedProblem:
    """A problem in the forms that refinement and verification read."""

    bound: BoundProblem
    judge: Judge

    @property
    def problem(self) -> PlanningProblem:
        """The problem itself."""
        return self.bound.problem


@dataclass(frozen=True)
class Refined:
    """A proposal after refinement; the verdict is made when it is first asked for."""

    proposal: Proposal
    result: ScpResult
    judge: Judge

    @cached_property
    def verdict(self) -> Verdict:
        """The verifier's."""
        return self.judge.verdict(self.result.trajectory)


class Engine:
    """
    Refines starts in lanes, on as many threads as the settings say.

    Raises:
        SolverMissingError: SCP is not generated for this vehicle, horizon and cost, or the judge
            is not.

    """

    def __init__(
        self, vehicle: VehicleParameters, horizon: Horizon, settings: PlannerSettings
    ) -> None:
        """Load what is compiled, with one workspace of the solver a thread."""
        self._solvers = [
            ScpSolver(vehicle, horizon, settings.weights, settings.scp, settings.margins)
            for _ in range(settings.threads)
        ]
        self._straggler_share = settings.straggler_share
        compiled.load()
        self._pool = ThreadPoolExecutor(settings.threads, 'scp')

    def prepare(self, problem: PlanningProblem) -> PreparedProblem:
        """
        Prepare a problem.

        Raises:
            ValueError: it is for another vehicle or horizon.

        """
        return PreparedProblem(self._solvers[0].bind(problem), Judge(problem))

    def refine(
        self,
        prepared: PreparedProblem,
        proposals: Sequence[Proposal],
        end: float,
        multipliers: Sequence[float],
    ) -> list[Refined]:
        """
        Refine proposals together until a time of the steady clock; in their order.

        Where time is short, the first ones have had most of it. Once something within the
        constraints is found, the last few are not waited for: what takes longest is seldom best.

        Args:
            prepared: the problem.
            proposals: on its grid, map frame; they need not be what a car can drive.
            end: of time.perf_counter [s].
            multipliers: what `ScpSolver.solve_all` takes, by proposal.

        """
        threads = len(self._solvers)
        shares = [
            (solver, proposals[first::threads], multipliers[first::threads])
            for first, solver in enumerate(self._solvers)
        ]

        def solve(share: tuple[ScpSolver, Sequence[Proposal], Sequence[float]]) -> list[ScpResult]:
            solver, given, known = share
            starts = [proposal.trajectory for proposal in given]
            left, stragglers = end - time.perf_counter(), int(self._straggler_share * len(starts))
            return solver.solve_all(prepared.bound, starts, left, known, stragglers=stragglers)

        # one thread needs no other
        done = map(solve, shares) if threads == 1 else self._pool.map(solve, shares)
        return [
            Refined(proposal, result, prepared.judge)
            for proposal, result in zip(proposals, in_turn(done), strict=True)
        ]


def cheapest(
    refined: Iterable[Refined],
    price: Callable[[Refined], float],
    criteria: Sequence[Callable[[Verdict], bool]],
    end: float,
) -> Refined | None:
    """
    Return the cheapest whose verdict meets the first criterion that any meets.

    Verdicts are made in the order of price, so that mostly one is; what was stopped beyond the
    constraints comes last. After `end` of time.perf_counter [s] no more verdicts are made, but
    for the first.
    """
    found: list[Refined | None] = [None] * len(criteria)
    ordered = sorted(refined, key=lambda entry: (_is_cut_short(entry), price(entry)))
    for place, entry in enumerate(ordered):
        if place and time.perf_counter() > end:
            break
        for rank, criterion in enumerate(criteria):
            if found[rank] is None and criterion(entry.verdict):
                found[rank] = entry
        if found[0] is not None:
            break
    return next((entry for entry in found if entry is not None), None)


def _is_cut_short(refined: Refined) -> bool:
    result = refined.result
    return result.status in UNFINISHED and not result.within_tolerance


def merit(refined: Refined) -> float:
    """Return the merit of what refinement led to; infinite where it is not a number."""
    value = refined.result.score.merit
    return value if math.isfinite(value) else math.inf


def on_grid(problem: PlanningProblem, proposals: Iterable[Proposal]) -> list[Proposal]:
    """Return the proposals that have a problem's step and number of steps."""
    step, steps = problem.horizon.dt, problem.horizon.steps
    return [
        proposal
        for proposal in proposals
        if abs(proposal.trajectory.dt - step) < STEP_TOLERANCE
        and len(proposal.trajectory.controls) == steps
    ]


def in_turn(sequences: Iterable[Iterable[Item]]) -> list[Item]:
    """Return the first of each sequence, then the second of each that has one, and so on."""
    missing = object()
    layers = zip_longest(*sequences, fillvalue=missing)
    return [item for item in chain.from_iterable(layers) if item is not missing]
