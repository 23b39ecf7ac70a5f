# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is demanded of a measurement, and whether it is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STANDARD_ERRORS = 2.0  # of a paired mean difference: what counts as noise


@dataclass(frozen=True)
class Check:
    """One demand, what was found, and whether that is enough."""

    demand: str
    found: str
    reached: bool


def as_text(checks: Sequence[Check]) -> str:
    """Return a checklist as lines."""
    return '\n'.join(
        f'[{"reached" if c.reached else "NOT REACHED"}] {c.demand}: {c.found}' for c in checks
    )


def noise_of(differences: NDArray[np.float64]) -> float:
    """Return how far the mean of paired differences may be from nothing by chance."""
    return float(STANDARD_ERRORS * differences.std() / np.sqrt(max(len(differences), 1)))
