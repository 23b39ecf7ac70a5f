# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Obstacles as a driver sees them: along the road and across it.

The formulas work on numbers, arrays and symbols alike, as those of `objective` do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from warmstart_planner.objective import RoadCoordinates


class OnRoad(NamedTuple):
    """
    An obstacle in road coordinates.

    `station` and `offset` of its centre, the offset from the path to aim at, left positive;
    `reach_along` and `reach_across`, half of what it takes up with its margin [m]; `speed` along
    the road and `drift` to the left [m/s]; `left` and `right`, the road's width there beside the
    path to aim at [m].
    """

    station: Any
    offset: Any
    reach_along: Any
    reach_across: Any
    speed: Any
    drift: Any
    left: Any
    right: Any


def on_road(obstacle: Any, there: RoadCoordinates) -> OnRoad:
    """
    Return an obstacle in road coordinates.

    Args:
        obstacle: its MOVING_OBSTACLE_PARAMETERS numbers, which may be arrays.
        there: road coordinates of its centre.

    """
    _, _, cosine, sine, half_length, half_width, radius, vx, vy = (obstacle[i] for i in range(9))
    along_c, along_s = there.heading_cos, there.heading_sin
    aligned = np.fabs(cosine * along_c + sine * along_s)
    crossing = np.fabs(sine * along_c - cosine * along_s)
    return OnRoad(
        there.station,
        there.offset - there.target_offset,
        half_length * aligned + half_width * crossing + radius,
        half_length * crossing + half_width * aligned + radius,
        vx * along_c + vy * along_s,
        vy * along_c - vx * along_s,
        there.left - there.target_offset,
        there.right + there.target_offset,
    )
