# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Run jobs side by side in processes of one thread each, and show how far they are."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
BAR_WIDTH = 30

Result = TypeVar('Result')


def in_parallel(
    function: Callable[..., Result], jobs: Iterable[tuple[Any, ...]], workers: int
) -> Iterator[Result]:
    """
    Yield the results of a function for all jobs, as worker processes finish them.

    Where a job raises, or the results are no longer asked for, the jobs that wait are dropped.

    Args:
        function: of a module, so that processes can import it.
        jobs: its arguments, job by job.
        workers: processes, at least one.

    Raises:
        Exception: what a job raised.

    """
    with _single_threaded(), ProcessPoolExecutor(workers, mp_context=get_context('spawn')) as pool:
        futures = [pool.submit(function, *job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def show_progress(done: int, total: int, what: str) -> None:
    """Draw a bar on the terminal that standard error is; nothing where it is none."""
    if not sys.stderr.isatty():
        return
    filled = BAR_WIDTH * done // max(total, 1)
    bar = '#' * filled + '.' * (BAR_WIDTH - filled)
    end = '\n' if done == total else ''
    print(f'\r[{bar}] {done}/{total} {what}', end=end, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """Return an option's text as a number of things, 1 or more; argparse reports any other."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'is {value}: expected 1 or more')
    return value


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Keep numerical libraries in worker processes from competing for the cores."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, '1'))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
