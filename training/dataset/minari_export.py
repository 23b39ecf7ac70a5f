# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Copy a dataset into Minari's format: `make minari`.

Each answer becomes an episode of N steps, which other offline reinforcement learning libraries
can read. Episodes pass one shard at a time: memory does not grow with the size of the dataset.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import minari
import numpy as np
import pyarrow as pa
from gymnasium.spaces import Box
from minari.data_collector.episode_buffer import EpisodeBuffer
from minari.dataset.minari_dataset import parse_dataset_id
from minari.namespace import create_namespace, list_local_namespaces
from minari.storage import get_dataset_path
from numpy.typing import NDArray

from training.command_line import run
from training.dataset.reading import KINDS
from training.dataset.schema import Card, DatasetError, read_card, read_shard, shard_path
from training.dataset.situations import is_validation
from training.progress import tracked
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import OBSTACLE_FIELDS, OBSTACLE_PARAMETERS, ROAD_PARAMETERS
from warmstart_planner.problem import MAX_OBSTACLES
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, load_vehicle

NAME = 'warmstart/trajectories-v0'
ENVIRONMENT_VARIABLE = 'MINARI_DATASETS_PATH'
SIZES = {
    'state': STATE_SIZE,
    'time': 1,
    'road': ROAD_PARAMETERS,
    'obstacles': MAX_OBSTACLES * OBSTACLE_PARAMETERS,
    'present': MAX_OBSTACLES,
}
OBSERVATION_SIZE = sum(SIZES.values())
DESCRIPTION = f"""\
Answers to random planning problems of a car, each an episode. Positions are in the frame of the
episode's first state: origin at its rear axle, x along its heading; they stay in it.
Observation, float32 ({OBSERVATION_SIZE},), parts in this order, sizes {SIZES}:
state: x, y of the rear axle [m], yaw [rad], speed [m/s], steering angle [rad];
time: since the episode's start [s];
road: what warmstart_planner.transcription.road_parameters packs;
obstacles: {MAX_OBSTACLES} times {', '.join(OBSTACLE_FIELDS)} at that time [m, -], zeros where
there is none, linear between the {OBSTACLE_SAMPLES} times at which the dataset has them;
present: 1 where there is one.
Action: acceleration [m/s^2], rate of the steering angle [rad/s].
Reward: minus the cost of the step; the last one has the terminal cost too.
The horizon's end is a truncation. infos/constraint_to_go: sum of the verifier's violations from
each node on. An episode's options: index and variant of its problem, tier, family, how the problem
and the answer came about, whether the answer is feasible, and whether its index is for validation.
"""


def observation_slices() -> dict[str, slice]:
    """Return where the parts of an observation are."""
    ends = np.cumsum(list(SIZES.values())).tolist()
    return {
        name: slice(end - size, end) for (name, size), end in zip(SIZES.items(), ends, strict=True)
    }


def export(folder: Path, name: str = NAME, kinds: Collection[str] = KINDS) -> minari.MinariDataset:
    """
    Write a dataset in Minari's format, whole or not at all.

    It lies below the folder that MINARI_DATASETS_PATH names, or Minari's own in the home folder.

    Args:
        folder: of the dataset.
        name: Minari's name of it, `namespace/name-v0`.
        kinds: of answers that become episodes.

    Raises:
        DatasetError: the dataset is incomplete or damaged, has no such answers, or the name is
            malformed or taken.
        OSError: a file cannot be written.

    """
    namespace = _check_name(name)
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise DatasetError(f'kinds has {unknown}: expected some of {", ".join(KINDS)}')
    card = read_card(folder)
    root = get_dataset_path()
    target = root / name
    if target.exists():
        raise DatasetError(f'{target} exists: expected another name, or that it be deleted first')
    with tempfile.TemporaryDirectory(dir=root, prefix='.draft-') as draft:
        with _datasets_below(draft):
            dataset = _create(card, name, _episodes(folder, card, kinds))
        if dataset.total_episodes == 0:
            raise DatasetError(f'{folder} has no answer of the kinds {", ".join(kinds)}')
        if namespace and namespace not in list_local_namespaces():
            create_namespace(namespace)
        os.replace(Path(draft) / name, target)
    return minari.load_dataset(name)


def _check_name(name: str) -> str | None:
    """Return the namespace of a name; DatasetError where it is malformed."""
    try:
        return parse_dataset_id(name)[0]
    except (TypeError, ValueError):
        raise DatasetError(f'name is {name!r}: expected namespace/name-v0') from None


@contextlib.contextmanager
def _datasets_below(folder: str) -> Iterator[None]:
    before = os.environ.get(ENVIRONMENT_VARIABLE)
    os.environ[ENVIRONMENT_VARIABLE] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENVIRONMENT_VARIABLE]
        else:
            os.environ[ENVIRONMENT_VARIABLE] = before


def _create(card: Card, name: str, episodes: Iterator[EpisodeBuffer]) -> minari.MinariDataset:
    vehicle = load_vehicle(card.vehicle)
    with warnings.catch_warnings():
        # there is no environment, and no address that would stay
        warnings.simplefilter('ignore', UserWarning)
        return minari.create_dataset_from_buffers(
            name,
            episodes,
            observation_space=Box(-np.inf, np.inf, (OBSERVATION_SIZE,), np.float32),
            action_space=Box(
                vehicle.control_lower.astype(np.float32),
                vehicle.control_upper.astype(np.float32),
                dtype=np.float32,
            ),
            algorithm_name='multi-start SCP and what it passes on its way',
            author='The warmstart_planner authors',
            description=f'{DESCRIPTION}Licence: {card.licence}. Made by {card.generator}.',
            data_format='hdf5',
        )


