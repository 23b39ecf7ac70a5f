# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sums of named columns of a tensor, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from warmstart_planner.learned.transformer import sums
from warmstart_planner.learned.transformer.sums import ONE

__all__ = ['ONE', 'Sums']


class Sums(sums.Sums):
    """
    Sums of named columns of a tensor.

    An exported graph's time goes by its number of operations: one product takes the place of a
    slice, a product and a concatenation for each column.
    """

    def __init__(self, names: Sequence[str], sums: Sequence[str | Mapping[str, float]]) -> None:
        super().__init__(names, sums)
        self._matrix = torch.from_numpy(self.matrix)
        self._has_constant = bool(self.matrix[-1].any())
        self._made: dict[tuple[torch.dtype, torch.device], Tensor] = {}

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
