# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
How far it is to the goal for a car that cannot turn on the spot, without traffic and time.

Arcs of equal length are driven backwards from the goal's poses, wave after wave, over cells of
place and heading of which each keeps the pose that reached it first (as in D. Dolgov, S. Thrun,
M. Montemerlo, J. Diebel, Practical Search Techniques in Path Planning, 2008). The search orders
its states by it; it proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from warmstart_planner.evaluation.search.surface import Surface
from warmstart_planner.scenarios.arrival import Place, Region
from warmstart_planner.vehicle import VehicleParameters

CELL = 0.5  # [m]
HEADINGS = 48  # of a turn
ARC = 0.9  # length of an arc [m]
CURVATURES = (-1.0, -0.5, -0.15, 0.0, 0.15, 0.5, 1.0)  # shares of the largest
GOAL_SPACING = 0.5  # between poses of a goal [m]
BESIDE = 1.0  # what it costs to get from a cell that no arc came by to one beside it [m]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CostToGo:
    """
    Length of the way from each cell to the goal [m]; infinite where no arc came by.

    `length` has shape (X, Y, HEADINGS), `origin` is the corner of the first cell [m].
    """

    origin: Array
    length: NDArray[np.float32]

    def at(self, poses: Array) -> NDArray[np.float32]:
        """Return the length at poses of the rear axle, shape (n, 3), [m], shape (n,)."""
        index, known = _cells(poses, self.origin, self.length.shape)
        return np.where(known, self.length[tuple(index.T)], np.float32(np.inf))


def cost_to_go(
    regions: Sequence[Region],
    surface: Surface,
    car: VehicleParameters,
    farthest: float,
    reverse: bool,
) -> CostToGo:
    """
    Return the length of the way to the nearest of some regions.

    Args:
        regions: the alternatives; where one has no place it is 0 everywhere.
        surface: that the outline stays on.
        car: that drives.
        farthest: length beyond which it does not matter [m].
        reverse: whether it may drive backwards.

    """
    extent = np.array(surface.depth.shape) * surface.cell
    shape = (*(np.ceil(extent / CELL).astype(int) + 1).tolist(), HEADINGS)
    if any(not region.places for region in regions):
        return CostToGo(surface.origin, np.zeros(shape, np.float32))
    length = np.full(shape, np.inf, np.float32)
    poses = np.concatenate([goal_poses(region, car) for region in regions])
    front = _new(poses[surface.holds(poses, car)], length, surface.origin)
    curvatures = np.array(CURVATURES) * np.tan(car.steering_max) / car.wheelbase
    ways = (-1.0, 1.0) if reverse else (-1.0,)
    for wave in range(int(farthest / ARC) + 1):
        if len(front) == 0:
            break
        _mark(front, length, surface.origin, wave * ARC)
        reached = [
            _arcs(front, curvature, way, surface, car) for curvature in curvatures for way in ways
        ]
        front = _new(np.concatenate(reached), length, surface.origin)
    return CostToGo(surface.origin, _filled(length))


def goal_poses(region: Region, car: VehicleParameters, spacing: float = GOAL_SPACING) -> Array:
    """Return poses of the rear axle, shape (n, 3), that are spread over a region's places."""
    yaw = _headings(region)
    middles = np.concatenate([_points_in(place, spacing) for place in region.places])
    x, y = (np.repeat(middles[:, i], len(yaw)) for i in (0, 1))
    turn = np.tile(yaw, len(middles))
    back = car.rear_to_center
    return np.stack([x - back * np.cos(turn), y - back * np.sin(turn), turn], axis=-1)


def _headings(region: Region) -> Array:
    step = 2 * np.pi / HEADINGS
    if region.heading is None or region.heading[1] - region.heading[0] >= 2 * np.pi - step:
        return np.arange(HEADINGS) * step
    low, high = region.heading
    return np.linspace(low, high, int(np.ceil((high - low) / step)) + 1)


def _points_in(place: Place, spacing: float) -> Array:
    """Return points of a place, its middle and a grid."""
    low = place.vertices.min(axis=0) - place.radius
    high = place.vertices.max(axis=0) + place.radius
    axes = (np.arange(low[i], high[i] + spacing, spacing) for i in (0, 1))
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    return np.concatenate([grid[place.contains(grid)], place.middle[None]])


def _cells(poses: Array, origin: Array, shape: tuple[int, ...]) -> tuple[NDArray, NDArray]:
    """Return cells of poses, shape (n, 3), cut to those there are, and whether it was there."""
    place = np.floor((poses[:, :2] - origin) / CELL)
    heading = np.rint(poses[:, 2] / (2 * np.pi / HEADINGS)) % HEADINGS
    index = np.column_stack([place, heading]).astype(np.int64)
    known = ((index >= 0) & (index < shape)).all(axis=1)
    return np.clip(index, 0, np.array(shape) - 1), known


def _new(poses: Array, length: NDArray[np.float32], origin: Array) -> Array:
    """Return of poses one for each cell that none has been to."""
    index, known = _cells(poses, origin, length.shape)
    poses, index = poses[known], index[known]
    unseen = np.isinf(length[tuple(index.T)])
    poses, index = poses[unseen], index[unseen]
    _, first = np.unique(np.ravel_multi_index(index.T, length.shape), return_index=True)
    return poses[first]


def _mark(poses: Array, length: NDArray[np.float32], origin: Array, value: float) -> None:
    index, _ = _cells(poses, origin, length.shape)
    length[tuple(index.T)] = value


def _arcs(
    poses: Array, curvature: float, way: float, surface: Surface, car: VehicleParameters
) -> Array:
    """Drive an arc from all poses; return where those that stay on the surface end."""
    for _ in range(2):
        run = way * ARC / 2
        middle = poses[:, 2] + curvature * run / 2
        moved = run * np.stack([np.cos(middle), np.sin(middle)], axis=-1)
        poses = np.column_stack([poses[:, :2] + moved, poses[:, 2] + curvature * run])
        poses = poses[surface.holds(poses, car)]
    return poses


def _filled(length: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give cells that no arc came by the length of the best beside them, and a little more."""
    beside = minimum_filter(length, size=3, mode=('nearest', 'nearest', 'wrap')) + BESIDE
    return np.where(np.isinf(length), beside, length)
