# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Datasets as arrays for training: problems of fixed size, with a choice of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.dataset.schema import DatasetError, read_card, read_shard, shard_path
from training.dataset.situations import is_validation
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import OBSTACLE_PARAMETERS, ROAD_PARAMETERS
from warmstart_planner.problem import MAX_OBSTACLES
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

KINDS = ('best', 'other', 'relaxed', 'noisy', 'guess', 'iterate')
MOST_ANSWERS = 9  # of a problem


@dataclass(frozen=True)
class Problems:
    """
    Problems and their answers as float32 arrays; P problems, T = MOST_ANSWERS places.

    `state` (P, 5), `road` (P, ROAD_PARAMETERS), `obstacles` (P, 12, OBSTACLE_SAMPLES, 7),
    `present` (P, 12), `kind` (P, T) index into KINDS or -1 where there is no answer, `feasible`
    (P, T), `states` (P, T, N + 1, 5), `controls` (P, T, N, 2), `cost_to_go` and
    `constraint_to_go` (P, T, N + 1), `excess` (P,) what the straight line costs more; `index` and
    `variant` (P,), int64: the problem's key.
    """

    state: NDArray[np.float32]
    road: NDArray[np.float32]
    obstacles: NDArray[np.float32]
    present: NDArray[np.bool_]
    kind: NDArray[np.int64]
    feasible: NDArray[np.bool_]
    states: NDArray[np.float32]
    controls: NDArray[np.float32]
    cost_to_go: NDArray[np.float32]
    constraint_to_go: NDArray[np.float32]
    excess: NDArray[np.float32]
    index: NDArray[np.int64]
    variant: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of problems."""
        return len(self.state)

    def take(self, rows: NDArray[np.int64]) -> Problems:
        """Return some of the problems."""
        return Problems(**{name: value[rows] for name, value in vars(self).items()})


def read_problems(folders: Sequence[Path], validation: bool) -> Problems:
    """
    Return one side of the split of all problems that have answers.

    Args:
        folders: of datasets with the same horizon and vehicle.
        validation: whether to return the validation side.

    Raises:
        DatasetError: a file is missing or damaged, the datasets do not fit together or hold
            nothing.

    """
    cards = [read_card(folder) for folder in folders]
    if len({(card.dt, card.steps, card.vehicle) for card in cards}) > 1:
        raise DatasetError(f'{", ".join(map(str, folders))}: horizons or vehicles differ')
    rows = [
        row
        for folder, card in zip(folders, cards, strict=True)
        for shard in range(card.shards)
        for row in _rows(shard_path(folder, shard), card.steps)
        if is_validation(row['index']) == validation
    ]
    if not rows:
        side = 'validation' if validation else 'training'
        raise DatasetError(f'{", ".join(map(str, folders))}: no {side} problem has an answer')
    names = list(rows[0])
    return Problems(**{name: np.stack([row.pop(name) for row in rows]) for name in names})


def _rows(path: Path, steps: int) -> list[dict]:
    table = read_shard(path)
    rows = []
    # column by column as numpy views: a list of Python numbers would take ten times the memory
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    for i in range(table.num_rows):
        kinds = columns['answers'][i].as_py()
        if not kinds:
            continue
        count = len(kinds)

        def array(name: str, *shape: int, i: int = i) -> NDArray[np.float32]:
            return columns[name][i].values.to_numpy().reshape(shape)

        obstacles = array('obstacles', -1, OBSTACLE_SAMPLES, OBSTACLE_PARAMETERS)
        rows.append(
            {
                'index': np.int64(columns['index'][i].as_py()),
                'variant': np.int64(columns['variant'][i].as_py()),
                'state': array('state', STATE_SIZE),
                'road': array('road', ROAD_PARAMETERS),
                'obstacles': _padded(obstacles, MAX_OBSTACLES, 0.0),
                'present': np.arange(MAX_OBSTACLES) < len(obstacles),
                'kind': _padded(np.array([KINDS.index(k) for k in kinds]), MOST_ANSWERS, -1),
                'feasible': _padded(
                    np.array(columns['feasible'][i].as_py(), dtype=bool), MOST_ANSWERS, False
                ),
                'states': _padded(
                    array('states', count, steps + 1, STATE_SIZE), MOST_ANSWERS, 0.0
                ),
                'controls': _padded(
                    array('controls', count, steps, CONTROL_SIZE), MOST_ANSWERS, 0.0
                ),
                'cost_to_go': _padded(array('cost_to_go', count, steps + 1), MOST_ANSWERS, 0.0),
                'constraint_to_go': _padded(
                    array('constraint_to_go', count, steps + 1), MOST_ANSWERS, 0.0
                ),
                'excess': np.float32(columns['straight_line'][i].as_py()),
            }
        )
    return rows


def _padded(values: NDArray, count: int, fill: float) -> NDArray:
    """Return an array whose first axis has a length, filled up or cut."""
    values = values[:count]
    rest = np.full((count - len(values), *values.shape[1:]), fill, dtype=values.dtype)
    return np.concatenate([values, rest])
