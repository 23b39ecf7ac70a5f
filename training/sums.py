# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sums of named columns of a tensor, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

ONE = '1'  # stands for the constant, in a sum


class Sums:
    """
    Sums of named columns as one product with a constant matrix.

    An exported graph's time goes by its number of operations: one product takes the place of a
    slice, a product and a concatenation for each column.

    Args:
        names: of the columns.
        sums: factors of columns by name, ONE among them; a name alone is the column itself.

    """

    def __init__(self, names: Sequence[str], sums: Sequence[str | Mapping[str, float]]) -> None:
        factors = [{each: 1.0} if isinstance(each, str) else each for each in sums]
        known = [*names, ONE]
        if len(set(known)) != len(known) or any(name not in known for f in factors for name in f):
            raise ValueError(f'sums {list(sums)}: expected columns of {list(names)}')
        rows = [[f.get(name, 0.0) for f in factors] for name in known]
        self._matrix = torch.tensor(rows, dtype=torch.float64)
        self._has_constant = any(rows[-1])
        self._made: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def __len__(self) -> int:
        """Return the number of sums."""
        return self._matrix.shape[1]

    def __call__(self, columns: Tensor) -> Tensor:
        """Return the sums (..., sums) of columns (..., names)."""
        matrix = self._like(columns)
        sums = columns @ matrix[:-1]
        return sums + matrix[-1] if self._has_constant else sums

    def _like(self, columns: Tensor) -> Tensor:
        # kept: what is replayed on a GPU may not fetch numbers from the processor
        key = (columns.dtype, columns.device)
        if key not in self._made:
            self._made[key] = self._matrix.to(columns)
        return self._made[key]
