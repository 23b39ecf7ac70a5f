# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Distances that the Decision Transformer judges its own ways by.

The rows of obstacles and road edges without the smoothing of `objective`, at some of the nodes
only. Written with numpy's element-wise functions, as the objective is.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import OBSTACLE_PARAMETERS, box_separations
from warmstart_planner.vehicle import VehicleParameters

STRIDE = 3  # of the nodes that are looked at
ABSENT = 50.0  # separation from an obstacle that is not there [m]
VIOLATED = 0.05  # sum of violations from which a node counts as violated [m, m/s^2]
SOON = 6  # so many of the nodes looked at come soon


def nodes_seen(steps: int) -> NDArray[np.int64]:
    """Return the nodes of a horizon that are looked at."""
    return np.arange(STRIDE, steps + 1, STRIDE)


def interpolation(steps: int) -> NDArray[np.float64]:
    """Return the matrix (nodes, samples) from an obstacle's samples to the nodes looked at."""
    place = nodes_seen(steps)[:, None] * (OBSTACLE_SAMPLES - 1) / steps
    return np.maximum(1.0 - np.abs(np.arange(OBSTACLE_SAMPLES) - place), 0.0)


def separation(centre: Any, heading: Any, obstacle: Any, vehicle: VehicleParameters) -> Any:
    """
    Separation of the car's box and an obstacle's, the margin in its radius taken off [m].

    Args:
        centre: x and y of the car's box [m].
        heading: cosine and sine of its yaw.
        obstacle: the numbers of `objective.OBSTACLE_FIELDS`.
        vehicle: the car.

    """
    ox, oy, oc, os, half_length, half_width, radius = (
        obstacle[i] for i in range(OBSTACLE_PARAMETERS)
    )
    axes = box_separations(
        (centre[0] - ox, centre[1] - oy),
        ((heading[0], heading[1]), vehicle.length / 2, vehicle.width / 2),
        ((oc, os), half_length, half_width),
    )
    return functools.reduce(np.fmax, axes[:4]) - radius


def edge_distances(heading: Any, on_road: Any, vehicle: VehicleParameters) -> tuple[Any, Any]:
    """
    Distances of the car's box from the corridor's left and right edge [m].

    Args:
        heading: cosine and sine of the car's yaw.
        on_road: `objective.RoadCoordinates` of the box's centre.
        vehicle: the car.

    """
    cos, sin = heading[0], heading[1]
    road_cos, road_sin = on_road.heading_cos, on_road.heading_sin
    half = vehicle.width / 2 * np.fabs(road_cos * cos + road_sin * sin)
    half = half + vehicle.length / 2 * np.fabs(road_cos * sin - road_sin * cos)
    return on_road.left - on_road.offset - half, on_road.right + on_road.offset - half
