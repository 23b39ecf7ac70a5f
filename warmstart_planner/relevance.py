# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Which obstacles matter to a plan: those that the car can touch within the horizon, soonest first.

A problem holds MAX_OBSTACLES. What counts is not how near an obstacle is now, but whether it and
the car can be at one place of the corridor at one time, wherever between hardest braking and full
acceleration the car may then be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import MAX_OBSTACLES, Horizon
from warmstart_planner.road import Road
from warmstart_planner.vehicle import GRAVITY, PX, PY, SPEED, VehicleParameters

SAMPLE_TIME = 0.3  # between the instants that are compared; what happens between them counts [s]
BEYOND = 40.0  # of the road before and after what the car can reach, where places are exact [m]
DIGITS = 6  # of times and distances that order obstacles; what rounding makes of the rest is none

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Relevance:
    """
    How much one obstacle matters; what sorts first matters more.

    `met_first`: it is the first that the car meets in the strip between itself and the road's
    path. `time` of the first possible contact within the corridor, infinite where there is none
    [s]. `gap`: least distance over the horizon from where the car can be, in the road's
    coordinates, 0 with a contact [m]. `distance` from the car now, likewise [m]. The name
    decides between equal ones.
    """

    met_first: bool
    time: float
    gap: float
    distance: float
    name: str

    @property
    def order(self) -> tuple[bool, float, float, float, str]:
        """What to sort by."""
        return not self.met_first, self.time, self.gap, self.distance, self.name


def most_relevant(
    obstacles: Sequence[Obstacle],
    road: Road,
    station: float,
    state: Array,
    vehicle: VehicleParameters,
    friction: float,
    horizon: Horizon,
    farthest: float = np.inf,
) -> tuple[Obstacle, ...]:
    """
    Return the obstacles that matter most, at most MAX_OBSTACLES, most relevant first.

    First what is met first in the strip between the car and the road's path, then all that can
    be touched within the corridor by the time of the first possible contact, then the rest by how
    near it comes to where the car can be. The order of the obstacles given makes no difference.

    Args:
        obstacles: with predictions on the horizon's grid.
        road: the corridor.
        station: of the car's rear axle [m]; of a road that meets itself only what is within reach
            along the road from there counts.
        state: of the car, shape (5,), map frame.
        vehicle: the car.
        friction: friction coefficient.
        horizon: over which obstacles matter.
        farthest: obstacles whose gap to where the car can be is larger are left out [m].

    """
    ranked = zip(
        relevances(obstacles, road, station, state, vehicle, friction, horizon),
        obstacles,
        strict=True,
    )
    near = [entry for entry in ranked if entry[0].gap <= farthest]
    near.sort(key=lambda entry: entry[0].order)
    return tuple(obstacle for _, obstacle in near[:MAX_OBSTACLES])


def relevances(
    obstacles: Sequence[Obstacle],
    road: Road,
    station: float,
    state: Array,
    vehicle: VehicleParameters,
    friction: float,
    horizon: Horizon,
) -> list[Relevance]:
    """Return how much each obstacle matters; the arguments are those of `most_relevant`."""
    if not obstacles:
        return []
    steps = _sampled_steps(horizon)
    times = steps * horizon.dt
    least, most = _reach(station, state, vehicle, friction, times)
    part = road.window(station - BEYOND, float(most[-1]) + BEYOND)
    seen = _on_road(obstacles, part, steps)
    along = _outside(seen.station, seen.along, least, most)
    left, right = (part.at(f'{side}_width', seen.station) for side in ('left', 'right'))
    aside = _outside(seen.offset, seen.aside, -right, left)
    contact = _first_contact(along, aside, times)

    gap = np.hypot(along, aside).min(axis=1)
    gap[np.isfinite(contact)] = 0.0

    offset = float(part.project(state[[PX, PY]])[1])
    half = vehicle.width / 2
    beside = _outside(seen.offset, seen.aside, offset - half, offset + half)
    distance = np.hypot(along[:, 0], beside[:, 0])
    strip = _outside(seen.offset, seen.aside, min(offset, 0.0) - half, max(offset, 0.0) + half)
    met = _first_contact(along, strip, times)
    met[seen.station[:, 0] < station] = np.inf
    names = [obstacle.name for obstacle in obstacles]
    first = _earliest(met, seen.station[:, 0], np.array(names))
    columns = (np.round(values, DIGITS).tolist() for values in (contact, gap, distance))
    return [Relevance(i == first, *row) for i, row in enumerate(zip(*columns, names, strict=True))]


