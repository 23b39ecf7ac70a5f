# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Work on scenes, spread over the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from distributed import Client, Future, as_completed

from training.dataset.situations import Situation, base_situation
from training.progress import tracked
from warmstart_planner.problem import Horizon

CHUNK = 5  # scenes a task

Row = TypeVar('Row')


def drawn(indices: Iterable[int], horizon: Horizon) -> Iterator[Situation]:
    """Yield the scenes of some indices; those that the generator does not find are left out."""
    for index in indices:
        try:
            yield base_situation(index, horizon)
        except RuntimeError:
            continue


def rows_of_scenes(
    work: Callable[[Sequence[int]], list[Row]], name: str, indices: range, client: Client
) -> list[Row]:
    """
    Return what a work makes of scenes, in their order, whatever worker was first.

    Args:
        work: from indices of scenes to rows; runs on a worker.
        name: of the work, to be shown.
        indices: of the scenes.
        client: of a Dask cluster.

    Raises:
        ValueError: nothing came out.

    """
    chunks = [indices[i : i + CHUNK] for i in range(0, len(indices), CHUNK)]
    jobs = [client.submit(work, chunk, pure=False) for chunk in chunks]
    rows = [row for part in results(jobs, name) for row in part]
    if not rows:
        raise ValueError(
            f'none of {len(indices)} scenes from {indices.start} on led to a row: expected one'
        )
    return rows


def results(jobs: Sequence[Future], name: str) -> list[Any]:
    """
    Return what jobs come to, in their order, behind a progress bar of some name.

    Raises:
        Exception: what the first of them that fails has raised, as soon as it does.

    """
    bar = tracked(as_completed(jobs), name, len(jobs))
    found = {job.key: job.result() for job in bar}
    return [found[job.key] for job in jobs]
