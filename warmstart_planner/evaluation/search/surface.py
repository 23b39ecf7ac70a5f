# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where the car's outline may be: a grid of depths, that many poses are looked up in at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from warmstart_planner.vehicle import VehicleParameters
from warmstart_planner.verification.area import SEAM

FINEST = 0.05  # side of a cell, where nothing else is asked for [m]
MOST_CELLS = 16e6
SPACING = 0.2  # between the points of the outline that are looked at [m]
INSET = 0.02  # which the search keeps from the edge, for what cells and spacing round [m]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Surface:
    """
    Depths of cells: how far their middles are from the nearest place that is no road [m].

    Off the road depths are negative. Road is what is within SEAM of an outline, as the judge has
    it. `depth` has shape (X, Y), `origin` is the middle of its first cell, shape (2,), and `cell`
    the side of a cell [m].
    """

    origin: Array
    cell: float
    depth: NDArray[np.float32]

    def depth_at(self, points: Array) -> NDArray[np.float32]:
        """Return the depth at points, shape (..., 2), of the nearest cells, shape (...) [m]."""
        rows, columns = self.depth.shape
        scaled = (points - self.origin) * (1.0 / self.cell) + 0.5
        # the cells along the window's edge are no road, and stand for all beyond
        x = np.clip(scaled[..., 0], 0, rows - 1).astype(np.int32)
        y = np.clip(scaled[..., 1], 0, columns - 1).astype(np.int32)
        return self.depth.ravel()[x * columns + y]

    def holds(self, poses: Array, car: VehicleParameters, inset: float = INSET) -> Flags:
        """
        Tell of poses of the rear axle whether the car's whole outline is on the road.

        Args:
            poses: shape (n, 3), map frame.
            car: whose outline.
            inset: by which it has to be inside [m]; negative: by which it may be outside.

        Returns:
            Shape (n,).

        """
        ahead = np.stack([np.cos(poses[:, 2]), np.sin(poses[:, 2])], axis=-1)
        middle = self.depth_at(poses[:, :2] + car.rear_to_center * ahead)
        result = middle >= np.hypot(car.length, car.width) / 2 + inset
        todo = np.flatnonzero(~result & (middle >= car.width / 2 + inset - self.cell))
        for first, last in _spans(car):  # corners first: they are what most often is outside
            along, across = outline(car)[:, first:last]
            c, s = ahead[todo, :1], ahead[todo, 1:]
            x = poses[todo, :1] + along * c - across * s
            y = poses[todo, 1:2] + along * s + across * c
            inside = (self.depth_at(np.stack([x, y], axis=-1)) >= inset).all(axis=1)
            todo = todo[inside]
        result[todo] = True
        return result


def _spans(car: VehicleParameters) -> tuple[tuple[int, int], ...]:
    return ((0, 4), (4, outline(car).shape[1]))


def outline(car: VehicleParameters) -> Array:
    """Return points about the car's box from its rear axle, corners first, shape (2, P) [m]."""
    half = np.array([car.length / 2, car.width / 2])
    corners = np.array([[1, 1, -1, -1], [1, -1, -1, 1]]) * half[:, None]
    points = [corners]
    for i in range(4):
        begin, end = corners[:, i], corners[:, (i + 1) % 4]
        parts = int(np.ceil(np.hypot(*(end - begin)) / SPACING))
        share = np.arange(1, parts) / parts
        points.append(begin[:, None] + (end - begin)[:, None] * share)
    return np.concatenate(points, axis=1) + np.array([[car.rear_to_center], [0.0]])


def surface_of(
    outlines: Sequence[Array], low: Array, high: Array, finest: float = FINEST
) -> Surface:
    """
    Return the surface that some polygons cover together.

    Args:
        outlines: of the polygons, shape (P, 2) each, map frame [m].
        low: corner of the window that is looked at, shape (2,) [m]; beyond it nothing is road.
        high: the opposite corner.
        finest: side of a cell, where that makes no more than MOST_CELLS [m].

    """
    cell = max(finest, float(np.sqrt(np.prod(high - low) / MOST_CELLS)))
    shape = tuple((np.ceil((high - low) / cell).astype(int) + 1).tolist())
    covered = np.zeros(shape, bool)
    for each in outlines:
        if (each.max(axis=0) >= low).all() and (each.min(axis=0) <= high).all():
            _fill(covered, (each - low) / cell)
    grown = _signed_depth(covered, cell) >= -SEAM
    grown[[0, -1]] = False
    grown[:, [0, -1]] = False
    return Surface(low, cell, _signed_depth(grown, cell))


def _signed_depth(inside: Flags, cell: float) -> NDArray[np.float32]:
    """Distance of cells' middles to the edge, which lies halfway between two cells."""
    if not inside.any():
        return np.full(inside.shape, -np.inf, np.float32)
    within = distance_transform_edt(inside).astype(np.float32)
    beyond = distance_transform_edt(~inside).astype(np.float32)
    return np.where(inside, within - 0.5, 0.5 - beyond) * np.float32(cell)


def _fill(covered: Flags, polygon: Array) -> None:
    """Mark the cells whose middles lie inside a polygon, given in cells: row by row, even-odd."""
    begin, end = polygon, np.roll(polygon, -1, axis=0)
    first = max(int(np.floor(polygon[:, 0].min())), 0)
    last = min(int(np.ceil(polygon[:, 0].max())), covered.shape[0] - 1)
    rows = np.arange(first, last + 1)[:, None]
    crossed = (begin[:, 0] > rows) != (end[:, 0] > rows)
    row, edge = np.nonzero(crossed)
    run = end[edge, 0] - begin[edge, 0]
    share = (rows[row, 0] - begin[edge, 0]) / run
    at = begin[edge, 1] + share * (end[edge, 1] - begin[edge, 1])
    column = np.clip(np.ceil(at), 0, covered.shape[1]).astype(int)
    flips = np.zeros((len(rows), covered.shape[1] + 1), np.int32)
    np.add.at(flips, (row, column), 1)
    covered[first : last + 1] |= (np.cumsum(flips, axis=1)[:, :-1] % 2) == 1
