# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sources under a clock: whoever usually takes longer than there is time is not asked."""

from __future__ import annotations

import time
from collections.abc import Sequence

from warmstart_planner.problem import PlanningProblem, Proposal
from warmstart_planner.proposals.source import ProposalSource

SMOOTHING = 0.2  # weight of the newest of the times that a source took
# of its usual time, whenever a source is left out: it may have been a slow moment
FORGETTING = 0.98


class TimedSource:
    """A source, and how long it usually takes to propose; `usual` [s] is 0 until it was asked."""

    def __init__(self, source: ProposalSource) -> None:
        self._source = source
        self.usual = 0.0

    def propose_until(self, problem: PlanningProblem, latest: float) -> Sequence[Proposal]:
        """
        Return the source's proposals; none where they would not be there in time.

        Args:
            problem: what to propose for.
            latest: of time.perf_counter [s].

        """
        begin = time.perf_counter()
        if self.usual > 0.0 and begin + self.usual > latest:
            self.usual *= FORGETTING
            return ()
        proposals = self._source.propose(problem)
        taken = time.perf_counter() - begin
        self.usual += (SMOOTHING if self.usual > 0.0 else 1.0) * (taken - self.usual)
        return proposals
