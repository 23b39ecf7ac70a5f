# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Ways to use starts, each from a problem and a time budget to verified answers.

All share one solver with one set of settings, and one clock that runs from the problem to the
verdict: transcription, guesses, inference, judging, refinement and verification count. All are
anytime: what is verified when the budget ends is what they have. A strategy refines its
candidates one after the other, on one thread; what it would have found with fewer of them is the
beginning of what it finds with all.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from typing import Protocol

import numpy as np

from warmstart_planner.problem import (
    PlanningProblem,
    Proposal,
    SolverStatus,
    Trajectory,
)
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.guided import FAST, WIDE, Guided
from warmstart_planner.proposals.selection import (
    Candidate,
    in_turn,
    is_told,
    is_unfamiliar,
    judge,
    ranked,
)
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Transcription
from warmstart_planner.vehicle import roll_out
from warmstart_planner.verification import verify

STRAIGHT_LINE, ZERO_CONTROL = StraightLine.name, ZeroControl.name
BUNDLE_BEST, MULTI_START = 'bundle_best', ColdBundle.name
GUIDED_FAST, GUIDED_WIDE, GUIDED_LEARNED = 'guided_fast', 'guided_wide', 'guided_learned'
LEARNED, IQL_LSTM, BEST, NOISE = 'decision_transformer', 'iql_lstm', 'best', 'noise'
SINGLES = (STRAIGHT_LINE, ZERO_CONTROL, BUNDLE_BEST)

SLIGHT = 0.2  # violation that refinement puts right in a few iterations [m, m/s^2]
TRUSTED = 2  # further candidates of a source whose first kept its promise
LOOKING = 0.5  # of the time left is for a first iteration of each start, where none tells its cost
KEPT = 1.5  # times the promised cost that an answer may cost to have kept it
SHARED = 8  # starts of each source where two share the refinement
NOISE_KNOTS = 7  # of the random controls over the horizon
NOISE_SIZE = (2.0, 0.15)  # acceleration [m/s^2], steering rate [rad/s]


@dataclass(frozen=True)
class Refinement:
    """
    One start after refinement; `at` is when its verdict was there, since the problem [s].

    `iterations` are those since the verdict before, looks at other starts among them.
    """

    source: str
    feasible: bool
    violation: float
    cost: float
    iterations: int
    at: float


@dataclass(frozen=True)
class Answer:
    """
    What a strategy has in the end; `cost` is infinite where nothing is feasible.

    `seconds` hold all from the problem to the end; `iterations` are those of all refinements
    together.
    """

    feasible: bool
    cost: float
    seconds: float
    iterations: int


@dataclass(frozen=True)
class Run:
    """
    What a strategy did within a budget [s], all times since the problem.

    `seconds` says when it ended. `inference` is the time that the learned source took, with its
    conversions and checks [s], NaN where it was not asked. `exhausted`: it ended because nothing
    was left to do, so that a larger budget changes nothing.
    """

    budget: float
    refinements: tuple[Refinement, ...]
    seconds: float
    inference: float
    exhausted: bool

    def answer(self, most: int | None = None) -> Answer:
        """
        Return the cheapest feasible answer that was verified within the budget.

        Args:
            most: count only the first so many refinements; None counts all.

        """
        done = self.refinements[:most]
        costs = [r.cost for r in done if r.feasible and r.at <= self.budget]
        return Answer(
            bool(costs),
            min(costs, default=np.inf),
            self.seconds if len(done) == len(self.refinements) else done[-1].at,
            sum(r.iterations for r in done),
        )


class LearnedSource(Protocol):
    """A source that proposes for a problem that is transcribed already."""

    def propose_for(self, problem: PlanningProblem, numbers: Transcription) -> Sequence[Proposal]:
        """Return candidates on the problem's grid, map frame."""
        ...


class Strategy(Protocol):
    """One way to use starts."""

    name: str

    def run(self, problem: PlanningProblem, budget: float = np.inf) -> Run:
        """Answer a problem within a time budget [s]."""
        ...


class Clockwork:
    """
    What all strategies work with.

    Args:
        solver: refines, rolls out and scores.
        reserve: time kept for the verdict at the end of a budget [s].

    """

    def __init__(self, solver: ScpSolver, reserve: float) -> None:
        self.solver = solver
        self.reserve = reserve

    def begin(self, problem: PlanningProblem, budget: float) -> Pursuit:
        """Start the clock on a problem that nobody has computed anything of yet."""
        return Pursuit(self, replace(problem), budget)


