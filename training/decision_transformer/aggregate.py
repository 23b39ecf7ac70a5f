# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Closed-loop data aggregation: `make aggregate`.

A model that learned from solutions meets other states when it drives itself. Each round lets it
drive, has the optimiser solve the problems that it gets into, goes on training with them added,
and measures what that gained, on scenes that no round trains on. A round that is done is not done
again: a run that was stopped goes on.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client

from training.command_line import OptionError, at_least, run
from training.dataset.collection import BEST, Collector
from training.dataset.generate import connected, generate
from training.dataset.schema import Card, read_card
from training.dataset.situations import AGGREGATED, Situation, base_situation, later
from training.decision_transformer.batches import ProcessRank
from training.decision_transformer.export import export
from training.decision_transformer.loading import read_checkpoint
from training.decision_transformer.outcomes import HEAD_FILE, train_outcome_head
from training.decision_transformer.settings import Configuration, dataset_folders
from training.decision_transformer.train import Training, usable
from training.progress import tracked
from training.table import Column, table
from warmstart_planner.files.measurement import write_json, write_measurement
from warmstart_planner.learned.cards.model_card import CARD_FILE, Defaults
from warmstart_planner.learned.session import load_model
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

ROUND_INDICES = 1_000_000  # from one round's first index to the next one's
HELD_OUT = 900_000  # first index of the scenes for measuring
RATE_SHARE = 0.3  # of the first training's learning rate


COLUMNS = (
    Column('round', 'round', 'd'),
    Column('state', 'state'),
    Column('n', 'n', 'd'),
    Column('feasible', 'feasible_rate', '.1%'),
    Column('gap', 'cost_gap_mean', '.1%'),
    Column('iterations', 'iterations_mean', '.2f'),
)


@dataclass(frozen=True)
class Settings:
    """How many rounds of what size."""

    checkpoint: Path = Path('out/decision_transformer/best.pt')  # of the first model
    out: Path = Path('out/aggregate')  # folder of all rounds
    rounds: int = 2  # of driving, solving and training
    problems: int = 150  # scenes driven in a round
    variants: int = 4  # states that each scene is left at
    epochs: int = 20  # of training in a round
    passes: int = 1  # over the data in an epoch
    device: str = 'cpu'  # to train on: cpu, cuda
    loaders: int = 0  # processes that prepare batches
    scenes: int = 600  # whose outcomes the head learns from
    held_out: int = 200  # scenes for measuring
    workers: int = os.cpu_count() or 1  # processes that solve problems

    def __post_init__(self) -> None:
        """Check the numbers, and that rounds and measurement share no scene."""
        at_least(self, rounds=1, problems=1, variants=1, epochs=1, passes=1, loaders=0)
        at_least(self, scenes=1, held_out=1, workers=1)
        if self.problems > ROUND_INDICES - HELD_OUT:
            raise OptionError(
                f'--problems is {self.problems}: expected at most {ROUND_INDICES - HELD_OUT}, '
                'so that rounds and measurement share no scene'
            )


def aggregate(settings: Settings, client: Client) -> list[dict[str, Any]]:
    """
    Run all rounds that are not done yet.

    Args:
        settings: what to do.
        client: of a Dask cluster that sees the folders.

    Returns:
        One row of figures for the model before, and for that after each round; by state.

    Raises:
        ValueError: the checkpoint or a dataset cannot be used.

    """
    checkpoint = settings.checkpoint
    models = settings.out / 'round-0' / 'models'
    first = Configuration(**read_checkpoint(checkpoint)['configuration'])
    folders = [str(folder) for folder in dataset_folders(first)]
    if not checkpoint.with_name(HEAD_FILE).exists():
        train_outcome_head(checkpoint, settings.scenes, client)
    if not (models / CARD_FILE).exists():
        export(checkpoint, models, Defaults())
    rows = measured(settings, 0, models)
    for number in range(1, settings.rounds + 1):
        folder = settings.out / f'round-{number}'
        base = read_card(Path(folders[0]))
        card = replace(
            base,
            first=number * ROUND_INDICES,
            problems=settings.problems,
            variants=settings.variants,
            model=str(models.resolve()),
        )
        generate(folder / 'dataset', card, client)
        folders.append(str(folder / 'dataset'))
        configuration = replace(
            first,
            dataset=','.join(folders),
            initial=str(checkpoint),
            learning_rate=first.learning_rate * RATE_SHARE,
            epochs=settings.epochs,
            time_limit=0.0,
            passes=settings.passes,
            device=settings.device,
            workers=settings.loaders,
            out=str(folder / 'training'),
        )
        Training(configuration, ProcessRank()).run()
        checkpoint, models = folder / 'training' / 'best.pt', folder / 'models'
        if not checkpoint.with_name(HEAD_FILE).exists():
            train_outcome_head(checkpoint, settings.scenes, client)
        export(checkpoint, models, Defaults())
        rows += measured(settings, number, models)
    return rows


