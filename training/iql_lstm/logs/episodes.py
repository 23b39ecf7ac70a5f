# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Logged drives as arrays: what offline reinforcement learning learns from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.dataset.schema import DRAFT, DatasetError
from training.dataset.situations import is_validation

EPISODES_VERSION = 2
BOUND_TOLERANCE = 1e-4  # of an action beyond its bounds, relative to their distance: rounding
TYPES = {
    'observations': np.float32,
    'actions': np.float32,
    'rewards': np.float32,
    'lengths': np.int64,
    'terminal': np.bool_,
    'source': np.int64,
    'action_low': np.float32,
    'action_high': np.float32,
    'action_suggested': np.int64,
    'group': np.int64,
}
ACTION_FIELDS = tuple(name for name in TYPES if name.startswith('action_'))
EPISODE_AXIS = tuple(name for name in TYPES if name not in ACTION_FIELDS)
STEP_AXIS = ('observations', 'actions', 'rewards')


@dataclass(frozen=True, eq=False)
class Episodes:
    """
    E episodes of at most T steps, filled up with zeros behind their ends.

    `observations` (E, T + 1, O), before each step and after the last; `actions` (E, T, A) in
    physical units, within `action_low` and `action_high` (A,); `rewards` (E, T); `lengths` (E,):
    steps that happened, 1 to T. `terminal` (E,): the last step ended the task and nothing has a
    value beyond it; the other episodes were cut off, and their last observation has one.
    `action_suggested` (A,) says at which places of an observation stands what somebody suggests to
    do, in the actions' units; of no length where nobody does.
    `source` (E,) is an index into the names `sources`; `group` (E,) what an episode must stay
    together with when data are split, such as the index of its scene.

    Raises:
        ValueError: a field is not what it has to be; the message names it.

    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    lengths: NDArray[np.int64]
    terminal: NDArray[np.bool_]
    source: NDArray[np.int64]
    sources: tuple[str, ...]
    action_low: NDArray[np.float32]
    action_high: NDArray[np.float32]
    action_suggested: NDArray[np.int64]
    group: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check shapes, types, finiteness and ranges."""
        if np.ndim(self.actions) != 3:
            raise ValueError(f'actions has shape {np.shape(self.actions)}: expected (E, T, A)')
        episodes, steps, size = self.actions.shape
        if not episodes or not steps or not size:
            raise ValueError(f'actions has shape {self.actions.shape}: expected no size of 0')
        if np.ndim(self.observations) != 3:
            found = np.shape(self.observations)
            raise ValueError(f'observations has shape {found}: expected (E, T + 1, O)')
        shapes = {
            'observations': (episodes, steps + 1, self.observations.shape[2]),
            'rewards': (episodes, steps),
            'action_low': (size,),
            'action_high': (size,),
            'action_suggested': (size if np.size(self.action_suggested) else 0,),
        }
        for name, kind in TYPES.items():
            value, wanted = np.asarray(getattr(self, name)), shapes.get(name, (episodes,))
            if name != 'actions' and value.shape != wanted:
                raise ValueError(f'{name} has shape {value.shape}: expected {wanted}')
            if value.dtype != kind:
                raise ValueError(f'{name} is of {value.dtype}: expected {kind.__name__}')
            if value.dtype == np.float32 and not np.isfinite(value).all():
                at = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
                raise ValueError(f'{name} is {value[at]} at {at}: expected finite numbers')
        _check_range('lengths', self.lengths, 1, steps)
        _check_range('source', self.source, 0, len(self.sources) - 1)
        _check_range('action_suggested', self.action_suggested, 0, self.observations.shape[2] - 1)
        if not (self.action_low < self.action_high).all():
            raise ValueError(
                f'action_low is {self.action_low}: expected less than action_high, '
                f'{self.action_high}'
            )
        slack = BOUND_TOLERANCE * (self.action_high - self.action_low)
        beyond = (self.actions < self.action_low - slack) | (
            self.actions > self.action_high + slack
        )
        beyond &= self.is_step[:, :, None]
        if beyond.any():
            at = tuple(int(i) for i in np.argwhere(beyond)[0])
            low, high = self.action_low[at[2]], self.action_high[at[2]]
            raise ValueError(f'actions is {self.actions[at]} at {at}: expected {low} to {high}')

    def __len__(self) -> int:
        """Return the number of episodes."""
        return len(self.lengths)

    @property
    def is_step(self) -> NDArray[np.bool_]:
        """Which of the T steps happened, shape (E, T)."""
        return np.arange(self.actions.shape[1]) < self.lengths[:, None]

    def take(self, rows: NDArray) -> Episodes:
        """Return some of the episodes: indices, which may repeat, or a mask."""
        return replace(self, **{name: getattr(self, name)[rows] for name in EPISODE_AXIS})

    def returns(self, discount: float) -> NDArray[np.float64]:
        """Return the discounted sum of each episode's rewards, shape (E,)."""
        weights = discount ** np.arange(self.rewards.shape[1], dtype=float)
        return np.where(self.is_step, self.rewards, 0.0) @ weights

    def save(self, path: Path | str) -> None:
        """Write the episodes as an npz file, whole or not at all."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f'{target.name}.{os.getpid()}{DRAFT}')
        content = {each.name: np.asarray(getattr(self, each.name)) for each in fields(self)}
        with draft.open('wb') as stream:
            np.savez(stream, version=np.array(EPISODES_VERSION), **content)
        draft.replace(target)


def load_episodes(path: Path | str) -> Episodes:
    """
    Read what `Episodes.save` wrote; nothing in the file is run.

    Raises:
        DatasetError: the file is missing, damaged, of another version or not valid.

    """
    try:
        with np.load(path, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise DatasetError(f'{path} is missing: expected a file of episodes') from None
    except Exception as error:  # numpy and zipfile raise all kinds for a damaged file
        raise DatasetError(f'{path} is no readable file of episodes: {error}') from None
    version = content.pop('version', None)
    if version is None or version.tolist() != EPISODES_VERSION:
        raise DatasetError(f'{path}: version is {version}: expected {EPISODES_VERSION}')
    wanted = {each.name for each in fields(Episodes)}
    if content.keys() != wanted:
        raise DatasetError(f'{path} holds {sorted(content)}: expected {sorted(wanted)}')
    names = tuple(str(name) for name in np.atleast_1d(content.pop('sources')))
    try:
        return Episodes(sources=names, **content)
    except ValueError as error:
        raise DatasetError(f'{path}: {error}') from None


def join(parts: Sequence[Episodes]) -> Episodes:
    """
    Return the episodes of all parts, filled up to the longest.

    Raises:
        ValueError: there is no part, or their observations or actions differ.

    """
    if not parts:
        raise ValueError('parts is empty: expected at least one')
    first = parts[0]
    for each in parts[1:]:
        found, wanted = each.observations.shape[2], first.observations.shape[2]
        if found != wanted:
            raise ValueError(f'observations has {found} numbers in one part: expected {wanted}')
        for name in ACTION_FIELDS:
            if not np.array_equal(getattr(each, name), getattr(first, name)):
                raise ValueError(
                    f'{name} is {getattr(each, name)} in one part: expected {getattr(first, name)}'
                )
    sources = tuple(dict.fromkeys(name for each in parts for name in each.sources))
    steps = max(each.actions.shape[1] for each in parts)
    joined = {
        name: np.concatenate([_padded(getattr(each, name), name, steps) for each in parts])
        for name in EPISODE_AXIS
        if name != 'source'
    }
    numbers = [
        np.array([sources.index(name) for name in each.sources])[each.source] for each in parts
    ]
    return replace(first, **joined, source=np.concatenate(numbers), sources=sources)


def split(episodes: Episodes) -> tuple[Episodes, Episodes]:
    """
    Return the training and the validation side, whole groups each.

    Raises:
        ValueError: a side is empty.

    """
    mask = np.array([is_validation(group) for group in episodes.group.tolist()])
    for name, side in (('training', ~mask), ('validation', mask)):
        if not side.any():
            raise ValueError(f'group leaves no episode for {name}: expected more groups')
    return episodes.take(~mask), episodes.take(mask)


def _padded(value: NDArray, name: str, steps: int) -> NDArray:
    """Fill up the axis of steps with zeros, where there is one."""
    if name not in STEP_AXIS:
        return value
    missing = steps + (name == 'observations') - value.shape[1]
    return np.pad(value, [(0, 0), (0, missing), *[(0, 0)] * (value.ndim - 2)])


def _check_range(name: str, value: NDArray[np.int64], least: int, most: int) -> None:
    outside = (value < least) | (value > most)
    if outside.any():
        at = int(np.argmax(outside))
        raise ValueError(f'{name} is {value[at]} at {at}: expected {least} to {most}')
