# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far apart boxes stand: for placing traffic, not for judging a drive."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    delta = second[..., :2] - first[..., :2]
    gap = np.full(delta.shape[:-1], -np.inf)
    for yaw in (first[..., 2], second[..., 2]):
        for turn in (0.0, np.pi / 2):
            axis = yaw + turn
            distance = np.abs(delta[..., 0] * np.cos(axis) + delta[..., 1] * np.sin(axis))
            reach = _extent(first[..., 2] - axis, first_half) + _extent(
                second[..., 2] - axis, second_half
            )
            gap = np.maximum(gap, distance - reach)
    return gap


def _extent(angle: NDArray[np.float64], half: Half) -> NDArray[np.float64]:
    return half[0] * np.abs(np.cos(angle)) + half[1] * np.abs(np.sin(angle))
