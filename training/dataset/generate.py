# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Generate a dataset with Dask: `make dataset`.

Each task makes one shard and writes it atomically. A shard that is there is not made again, so
that a run that was stopped goes on where it was; a task whose worker is lost is run again
elsewhere. The scheduler holds a few tasks a worker at a time and results are counts: memory does
not grow with the size of the dataset.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import contextlib
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path

from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from training.command_line import at_least, run
from training.dataset.schema import (
    CARD,
    DRAFT,
    Card,
    DatasetError,
    read_card,
    read_shard,
    shard_path,
    write_card,
)
from training.dataset.shards import GenerationCount, make_shard
from training.progress import tracked
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp import library as scp_library
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle

GENERATOR = 'warmstart_planner.scenarios.generator 1'
AHEAD = 3  # tasks a thread of a worker that the scheduler holds
WAIT_FOR_WORKERS = 60.0  # of a scheduler that has none [s]


def generate(folder: Path, card: Card, client: Client) -> GenerationCount:
    """
    Make all shards that are missing.

    Args:
        folder: of the dataset.
        card: what it is; a dataset that is there already may differ in that it is smaller.
        client: of a Dask cluster that sees the folder.

    Returns:
        What this run has made.

    Raises:
        DatasetError: the folder holds another dataset, or a damaged shard.
        OSError: a file cannot be written.
        KilledWorker: the same task has cost several workers their lives.

    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CARD).exists():
        _require_growth(folder, read_card(folder), card)
    write_card(folder, card, {})
    missing = [s for s in range(card.shards) if not shard_path(folder, s).exists()]
    made = GenerationCount()
    planned, to_do = (
        count * (1 + card.variants)
        for count in (card.problems, sum(len(card.indices(shard)) for shard in missing))
    )
    with tracked((), 'solving', planned, initial=planned - to_do, unit=' problems') as bar:
        for each in _run(client, folder, card, missing):
            made += each
            bar.total += each.problems - each.planned
            bar.set_postfix_str(f'{made.rate:.2f} problems/s per core', refresh=False)
            bar.update(each.problems)
    write_card(folder, card, dict(count_rows(folder, card)))
    _remove_drafts(folder)
    return made


def _require_growth(folder: Path, before: Card, card: Card) -> None:
    """Refuse to change a dataset in any way but to make it larger by whole shards."""
    different = [name for name in before.differences(card) if name != 'problems']
    if different:
        values = ', '.join(
            f'{name} is {getattr(before, name)!r}, not {getattr(card, name)!r}'
            for name in different
        )
        raise DatasetError(
            f'{folder / CARD}: {values}: expected the same as before, or another folder'
        )
    if card.problems < before.problems:
        raise DatasetError(
            f'{folder / CARD}: problems is {before.problems}, more than {card.problems}: '
            'expected at least as many as before, or another folder'
        )
    if card.problems > before.problems and before.problems % before.shard_size:
        raise DatasetError(
            f'{folder / CARD}: problems is {before.problems}, which leaves the last shard of '
            f'{before.shard_size} not full: expected to be left at this size'
        )


def _run(client: Client, folder: Path, card: Card, shards: list[int]) -> Iterator[GenerationCount]:
    """Yield what shards came to as they are done, a few tasks a worker at a time."""
    waiting = iter(shards)
    running = as_completed()

    def submit(shard: int) -> Future:
        return client.submit(make_shard, str(folder.resolve()), card, shard, pure=False)

    while True:
        # workers may join and leave
        room = AHEAD * max(sum(client.nthreads().values()), 1) - running.count()
        running.update([submit(shard) for shard in islice(waiting, max(room, 0))])
        if running.is_empty():
            return
        done = next(running)
        yield done.result()
        done.release()


def _remove_drafts(folder: Path) -> None:
    """Remove what workers that were lost had begun to write."""
    for draft in folder.glob(f'shard-*{DRAFT}'):
        draft.unlink(missing_ok=True)


def count_rows(folder: Path, card: Card) -> Counter[str]:
    """
    Count what the shards hold: problems by tier and kind, answers, unsolved ones.

    Raises:
        DatasetError: a shard is missing or damaged.

    """
    counts: Counter[str] = Counter()
    for shard in range(card.shards):
        table = read_shard(shard_path(folder, shard), ['tier', 'kind', 'reason', 'answers'])
        for row in table.to_pylist():
            counts['unsolved' if row['reason'] else 'solved'] += 1
            counts[f'tier {row["tier"]}'] += 1
            counts[f'kind {row["kind"]}'] += 1
            for kind in row['answers']:
                counts[f'answer {kind}'] += 1
    return counts


@dataclass(frozen=True)
class Options:
    """Which problems are solved, and by whom."""

    out: Path = Path('out/dataset')  # folder of the dataset
    problems: int = 1600  # base problems
    first: int = 0  # index of the first base problem
    variants: int = 4  # further problems from each base problem
    shard_size: int = 10  # base problems a shard
    model: Path | None = None  # folder of a model whose proposals lead to further states
    scheduler: str = ''  # address of a Dask scheduler; empty: a local cluster
    workers: int = os.cpu_count() or 1  # of the local cluster

    def __post_init__(self) -> None:
        """Check what the card does not."""
        at_least(self, workers=1)

    @property
    def card(self) -> Card:
        """Card of the dataset that is asked for."""
        horizon = Horizon()
        return Card(
            generator=GENERATOR,
            first=self.first,
            problems=self.problems,
            variants=self.variants,
            shard_size=self.shard_size,
            vehicle=DEFAULT_VEHICLE,
            dt=horizon.dt,
            steps=horizon.steps,
            model=str(self.model.resolve()) if self.model else '',
        )


def main(arguments: list[str] | None = None) -> int:
    """Generate a dataset; return the exit status."""
    refusals = (ValueError, OSError, KilledWorker)
    try:
        return run(_generate, Options, 'generate', __doc__, arguments, refusals)
    except KeyboardInterrupt:
        print('generate: stopped; the same command goes on from here', file=sys.stderr)
        return 130


def _generate(options: Options) -> None:
    card = options.card
    scp_library.generate(load_vehicle(card.vehicle), CostWeights(), card.horizon)
    with connected(options.scheduler, options.workers) as client:
        made = generate(options.out, card, client)
    if made.problems:
        print(
            f'{made.problems} problems, {made.unsolved} unsolved, '
            f'{made.rate:.2f} a second and core'
        )
    print(options.out)


@contextlib.contextmanager
def connected(scheduler: str, workers: int) -> Iterator[Client]:
    """
    Connect to a scheduler, or to a cluster of processes on this machine.

    Raises:
        OSError: the scheduler does not answer, or no worker joins it.
        ValueError: less than one worker.

    """
    if scheduler:
        with Client(scheduler, timeout=30) as client:
            _await_worker(client, scheduler)
            yield client
        return
    if workers < 1:
        raise ValueError(f'--workers is {workers}: expected at least 1')
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=':0',
            memory_limit='2GB',
            silence_logs=logging.CRITICAL,  # errors come back as results
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _await_worker(client: Client, scheduler: str) -> None:
    remedy = 'start `dask worker` where the dataset folder and this package are'
    try:
        client.wait_for_workers(1, timeout=WAIT_FOR_WORKERS)
    except TimeoutError:
        raise OSError(
            f'scheduler {scheduler} has no worker after {WAIT_FOR_WORKERS:.0f} s: {remedy}'
        ) from None
    try:
        # A worker that cannot read a task leaves its cluster without a word, and the task waits.
        client.run(import_module, 'training.dataset.shards')
    except ImportError as error:
        raise OSError(f'a worker of {scheduler} lacks this package ({error}): {remedy}') from error


if __name__ == '__main__':
    sys.exit(main())