@dataclass(frozen=True)
class _OnRoad:
    """Obstacles in the road's coordinates: centres and half extents, each of shape (M, K) [m]."""

    station: Array
    offset: Array
    along: Array
    aside: Array


def _sampled_steps(horizon: Horizon) -> NDArray[np.int64]:
    """Return the steps of the horizon that are looked at, its first and its last among them."""
    stride = max(1, int(SAMPLE_TIME / horizon.dt + 1e-6))
    return np.unique(np.append(np.arange(0, horizon.steps, stride), horizon.steps))


def _reach(
    station: float, state: Array, vehicle: VehicleParameters, friction: float, times: Array
) -> tuple[Array, Array]:
    """Stations of the rear bumper at the least and the front bumper at the most, at times (K,)."""
    grip = friction * GRAVITY
    speed = max(float(state[SPEED]), 0.0)
    braking = min(vehicle.deceleration_max, grip)
    slowing = np.minimum(times, speed / braking)
    least = station - vehicle.rear_reach + speed * slowing - braking * slowing**2 / 2
    speeding = min(vehicle.acceleration_max, grip)
    top = max(speed, vehicle.speed_max)
    faster = np.minimum(times, (top - speed) / speeding)
    travelled = speed * faster + speeding * faster**2 / 2 + top * (times - faster)
    return least, station + vehicle.front_reach + travelled


def _on_road(obstacles: Sequence[Obstacle], road: Road, steps: NDArray[np.int64]) -> _OnRoad:
    """Project each obstacle at each sampled step; what stands is projected once."""
    count = int(steps[-1]) + 1
    poses = [o.poses if len(o.poses) == 1 else o.poses_at(count)[steps] for o in obstacles]
    lengths = np.array([len(each) for each in poses])
    begin = np.cumsum(lengths) - lengths
    place = begin[:, None] + np.minimum(np.arange(len(steps)), lengths[:, None] - 1)
    flat = np.concatenate(poses)
    station, offset = road.project(flat[:, :2])
    turn = flat[:, 2] - road.at('heading', station)
    cosine, sine = np.abs(np.cos(turn))[place], np.abs(np.sin(turn))[place]
    sizes = [
        (_largest(o.half_length), _largest(o.half_width), _largest(o.radius)) for o in obstacles
    ]
    length, width, radius = np.array(sizes).T[..., None]
    return _OnRoad(
        station[place],
        offset[place],
        length * cosine + width * sine + radius,
        length * sine + width * cosine + radius,
    )


def _largest(size: float | Array) -> float:
    return size if isinstance(size, float) else float(np.max(size))


def _outside(centre: Array, half: Array, low: Array | float, high: Array | float) -> Array:
    """How far intervals are above (positive) or below (negative) others, 0 where they meet."""
    return np.maximum(centre - half - high, 0.0) - np.maximum(low - centre - half, 0.0)


def _first_contact(along: Array, aside: Array, times: Array) -> Array:
    """
    Return the time of each obstacle's first possible contact, infinite where there is none.

    What is on one side at one instant and on the other at the next has passed through.

    Args:
        along: how far it is ahead (behind: negative) of all places where the car can be, (M, K).
        aside: how far it is to the left (right: negative) of where it could be touched, (M, K).
        times: of the instants, shape (K,) [s].

    """
    meets = np.ones((len(along), len(times) - 1), dtype=bool)
    for side in (along, aside):
        low, high = np.minimum(side[:, :-1], side[:, 1:]), np.maximum(side[:, :-1], side[:, 1:])
        meets &= (low <= 0.0) & (high >= 0.0)
    return np.where(meets.any(axis=1), times[np.argmax(meets, axis=1)], np.inf)


def _earliest(times: Array, stations: Array, names: NDArray[np.str_]) -> int:
    """Return the index of the earliest time, the nearer of equal ones; -1 where none is finite."""
    best = int(np.lexsort((names, np.round(stations, DIGITS), times))[0])
    return best if np.isfinite(times[best]) else -1
