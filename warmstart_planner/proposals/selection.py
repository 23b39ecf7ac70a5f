# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Selection: every candidate is rolled out by the model and judged by the one merit function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from warmstart_planner.problem import Proposal
from warmstart_planner.scp.solver import BoundProblem, Score, ScpSolver


@dataclass(frozen=True)
class Candidate:
    """A proposal after its roll-out, with its merit (smaller is better)."""

    proposal: Proposal
    score: Score


def expected_cost(candidate: Candidate) -> float:
    """
    Return what a candidate is expected to cost when it is refined.

    A learned source predicts that; of all others the merit is known, which counts violations as
    if nothing put them right.
    """
    predicted = -candidate.proposal.predicted_return
    return predicted if np.isfinite(predicted) else candidate.score.merit


def is_unfamiliar(proposal: Proposal) -> bool:
    """Tell whether a source says that the problem is unlike those that it knows."""
    return proposal.uncertainty > 1.0


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates by expected cost, those of unfamiliar problems behind all others."""
    return sorted(candidates, key=lambda c: (is_unfamiliar(c.proposal), expected_cost(c)))


def in_turn(
    solver: ScpSolver, bound: BoundProblem, proposals: Iterable[Proposal]
) -> Iterator[Candidate]:
    """
    Yield candidates as `ranked` orders them, each judged not before its turn.

    Whoever refines one or two of sixteen does not wait until all are rolled out. Where a source
    predicts no return, the order is that of merit, and all have to be judged.
    """
    given = list(proposals)
    if not all(np.isfinite(p.predicted_return) for p in given):
        yield from ranked(judge(solver, bound, given))
        return
    for proposal in sorted(given, key=lambda p: (is_unfamiliar(p), -p.predicted_return)):
        yield from judge(solver, bound, [proposal])


def judge(
    solver: ScpSolver, bound: BoundProblem, proposals: Iterable[Proposal]
) -> list[Candidate]:
    """
    Roll out and score proposals; best first, equal merits in the order given.

    Proposals that are not on the problem's grid, or whose merit is not finite, are left out: a
    source may fail, the plan may not.
    """
    candidates = []
    for proposal in proposals:
        given = proposal.trajectory
        same_step = abs(given.dt - solver.horizon.dt) < 1e-9
        if not same_step or len(given.controls) != solver.horizon.steps:
            continue
        trajectory = solver.roll_out(bound, given)
        score = solver.score(bound, trajectory)
        if np.isfinite(score.merit):
            candidates.append(Candidate(replace(proposal, trajectory=trajectory), score))
    return sorted(candidates, key=lambda candidate: candidate.score.merit)
