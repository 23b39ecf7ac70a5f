# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far apart boxes stand: for placing traffic, not for judging a drive."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.objective import box_separations

Half = tuple[ArrayLike, ArrayLike]


def separation(
    first: ArrayLike,
    first_half: Half,
    second: ArrayLike,
    second_half: Half,
) -> NDArray[np.float64]:
    """
    Largest gap between two oriented boxes along any of their four axes.

    The separating axis theorem: positive means apart, by at least that much; negative means that
    they overlap.

    Args:
        first: poses (x, y, yaw) of the first box's centre, shape (..., 3).
        first_half: its half length and half width, numbers or arrays [m].
        second: poses of the second box's centre, broadcast against `first`.
        second_half: its half length and half width [m].

    Returns:
        Gap [m], shape (...).

    """
    first, second = np.broadcast_arrays(np.asarray(first, float), np.asarray(second, float))
    x, y, _ = np.moveaxis(first - second, -1, 0)
    first_axis, second_axis = (
        (np.cos(each[..., 2]), np.sin(each[..., 2])) for each in (first, second)
    )
    axes = box_separations((x, y), (first_axis, *first_half), (second_axis, *second_half))
    return np.maximum.reduce(axes[:4])
