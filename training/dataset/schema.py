# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The files of a dataset: Parquet shards, one row a problem, and a card.

States are in the problem's own frame: origin at the first rear axle, x along its heading. Arrays
are flattened in C order; their shapes are in the columns' descriptions below.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.dataset.collection import Sample
from training.dataset.situations import BASE
from warmstart_planner.checks import number
from warmstart_planner.files.measurement import write_json
from warmstart_planner.files.structured import structured
from warmstart_planner.learned.context import context_of
from warmstart_planner.problem import Horizon

SCHEMA_VERSION = 1
CARD = 'card.json'
DRAFT = '.part'  # suffix of a file that is being written; nothing reads it
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
    come from each, `shard_size` how many base problems a shard holds. `model` is the folder of
    the model whose proposals are driven to closed-loop states; empty: solutions are.
    """

    generator: str
    first: int
    problems: int
    variants: int
    shard_size: int
    vehicle: str
    dt: float
    steps: int
    model: str = ''
    schema_version: int = SCHEMA_VERSION
    licence: str = 'Apache-2.0'

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, least in (('first', 0), ('problems', 1), ('variants', 0), ('shard_size', 1)):
            number(f'card.{name}', getattr(self, name), at_least=least)
        _ = self.horizon  # which checks dt and steps

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

    def differences(self, other: Card) -> list[str]:
        """Return the names of the fields in which two cards differ."""
        return [
            each.name
            for each in fields(self)
            if getattr(self, each.name) != getattr(other, each.name)
        ]


@dataclass(frozen=True)
class NoProblem:
    """An index for which the generator found no problem, and why: a row without numbers."""

    index: int
    tier: str
    family: str
    seed: int
    reason: str


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
        content.pop('counts', None)  # what it holds, not what it is
        version = content.get('schema_version')
        if version != SCHEMA_VERSION:
            raise DatasetError(
                f'{path}: schema_version is {version!r}: expected {SCHEMA_VERSION}; generate anew'
            )
        return structured(Card, content, 'card')
    except FileNotFoundError:
        raise DatasetError(f'{path} is missing: expected the folder of a dataset') from None
    except DatasetError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise DatasetError(f'{path} is not a dataset card: {error}') from None


def shard_path(folder: Path, shard: int) -> Path:
    """Return where a shard lies."""
    return folder / f'shard-{shard:06d}.parquet'


def write_shard(path: Path, samples: Iterable[Sample | NoProblem]) -> None:
    """
    Write samples as one file, whole or not at all.

    Raises:
        OSError: the file cannot be written; no draft of it stays.

    """
    table = pa.Table.from_pylist([_row(sample) for sample in samples], schema=SCHEMA)
    # a worker that was taken for lost may still write the same shard as the one in its place
    draft = path.with_name(f'{path.stem}.{socket.gethostname()}.{os.getpid()}{DRAFT}')
    try:
        pq.write_table(table, draft, compression='zstd')
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_shard(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """
    Return a shard's rows, all columns or some.

    Raises:
        DatasetError: the file is missing, damaged or has another schema.

    """
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            if _version(schema) != SCHEMA_VERSION or not schema.equals(SCHEMA):
                raise DatasetError(
                    f'{path} has schema version {_version(schema)}: expected {SCHEMA_VERSION} '
                    'and its columns; generate anew'
                )
            return file.read(columns)
    except FileNotFoundError:
        raise DatasetError(
            f'{path} is missing: the dataset is not complete; generate it again to go on'
        ) from None
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(
            f'{path} is no readable shard: {error}; delete it and generate again'
        ) from None


def _version(schema: pa.Schema) -> int | None:
    """Return the version that a shard says it has."""
    text = (schema.metadata or {}).get(b'schema_version', b'')
    return int(text) if text.isdigit() else None


def _row(sample: Sample | NoProblem) -> dict[str, Any]:
    if isinstance(sample, NoProblem):
        return _row_without_numbers(sample)
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


def _row_without_numbers(sample: NoProblem) -> dict[str, Any]:
    row: dict[str, Any] = {name: [] for name in SCHEMA.names}
    row.update(asdict(sample), variant=0, kind=BASE, straight_line=np.inf)
    return row


def _flat(arrays: Iterable[np.ndarray]) -> np.ndarray:
    parts = [np.asarray(array, dtype=np.float32).ravel() for array in arrays]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
