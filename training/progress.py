# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far a long work is: a bar on the terminal that standard error is, else a line a minute."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar('Item')
MINUTE = 60.0  # [s]
A_LINE = {
    'delay': MINUTE,
    'mininterval': MINUTE,
    'miniters': 1,
    'bar_format': '{desc}: {n_fmt}/{total_fmt}{postfix}, {remaining} left\n',
}


def tracked(
    items: Iterable[Item], name: str, total: int | None = None, **options: Any
) -> tqdm[Item]:
    """
    Yield items, and show how many of how many have been.

    tqdm draws in the loop itself: no thread of its own runs beside what is measured.

    Args:
        items: what is worked on.
        name: of the work.
        total: number of items, where they do not know it themselves.
        options: more of tqdm's.

    """
    shown = {} if sys.stderr.isatty() else A_LINE
    return tqdm(items, name, total, leave=False, **(shown | options))
