# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The files of a dataset: Parquet shards, one row a problem, and a card.

States are in the problem's own frame: origin at the first rear axle, x along its heading. Arrays
are flattened in C order; their shapes are in the columns' descriptions below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.dataset.collection import Sample
from warmstart_planner.checks import number
from warmstart_planner.learned.context import context_of
from warmstart_planner.measurement import write_json
from warmstart_planner.problem import Horizon

SCHEMA_VERSION = 1
CARD = 'card.json'
_FLOATS = pa.list_(pa.float32())
SCHEMA = pa.schema(
    [
        pa.field('index', pa.int64()),  # of the base problem
        pa.field('variant', pa.int32()),  # 0: the base problem itself
        pa.field('kind', pa.string()),  # how the problem came about
        pa.field('tier', pa.string()),
        pa.field('family', pa.string()),
        pa.field('seed', pa.int64()),  # of the generator
        pa.field('reason', pa.string()),  # why there are no answers; empty where there are
        pa.field('straight_line', pa.float32()),  # excess cost share from the straight line
        pa.field('state', _FLOATS),  # (5,): the first state
        pa.field('road', _FLOATS),  # (ROAD_PARAMETERS,)
        pa.field('obstacles', _FLOATS),  # (M, OBSTACLE_SAMPLES, OBSTACLE_PARAMETERS)
        pa.field('answers', pa.list_(pa.string())),  # (T,): kind of each answer, the best first
        pa.field('feasible', pa.list_(pa.bool_())),  # (T,): verdict
        pa.field('states', _FLOATS),  # (T, N + 1, 5)
        pa.field('controls', _FLOATS),  # (T, N, 2)
        pa.field('cost_to_go', _FLOATS),  # (T, N + 1)
        pa.field('constraint_to_go', _FLOATS),  # (T, N + 1)
    ],
    metadata={'schema_version': str(SCHEMA_VERSION)},
)


class DatasetError(ValueError):
    """A dataset that cannot be used; the message names file, field and expectation."""


@dataclass(frozen=True)
class Card:
    """
    What a dataset is and where it comes from.

    `first` and `problems` are its range of base problems, `variants` how many further problems
    come from each, `shard_size` how many base problems a shard holds.
    """

    generator: str
    first: int
    problems: int
    variants: int
    shard_size: int
    vehicle: str
    dt: float
    steps: int
    schema_version: int = SCHEMA_VERSION
    licence: str = 'Apache-2.0'

    def __post_init__(self) -> None:
        """Check the numbers."""
        number('card.first', self.first, at_least=0)
        number('card.problems', self.problems, at_least=1)
        number('card.variants', self.variants, at_least=0)
        number('card.shard_size', self.shard_size, at_least=1)

    @property
    def horizon(self) -> Horizon:
        """Time grid of all trajectories."""
        return Horizon(self.dt, self.steps)

    @property
    def shards(self) -> int:
        """Number of shards of the whole dataset."""
        return -(-self.problems // self.shard_size)

    def indices(self, shard: int) -> range:
        """Return the base problems of a shard."""
        begin = self.first + shard * self.shard_size
        return range(begin, min(begin + self.shard_size, self.first + self.problems))


def write_card(folder: Path, card: Card, counts: dict[str, Any]) -> None:
    """Write the card with what the dataset holds so far."""
    write_json(folder / CARD, {**asdict(card), 'counts': counts})


def read_card(folder: Path) -> Card:
    """
    Return the card of a dataset.

    Raises:
        DatasetError: it is missing, damaged or of another version.

    """
    path = folder / CARD
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        content.pop('counts', None)
        version = content.get('schema_version')
        if version != SCHEMA_VERSION:
            raise DatasetError(
                f'{path}: schema_version is {version!r}: expected {SCHEMA_VERSION}; generate anew'
            )
        return Card(**content)
    except FileNotFoundError:
        raise DatasetError(f'{path} is missing: expected the folder of a dataset') from None
    except (AttributeError, TypeError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f'{path} is not a dataset card: {error}') from None


def shard_path(folder: Path, shard: int) -> Path:
    """Return where a shard lies."""
    return folder / f'shard-{shard:06d}.parquet'


def write_shard(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples as one file, whole or not at all."""
    table = pa.Table.from_pylist([_row(sample) for sample in samples], schema=SCHEMA)
    draft = path.with_suffix('.part')
    pq.write_table(table, draft, compression='zstd')
    draft.replace(path)


def read_shard(path: Path) -> pa.Table:
    """
    Return a shard's rows.

    Raises:
        DatasetError: the file is missing, damaged or has another schema.

    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f'{path} is no readable shard: {error}') from None
    if not table.schema.equals(SCHEMA):
        raise DatasetError(f'{path} has another schema than version {SCHEMA_VERSION}')
    return table


def _row(sample: Sample) -> dict[str, Any]:
    situation = sample.situation
    context = context_of(sample.bound.numbers)
    local = [sample.bound.localise(answer.trajectory) for answer in sample.answers]
    return {
        'index': situation.index,
        'variant': situation.variant,
        'kind': situation.kind,
        'tier': situation.tier,
        'family': situation.family,
        'seed': situation.seed,
        'reason': sample.reason,
        'straight_line': sample.straight_line,
        'state': context.state,
        'road': context.road,
        'obstacles': context.obstacles[context.present].ravel(),
        'answers': [answer.kind for answer in sample.answers],
        'feasible': [answer.feasible for answer in sample.answers],
        'states': _flat(states for states, _ in local),
        'controls': _flat(controls for _, controls in local),
        'cost_to_go': _flat(answer.cost_to_go for answer in sample.answers),
        'constraint_to_go': _flat(answer.constraint_to_go for answer in sample.answers),
    }


def _flat(arrays: Iterable[np.ndarray]) -> np.ndarray:
    parts = [np.asarray(array, dtype=np.float32).ravel() for array in arrays]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
