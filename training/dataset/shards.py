# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What a worker does: one shard, from the indices of its problems to the file.

A module of its own, so that workers on other machines can import it by its name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from training.dataset.collection import Collector, Sample
from training.dataset.schema import Card, NoProblem, shard_path, write_shard
from training.dataset.situations import (
    AGGREGATED,
    Situation,
    base_situation,
    later,
    origin_of,
    perturbed,
)
from warmstart_planner.learned.session import ModelRequirements, load_model
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Trajectory
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.scp import library as scp_library
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle

PERTURBED_VARIANTS = 2  # of the further problems; the rest are closed-loop ones
PROPOSALS_DRIVEN = 4  # of a model's, the best by merit


@dataclass(frozen=True)
class GenerationCount:
    """What making some shards came to; `seconds` of one core."""

    planned: int = 0
    solved: int = 0
    unsolved: int = 0
    seconds: float = 0.0

    @property
    def problems(self) -> int:
        """Number of problems, solved or not."""
        return self.solved + self.unsolved

    @property
    def rate(self) -> float:
        """Problems a second and core; 0 before any is made."""
        return self.problems / self.seconds if self.seconds else 0.0

    def __add__(self, other: GenerationCount) -> GenerationCount:
        """Return both together."""
        return GenerationCount(
            self.planned + other.planned,
            self.solved + other.solved,
            self.unsolved + other.unsolved,
            self.seconds + other.seconds,
        )


def make_shard(folder: str, card: Card, shard: int) -> GenerationCount:
    """
    Make one shard; runs on a worker.

    Args:
        folder: of the dataset, the same place for all workers.
        card: what the dataset is.
        shard: which one.

    Raises:
        OSError: the shard cannot be written.

    """
    begin = time.perf_counter()
    indices = card.indices(shard)
    samples = list(_samples(card, indices))
    write_shard(shard_path(Path(folder), shard), samples)
    unsolved = sum(bool(sample.reason) for sample in samples)
    return GenerationCount(
        planned=len(indices) * (1 + card.variants),
        solved=len(samples) - unsolved,
        unsolved=unsolved,
        seconds=time.perf_counter() - begin,
    )


def _samples(card: Card, indices: Iterable[int]) -> Iterator[Sample | NoProblem]:
    collector = _collector(card)
    for index in indices:
        try:
            base = base_situation(index, card.horizon)
        except RuntimeError as error:
            yield _without_problem(index, str(error))
            continue
        proposed = _proposed(card, base)
        sample = collector.collect(base, proposed)
        yield sample
        if not sample.answers:
            continue
        for variant in range(1, card.variants + 1):
            yield collector.collect(_further(base, variant, sample, proposed), sample.ways)


def _further(
    base: Situation, variant: int, sample: Sample, proposed: Sequence[Trajectory]
) -> Situation:
    """Return a further problem; where there is a model, one that its own driving leads to."""
    if proposed:
        return later(base, variant, proposed, AGGREGATED)
    if variant <= PERTURBED_VARIANTS:
        return perturbed(base, variant)
    return later(base, variant, sample.ways)


def _proposed(card: Card, base: Situation) -> list[Trajectory]:
    """Return what the card's model proposes, the best by merit first; nothing without one."""
    if not card.model:
        return []
    solver, source = _learned(card)
    bound = solver.bind(base.problem)
    proposals = source.propose_for(base.problem, bound.numbers)
    judged = ranked_by_merit(solver, bound, proposals)
    return [candidate.proposal.trajectory for candidate in judged[:PROPOSALS_DRIVEN]]


def _without_problem(index: int, reason: str) -> NoProblem:
    return NoProblem(index, *origin_of(index), reason)


@cache
def _learned(card: Card) -> tuple[ScpSolver, DecisionTransformer]:
    solver = ScpSolver(load_vehicle(card.vehicle), card.horizon)
    requirements = ModelRequirements(solver.vehicle, card.horizon, solver.margins, CostWeights())
    return solver, DecisionTransformer(load_model(Path(card.model), requirements))


@cache
def _collector(card: Card) -> Collector:
    vehicle = load_vehicle(card.vehicle)
    # a machine that joins has none yet; where it is there this is a look at a file
    scp_library.generate(vehicle, CostWeights(), card.horizon)
    return Collector(vehicle, card.horizon)
