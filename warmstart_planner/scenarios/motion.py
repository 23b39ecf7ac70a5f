# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Prescribed motions of traffic, as times and poses of its centre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.road import Road

MOTION_DT = 0.1  # sampling of a prescribed motion [s]
RATE_PASSES = 5  # fixed-point passes for the stations of a motion in a bend
AFTERLIFE = 12.0  # motions last this much longer than the scenario, for predictions [s]

Motion = tuple[NDArray[np.float64], NDArray[np.float64]]
Knots = Sequence[tuple[float, float]]


def standing(road: Road, station: float, offset: float, heading: float = 0.0) -> Motion:
    """Stand at a place of the road, turned by `heading` [rad] against its direction."""
    pose = road.poses(station, offset) + np.array([0.0, 0.0, heading])
    return np.zeros(1), pose[None]


def along_road(
    road: Road,
    station: float,
    speeds: Knots,
    offsets: Knots,
    duration: float,
    sense: int = 1,
) -> Motion:
    """
    Follow the road.

    Args:
        road: the road to follow; straight on beyond its ends.
        station: where the centre is at time 0 [m].
        speeds: (time, speed) knots, linear in between and constant beyond [s, m/s].
        offsets: (time, lateral offset) knots, with a smooth lane change in between [s, m].
        duration: of the scenario [s].
        sense: 1 with the road, -1 against it.

    Returns:
        Times (T,) and poses (T, 3), until AFTERLIFE after the duration.

    """
    times = _sampling(duration)
    speed = np.interp(times, *zip(*speeds, strict=True))
    offset = _smooth(times, offsets)
    ahead = MOTION_DT * (speed[1:] + speed[:-1]) / 2
    stations = station + sense * np.concatenate([[0.0], np.cumsum(ahead)])
    for _ in range(RATE_PASSES):
        # off the reference path the same speed covers stations at another rate
        rate = np.maximum(1.0 - road.at('curvature', stations) * offset, 0.2)[:-1]
        stations = station + sense * np.concatenate([[0.0], np.cumsum(ahead / rate)])
    poses = road.poses(stations, offset)
    along = np.maximum(np.abs(np.gradient(stations)), 1e-3)
    slip = sense * np.arctan2(np.gradient(offset), along)
    poses[:, 2] += slip + (0.0 if sense > 0 else np.pi)
    return times, poses


def crossing(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    speed: float,
    start_time: float,
    duration: float,
) -> Motion:
    """
    Wait at a point, then go straight to another and stay there.

    Args:
        start: x, y, map frame [m].
        end: x, y, map frame [m].
        speed: [m/s].
        start_time: [s].
        duration: of the scenario [s].

    Returns:
        Times (T,) and poses (T, 3), until AFTERLIFE after the duration.

    """
    times = _sampling(duration)
    way = np.asarray(end, float) - np.asarray(start, float)
    length = float(np.hypot(*way))
    done = np.clip((times - start_time) * speed / max(length, 1e-9), 0.0, 1.0)
    points = np.asarray(start, float) + done[:, None] * way
    heading = np.full((len(times), 1), np.arctan2(way[1], way[0]))
    return times, np.concatenate([points, heading], axis=1)


def start_speed(motion: Motion) -> float:
    """
    Return the speed of a motion's first leg in the direction of its first yaw [m/s].

    0 where there is no leg, or one that takes no time.
    """
    times, poses = motion
    if len(times) == 1 or times[1] <= times[0]:
        return 0.0
    ahead = np.array([np.cos(poses[0, 2]), np.sin(poses[0, 2])])
    return float((poses[1, :2] - poses[0, :2]) @ ahead / (times[1] - times[0]))


def _sampling(duration: float) -> NDArray[np.float64]:
    return np.arange(int(np.ceil((duration + AFTERLIFE) / MOTION_DT)) + 1) * MOTION_DT


def _smooth(times: NDArray[np.float64], knots: Knots) -> NDArray[np.float64]:
    at, value = (np.array(column, dtype=float) for column in zip(*knots, strict=True))
    if len(at) == 1:
        return np.full(len(times), value[0])
    index = np.clip(np.searchsorted(at, times, side='right') - 1, 0, len(at) - 2)
    part = np.clip((times - at[index]) / (at[index + 1] - at[index]), 0.0, 1.0)
    # the fifth-order step has neither lateral speed nor acceleration at its ends
    step = part**3 * (10 - 15 * part + 6 * part**2)
    return value[index] + (value[index + 1] - value[index]) * step
