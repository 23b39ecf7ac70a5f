# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the car's outline stays inside the road's corridor."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.vehicle import VehicleParameters
from warmstart_planner.verification.motion import Samples
from warmstart_planner.verification.path import Foot, Path
from warmstart_planner.verification.tolerances import Tolerances

Array = NDArray[np.float64]

FOOTPRINT_SPACING = 0.5  # of the points on the car's outline that are held against the road [m]


def road(
    path: Path, foot: Foot, ego: Samples, vehicle: VehicleParameters, tolerances: Tolerances
) -> Array:
    """
    Violation of the corridor at each sample, shape (M,).

    While it moves, the car is on the road: its front not past the end, its centre not before the
    beginning.
    """
    lateral, past = outside(path, foot, ego, vehicle)
    moving = np.abs(ego.speed) > tolerances.standing
    beyond = np.maximum(past, path.road.start - foot.station)
    return np.maximum(np.maximum(lateral, np.where(moving, beyond, 0.0)), 0.0)


def outside(
    path: Path, foot: Foot, ego: Samples, vehicle: VehicleParameters
) -> tuple[Array, Array]:
    """
    How far the outline is out of the corridor at most, and past the road's end, shape (M,).

    Samples that a bound shows to be inside are not measured: they have 0 and -inf.
    """
    reach = float(np.hypot(vehicle.length, vehicle.width)) / 2
    station, offset, segment = foot
    left, right, bend = path.bounds(station, 1.5 * reach + 1.0)
    # the outline's extent about the foot's tangent, and the path's deviation from that tangent
    cos, sin = path.cos[segment], path.sin[segment]
    across = np.abs(cos * ego.sin - sin * ego.cos)
    along = np.abs(cos * ego.cos + sin * ego.sin)
    extent = across * vehicle.length / 2 + along * vehicle.width / 2
    deviation = bend * (1.5 * reach) * (0.75 * reach + path.longest)
    inside = np.minimum(left - offset, right + offset) > extent + deviation
    inside &= bend * (np.abs(offset) + extent) < 0.3
    inside &= bend * reach < 0.4
    inside &= station + 1.5 * reach < path.road.end
    # where the centre itself is far outside, the outline need not be measured to the millimetre
    left, right = path.widths(station, segment)
    lateral = np.maximum(offset - left, -offset - right) + extent
    away = lateral > extent + reach
    lateral[~away] = 0.0
    past = np.where(away, station + extent - path.road.end, -np.inf)
    check = np.flatnonzero(~inside & ~away)
    if len(check):
        lateral[check], past[check] = _measure_outside(path, ego, vehicle, check, station)
    return lateral, past


def _measure_outside(
    path: Path,
    ego: Samples,
    vehicle: VehicleParameters,
    check: NDArray[np.intp],
    station: Array,
) -> tuple[Array, Array]:
    """Measure the outline's points at the samples `check` against the corridor."""
    along, across = outline(vehicle.length, vehicle.width)
    cos, sin = ego.cos[check, None], ego.sin[check, None]
    dx, dy = cos * along - sin * across, sin * along + cos * across
    x, y = (ego.x[check, None] + dx).ravel(), (ego.y[check, None] + dy).ravel()
    segment = path.segment(station[check])[:, None]
    guess = station[check, None] + path.cos[segment] * dx + path.sin[segment] * dy
    at, offset, segment = path.project(x, y, guess.ravel())
    left, right = path.widths(at, segment)
    beyond = np.maximum(offset - left, -offset - right).reshape(dx.shape)
    return beyond.max(axis=1), at.reshape(dx.shape).max(axis=1) - path.road.end


@cache
def outline(length: float, width: float) -> Array:
    """Return points about a box's outline, corners and every FOOTPRINT_SPACING, shape (2, F)."""
    along, across = (
        np.linspace(-size / 2, size / 2, int(np.ceil(size / FOOTPRINT_SPACING)) + 1)
        for size in (length, width)
    )
    sides = [np.stack([along, np.full_like(along, side * width / 2)]) for side in (1, -1)]
    ends = [
        np.stack([np.full(len(across) - 2, end * length / 2), across[1:-1]]) for end in (1, -1)
    ]
    return np.concatenate(sides + ends, axis=1)
