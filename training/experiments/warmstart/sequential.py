# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The sequential multi-start: one start after the other, each refined alone and verified.

It is what refinement in lanes has to beat, and so as strong as starts in turn were made: no
learning, no second thread, but a good order.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.experiments.warmstart.strategies import SEQUENTIAL, PlanningTimes, Run
from warmstart_planner.problem import SolverStatus
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.selection import Candidate, ranked_by_merit
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.verification import Judge

SLIGHT = 0.2  # violation that refinement puts right in a few iterations [m, m/s^2]
LOOKING = 0.5  # of the time left is for a first iteration of each start, where none tells its cost


@dataclass(frozen=True)
class TimeReserve:
    """
    What the sequential multi-start sets time aside for on this machine [s].

    `verdict` with something to spare; `bundle` for the cold bundle to be judged and one of it to
    be refined.
    """

    verdict: float
    bundle: float


class Sequential:
    """
    Straight line and cold bundle, all of them, until the budget ends.

    1. A straight line that, rolled out, violates no more than SLIGHT is refined at once, or any
       if there is no time for better starts.
    2. The best of all by merit is refined, then the others in the order of what one iteration
       makes of them.

    Args:
        solver: refines, rolls out and scores.
        allowance: what time is set aside for.
        slowness: this machine's times over the reference machine's.

    """

    name = SEQUENTIAL

    def __init__(self, solver: ScpSolver, allowance: TimeReserve, slowness: float) -> None:
        self._solver, self._allowance, self._slowness = solver, allowance, slowness

    def run(self, bound: BoundProblem, budget: float) -> Run:
        """Answer a problem within a budget of the reference machine [s]."""
        problem, deadline = replace(bound.problem), self._slowness * budget
        begin = time.perf_counter()
        again, judged_by = self._solver.bind(problem), Judge(problem)
        end = begin + deadline - self._allowance.verdict
        search = _Search(self._solver, again, judged_by, begin, end)
        self._refine_in_order(search)
        return search.run(budget, deadline)

    def _refine_in_order(self, search: _Search) -> None:
        ready = search.judged(StraightLine())
        hurried = not search.has_time(self._allowance.bundle)
        if hurried or not ready or ready[0].score.violation <= SLIGHT:
            search.refine(ready)
            ready = []
        if search.has_time():
            ready = sorted([*ready, *search.judged(ColdBundle())], key=_merit)
            search.refine(ready[:1])
            search.refine(search.after_a_look(ready[1:]))


class _Search:
    """A problem under way against the clock."""

    def __init__(
        self,
        solver: ScpSolver,
        bound: BoundProblem,
        judged_by: Judge,
        begin: float,
        end: float,
    ) -> None:
        self._solver, self._bound, self._judged_by = solver, bound, judged_by
        self._begin, self._end = begin, end
        self._posed = time.perf_counter()
        self._answers: list[tuple[float, float]] = []  # cost and time of verified ones
        self._candidates = self._iterations = 0
        self._cut = False
        self._proposing: dict[str, float] = {}
        self._refinement = self._verification = 0.0

    def has_time(self, seconds: float = 0.0) -> bool:
        """Tell whether more than so much time [s] is left before the last verdict has to begin."""
        left = self._left() > seconds
        self._cut |= not left
        return left

    def judged(self, source: ProposalSource) -> list[Candidate]:
        """Return a source's starts, rolled out and scored, best first."""
        begin = time.perf_counter()
        proposals = source.propose(self._bound.problem)
        found = ranked_by_merit(self._solver, self._bound, proposals)
        self._proposing[source.name] = time.perf_counter() - begin
        self._candidates += len(found)
        return found

    def refine(self, candidates: Sequence[Candidate]) -> None:
        """Refine and verify starts in their order while time is left."""
        for candidate in candidates:
            if not self.has_time():
                return
            begin = time.perf_counter()
            start = candidate.proposal.trajectory
            result = self._solver.solve(self._bound, start, max(self._left(), 0.0))
            refined = time.perf_counter()
            verdict = self._judged_by.verdict(result.trajectory)
            end = time.perf_counter()
            self._refinement += refined - begin
            self._verification += end - refined
            self._iterations += result.iterations
            self._cut |= result.status is SolverStatus.DEADLINE
            if verdict.feasible:
                self._answers.append((result.score.cost, end - self._begin))

    def after_a_look(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """
        Take one SCP iteration on each, and return them in the order of what it made of them.

        That tells better than merit as it is where rough starts lead. Looks take LOOKING of the
        time left at most; what had none comes last.
        """
        begin = time.perf_counter()
        end = begin + LOOKING * self._left()
        looked: list[Candidate] = []
        for candidate in candidates:
            if time.perf_counter() >= end:
                break
            looked.append(self._look(candidate))
        self._refinement += time.perf_counter() - begin
        return [*sorted(looked, key=_merit), *candidates[len(looked) :]]

    def run(self, budget: float, deadline: float) -> Run:
        """Return what was found within a deadline [s]."""
        seconds = time.perf_counter() - self._begin
        cost = min((cost for cost, at in self._answers if at <= deadline), default=np.inf)
        return Run(
            budget,
            bool(np.isfinite(cost)),
            seconds > deadline,
            cost,
            seconds,
            self._candidates,
            self._iterations,
            self._cut,
            PlanningTimes(
                self._posed - self._begin,
                self._proposing,
                0.0,
                self._refinement,
                self._verification,
            ),
        )

    def _look(self, candidate: Candidate) -> Candidate:
        start = candidate.proposal.trajectory
        result = self._solver.solve(self._bound, start, iteration_limit=1)
        self._iterations += result.iterations
        return Candidate(replace(candidate.proposal, trajectory=result.trajectory), result.score)

    def _left(self) -> float:
        return self._end - time.perf_counter()


def _merit(candidate: Candidate) -> float:
    return candidate.score.merit