def measured(settings: Settings, number: int, models: Path) -> list[dict[str, Any]]:
    """Return a round's figures, from its folder where they have been measured."""
    path = settings.out / f'round-{number}' / 'figures.json'
    if path.exists():
        return json.loads(path.read_text(encoding='utf-8'))['rows']
    card = _card_of(settings)
    outcomes = list(_outcomes(card, models, settings.held_out))
    rows = [
        {'round': number, 'state': state, **_figures([o for s, o in outcomes if s == state])}
        for state in ('first', 'visited')
    ]
    write_json(path, {'rows': rows})
    return rows


def _card_of(settings: Settings) -> Card:
    configuration = Configuration(**read_checkpoint(settings.checkpoint)['configuration'])
    return read_card(dataset_folders(configuration)[0])


@dataclass(frozen=True)
class Outcome:
    """The best of the model's candidates, all refined; `gap` to the best known, as a share."""

    feasible: bool
    gap: float
    iterations: int


def _outcomes(card: Card, models: Path, scenes: int) -> Iterator[tuple[str, Outcome]]:
    """Yield outcomes at the first states of held-out scenes and at states driven to."""
    vehicle, horizon = load_vehicle(card.vehicle), card.horizon
    collector, solver = Collector(vehicle, horizon), ScpSolver(vehicle, horizon)
    source = DecisionTransformer(load_model(models))
    for index in tracked(range(HELD_OUT, HELD_OUT + scenes), 'measuring'):
        base = base_situation(index, horizon)
        ways, outcome = _outcome(base, collector, solver, source)
        if outcome is not None:
            yield 'first', outcome
        if ways:
            visited = later(base, 1, ways, AGGREGATED)
            _, outcome = _outcome(visited, collector, solver, source)
            if outcome is not None:
                yield 'visited', outcome


def _outcome(
    situation: Situation, collector: Collector, solver: ScpSolver, source: DecisionTransformer
) -> tuple[list[Any], Outcome | None]:
    """Return the model's ways, the best by merit first, and what SCP makes of them."""
    bound = solver.bind(situation.problem)
    proposals = source.propose_for(situation.problem, bound.numbers)
    ways = [each.proposal.trajectory for each in ranked_by_merit(solver, bound, proposals)]
    known = collector.collect(situation, ways[:2])
    if not known.answers:
        return ways, None
    best = known.answers[0]
    assert best.kind == BEST
    results = solver.solve_all(bound, ways)
    cost = min(
        (r.score.cost for r in results if verify(situation.problem, r.trajectory).feasible),
        default=np.inf,
    )
    least = max(float(best.cost_to_go[0]), 1e-9)
    return ways, Outcome(
        bool(np.isfinite(cost)), max(cost / least - 1.0, 0.0), sum(r.iterations for r in results)
    )


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the means; None where there is nothing to take one of."""
    return {
        'n': len(outcomes),
        'feasible_rate': _mean([float(o.feasible) for o in outcomes]),
        'cost_gap_mean': _mean([o.gap for o in outcomes if o.feasible]),
        'iterations_mean': _mean([float(o.iterations) for o in outcomes]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def main(arguments: list[str] | None = None) -> int:
    """Run the rounds, print and write what they gained; return the exit status."""
    return run(_aggregate, Settings, 'aggregate', __doc__, arguments)


def _aggregate(settings: Settings) -> None:
    usable(settings.device)  # before any work
    with connected('', settings.workers) as client:
        rows = aggregate(settings, client)
    print(table(COLUMNS, rows))
    path = settings.out / 'aggregate.json'
    write_measurement(path, HELD_OUT, rows)
    print(path)


if __name__ == '__main__':
    sys.exit(main())
