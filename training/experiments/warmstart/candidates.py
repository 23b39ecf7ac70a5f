# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The learned candidates before any refinement: how safe, how obedient, how familiar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.session import LoadedModel
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.selection import Candidate, ranked_by_merit
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.verification import verify

RELATIVE_RETURN, CONSTRAINT_TO_GO = 'relative_return', 'constraint_to_go'
KNOB_VALUES = {
    RELATIVE_RETURN: (-1.0, -0.5, 0.0, 0.5, 1.0),
    CONSTRAINT_TO_GO: (0.0, 0.5, 2.0, 5.0, 10.0),
}


@dataclass(frozen=True)
class RawCandidates:
    """
    The candidates of one problem at constraint-to-go 0, after a dynamics roll-out.

    `best_is_free`: the one of least merit is free of collisions; `free` of `count` are.
    `unfamiliarity` is the model's own score, `uncertainty` what the source marks the problem with
    (above 1: unfamiliar).
    """

    count: int
    free: int
    best_is_free: bool
    unfamiliarity: float
    uncertainty: float


@dataclass(frozen=True)
class KnobSample:
    """Means over one problem's candidates with a knob set to a value."""

    knob: str
    value: float
    cost: float
    violation: float


class CandidateStudy:
    """
    Looks at the candidates of a model.

    Args:
        model: whose.
        solver: rolls out and scores.

    """

    def __init__(self, model: LoadedModel, solver: ScpSolver) -> None:
        self._model = model
        self._solver = solver

    def raw(self, problem: PlanningProblem) -> RawCandidates:
        """Count the collision-free candidates at constraint-to-go 0."""
        source = DecisionTransformer(self._model, constraint_to_go=0.0)
        bound = self._solver.bind(problem)
        candidates = self._candidates(source, bound)
        free = [verify(problem, c.proposal.trajectory).collision <= 0.0 for c in candidates]
        output = self._model.run(
            context_of(bound.numbers), source.asked.relative_return, source.asked.constraint_to_go
        )
        return RawCandidates(
            self._model.card.candidates,
            sum(free),
            bool(free) and free[0],
            output.unfamiliarity if np.isfinite(output.unfamiliarity) else np.inf,
            source.last.uncertainty if source.last else np.inf,
        )

    def knobs(self, problem: PlanningProblem) -> tuple[KnobSample, ...]:
        """Turn each knob alone, the other one as the model's card has it."""
        bound = self._solver.bind(problem)
        samples = []
        for knob, values in KNOB_VALUES.items():
            for value in values:
                source = DecisionTransformer(self._model, **{knob: value})
                samples += self._sample(knob, value, self._candidates(source, bound), problem)
        return tuple(samples)

    def _candidates(self, source: DecisionTransformer, bound: BoundProblem) -> list[Candidate]:
        return ranked_by_merit(self._solver, bound, source.propose(bound.problem))

    def _sample(
        self, knob: str, value: float, candidates: list[Candidate], problem: PlanningProblem
    ) -> list[KnobSample]:
        if not candidates:
            return []
        verdicts = [verify(problem, c.proposal.trajectory) for c in candidates]
        violation = np.mean([verdict.constraint_to_go[0] for verdict in verdicts])
        cost = np.mean([c.score.cost for c in candidates])
        return [KnobSample(knob, value, float(cost), float(violation))]
