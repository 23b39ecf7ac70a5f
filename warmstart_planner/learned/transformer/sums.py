# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sums of named columns: how features are made of plain numbers, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

ONE = '1'  # stands for the constant, in a sum


class Sums:
    """
    Sums of named columns as one product with a constant matrix.

    `matrix` has a row for each column and a last one for the constant, shape (names + 1, sums).

    Args:
        names: of the columns.
        sums: factors of columns by name, ONE among them; a name alone is the column itself.

    Raises:
        ValueError: a sum of columns that are not there, or a name that is there twice.

    """

    def __init__(self, names: Sequence[str], sums: Sequence[str | Mapping[str, float]]) -> None:
        factors = [{each: 1.0} if isinstance(each, str) else each for each in sums]
        known = [*names, ONE]
        if len(set(known)) != len(known) or any(name not in known for f in factors for name in f):
            raise ValueError(f'sums {list(sums)}: expected columns of {list(names)}')
        self.names, self.sums = tuple(names), tuple(sums)
        self.matrix = np.array([[f.get(name, 0.0) for f in factors] for name in known])

    def __len__(self) -> int:
        """Return the number of sums."""
        return self.matrix.shape[1]
