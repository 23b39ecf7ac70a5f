# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The planner: one plan a cycle, from the engine, its memory and the ladder.

A plan that leaves here was found feasible by the verifier, or says by its rung that it was not
made for this problem. Learned proposals take part as all others do; without them nothing else
changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from warmstart_planner.planning.engine import (
    Engine,
    PreparedProblem,
    Refined,
    cheapest,
    in_turn,
    merit,
    on_grid,
)
from warmstart_planner.planning.ladder import BRAKING, Ladder, Reference
from warmstart_planner.planning.memory import Memory
from warmstart_planner.planning.settings import PlannerSettings
from warmstart_planner.planning.sources import TimedSource
from warmstart_planner.problem import (
    Horizon,
    PlanningProblem,
    PlanResult,
    Proposal,
    Rung,
    SolverStatus,
)
from warmstart_planner.proposals.guided import Guided
from warmstart_planner.proposals.shifted import shift_all
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.vehicle import VehicleParameters


@dataclass(frozen=True)
class PlanningCycle:
    """
    A problem, and what the planner's own sources propose for it.

    `previous` is the previous plan, not moved on yet, where there is one; `own` holds the
    proposals of each source. The plan is to be there at `end`; `begin` is when preparing began
    [s of time.perf_counter].
    """

    prepared: PreparedProblem
    previous: tuple[Proposal, ...]
    own: tuple[Sequence[Proposal], ...]
    begin: float
    end: float


