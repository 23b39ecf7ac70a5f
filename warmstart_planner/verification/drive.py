# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The verdict on a drive, against the true traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import finite_array
from warmstart_planner.vehicle import STATE_SIZE, YAW, VehicleParameters
from warmstart_planner.verification.area import outside_area
from warmstart_planner.verification.corridor import outside
from warmstart_planner.verification.direction import speeding
from warmstart_planner.verification.motion import Samples
from warmstart_planner.verification.path import Path
from warmstart_planner.verification.shapes import box_distance

if TYPE_CHECKING:
    from warmstart_planner.scenarios.scenario import Scenario, TrafficParticipant

Array = NDArray[np.float64]

DRIVE_SAMPLE_TIME = 0.02  # of a drive, between driven states [s]


@dataclass(frozen=True)
class DriveVerdict:
    """
    What the judge found on a drive.

    `collisions` counts events: one participant overlapping the car for any time on end is one.
    `min_clearance` is the least distance to any participant [m] (negative: depth, inf: none).
    `off_road` is how far the outline was off all that is road at most, `off_corridor` how far it
    was out of the corridor that was to be driven in [m], and `speeding` the largest speed beyond
    the limit [m/s]. `collided_with` holds the names in the order of the events and
    `first_collision` the time of the first [s], None without one.
    """

    collisions: int
    min_clearance: float
    off_road: float
    off_corridor: float
    speeding: float
    collided_with: tuple[str, ...]
    first_collision: float | None


def drive_verdict(
    scenario: Scenario, times: ArrayLike, states: ArrayLike, station: float | None = None
) -> DriveVerdict:
    """
    Judge a drive against the true traffic and the road of its scenario.

    Args:
        scenario: the scenario that was driven.
        times: of the driven states, increasing, shape (T,) [s].
        states: driven states, rear axle, map frame, shape (T, 5); between them the car is
            interpolated at DRIVE_SAMPLE_TIME.
        station: about where on the road the first state is [m]; None: at the scenario's start.

    Raises:
        ValueError: shapes do not match, a value is not finite, or times do not increase.

    """
    given = finite_array('drive.times', times, (None,))
    driven = finite_array('drive.states', states, (len(given), STATE_SIZE))
    if len(given) == 0 or (np.diff(given) <= 0).any():
        raise ValueError('drive.times is empty or does not increase: expected increasing times')
    vehicle = scenario.car
    dense = _densified(given)
    unwrapped = np.unwrap(driven[:, YAW])
    columns = [unwrapped if i == YAW else driven[:, i] for i in range(STATE_SIZE)]
    samples = Samples(*(np.interp(dense, given, column) for column in columns), vehicle)
    path = Path(scenario.road)
    foot = path.foot(samples, scenario.start_station if station is None else station)
    off_corridor = max(float(outside(path, foot, samples, vehicle)[0].max()), 0.0)
    off_road = off_corridor
    if scenario.area:
        off_road = float(outside_area(scenario.area, samples, vehicle).max())
    events: list[tuple[float, str]] = []
    least = np.inf
    for participant in scenario.traffic:
        distance = _distance_to_participant(participant, dense, samples, vehicle)
        least = min(least, float(distance.min()))
        overlap = distance < 0.0
        begins = overlap & ~np.concatenate([[False], overlap[:-1]])
        events += [(float(t), participant.name) for t in dense[begins]]
    events.sort()
    return DriveVerdict(
        collisions=len(events),
        min_clearance=least,
        off_road=off_road,
        off_corridor=off_corridor,
        speeding=speeding(path, foot, samples),
        collided_with=tuple(name for _, name in events),
        first_collision=events[0][0] if events else None,
    )


def _densified(times: Array) -> Array:
    """Divide times into equal parts of at most DRIVE_SAMPLE_TIME."""
    parts = np.ceil(np.diff(times) / DRIVE_SAMPLE_TIME - 1e-9).astype(int).clip(1)
    pieces = [
        np.linspace(begin, end, count, endpoint=False)
        for begin, end, count in zip(times[:-1], times[1:], parts, strict=True)
    ]
    return np.concatenate([*pieces, times[-1:]])


def _distance_to_participant(
    participant: TrafficParticipant, times: Array, ego: Samples, vehicle: VehicleParameters
) -> Array:
    """Signed distance at each time, inf where the participant does not exist."""
    poses = [participant.pose_at(float(t)) for t in times]
    there = np.flatnonzero([pose is not None for pose in poses])
    result = np.full(len(times), np.inf)
    if len(there) == 0:
        return result
    x, y, yaw = np.array([poses[i] for i in there]).T
    dx, dy = x - ego.x[there], y - ego.y[there]
    cos, sin = ego.cos[there], ego.sin[there]
    half_length, half_width, radius = participant.sizes_over(times[there]).T
    result[there] = box_distance(
        np.stack([cos * dx + sin * dy, cos * dy - sin * dx]),
        yaw - ego.yaw[there],
        (vehicle.length / 2, vehicle.width / 2),
        (half_length, half_width),
        radius,
    )
    return result