def _episodes(folder: Path, card: Card, kinds: Collection[str]) -> Iterator[EpisodeBuffer]:
    for shard in tracked(range(card.shards), 'copying', unit=' shards'):
        table = read_shard(shard_path(folder, shard))
        for row in range(table.num_rows):
            yield from _episodes_of(table, row, card, kinds)


def _episodes_of(
    table: pa.Table, row: int, card: Card, kinds: Collection[str]
) -> Iterator[EpisodeBuffer]:
    answers = table['answers'][row].as_py()
    if not set(answers) & set(kinds):
        return
    count, steps = len(answers), card.steps

    def array(name: str, *shape: int) -> NDArray[np.float32]:
        return table[name][row].values.to_numpy().reshape(shape)

    context = _context_over_time(
        array('road', ROAD_PARAMETERS),
        array('obstacles', -1, OBSTACLE_SAMPLES, OBSTACLE_PARAMETERS),
        card,
    )
    states = array('states', count, steps + 1, STATE_SIZE)
    controls = array('controls', count, steps, CONTROL_SIZE)
    costs = array('cost_to_go', count, steps + 1)
    violations = array('constraint_to_go', count, steps + 1)
    feasible = table['feasible'][row].as_py()
    problem = {
        name: table[name][row].as_py() for name in ('index', 'variant', 'kind', 'tier', 'family')
    }
    problem['validation'] = is_validation(problem['index'])
    for which, kind in enumerate(answers):
        if kind in kinds:
            yield EpisodeBuffer(
                seed=table['seed'][row].as_py(),
                options={**problem, 'answer': kind, 'feasible': feasible[which]},
                observations=np.concatenate([states[which], context], axis=1),
                actions=controls[which],
                rewards=rewards_of(costs[which]),
                terminations=np.zeros(steps, dtype=bool),
                truncations=np.arange(steps) == steps - 1,
                infos={'constraint_to_go': violations[which]},
            )


def rewards_of(cost_to_go: NDArray[np.float32]) -> NDArray[np.float64]:
    """
    Return the rewards whose sums from each step on are the negative costs-to-go.

    Args:
        cost_to_go: (N + 1,), the last one the terminal cost.

    Returns:
        Shape (N,), not positive.

    """
    costs = cost_to_go.astype(float)
    rewards = np.diff(costs)
    rewards[-1] -= costs[-1]
    return rewards


def _context_over_time(
    road: NDArray[np.float32], obstacles: NDArray[np.float32], card: Card
) -> NDArray[np.float32]:
    """Return time, road, obstacles and their presence at all nodes, (N + 1, size of these)."""
    nodes = card.steps + 1
    result = np.zeros((nodes, OBSERVATION_SIZE - STATE_SIZE), np.float32)
    count = len(obstacles)
    padded = np.zeros((nodes, MAX_OBSTACLES, OBSTACLE_PARAMETERS), np.float32)
    padded[:, :count] = _obstacles_over_time(obstacles, nodes)
    parts = {
        'time': card.horizon.times[:, None],
        'road': road,
        'obstacles': padded.reshape(nodes, -1),
        'present': np.arange(MAX_OBSTACLES) < count,
    }
    for name, where in observation_slices().items():
        if name in parts:
            result[:, where.start - STATE_SIZE : where.stop - STATE_SIZE] = parts[name]
    return result


def _obstacles_over_time(obstacles: NDArray[np.float32], nodes: int) -> NDArray[np.float64]:
    """Return obstacles (M, OBSTACLE_SAMPLES, 7) at all nodes, (N + 1, M, 7)."""
    sampled = np.round(np.linspace(0, nodes - 1, OBSTACLE_SAMPLES))
    at = np.interp(np.arange(nodes), sampled, np.arange(OBSTACLE_SAMPLES))
    low = np.minimum(at.astype(int), OBSTACLE_SAMPLES - 2)
    share = (at - low)[:, None]
    moved = obstacles.astype(float)
    result = (1 - share) * moved[:, low] + share * moved[:, low + 1]
    cos, sin = OBSTACLE_FIELDS.index('cos'), OBSTACLE_FIELDS.index('sin')
    result[..., [cos, sin]] /= np.hypot(result[..., cos], result[..., sin])[..., None]
    return result.transpose(1, 0, 2)


@dataclass(frozen=True)
class Options:
    """What of a dataset is copied where."""

    dataset: Path = Path('out/dataset')  # folder of the dataset
    name: str = NAME  # Minari's name of it
    kinds: tuple[str, ...] = KINDS  # of answers
    out: Path | None = None  # folder of Minari datasets, by default Minari's own


def main(arguments: list[str] | None = None) -> int:
    """Export a dataset; return the exit status."""
    return run(_export, Options, 'minari_export', __doc__, arguments)


def _export(options: Options) -> None:
    with _datasets_below(str(options.out)) if options.out else contextlib.nullcontext():
        dataset = export(options.dataset, options.name, options.kinds)
        print(f'{dataset.total_episodes} episodes, {dataset.total_steps} steps')
        print(get_dataset_path(options.name))


if __name__ == '__main__':
    sys.exit(main())
