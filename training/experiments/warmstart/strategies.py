# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The starts that the warm-start benchmark compares: planners with only some sources switched on.

What is measured is what ships: `Planner.plan`, without a plan in use, by a deadline. SEQUENTIAL
alone has code of its own (`sequential.py`).
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from warmstart_planner.planning import Planner, PlannerSettings
from warmstart_planner.problem import (
    PlanningProblem,
    Proposal,
    Rung,
    SolverStatus,
    Trajectory,
)
from warmstart_planner.proposals.cold_bundle import BundleSettings, ColdBundle
from warmstart_planner.proposals.guided import FAST, WIDE, Guided
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.vehicle import roll_out

STRAIGHT_LINE, ZERO_CONTROL, BUNDLE_BEST = StraightLine.name, ZeroControl.name, 'bundle_best'
COLD_LANES, COLD_MANY, SEQUENTIAL = 'cold_lanes', 'cold_many', 'sequential'
GUIDED_FAST, GUIDED_WIDE = 'guided_fast', 'guided_wide'
LEARNED, IQL_LSTM = 'decision_transformer', 'iql_lstm'
MIX, NOISE, GUIDED_LESS = 'all', 'noise', 'guided_less'
BESIDE_GUIDED = f'{GUIDED_FAST}+'  # before the name of a source of another package
PLAIN = (
    STRAIGHT_LINE,
    ZERO_CONTROL,
    BUNDLE_BEST,
    COLD_LANES,
    COLD_MANY,
    GUIDED_FAST,
    GUIDED_WIDE,
    SEQUENTIAL,
)
# sources whose time is not told beside that of learned ones and of those of other packages
WITHOUT_MODEL = (StraightLine.name, ZeroControl.name, ColdBundle.name, Guided.name, NOISE)

BUNDLES = 6  # of COLD_MANY
SETTLING_ROUNDS = 8
# So many times what was enough for so many runs is set aside: iterations vary, caches are cold
# between other work, and who is late has nothing.
ALLOWANCE, SETTLED = 2.0, 0.8
NOISE_COUNT = 16
NOISE_KNOTS = 7  # of the random controls over the horizon
NOISE_SIZE = (2.0, 0.15)  # acceleration [m/s^2], steering rate [rad/s]


@dataclass(frozen=True)
class PlanningTimes:
    """
    Where the time of a plan went [s].

    `posing`: transcription for solver and judge. `proposing`: by source, inference included;
    `inference` is what their models took of it.
    """

    posing: float
    proposing: Mapping[str, float]
    inference: float
    refinement: float
    verification: float


@dataclass(frozen=True)
class Run:
    """
    What a start led to within a budget.

    `budget` is that of the reference machine, infinite for none; `seconds` is what this machine
    took [s]. `feasible`: there is a new plan, the verifier accepts it, and it is there in time
    (`late`: it is not); `cost` is the plan's, infinite where there is none. `iterations` are those
    of all `candidates`. `cut`: some candidate's refinement was cut short.
    """

    budget: float
    feasible: bool
    late: bool
    cost: float
    seconds: float
    candidates: int
    iterations: int
    cut: bool
    spent: PlanningTimes

    def does_all_of(self, whole: Run) -> bool:
        """Tell whether a run to the end does no more than this one did in time."""
        return not (self.cut or self.late) and self.candidates == whole.candidates


class Start(Protocol):
    """One start that is measured."""

    name: str

    def run(self, bound: BoundProblem, budget: float) -> Run:
        """Answer a problem within a budget of the reference machine [s]."""
        ...


class Clocked:
    """A source, when it was asked last and what its model took of that [s of perf_counter]."""

    def __init__(self, source: ProposalSource) -> None:
        self.name = source.name
        self._source = source
        self.forget()

    def forget(self) -> None:
        """Be as if never asked."""
        self.begin = self.end = np.nan
        self.inference = 0.0

    @property
    def was_asked(self) -> bool:
        """Whether it was since then."""
        return bool(np.isfinite(self.begin))

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return what the source proposes."""
        self.begin = time.perf_counter()
        proposals = self._source.propose(problem, previous)
        self.end = time.perf_counter()
        self.inference = max((each.inference_time for each in proposals), default=0.0)
        return proposals


class PlannerStart:
    """
    A planner with some sources.

    There is a planner for each budget, as there would be in use: it learns which sources it has
    no time for.

    Args:
        name: of the start.
        sources: in the order in which they are asked.
        solver: for the same problems; scores the plans after the clock has stopped.
        slowness: this machine's times over the reference machine's.
        less: what is taken off each budget, on this machine [s].

    """

    def __init__(
        self,
        name: str,
        sources: Sequence[ProposalSource],
        solver: ScpSolver,
        slowness: float,
        less: float = 0.0,
    ) -> None:
        self.name = name
        self._sources = [Clocked(source) for source in sources]
        self._solver = solver
        self._settings = PlannerSettings()
        self._slowness, self._less = slowness, less
        self._planners: dict[float, Planner] = {}

    def settle(self, problems: Sequence[PlanningProblem]) -> None:
        """
        Set aside what this machine takes from the end of the last search to a plan's return.

        Each start its own: many results take longer to unpack.
        """
        planner, closing = self._planner(np.inf), []
        for problem in [*problems] * SETTLING_ROUNDS:
            planner.reset()
            result = planner.plan(replace(problem), deadline=np.inf)
            searched = max((each.result.seconds for each in planner.last_refined), default=0.0)
            closing.append(result.solver_time - searched + result.verification_time)
        reserve = ALLOWANCE * float(np.quantile(closing, SETTLED))
        self._settings = PlannerSettings(verification_reserve=reserve)
        self._planners.clear()

    def run(self, bound: BoundProblem, budget: float) -> Run:
        """Answer a problem within a budget of the reference machine [s]."""
        planner = self._planner(budget)
        problem, deadline = replace(bound.problem), self._slowness * budget - self._less
        for source in self._sources:
            source.forget()
        planner.reset()
        begin = time.perf_counter()
        result = planner.plan(problem, deadline=deadline)
        seconds = time.perf_counter() - begin
        late = seconds > deadline
        feasible = result.rung is Rung.OPTIMISED and result.feasible and not late
        asked = [source for source in self._sources if source.was_asked]
        return Run(
            budget,
            feasible,
            late,
            self._solver.score(bound, result.trajectory).cost if feasible else np.inf,
            seconds,
            result.candidates,
            sum(each.result.iterations for each in planner.last_refined),
            any(each.result.status is SolverStatus.DEADLINE for each in planner.last_refined),
            PlanningTimes(
                asked[0].begin - begin if asked else result.proposal_time,
                _sums(asked),
                sum(each.inference for each in asked),
                result.solver_time,
                result.verification_time,
            ),
        )

    def _planner(self, budget: float) -> Planner:
        if budget not in self._planners:
            settings = self._settings
            if budget == np.inf:  # what is refined to the end waits for all
                settings = replace(settings, straggler_share=0.0)
            self._planners[budget] = Planner(
                self._solver.vehicle, self._solver.horizon, settings, self._sources
            )
        return self._planners[budget]


def _sums(asked: Sequence[Clocked]) -> dict[str, float]:
    """Return the time of proposing by the sources' names."""
    seconds: dict[str, float] = {}
    for each in asked:
        seconds[each.name] = seconds.get(each.name, 0.0) + each.end - each.begin
    return seconds


