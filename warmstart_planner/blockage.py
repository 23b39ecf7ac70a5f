# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Where standing obstacles block the road.

A plan that ends at speed just before a place that nobody can pass could not be continued, and
each cycle would put off braking to its end. Such a place is where the road ends for this plan.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle, sizes_of
from warmstart_planner.road import Road
from warmstart_planner.vehicle import VehicleParameters

BEHIND = 20.0  # of the road behind the car, where standing obstacles are located [m]
DISTANCE = 1.0  # kept to a place that is blocked [m]
STANDING_MOTION = 0.3  # by which a standing obstacle may seem to move over the horizon [m]


def first_blocked_station(
    road: Road,
    obstacles: Sequence[Obstacle],
    vehicle: VehicleParameters,
    station: float,
    nodes: int,
) -> float:
    """
    Return the station before which the front bumper has to stop [m].

    At each place where a standing obstacle begins, the gaps that all standing obstacles leave
    beside them are compared with the car's width. Infinite where there is always a gap. A shape
    that changes counts as at the horizon's end: a plan that stops short has to pass that one.

    Args:
        road: the corridor.
        obstacles: with predictions; what moves is no blockage.
        vehicle: the car.
        station: of its rear axle [m].
        nodes: of the horizon over which an obstacle has to stand.

    """
    standing = [obstacle for obstacle in obstacles if _stands(obstacle, nodes)]
    if not standing:
        return float('inf')
    road = road.local(station, BEHIND)
    at, offset = road.project(_corners(standing, nodes))
    ahead = station + vehicle.front_reach
    first, last = at.min(axis=1), at.max(axis=1)
    half = vehicle.width / 2
    right, left = offset.min(axis=1) - half, offset.max(axis=1) + half
    for begin in np.sort(first[first > ahead]):
        beside = (first <= begin) & (begin <= last)
        low = half - float(road.at('right_width', begin))
        high = float(road.at('left_width', begin)) - half
        if not _has_gap(low, high, right[beside], left[beside]):
            return float(begin) - DISTANCE
    return float('inf')


def _stands(obstacle: Obstacle, nodes: int) -> bool:
    """Whether an obstacle is predicted to stay where it is."""
    if len(obstacle.poses) == 1:
        return True
    moved = obstacle.poses_at(nodes)[-1, :2] - obstacle.poses[0, :2]
    return bool(np.hypot(*moved) <= STANDING_MOTION)


def _corners(obstacles: Sequence[Obstacle], nodes: int) -> NDArray[np.float64]:
    """Return the corners of the boxes about standing obstacles, shape (M, 4, 2), map frame."""
    poses = np.array([o.poses[0] for o in obstacles])
    sizes = sizes_of(obstacles, nodes)[:, -1]
    size = sizes[:, :2] + sizes[:, 2:]
    cos, sin = np.cos(poses[:, 2]), np.sin(poses[:, 2])
    axes = size[..., None] * np.array([[cos, sin], [-sin, cos]]).transpose(2, 0, 1)
    signs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    return poses[:, None, :2] + signs @ axes


def _has_gap(
    low: float, high: float, right: NDArray[np.float64], left: NDArray[np.float64]
) -> bool:
    """Whether [low, high] is not covered by the intervals [right, left]."""
    reached = low
    for index in np.argsort(right):
        if right[index] > reached:
            break
        reached = max(reached, float(left[index]))
    return reached < high
