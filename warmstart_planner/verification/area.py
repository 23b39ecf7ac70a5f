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
LEAST_AREA = 1e-3  # less of the car outside is none [m^2]
SLIGHT = 0.1  # from here on that much is outside for certain [m]
FINE = 0.02  # between the points at which that is looked at [m]
CHUNK = 4096  # points that are looked at together


def outside_area(outlines: Sequence[Array], ego: Samples, vehicle: VehicleParameters) -> Array:
    """
    How far the car's outline is out of the union of some polygons at most, beyond SEAM.

    Args:
        outlines: of the polygons, shape (P, 2) each, map frame [m].
        ego: samples of the car's motion.
        vehicle: the car.

    Returns:
        Shape (M,), 0 inside, or where less than LEAST_AREA of the car is outside [m].

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
    result = np.maximum(distance.reshape(x.shape).max(axis=1) - SEAM, 0.0)
    for k in np.flatnonzero((result > 0.0) & (result < SLIGHT)):
        center = np.array([ego.x[k], ego.y[k]])
        turn = np.array([[ego.cos[k], ego.sin[k]], [-ego.sin[k], ego.cos[k]]])
        if _area_outside(_perimeter(vehicle) @ turn + center, outlines) < LEAST_AREA:
            result[k] = 0.0
    return result


def _perimeter(vehicle: VehicleParameters) -> Array:
    """Points all around the car's box about its centre, the first one last again, (n, 2)."""
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1], [1, 1]], float)
    corners *= np.array([vehicle.length, vehicle.width]) / 2
    sides = [
        begin + np.arange(0.0, 1.0, FINE / np.hypot(*(end - begin)))[:, None] * (end - begin)
        for begin, end in zip(corners[:-1], corners[1:], strict=True)
    ]
    return np.concatenate([*sides, corners[-1:]])


def _area_outside(perimeter: Array, outlines: Sequence[Array]) -> float:
    """
    Area between an outline and the edge that it crosses [m^2].

    The integral of the distance along the edge: a step of the outline covers of it what is left of
    its length by the change of distance.
    """
    depth = np.maximum(_distance(perimeter, outlines) - SEAM, 0.0)
    step = np.hypot(*np.diff(perimeter, axis=0).T)
    along = np.sqrt(np.maximum(step**2 - np.diff(depth) ** 2, 0.0))
    return float(((depth[1:] + depth[:-1]) / 2 * along).sum())


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