class Planner:
    """
    One plan a cycle; remembers the plan in use.

    Args:
        vehicle: the car.
        horizon: of the plans; the default one if None.
        settings: the default ones if None.
        sources: asked each cycle, besides the plan in use, as far as time allows; None: the
            guided search.

    Raises:
        SolverMissingError: something is not generated for this vehicle and horizon.

    """

    def __init__(
        self,
        vehicle: VehicleParameters,
        horizon: Horizon | None = None,
        settings: PlannerSettings | None = None,
        sources: Sequence[ProposalSource] | None = None,
    ) -> None:
        """Load what is compiled."""
        self.settings = settings or PlannerSettings()
        self.horizon = horizon or Horizon()
        self._engine = Engine(vehicle, self.horizon, self.settings)
        self._ladder = Ladder(self.settings, self.horizon.dt)
        relaxed = (limits.allow for limits in self.settings.relaxed.rising())
        self._criteria = (self._ladder.recovers, *relaxed)
        own = (Guided(margins=self.settings.margins),) if sources is None else sources
        self._sources = tuple(map(TimedSource, own))
        self.reset()

    def reset(self) -> None:
        """Forget the plan in use."""
        self._memory = Memory()
        self.last_refined: tuple[Refined, ...] = ()

    def take_over(self, other: Planner) -> None:
        """Go on with another planner's plan in use, as when settings change on the way."""
        self._memory = other._memory

    def plan(
        self,
        problem: PlanningProblem,
        learned: Sequence[Proposal] = (),
        deadline: float = 0.05,
    ) -> PlanResult:
        """
        Plan once.

        Args:
            problem: what to plan; its vehicle and horizon must be the planner's.
            learned: proposals from elsewhere, for this problem or one shortly before it.
            deadline: time from call to return [s]; refinement stops in time for the verdict.

        Raises:
            ValueError: the problem is for another vehicle or horizon.

        """
        return self.finish(self.prepare(problem, deadline), learned)

    def prepare(self, problem: PlanningProblem, deadline: float = 0.05) -> PlanningCycle:
        """
        Do what needs no proposals from elsewhere, while these are on their way.

        Args:
            problem: what to plan; its vehicle and horizon must be the planner's.
            deadline: time from this call to the return of `finish` [s].

        Raises:
            ValueError: the problem is for another vehicle or horizon.

        """
        begin = time.perf_counter()
        prepared = self._engine.prepare(self._memory.stitched(problem, self.settings))
        previous = self._memory.proposals(prepared.problem)
        latest = begin + self.settings.proposing_share * deadline
        own = [source.propose_until(prepared.problem, latest) for source in self._sources]
        if self._sources and not any([previous, *own]):  # late is better than never
            quickest = min(self._sources, key=lambda source: source.usual)
            own.append(quickest.propose_until(prepared.problem, np.inf))
        return PlanningCycle(prepared, previous, tuple(own), begin, begin + deadline)

    def finish(self, cycle: PlanningCycle, learned: Sequence[Proposal] = ()) -> PlanResult:
        """
        Plan what was prepared last, by the time that it was prepared for.

        Args:
            cycle: of the newest problem.
            learned: proposals from elsewhere, for this problem or one shortly before it.

        """
        prepared = cycle.prepared
        problem = prepared.problem
        # all at once: most have the stamp of the cycle before
        moved = shift_all(problem, [*cycle.previous, *on_grid(problem, learned)])
        shifted, outside = moved[: len(cycle.previous)], moved[len(cycle.previous) :]
        proposals = [*shifted, *in_turn([*cycle.own, outside])]
        known = [self._memory.multiplier] * len(shifted) + [0.0] * (len(proposals) - len(shifted))
        proposed = time.perf_counter()
        end = cycle.end - self.settings.verification_reserve
        refined = self._engine.refine(prepared, proposals, end, known)
        solved = time.perf_counter()
        self.last_refined = tuple(refined)
        price = partial(self._price, is_in_use=_among(shifted))
        is_outside = _among(outside)
        chosen = cheapest(refined, price, self._criteria, cycle.end)
        own_ways = [each for each in refined if not is_outside(each.proposal)]
        reference = self._hand_out(prepared, chosen, own_ways)
        shown = chosen or min(refined, key=price, default=None)
        finished = time.perf_counter()
        return PlanResult(
            problem_stamp=problem.stamp,
            rung=reference.rung,
            trajectory=reference.trajectory,
            source=reference.source,
            solver_status=shown.result.status if shown else SolverStatus.BAD_START,
            feasible=reference.verdict is not None and reference.verdict.feasible,
            violation=reference.verdict.violation if reference.verdict else np.inf,
            clearance=reference.verdict.clearance if reference.verdict else -np.inf,
            cost=shown.result.score.cost if shown else np.inf,
            iterations=shown.result.iterations if shown else 0,
            candidates=len(proposals),
            total_time=finished - cycle.begin,
            proposal_time=proposed - cycle.begin,
            solver_time=solved - proposed,
            verification_time=finished - solved,
            message=_message(reference.rung, shown),
        )

    def _price(self, entry: Refined, is_in_use: Callable[[Proposal], bool]) -> float:
        """Return the merit; the plan in use has a bonus."""
        return merit(entry) * (1.0 - self.settings.keep_bonus * is_in_use(entry.proposal))

    def _hand_out(
        self, prepared: PreparedProblem, chosen: Refined | None, own_ways: Sequence[Refined]
    ) -> Reference:
        """Return what is handed out, and remember it."""
        before = self._memory
        if chosen is None:
            reference = self._ladder.without_plan(prepared, before, own_ways)
            braking = reference.source == BRAKING  # evading is not: it is not gone on with unseen
            self._memory = replace(before, in_use=reference.trajectory, is_braking=braking)
            return reference
        reference = self._ladder.with_plan(prepared, chosen)
        plan = reference.trajectory
        self._memory = Memory(plan, plan, multiplier=chosen.result.multiplier)
        return reference


def _among(proposals: Sequence[Proposal]) -> Callable[[Proposal], bool]:
    """Return what tells whether one is itself among these, whatever its source is called."""
    known = frozenset(map(id, proposals))
    return lambda proposal: id(proposal) in known


def _message(rung: Rung, shown: Refined | None) -> str:
    if rung is Rung.OPTIMISED and shown is not None:
        return '' if shown.verdict.feasible else 'the start is outside the limits; returning'
    if shown is None:
        return 'nothing was proposed'
    groups = ('collision', 'road', 'direction', 'limits', 'friction', 'dynamics', 'terminal')
    worst = max(groups, key=lambda name: getattr(shown.verdict, name))
    return f'no feasible plan: {worst} violated by {getattr(shown.verdict, worst):.2f}'