class BestOf:
    """Of what a source proposes the best by merit."""

    def __init__(self, source: ProposalSource, solver: ScpSolver) -> None:
        self.name = source.name
        self._source, self._solver = source, solver

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return the one proposal, as the car would drive it."""
        bound = self._solver.bind(problem)
        judged = ranked_by_merit(self._solver, bound, self._source.propose(problem, previous))
        return tuple(candidate.proposal for candidate in judged[:1])


class Noise:
    """
    Random drives in the place of a model's candidates, the same for the same problem.

    Those of the last problem are kept: that they are drawn is to cost nothing but at first.

    Args:
        count: how many.
        held_back: they are there when so much time has passed [s].

    """

    name = NOISE

    def __init__(self, count: int = NOISE_COUNT, held_back: float = 0.0) -> None:
        self._count, self._held_back = count, held_back
        self._drawn: tuple[int, tuple[Proposal, ...]] = (-1, ())

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return what the car does under slow random controls."""
        ready = time.perf_counter() + self._held_back
        seed = zlib.crc32(problem.initial_state.tobytes())
        if self._drawn[0] != seed:
            self._drawn = (seed, self._draw(problem, seed))
        while time.perf_counter() < ready:
            pass  # inference would have the core to itself
        return self._drawn[1]

    def _draw(self, problem: PlanningProblem, seed: int) -> tuple[Proposal, ...]:
        rng = np.random.default_rng([59, seed])
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


def many_bundles() -> Iterator[BundleSettings]:
    """
    Yield bundles that differ: lateral places, accelerations and approaches of a Halton sequence.

    Any first so many of them are spread over all there is.
    """
    plain = BundleSettings()
    size = len(plain.shares)
    for bundle in range(BUNDLES):
        places = [radical_inverse(1 + size * bundle + i, 2) for i in range(size)]
        yield BundleSettings(
            shares=tuple(1.9 * place - 0.95 for place in places),
            accelerations=tuple(
                (0.6 + 0.8 * radical_inverse(1 + bundle, 3)) * each for each in plain.accelerations
            ),
            approach=plain.approach * 4.0 ** (radical_inverse(1 + bundle, 5) - 0.5),
        )


def radical_inverse(index: int, base: int) -> float:
    """Return the van der Corput sequence's number of an index: its digits mirrored, in [0, 1)."""
    value, weight = 0.0, 1.0
    while index:
        index, digit = divmod(index, base)
        weight /= base
        value += digit * weight
    return value


def sources_of(
    solver: ScpSolver,
    learned: Mapping[str, ProposalSource],
    noise: Noise,
    outside: Sequence[ProposalSource] = (),
) -> dict[str, list[ProposalSource]]:
    """
    Return the sources of each start that is a planner's.

    Args:
        solver: judges where a start is the best one by merit.
        learned: learned sources by name; starts without their models are left out.
        noise: of the start of that name.
        outside: sources of other packages; each makes a start alone, and one beside the guided
            search.

    """
    fast = Guided(FAST)
    starts: dict[str, list[ProposalSource]] = {
        STRAIGHT_LINE: [StraightLine()],
        ZERO_CONTROL: [ZeroControl()],
        BUNDLE_BEST: [BestOf(ColdBundle(), solver)],
        COLD_LANES: [StraightLine(), ColdBundle()],
        COLD_MANY: [StraightLine(), *map(ColdBundle, many_bundles())],
        GUIDED_FAST: [fast],
        GUIDED_WIDE: [Guided(WIDE)],
        NOISE: [fast, noise],
        **{name: [source] for name, source in learned.items()},
    }
    if LEARNED in learned:
        # the model is the better start where there is no time for both
        starts[MIX] = [learned[LEARNED], fast]
    for source in outside:
        starts[source.name] = [source]
        starts[BESIDE_GUIDED + source.name] = [fast, source]
    return starts
