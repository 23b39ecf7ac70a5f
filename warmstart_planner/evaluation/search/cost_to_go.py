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

CURVATURES = (-1.0, -0.6, -0.3, -0.12, 0.0, 0.12, 0.3, 0.6, 1.0)  # shares of the largest
GOAL_SPACING = 0.5  # between poses of a goal [m]
TURN = 2 * np.pi / 60  # between their headings [rad]
BESIDE = 1.0  # what it costs to get from a cell that no arc came by to one beside it [m]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Lattice:
    """
    Cells and arcs: side of a cell [m], headings of a turn, length of an arc [m].

    The outline may be off the road by `outside` [m].
    """

    cell: float
    headings: int
    arc: float
    outside: float


# where none leads from the start to the goal the next is tried: the second finds ways through
# narrow turns, the last says at least which way to go
LATTICES = (
    Lattice(0.5, 48, 0.9, 0.0),
    Lattice(0.2, 120, 0.4, 0.0),
    Lattice(0.5, 48, 0.9, 0.3),
)


@dataclass(frozen=True)
class CostToGo:
    """
    Length of the way from each cell to the goal [m]; infinite where no arc came by.

    `length` has shape (X, Y, headings), `origin` is the corner of the first cell and `cell` its
    side [m].
    """

    origin: Array
    cell: float
    length: NDArray[np.float32]

    def at(self, poses: Array) -> NDArray[np.float32]:
        """Return the length at poses of the rear axle, shape (n, 3), [m], shape (n,)."""
        index, known = _cells(poses, self)
        return np.where(known, self.length[tuple(index.T)], np.float32(np.inf))


def cost_to_go(
    regions: Sequence[Region],
    surface: Surface,
    car: VehicleParameters,
    farthest: float,
    reverse: bool,
    lattice: Lattice = LATTICES[0],
) -> CostToGo:
    """
    Return the length of the way to the nearest of some regions.

    Args:
        regions: the alternatives; where one has no place it is 0 everywhere.
        surface: that the outline stays on.
        car: that drives.
        farthest: length beyond which it does not matter [m].
        reverse: whether it may drive backwards.
        lattice: of cells and arcs.

    """
    extent = np.array(surface.depth.shape) * surface.cell
    shape = (*(np.ceil(extent / lattice.cell).astype(int) + 1).tolist(), lattice.headings)
    costs = CostToGo(surface.origin, lattice.cell, np.full(shape, np.inf, np.float32))
    if any(not region.places for region in regions):
        costs.length[:] = 0.0
        return costs
    poses = np.concatenate([goal_poses(region, car) for region in regions])
    front = _new(poses[surface.holds(poses, car, -lattice.outside)], costs)
    curvatures = np.array(CURVATURES) * np.tan(car.steering_max) / car.wheelbase
    runs = (-lattice.arc, lattice.arc) if reverse else (-lattice.arc,)
    for wave in range(int(farthest / lattice.arc) + 1):
        if len(front) == 0:
            break
        index, _ = _cells(front, costs)
        costs.length[tuple(index.T)] = wave * lattice.arc
        reached = [
            _arcs(front, curvature, run, surface, car, lattice.outside)
            for curvature in curvatures
            for run in runs
        ]
        front = _new(np.concatenate(reached), costs)
    return CostToGo(surface.origin, lattice.cell, _filled(costs.length))


def goal_poses(region: Region, car: VehicleParameters, spacing: float = GOAL_SPACING) -> Array:
    """Return poses of the rear axle, shape (n, 3), that are spread over a region's places."""
    yaw = _headings(region)
    middles = np.concatenate([_points_in(place, spacing) for place in region.places])
    x, y = (np.repeat(middles[:, i], len(yaw)) for i in (0, 1))
    turn = np.tile(yaw, len(middles))
    back = car.rear_to_center
    return np.stack([x - back * np.cos(turn), y - back * np.sin(turn), turn], axis=-1)


def _headings(region: Region) -> Array:
    if region.heading is None or region.heading[1] - region.heading[0] >= 2 * np.pi - TURN:
        return np.arange(0.0, 2 * np.pi, TURN)
    low, high = region.heading
    return np.linspace(low, high, int(np.ceil((high - low) / TURN)) + 1)


def _points_in(place: Place, spacing: float) -> Array:
    """Return points of a place, its middle and a grid."""
    low = place.vertices.min(axis=0) - place.radius
    high = place.vertices.max(axis=0) + place.radius
    axes = (np.arange(low[i], high[i] + spacing, spacing) for i in (0, 1))
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    return np.concatenate([grid[place.contains(grid)], place.middle[None]])


def _cells(poses: Array, costs: CostToGo) -> tuple[NDArray[np.int64], Flags]:
    """Return cells of poses, shape (n, 3), cut to those there are, and whether it was there."""
    shape = costs.length.shape
    place = np.floor((poses[:, :2] - costs.origin) / costs.cell)
    heading = np.rint(poses[:, 2] / (2 * np.pi / shape[2])) % shape[2]
    index = np.column_stack([place, heading]).astype(np.int64)
    known = ((index >= 0) & (index < shape)).all(axis=1)
    return np.clip(index, 0, np.array(shape) - 1), known


def _new(poses: Array, costs: CostToGo) -> Array:
    """Return of poses one for each cell that none has been to."""
    index, known = _cells(poses, costs)
    poses, index = poses[known], index[known]
    unseen = np.isinf(costs.length[tuple(index.T)])
    poses, index = poses[unseen], index[unseen]
    number = np.ravel_multi_index(index.T, costs.length.shape)
    return poses[np.unique(number, return_index=True)[1]]


def _arcs(
    poses: Array,
    curvature: float,
    run: float,
    surface: Surface,
    car: VehicleParameters,
    outside: float,
) -> Array:
    """Drive an arc from all poses; return where those that stay on the surface end."""
    half = run / 2
    for _ in range(2):
        middle = poses[:, 2] + curvature * half / 2
        moved = half * np.stack([np.cos(middle), np.sin(middle)], axis=-1)
        poses = np.column_stack([poses[:, :2] + moved, poses[:, 2] + curvature * half])
        poses = poses[surface.holds(poses, car, -outside)]
    return poses


def _filled(length: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give cells that no arc came by the length of the best beside them, and a little more."""
    beside = minimum_filter(length, size=3, mode=('nearest', 'nearest', 'wrap')) + BESIDE
    return np.where(np.isinf(length), beside, length)
