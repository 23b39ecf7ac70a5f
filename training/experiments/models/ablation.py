# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What a Decision Transformer's candidates owe to data, size, tokens, conditioning: `make ablation`.

Models are trained that differ from a common one in one thing each, all for the same number of
steps. SCP refines everything that they propose for held-out problems, and what comes out is
compared with the common one's, problem by problem. A training that was stopped goes on.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from distributed import Client
from numpy.typing import NDArray

from training.command_line import at_least, run
from training.dataset.generate import connected
from training.dataset.reading import Problems, read_problems
from training.dataset.scenes import drawn, results, rows_of_scenes
from training.decision_transformer.aggregate import HELD_OUT
from training.decision_transformer.batches import ProcessRank
from training.decision_transformer.refiner import Refiner, refiner
from training.decision_transformer.settings import Configuration, dataset_folders
from training.decision_transformer.train import Training
from training.figures import excess_share, relative_gap
from training.table import Column, table
from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.scp.solver import BoundProblem

Array = NDArray[np.float64]

EPOCHS = 10  # that the steps are divided into, at most
COMMON = 'common'
# Heading and format of: the share of all candidates that come out infeasible, the excess share of
# the candidate of the best merit and of the best one refined, the iterations of the first.
FIGURES = {
    'infeasible': ('failing', '.1%'),
    'excess_first': ('excess, first', '.1%'),
    'excess_best': ('excess, best', '.1%'),
    'iterations_first': ('iterations', '.2f'),
}


