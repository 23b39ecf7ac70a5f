# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Selection: every candidate is rolled out by the model and judged by the one merit function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from warmstart_planner.problem import Proposal
from warmstart_planner.scp.solver import BoundProblem, Score, ScpSolver

APART = 1.0  # somewhere on their way, of ways that mostly lead to different optima [m]
# What a failure counts beside a cost, in natural logarithms of it: where the surest of the cheap
# ways is looked for, and where the cheapest is that is no sure failure.
SUREST, CHEAPEST = 20.0, 1.0

Way = TypeVar('Way')


@dataclass(frozen=True)
class Candidate:
    """
    A proposal after its roll-out, with its merit (smaller is better).

    `own`: it comes from the planner's own sources, whatever its proposal calls itself.
    """

    proposal: Proposal
    score: Score
    own: bool = False


def expected_cost(candidate: Candidate) -> float:
    """
    Return what a candidate is expected to cost when it is refined to a feasible plan.

    A learned source predicts that; of all others the merit is known, which counts violations as
    if nothing put them right.
    """
    predicted = -candidate.proposal.predicted_return
    return predicted if np.isfinite(predicted) else candidate.score.merit


def is_told(proposals: Iterable[Proposal]) -> bool:
    """Tell whether the return of all proposals is predicted."""
    return all(np.isfinite(proposal.predicted_return) for proposal in proposals)


def is_unfamiliar(proposal: Proposal) -> bool:
    """Tell whether a source says that the problem is unlike those that it knows."""
    return proposal.uncertainty > 1.0


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """
    Return candidates in refinement order, those of unfamiliar problems behind all others.

    Of each group, ways that differ come first: refined, near ones mostly become the same.
    """
    return list(_in_order(list(candidates), expected_cost, lambda candidate: candidate.proposal))


def by_promise(proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    """Yield proposals whose cost is predicted, in the order of `ranked`."""
    return _in_order(list(proposals), lambda each: -each.predicted_return, lambda each: each)


def refinement_order(cost: ArrayLike, failure: ArrayLike) -> list[int]:
    """
    Return the order in which to refine ways, so that the best of the first few is worth most.

    Whoever has time for one way wants it to lead to a plan at all; once that is likely, a cheap
    one that may fail risks nothing. So the surest and the cheapest take turns.

    Args:
        cost: of each way if its refinement succeeds, shape (K,).
        failure: probability that it does not, shape (K,).

    """
    orders = [
        np.argsort(np.asarray(cost) * np.exp(price * np.asarray(failure)), kind='stable').tolist()
        for price in (SUREST, CHEAPEST)
    ]
    return list(_taking_turns(orders))


def _taking_turns(orders: Sequence[Sequence[int]]) -> Iterator[int]:
    """Yield the first of each order in turn that was not yet; all hold the same."""
    taken: set[int] = set()
    for order in cycle([iter(order) for order in orders]):
        found = next((item for item in order if item not in taken), None)
        if found is None:
            return
        taken.add(found)
        yield found


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates that are APART from all before them."""
    kept: list[Candidate] = []
    for candidate in candidates:
        if _is_apart(candidate.proposal, [other.proposal for other in kept]):
            kept.append(candidate)
    return kept


def _in_order(
    ways: Sequence[Way], cost: Callable[[Way], float], proposal: Callable[[Way], Proposal]
) -> Iterator[Way]:
    """Yield ways of familiar problems, then the others, in both those first that differ."""
    for unfamiliar in (False, True):
        group = [way for way in ways if is_unfamiliar(proposal(way)) == unfamiliar]
        failure = [proposal(way).failure_probability for way in group]
        order = refinement_order([cost(way) for way in group], np.nan_to_num(failure))
        yield from _differing_first([group[i] for i in order], proposal)


def _differing_first(ways: Iterable[Way], proposal: Callable[[Way], Proposal]) -> Iterator[Way]:
    different: list[Proposal] = []
    near: list[Way] = []
    for way in ways:
        own = proposal(way)
        if _is_apart(own, different):
            different.append(own)
            yield way
        else:
            near.append(way)
    yield from near


def _is_apart(proposal: Proposal, others: Iterable[Proposal]) -> bool:
    own = proposal.trajectory.states
    same_grid = [o.trajectory.states for o in others if o.trajectory.states.shape == own.shape]
    if not same_grid:
        return True
    gaps = np.stack(same_grid)[..., :2] - own[:, :2]
    farthest = (gaps * gaps).sum(axis=-1).max(axis=-1)
    return bool(farthest.min() >= APART**2)


def in_turn(
    solver: ScpSolver, bound: BoundProblem, proposals: Iterable[Proposal]
) -> Iterator[Candidate]:
    """
    Yield candidates as `ranked` orders them, each judged not before its turn.

    Whoever refines one or two of sixteen does not wait until all are rolled out. Where a source
    predicts no return, the order is that of merit, and all have to be judged.
    """
    given = list(proposals)
    if not is_told(given):
        yield from ranked(judge(solver, bound, given))
        return
    for proposal in by_promise(given):
        yield from judge(solver, bound, [proposal])


def judge(
    solver: ScpSolver, bound: BoundProblem, proposals: Iterable[Proposal], *, own: bool = False
) -> list[Candidate]:
    """
    Roll out and score proposals; best first, equal merits in the order given.

    `own` says whether they come from the planner's own sources.

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
        Candidate(replace(proposal, trajectory=trajectory), score, own)
        for proposal, trajectory, score in zip(given, driven, scores, strict=True)
        if np.isfinite(score.merit)
    ]
    return sorted(candidates, key=lambda candidate: candidate.score.merit)
