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
    cos, sin = np.cos(relative_yaw), np.sin(relative_yaw)
    x, y = relative
    back_x, back_y = cos * x + sin * y, cos * y - sin * x
    length, width = half
    other_length, other_width = other_half
    abs_cos, abs_sin = np.abs(cos), np.abs(sin)
    apart = np.abs(x) - (length + other_length * abs_cos + other_width * abs_sin)
    for value in (
        np.abs(y) - (width + other_length * abs_sin + other_width * abs_cos),
        np.abs(back_x) - (other_length + length * abs_cos + width * abs_sin),
        np.abs(back_y) - (other_width + length * abs_sin + width * abs_cos),
    ):
        np.maximum(apart, value, out=apart)
    square = np.minimum(
        _corner_distance_square(x, y, cos, sin, other_length, other_width, length, width),
        _corner_distance_square(
            -back_x, -back_y, cos, -sin, length, width, other_length, other_width
        ),
    )
    return np.where(apart > 0.0, np.sqrt(square), apart) - radius


def _corner_distance_square(
    x: Array,
    y: Array,
    cos: Array,
    sin: Array,
    length: ArrayLike,
    width: ArrayLike,
    box_length: ArrayLike,
    box_width: ArrayLike,
) -> Array:
    """Least squared distance of the corners of a box at (x, y) from an upright box at 0."""
    along_x, along_y = length * cos, length * sin
    across_x, across_y = -width * sin, width * cos
    out = np.empty((2, 4, len(x)))
    for row, (point_x, point_y) in enumerate(
        ((along_x + across_x, along_y + across_y), (along_x - across_x, along_y - across_y))
    ):
        np.add(x, point_x, out=out[0, 2 * row])
        np.add(y, point_y, out=out[1, 2 * row])
        np.subtract(x, point_x, out=out[0, 2 * row + 1])
        np.subtract(y, point_y, out=out[1, 2 * row + 1])
    np.abs(out, out=out)
    out[0] -= box_length
    out[1] -= box_width
    np.maximum(out, 0.0, out=out)
    out *= out
    return (out[0] + out[1]).min(axis=0)