@dataclass(frozen=True)
class Variant:
    """
    One training: what differs from the common configuration.

    `share` is that of the problems that are learned from. A `blind` one is told nothing of costs
    and violations to go: all are 0.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0
    blind: bool = False


VARIANTS = (
    Variant(COMMON),
    Variant('half of the data', share=0.5),
    Variant('a quarter of the data', share=0.25),
    Variant('width 64', {'width': 64}),
    Variant('width 192', {'width': 192}),
    Variant('6 actions a token', {'block': 6}),
    Variant('20 actions a token', {'block': 20}),
    Variant('4 candidates', {'candidates': 4, 'free_modes': 4}),
    Variant('no conditioning', {'allowed_share': 0.0}, blind=True),
    Variant('no merit of free drives', {'merit_loss': 0.0, 'own_way_loss': 0.0}),
)


# --- the trainings -------------------------------------------------------------------------------


def configured(
    variant: Variant, common: Configuration, steps: int, problems: int
) -> Configuration:
    """
    Return the configuration of a variant that takes about as many steps as all others.

    Args:
        variant: what differs.
        common: what does not.
        steps: wanted.
        problems: how many there are, of which the variant sees its share.

    Raises:
        ValueError: the variant's changes cannot be trained.

    """
    batches = max(int(variant.share * problems) // common.batch, 1)
    epochs = int(np.clip(steps // batches, 1, EPOCHS))
    return replace(
        common,
        **variant.changes,
        epochs=epochs,
        passes=max(round(steps / epochs / batches), 1),
        patience=EPOCHS + 1,
        out=str(Path(common.out) / variant.name.replace(' ', '-')),
    )


def train(variant: Variant, configuration: Configuration) -> str:
    """Train a variant, or go on with it; runs on a worker. Returns the checkpoint."""
    torch.set_num_threads(1)
    training = Training(configuration, ProcessRank())
    training.train = seen(variant, training.train)
    training.run()
    return str(Path(configuration.out) / 'best.pt')


def seen(variant: Variant, problems: Problems) -> Problems:
    """Return what a variant sees of the problems."""
    order = np.random.default_rng(0).permutation(len(problems))
    part = problems.take(order[: max(int(variant.share * len(problems)), 1)])
    if not variant.blind:
        return part
    nothing = np.zeros_like(part.cost_to_go)
    return replace(part, cost_to_go=nothing, constraint_to_go=nothing)


# --- what they are worth -------------------------------------------------------------------------


@dataclass(frozen=True)
class CandidateOutcomes:
    """
    What became of a model's candidates for P problems, arrays (P,).

    Verified costs, infinite for failures: `first` of the candidate of the best merit, `best` of
    the best one; `failed`: share of candidates that come out infeasible; `iterations` of the
    first.
    """

    first: Array
    best: Array
    failed: Array
    iterations: Array


def try_scenes(checkpoints: Sequence[str], indices: Sequence[int]) -> list[list[list[float]]]:
    """Refine the candidates of all models for some scenes; runs on a worker."""
    tools = [refiner(each) for each in checkpoints]
    rows = []
    for scene in drawn(indices, tools[0].solver.horizon):
        bound = tools[0].solver.bind(scene.problem)
        rows.append([_tried(each, bound) for each in tools])
    return rows


def _tried(tools: Refiner, bound: BoundProblem) -> list[float]:
    """Return the fields of `CandidateOutcomes` of a problem."""
    found = tools.refined(bound, tools.ways(bound).trajectories)
    first = min(found, key=lambda each: each.merit)
    return [
        first.verified_cost,
        min(each.verified_cost for each in found),
        float(np.mean([not each.feasible for each in found])),
        float(first.iterations),
    ]


def rows_of(worths: Mapping[str, CandidateOutcomes]) -> list[dict[str, Any]]:
    """
    Return a row of figures for each model, and how they differ from the common one's.

    Costs are held against the cheapest answer of any model. `noise_…` are two standard errors of
    the difference, taken problem by problem.
    """
    known = np.min([each.best for each in worths.values()], axis=0)
    solvable = np.isfinite(known)
    figures = {
        name: {
            'infeasible': each.failed[solvable],
            'excess_first': _excess(each.first, known)[solvable],
            'excess_best': _excess(each.best, known)[solvable],
            'iterations_first': each.iterations[solvable],
        }
        for name, each in worths.items()
    }
    return [_row(name, own, figures[COMMON]) for name, own in figures.items()]


def _excess(cost: Array, known: Array) -> Array:
    return excess_share(relative_gap(cost, known))


def _row(name: str, own: Mapping[str, Array], common: Mapping[str, Array]) -> dict[str, Any]:
    row: dict[str, Any] = {'variant': name, 'n': len(own['infeasible'])}
    for figure, values in own.items():
        difference = values - common[figure]
        row[figure] = float(values.mean())
        row[f'difference_{figure}'] = float(difference.mean())
        row[f'noise_{figure}'] = float(2.0 * difference.std() / np.sqrt(len(difference)))
    return row


# --- the program ---------------------------------------------------------------------------------


def ablate(
    common: Configuration, variants: Sequence[Variant], steps: int, scenes: int, client: Client
) -> list[dict[str, Any]]:
    """
    Train all variants and measure them on held-out scenes.

    Raises:
        DatasetError: the dataset cannot be used.
        ValueError: a variant cannot be trained, or no scene could be drawn.

    """
    problems = len(read_problems(dataset_folders(common), validation=False))
    configurations = [configured(each, common, steps, problems) for each in variants]
    trainings = [
        client.submit(train, *each, pure=False)
        for each in zip(variants, configurations, strict=True)
    ]
    checkpoints = results(trainings, 'training')
    work = partial(try_scenes, checkpoints)
    rows = rows_of_scenes(work, 'refining', range(HELD_OUT, HELD_OUT + scenes), client)
    by_variant = np.asarray(rows).transpose(1, 2, 0)  # variant, field, problem
    return rows_of(
        {e.name: CandidateOutcomes(*a) for e, a in zip(variants, by_variant, strict=True)}
    )


def columns() -> list[Column]:
    """Return the columns: differences from the common variant with their noise behind."""
    figures = (
        Column(heading, partial(_cell, name, form), '>')
        for name, (heading, form) in FIGURES.items()
    )
    return [Column('variant', 'variant'), *figures]


def _cell(figure: str, form: str, row: Mapping[str, Any]) -> str:
    value, noise = (format(row[name], form) for name in (figure, f'noise_{figure}'))
    difference = format(row[f'difference_{figure}'], f'+{form}')
    return f'{value} ({difference} ± {noise})'


@dataclass(frozen=True)
class Options:
    """How long models are trained, and on how many scenes they are compared."""

    dataset: Path = Path('out/dataset')  # folder of the dataset to learn from
    out: Path = Path('out/ablation')  # folder of trainings and figures
    steps: int = 500  # of each training
    scenes: int = 150  # held out, whose candidates are refined
    batch: int = Configuration.batch  # problems a step
    workers: int = os.cpu_count() or 1  # processes

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, steps=1, scenes=1, batch=1, workers=1)


def main(arguments: list[str] | None = None) -> int:
    """Train, measure, print and write; return the exit status."""
    return run(_compare, Options, 'ablation', __doc__, arguments)


def _compare(options: Options) -> None:
    common = Configuration(dataset=str(options.dataset), out=str(options.out), batch=options.batch)
    with connected('', options.workers) as client:
        rows = ablate(common, VARIANTS, options.steps, options.scenes, client)
    print(table(columns(), rows))
    path = options.out / 'ablation.json'
    write_measurement(path, HELD_OUT, rows)
    print(path)


if __name__ == '__main__':
    sys.exit(main())
