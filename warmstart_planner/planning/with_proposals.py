# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A planner and the sources beside it in one process, timed as the nodes time each other."""

from __future__ import annotations

import time
from collections.abc import Sequence

from warmstart_planner.planning.planner import Planner
from warmstart_planner.problem import Horizon, PlanningProblem, PlanResult, Proposal
from warmstart_planner.proposals.registry import default_sources, load_sources
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.spec import LoadOptions
from warmstart_planner.vehicle import VehicleParameters

WAIT = 0.01  # for proposals where none are known yet [s]
FOR_EVER = float('inf')


class PlannerWithProposals:
    """
    Plans with proposals that others make meanwhile, as the nodes `planner` and `proposal` do.

    What is proposed for a problem is there when as much time has passed as it took, measured. A
    cycle plans with what answers the problem before; where nothing does it waits a moment for the
    answers to its own.

    Args:
        planner: of which `last_refined` tells what was refined.
        sources: beside the planner's own.
        wait: of the deadline, for proposals where none are known yet [s]; infinite: as if they
            took no time at all, so that a drive can be repeated.

    """

    def __init__(
        self, planner: Planner, sources: Sequence[ProposalSource], wait: float = WAIT
    ) -> None:
        self.planner = planner
        self._sources = tuple(sources)
        self._wait = wait
        self.reset()

    def reset(self) -> None:
        """Forget the plan in use, and what was proposed."""
        self.planner.reset()
        self._answers: tuple[Proposal, ...] = ()
        self._arrival = -FOR_EVER

    def plan(self, problem: PlanningProblem, *, deadline: float) -> PlanResult:
        """
        Plan once, within a time [s] that holds the wait for proposals.

        Raises:
            ValueError: the problem is for another vehicle or horizon than the planner's or a
                source's.
            InferenceError: a model could not be run.
            SourceError: a source of another package failed.

        """
        known = self._answers if self._arrival <= problem.stamp else ()
        begin = time.perf_counter()
        proposed = tuple(each for source in self._sources for each in source.propose(problem))
        taken = time.perf_counter() - begin
        repeatable = self._wait == FOR_EVER
        self._answers = proposed
        self._arrival = problem.stamp if repeatable else problem.stamp + taken
        if not known and taken <= self._wait:
            known = proposed
            deadline -= 0.0 if repeatable else taken
        return self.planner.plan(problem, known, deadline=deadline)


def planner_with(
    sources: Sequence[str] | None, vehicle: VehicleParameters, deadline: float
) -> PlannerWithProposals:
    """
    Return a planner with the sources of these names beside it.

    Args:
        sources: names, as `names_in` returns them; None: what the packaged stack has.
        vehicle: the car.
        deadline: that plans will have [s]; with an infinite one drives can be repeated.

    Raises:
        CardError: a model is missing, damaged or for something else.
        SolverMissingError: something is not generated for this vehicle.
        SourceError: a source of another package cannot be loaded.

    """
    horizon = Horizon()
    if sources is None:
        beside = default_sources(vehicle, horizon)
    else:
        beside = load_sources(sources, LoadOptions(vehicle, horizon))
    wait = FOR_EVER if deadline == FOR_EVER else WAIT
    return PlannerWithProposals(Planner(vehicle, horizon), beside, wait)
