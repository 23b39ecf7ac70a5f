# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the car's outline stays on an area that is given by its outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.vehicle import VehicleParameters
from warmstart_planner.verification.corridor import outline
from warmstart_planner.verification.motion import Samples

Array = NDArray[np.float64]

SEAM = 0.05  # neighbouring outlines may leave gaps twice as wide [m]
CHUNK = 4096  # points that are looked at together


def outside_area(outlines: Sequence[Array], ego: Samples, vehicle: VehicleParameters) -> Array:
    """
    How far the car's outline is out of the union of some polygons at most, beyond SEAM.

    Args:
        outlines: of the polygons, shape (P, 2) each, map frame [m].
        ego: samples of the car's motion.
        vehicle: the car.

    Returns:
        Shape (M,), 0 inside [m].

    """
    along, across = outline(vehicle.length, vehicle.width)
    cos, sin = ego.cos[:, None], ego.sin[:, None]
    x = ego.x[:, None] + cos * along - sin * across
    y = ego.y[:, None] + sin * along + cos * across
    points = np.stack([x.ravel(), y.ravel()], axis=-1)
    distance = np.full(len(points), np.inf)
    for first in range(0, len(points), CHUNK):
        part = slice(first, first + CHUNK)
        distance[part] = _distance(points[part], outlines)
    return np.maximum(distance.reshape(x.shape).max(axis=1) - SEAM, 0.0)


def _distance(points: Array, outlines: Sequence[Array]) -> Array:
    """Distance of points from the nearest polygon, 0 inside one, shape (n,)."""
    boxes = np.array([[each.min(axis=0), each.max(axis=0)] for each in outlines])
    apart = np.maximum(boxes[:, 0] - points.max(axis=0), points.min(axis=0) - boxes[:, 1])
    order = np.argsort(np.hypot(*np.maximum(apart, 0.0).T), kind='stable')
    far = np.hypot(*np.maximum(apart, 0.0).T)
    result = np.full(len(points), np.inf)
    for index in order:
        todo = np.flatnonzero(result > far[index])
        if len(todo) == 0:
            break
        result[todo] = np.minimum(result[todo], _distance_to(points[todo], outlines[index]))
    return result


def _distance_to(points: Array, polygon: Array) -> Array:
    begin, end = polygon, np.roll(polygon, -1, axis=0)
    along, delta = end - begin, points[:, None] - begin
    x, y = points[:, :1], points[:, 1:]
    above = (begin[:, 1] > y) != (end[:, 1] > y)
    slope = along[:, 0] / np.where(along[:, 1] == 0.0, 1.0, along[:, 1])
    inside = (above & (begin[:, 0] + slope * delta[..., 1] > x)).sum(axis=1) % 2 == 1
    square = np.maximum((along * along).sum(axis=-1), 1e-18)
    part = np.clip((delta * along).sum(axis=-1) / square, 0.0, 1.0)
    gap = delta - part[..., None] * along
    nearest = np.sqrt((gap * gap).sum(axis=-1).min(axis=1))
    return np.where(inside, 0.0, nearest)