class Pursuit:
    """A problem under way against the clock."""

    def __init__(self, clockwork: Clockwork, problem: PlanningProblem, budget: float) -> None:
        self.problem = problem
        self._budget = budget
        self._solver, self._reserve = clockwork.solver, clockwork.reserve
        self._refinements: list[Refinement] = []
        self._looks = 0  # iterations of no refinement yet
        self._inference = np.nan
        self._stopped = False
        self._begin = time.perf_counter()
        self._bound = self._solver.bind(problem)

    def has_time(self, seconds: float = 0.0) -> bool:
        """Tell whether more than so much time [s] is left before the last verdict has to begin."""
        if self._left() > seconds:
            return True
        self._stopped = True
        return False

    def infer(self, source: LearnedSource) -> Sequence[Proposal]:
        """Ask a learned source, and take the time it needs."""
        begin = time.perf_counter()
        proposals = source.propose_for(self.problem, self._bound.numbers)
        self._inference = time.perf_counter() - begin
        return proposals

    def judge(self, proposals: Iterable[Proposal]) -> list[Candidate]:
        """Roll out and score, best first."""
        return judge(self._solver, self._bound, proposals)

    def in_turn(self, proposals: Iterable[Proposal]) -> Iterator[Candidate]:
        """Roll out and score one after the other, in the order of what they promise."""
        return in_turn(self._solver, self._bound, proposals)

    def refine_if_slight(self, plain: Sequence[Candidate], hurried: bool) -> list[Candidate]:
        """
        Refine the straight line at once where it is nearly right, or where time is short.

        Returns:
            What of it is left to refine.

        """
        if plain and not hurried and plain[0].score.violation > SLIGHT:
            return list(plain)
        self.refine(plain)
        return []

    def refine_with_bundle(self, left: Sequence[Candidate]) -> None:
        """Judge the cold bundle, refine the best of it and of what is left, look at all others."""
        if not self.has_time():
            return
        bundle = self.judge(ColdBundle().propose(self.problem))
        ready = sorted([*left, *bundle], key=_merit)
        self.refine(ready[:1])
        self.refine(self._after_a_look(ready[1:]))

    def refine_all(self, left: Sequence[Candidate]) -> None:
        """Judge the cold bundle, and refine it and what is left in the order of expected cost."""
        bundle = self.judge(ColdBundle().propose(self.problem)) if self.has_time() else []
        self.refine(ranked([*left, *bundle]))

    def refine(self, candidates: Iterable[Candidate]) -> None:
        """Refine and verify candidates in their order while time is left."""
        for candidate in candidates:
            if not self.has_time():
                return
            self._refine(candidate)

    def refine_while_kept(self, candidates: Iterable[Candidate]) -> None:
        """Do so only as long as what comes out is feasible and costs about what was promised."""
        for candidate in candidates:
            if not self.has_time():
                return
            found = self._refine(candidate)
            promised = -candidate.proposal.predicted_return
            if not (found.feasible and found.cost <= KEPT * promised):  # no promise is not kept
                return

    def run(self) -> Run:
        """Return what was done."""
        return Run(
            self._budget,
            tuple(self._refinements),
            self._elapsed(),
            self._inference,
            not self._stopped,
        )

    def _after_a_look(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """
        Take one SCP iteration on each, and return them in the order of what it made of them.

        That tells better than merit as it is where rough starts lead. Looks take LOOKING of the
        time left at most; what had none comes last.
        """
        end = self._elapsed() + LOOKING * self._left()
        looked: list[Candidate] = []
        for candidate in candidates:
            if self._elapsed() >= end:
                break
            looked.append(self._look(candidate))
        return [*sorted(looked, key=_merit), *candidates[len(looked) :]]

    def _look(self, candidate: Candidate) -> Candidate:
        start = candidate.proposal.trajectory
        result = self._solver.solve(self._bound, start, iteration_limit=1)
        self._looks += result.iterations
        return Candidate(replace(candidate.proposal, trajectory=result.trajectory), result.score)

    def _refine(self, candidate: Candidate) -> Refinement:
        start = candidate.proposal.trajectory
        result = self._solver.solve(self._bound, start, max(self._left(), 0.0))
        verdict = verify(self.problem, result.trajectory)
        self._stopped |= result.status is SolverStatus.DEADLINE
        found = Refinement(
            candidate.proposal.source,
            verdict.feasible,
            verdict.violation,
            result.score.cost,
            self._looks + result.iterations,
            self._elapsed(),
        )
        self._looks = 0
        self._refinements.append(found)
        return found

    def _left(self) -> float:
        return self._budget - self._reserve - self._elapsed()

    def _elapsed(self) -> float:
        return time.perf_counter() - self._begin


def _merit(candidate: Candidate) -> float:
    return candidate.score.merit


class Single:
    """One start without learning: of those that sources propose the best by merit."""

    def __init__(self, clockwork: Clockwork, name: str, source: ProposalSource) -> None:
        self.name = name
        self._clockwork = clockwork
        self._source = source

    def run(self, problem: PlanningProblem, budget: float = np.inf) -> Run:
        """Answer a problem within a time budget [s]."""
        pursuit = self._clockwork.begin(problem, budget)
        pursuit.refine(pursuit.judge(self._source.propose(pursuit.problem))[:1])
        return pursuit.run()


class Every:
    """All starts that one plain source proposes, refined in the order of their merit."""

    def __init__(self, clockwork: Clockwork, name: str, source: ProposalSource) -> None:
        self.name = name
        self._clockwork = clockwork
        self._source = source

    def run(self, problem: PlanningProblem, budget: float = np.inf) -> Run:
        """Answer a problem within a time budget [s]."""
        pursuit = self._clockwork.begin(problem, budget)
        pursuit.refine(pursuit.judge(self._source.propose(pursuit.problem)))
        return pursuit.run()


class MultiStart:
    """
    Straight line and cold bundle, all of them.

    1. A straight line that, rolled out, violates no more than SLIGHT is refined at once, or any
       if there is no time for better starts.
    2. The best of all by merit is refined, then the others in the order of what one iteration
       makes of them.

    Args:
        clockwork: what it works with.
        bundle: time that it takes to judge the cold bundle and to refine one of it [s].

    """

    name = MULTI_START

    def __init__(self, clockwork: Clockwork, bundle: float) -> None:
        self._clockwork = clockwork
        self._bundle = bundle

    def run(self, problem: PlanningProblem, budget: float = np.inf) -> Run:
        """Answer a problem within a time budget [s]."""
        pursuit = self._clockwork.begin(problem, budget)
        plain = pursuit.judge(StraightLine().propose(pursuit.problem))
        left = pursuit.refine_if_slight(plain, not pursuit.has_time(self._bundle))
        pursuit.refine_with_bundle(left)
        return pursuit.run()


class Learned:
    """
    The candidates of one learned source only, refined in the order of what they promise.

    Where a source predicts no return, that is the order of their merit.
    """

    def __init__(self, clockwork: Clockwork, source: LearnedSource, name: str = LEARNED) -> None:
        self.name = name
        self._clockwork = clockwork
        self._source = source

    def run(self, problem: PlanningProblem, budget: float = np.inf) -> Run:
        """Answer a problem within a time budget [s]."""
        pursuit = self._clockwork.begin(problem, budget)
        pursuit.refine(pursuit.in_turn(pursuit.infer(self._source)))
        return pursuit.run()


class Shared:
    """
    The first SHARED starts of a plain and of a learned source, refined by turns.

    Args:
        clockwork: what it works with.
        name: of the strategy.
        plain: its starts are taken in the order in which it proposes them.
        learned: its starts are taken in the order of what they promise.

    """

    def __init__(
        self, clockwork: Clockwork, name: str, plain: ProposalSource, learned: LearnedSource
    ) -> None:
        self.name = name
        self._clockwork = clockwork
        self._plain, self._learned = plain, learned

    def run(self, problem: PlanningProblem, budget: float = np.inf) -> Run:
        """Answer a problem within a time budget [s]."""
        pursuit = self._clockwork.begin(problem, budget)
        learned = islice(pursuit.in_turn(pursuit.infer(self._learned)), SHARED)
        plain = pursuit.judge(self._plain.propose(pursuit.problem)[:SHARED])
        turns = chain.from_iterable(zip_longest(learned, plain))
        pursuit.refine(candidate for candidate in turns if candidate is not None)
        return pursuit.run()


class Pooled:
    """
    Learned and cold starts together; the cheap ones come first where they are good already.

    1. As the multi-start, any straight line if there is no time for better starts.
    2. Where the time left is enough for inference, the learned candidates are ranked by what they
       promise, and the first of them is refined at once if the problem is a familiar one and it
       is better than the straight line as it is; TRUSTED more follow as long as what comes out is
       feasible and about as cheap as was promised.
    3. The cold bundle is judged; all that is left is refined in the order of expected cost. Where
       the learned candidates had no such claim, it goes on as the multi-start, and they come
       after that.

    So a budget that is too short to judge everything goes into starts that are known to be good.

    Args:
        clockwork: what it works with.
        source: of the learned candidates.
        inference: time that the source needs [s].
        bundle: time that it takes to judge the cold bundle and to refine one of it [s].
        name: of the strategy.

    """

    def __init__(
        self,
        clockwork: Clockwork,
        source: LearnedSource,
        inference: float,
        bundle: float,
        name: str = BEST,
    ) -> None:
        self.name = name
        self._clockwork = clockwork
        self._source = source
        self._inference, self._bundle = inference, bundle

    def run(self, problem: PlanningProblem, budget: float = np.inf) -> Run:
        """Answer a problem within a time budget [s]."""
        pursuit = self._clockwork.begin(problem, budget)
        plain = pursuit.judge(StraightLine().propose(pursuit.problem))
        hurried = not pursuit.has_time(min(self._inference, self._bundle))
        left = pursuit.refine_if_slight(plain, hurried)
        learned: Iterator[Candidate] = iter(())
        if pursuit.has_time(self._inference):
            proposals = pursuit.infer(self._source)
            learned = pursuit.in_turn(proposals)
            first = list(islice(learned, 1)) if is_told(proposals) else []
            if _has_claim(first, plain):
                pursuit.refine_while_kept(chain(first, islice(learned, TRUSTED)))
                pursuit.refine_all([*left, *learned] if pursuit.has_time() else left)
                return pursuit.run()
            learned = chain(first, learned)
        pursuit.refine_with_bundle(left)
        if pursuit.has_time():
            pursuit.refine(learned)
        return pursuit.run()


def _has_claim(first: Sequence[Candidate], plain: Sequence[Candidate]) -> bool:
    """Tell whether the first learned candidate, if any, may go before all others are judged."""
    if not first or is_unfamiliar(first[0].proposal):
        return False
    return all(first[0].score.merit < other.score.merit for other in plain)


class RandomSource:
    """
    Random drives in the place of a learned source's candidates, the same for the same problem.

    Args:
        count: how many.

    """

    def __init__(self, count: int) -> None:
        self._count = count

    def propose_for(self, problem: PlanningProblem, numbers: Transcription) -> Sequence[Proposal]:
        """Return what the model does under slow random controls."""
        rng = np.random.default_rng([59, zlib.crc32(problem.initial_state.tobytes())])
        steps = problem.horizon.steps
        at, knots = np.arange(steps), np.linspace(0, steps - 1, NOISE_KNOTS)
        values = rng.normal(0.0, NOISE_SIZE, (self._count, NOISE_KNOTS, len(NOISE_SIZE)))
        controls = np.array([[np.interp(at, knots, v) for v in each.T] for each in values])
        states, applied = roll_out(
            problem.initial_state, controls.transpose(0, 2, 1), problem.horizon.dt, problem.vehicle
        )
        return tuple(
            Proposal(NOISE, Trajectory(problem.stamp, problem.horizon.dt, x, u))
            for x, u in zip(states, applied, strict=True)
        )


def cold_strategies(clockwork: Clockwork, bundle: float) -> tuple[Strategy, ...]:
    """Return the single starts and the multi-start that learning is compared with."""
    return (
        Single(clockwork, STRAIGHT_LINE, StraightLine()),
        Single(clockwork, ZERO_CONTROL, ZeroControl()),
        Single(clockwork, BUNDLE_BEST, ColdBundle()),
        MultiStart(clockwork, bundle),
    )


def guided_strategies(clockwork: Clockwork) -> tuple[Strategy, ...]:
    """Return the strongest starts without learning, by how widely they are searched."""
    return (
        Every(clockwork, GUIDED_FAST, Guided(FAST)),
        Every(clockwork, GUIDED_WIDE, Guided(WIDE)),
    )
