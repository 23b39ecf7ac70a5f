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

import os

for _variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_variable, '1')

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq
from distributed import Client, Future, LocalCluster, as_completed
from tqdm import tqdm

from training.dataset.collection import Collector, Sample
from training.dataset.schema import (
    CARD,
    Card,
    DatasetError,
    read_card,
    shard_path,
    write_card,
    write_shard,
)
from training.dataset.situations import base_situation, later, perturbed
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp import library as scp_library
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle

GENERATOR = 'warmstart_planner.scenarios.generator 1'
RETRIES = 5  # of a task whose worker was lost
AHEAD = 3  # tasks a worker that the scheduler holds
PERTURBED_VARIANTS = 2  # of the further problems; the rest are closed-loop ones


def make_shard(folder: str, card: Card, shard: int) -> Counter[str]:
    """
    Make one shard; runs on a worker.

    Args:
        folder: of the dataset, the same place for all workers.
        card: what the dataset is.
        shard: which one.

    Returns:
        How many problems were solved, and how many not.

    """
    path = shard_path(Path(folder), shard)
    begin = time.perf_counter()
    samples = list(_samples(card, card.indices(shard)))
    write_shard(path, samples)
    counts = Counter('unsolved' if sample.reason else 'solved' for sample in samples)
    counts['answers'] = sum(len(sample.answers) for sample in samples)
    counts['core_ms'] = round(1e3 * (time.perf_counter() - begin))
    return counts


def _samples(card: Card, indices: Iterable[int]) -> Iterator[Sample]:
    collector = _collector(card)
    for index in indices:
        base = base_situation(index, card.horizon)
        sample = collector.collect(base)
        yield sample
        if not sample.answers:
            continue
        for variant in range(1, card.variants + 1):
            if variant <= PERTURBED_VARIANTS:
                yield collector.collect(perturbed(base, variant), sample.ways)
            else:
                yield collector.collect(later(base, variant, sample.ways), sample.ways)


@cache
def _collector(card: Card) -> Collector:
    return Collector(load_vehicle(card.vehicle), card.horizon)


def generate(folder: Path, card: Card, client: Client) -> Counter[str]:
    """
    Make all shards that are missing.

    Args:
        folder: of the dataset.
        card: what it is; a dataset that is there already must have the same card.
        client: of a Dask cluster that sees the folder.

    Raises:
        DatasetError: the folder holds another dataset.

    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CARD).exists():
        _require_growth(folder, read_card(folder), card)
    write_card(folder, card, {})
    missing = [s for s in range(card.shards) if not shard_path(folder, s).exists()]
    total: Counter[str] = Counter()
    with tqdm(total=len(missing), unit='shard', disable=None) as bar:
        for counts in _run(client, folder, card, missing):
            total += counts
            rate = 1e3 * (total['solved'] + total['unsolved']) / max(total['core_ms'], 1)
            bar.set_postfix_str(f'{rate:.1f} problems/s per core', refresh=False)
            bar.update()
    write_card(folder, card, dict(count_rows(folder, card)))
    return total


def _require_growth(folder: Path, before: Card, card: Card) -> None:
    """Refuse to change a dataset in any way but to make it larger by whole shards."""
    if card.problems < before.problems or replace(before, problems=card.problems) != card:
        raise DatasetError(
            f'{folder / CARD} differs from what is asked for: expected the same arguments as '
            f'before, with at least {before.problems} problems, or another folder'
        )
    if card.problems > before.problems and before.problems % before.shard_size:
        raise DatasetError(
            f'{folder / CARD}: the last of its shards, of {before.shard_size} base problems, is '
            'not full: expected to be left at its size'
        )


def _run(client: Client, folder: Path, card: Card, shards: list[int]) -> Iterator[Counter[str]]:
    """Yield the counts of shards as they are done, a few tasks a worker at a time."""
    waiting = iter(shards)

    def submit(shard: int) -> Future:
        return client.submit(
            make_shard, str(folder.resolve()), card, shard, pure=False, retries=RETRIES
        )

    workers = max(len(client.scheduler_info()['workers']), 1)
    running = as_completed(submit(shard) for shard in islice(waiting, AHEAD * workers))
    for done in running:
        yield done.result()
        done.release()
        for shard in islice(waiting, 1):
            running.add(submit(shard))


def count_rows(folder: Path, card: Card) -> Counter[str]:
    """Count what the shards hold: problems by tier and kind, answers, unsolved ones."""
    counts: Counter[str] = Counter()
    for shard in range(card.shards):
        columns = ['tier', 'kind', 'reason', 'answers']
        for row in pq.read_table(shard_path(folder, shard), columns=columns).to_pylist():
            counts['unsolved' if row['reason'] else 'solved'] += 1
            counts[f'tier {row["tier"]}'] += 1
            counts[f'kind {row["kind"]}'] += 1
            for kind in row['answers']:
                counts[f'answer {kind}'] += 1
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Generate a dataset; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    add = parser.add_argument
    add('--out', type=Path, default=Path('out/dataset'), help='folder of the dataset')
    add('--problems', type=int, default=1600, help='base problems')
    add('--first', type=int, default=0, help='index of the first base problem')
    add('--variants', type=int, default=4, help='further problems from each base problem')
    add('--shard-size', type=int, default=10, help='base problems a shard')
    add('--scheduler', default='', help='address of a Dask scheduler; empty: a local cluster')
    add('--workers', type=int, default=os.cpu_count(), help='of the local cluster')
    options = parser.parse_args(arguments)
    horizon = Horizon()
    try:
        card = Card(
            GENERATOR,
            options.first,
            options.problems,
            options.variants,
            options.shard_size,
            DEFAULT_VEHICLE,
            horizon.dt,
            horizon.steps,
        )
        scp_library.generate(load_vehicle(), CostWeights(), horizon)
        with _client(options.scheduler, options.workers) as client:
            total = generate(options.out, card, client)
    except (DatasetError, ValueError, OSError) as error:
        print(f'generate: {error}', file=sys.stderr)
        return 2
    problems = total['solved'] + total['unsolved']
    if problems:
        rate = 1e3 * problems / total['core_ms']
        print(f'{problems} problems, {total["unsolved"]} unsolved, {rate:.2f} a second and core')
    print(options.out)
    return 0


def _client(scheduler: str, workers: int) -> Client:
    if scheduler:
        return Client(scheduler, timeout=30)
    cluster = LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit='2GB'
    )
    return Client(cluster)


if __name__ == '__main__':
    sys.exit(main())
