# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Selection: every candidate is rolled out by the model and ranked by the one merit function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from warmstart_planner.problem import Proposal
from warmstart_planner.scp.solver import BoundProblem, Score, ScpSolver


@dataclass(frozen=True)
class Candidate:
    """A proposal after its roll-out, with its merit (smaller is better)."""

    proposal: Proposal
    score: Score


def ranked_by_merit(
    solver: ScpSolver, bound: BoundProblem, proposals: Iterable[Proposal]
) -> list[Candidate]:
    """
    Roll out and score proposals; best first, equal merits in the order given.

    Proposals that are not on the problem's grid, or whose merit is not finite, are left out: a
    source may fail, the plan may not.
    """
    step, steps = solver.horizon.dt, solver.horizon.steps
    given = [
        proposal
        for proposal in proposals
        if abs(proposal.trajectory.dt - step) < 1e-9 and len(proposal.trajectory.controls) == steps
    ]
    driven = solver.roll_out_all(bound, [proposal.trajectory for proposal in given])
    scores = solver.score_all(bound, driven)
    candidates = [
        Candidate(replace(proposal, trajectory=trajectory), score)
        for proposal, trajectory, score in zip(given, driven, scores, strict=True)
        if np.isfinite(score.merit)
    ]
    return sorted(candidates, key=lambda candidate: candidate.score.merit)
