# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Distance of boxes and discs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def box_distance(
    relative: Array,
    relative_yaw: Array,
    half: tuple[ArrayLike, ArrayLike],
    other_half: tuple[ArrayLike, ArrayLike],
    radius: ArrayLike = 0.0,
) -> Array:
    """
    Signed distance between a box and a rounded box, element by element.

    Apart, it is the Euclidean distance, which two convex polygons have at a corner of one of
    them. Overlapping, it is minus the shortest translation that separates them, which for boxes
    is along a normal of a side (Gottschalk, Lin, Manocha: OBBTree, SIGGRAPH 1996). Growing the
    second by a radius takes the radius off in both cases.

    Args:
        relative: centre of the second box in the frame of the first, x and y, shape (2, P) [m].
        relative_yaw: yaw of the second box in the frame of the first, shape (P,).
        half: half length and half width of the first box [m].
        other_half: the same of the second, scalars or shape (P,); both 0 for a disc.
        radius: by which the second box is grown, scalar or shape (P,) [m].

    Returns:
        Shape (P,) [m].

    """
    # points as complex numbers: row 0 has the second box in the frame of the first, row 1 the
    # first in that of the second
    place, turn = relative[0] + 1j * relative[1], np.exp(1j * relative_yaw)
    back = turn.conj()
    centre = np.stack([place, -place * back])
    size = np.empty_like(centre)
    (size.real[0], size.imag[0]), (size.real[1], size.imag[1]) = other_half, half
    turns = np.stack([turn, back])
    diagonals = turns * size, turns * size.conj()
    other = _parts(size)[::-1]
    extent = np.maximum(*(np.abs(_parts(diagonal)) for diagonal in diagonals))
    gap = np.abs(_parts(centre)) - extent - other
    apart = np.maximum(gap[..., 0], gap[..., 1]).max(axis=0)
    corners = np.stack([each for d in diagonals for each in (centre + d, centre - d)])
    beyond = np.maximum(np.abs(_parts(corners)) - other, 0.0)
    beyond *= beyond
    square = (beyond[..., 0] + beyond[..., 1]).min(axis=(0, 1))
    return np.where(apart > 0.0, np.sqrt(square), apart) - radius


def _parts(points: NDArray[np.complex128]) -> Array:
    """Return real and imaginary parts, shape (..., 2); the points are C-contiguous."""
    return points.view(float).reshape(*points.shape, 2)
