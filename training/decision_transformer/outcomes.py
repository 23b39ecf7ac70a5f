# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Teach a trained model what its candidates are worth: `make outcomes`.

SCP refines all candidates of problems that the model has not seen, and a small head learns to tell
what comes of them (`outcome_head.py`). A model that is served already can be taught anew,
without the data that it was trained on: `make outcomes ARGS='--checkpoint models'`.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client

from training.command_line import at_least, run
from training.dataset.generate import connected
from training.dataset.scenes import drawn, rows_of_scenes
from training.dataset.situations import perturbed
from training.decision_transformer.export import replace_head
from training.decision_transformer.loading import load_model
from training.decision_transformer.network.transformer import DecisionTransformer
from training.decision_transformer.outcome_head import (
    FEW,
    HEAD_FILE,
    HELD_OUT,
    OutcomeHead,
    Outcomes,
    candidate_features,
    fit_head,
    shares_in_turn,
    write_head,
)
from training.decision_transformer.refiner import Refiner, refiner
from warmstart_planner.learned.cards.model_card import CARD_FILE
from warmstart_planner.problem import PlanningProblem

FIRST_INDEX = 700_000  # of scenes, which no training uses
STATES = 3  # of each scene: its own and others nearby, which take no scene to be drawn

Row = dict[str, Any]


def refine_scenes(model: str, indices: Sequence[int]) -> list[Row]:
    """Refine all candidates for states of some scenes; runs on a worker."""
    tools = refiner(model)
    rows = []
    for base in drawn(indices, tools.solver.horizon):
        states = (base, *(perturbed(base, variant) for variant in range(1, STATES)))
        rows += [_row(tools, state.problem) for state in states]
    return rows


def _row(tools: Refiner, problem: PlanningProblem) -> Row:
    bound = tools.solver.bind(problem)
    ways = tools.ways(bound)
    found = tools.refined(bound, ways.trajectories)
    return {
        **vars(ways.context),
        'feasible': [each.feasible for each in found],
        'cost': np.float32([each.cost for each in found]),
    }


def train_outcome_head(path: Path, scenes: int, client: Client) -> list[str]:
    """
    Collect outcomes, train the head on them, and write it.

    Args:
        path: of the model's checkpoint, which the head is written beside; or the folder of a
            served model, which gets it in the place of its own.
        scenes: that candidates are refined for.
        client: of a Dask cluster that sees the path.

    Returns:
        Lines that say what came out.

    Raises:
        ValueError: the model cannot be read, or there are too few outcomes.

    """
    model = load_model(path)
    work = partial(refine_scenes, str(path.resolve()))
    indices = range(FIRST_INDEX, FIRST_INDEX + scenes)
    outcomes = Outcomes(**stacked(rows_of_scenes(work, 'refining', indices, client)))
    head = fit_head(model, outcomes)
    if path.is_dir():
        replace_head(path, head)
    else:
        write_head(path.with_name(HEAD_FILE), head)
    return list(_summary(model, head, outcomes))


def stacked(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """Return rows of a worker as arrays."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@dataclass(frozen=True)
class Options:
    """Whose candidates are refined, and for how many scenes."""

    checkpoint: Path = Path('out/decision_transformer/best.pt')  # or folder of a served model
    scenes: int = 1000  # that candidates are refined for
    workers: int = os.cpu_count() or 1  # processes that refine

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, scenes=1, workers=1)


def main(arguments: list[str] | None = None) -> int:
    """Collect outcomes, train the head and write both; return the exit status."""
    return run(_learn, Options, 'outcomes', __doc__, arguments)


def _learn(options: Options) -> None:
    path = options.checkpoint
    load_model(path)  # before any work: it may be missing or damaged
    with connected('', options.workers) as client:
        lines = train_outcome_head(path, options.scenes, client)
    written = path / CARD_FILE if path.is_dir() else path.with_name(HEAD_FILE)
    print('\n'.join([*lines, str(written)]))


def _summary(model: DecisionTransformer, head: OutcomeHead, outcomes: Outcomes) -> Iterator[str]:
    """Say what the first candidates are worth, on held-out scenes."""
    rows = np.arange(max(int(HELD_OUT * len(outcomes)), 2))
    features = candidate_features(model, outcomes)
    solved = outcomes.feasible[rows].mean()
    yield f'{len(outcomes)} problems; of {len(rows)} held out, {solved:.1%} of candidates feasible'
    shares = shares_in_turn(head, features, outcomes, rows)[:, :FEW]
    for count, each in enumerate(shares.T, 1):
        yield f'{count} refined: excess share {each.mean():.1%}, {np.mean(each == 1.0):.2%} fail'


if __name__ == '__main__':
    sys.exit(main())
