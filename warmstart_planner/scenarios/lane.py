# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A lane of the network that a scenario's road leads through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lane:
    """
    One piece of a lane: bounds in driving direction, shape (P, 2) each, map frame [m].

    `for_cars` is False for a pavement or another lane that cars may not drive on. `successors` are
    the indices of the lanes that follow it, among those of the same scenario.
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    for_cars: bool = True
    successors: tuple[int, ...] = ()

    @cached_property
    def center(self) -> NDArray[np.float64]:
        """Centre line, shape (P, 2)."""
        return (self.left + self.right) / 2

    @cached_property
    def outline(self) -> NDArray[np.float64]:
        """Outline, shape (2 P, 2)."""
        return np.concatenate([self.left, self.right[::-1]])
