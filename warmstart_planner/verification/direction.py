# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the car drives the way that its road leads, and no faster than the road allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.verification.motion import Samples
from warmstart_planner.verification.path import Foot, Path
from warmstart_planner.verification.tolerances import Tolerances

Array = NDArray[np.float64]


def direction(path: Path, foot: Foot, ego: Samples, tolerances: Tolerances) -> Array:
    """How far a moving car is turned beyond crosswise to its road at each sample [rad], (M,)."""
    along = path.cos[foot.segment] * ego.cos + path.sin[foot.segment] * ego.sin
    against = -np.arcsin(np.clip(along, -1.0, 1.0))
    moving = np.abs(ego.speed) > tolerances.standing
    return np.where(moving, np.maximum(against, 0.0), 0.0)


def speeding(path: Path, foot: Foot, ego: Samples) -> float:
    """Largest speed beyond the road's limit [m/s]."""
    limit = np.interp(foot.station, path.road.station, path.road.speed_limit)
    return float(np.maximum(ego.speed - limit, 0.0).max())
