# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The cost functions by which CommonRoad compares solutions.

Each is a weighted sum of partial costs, with the weights of M. Althoff et al., CommonRoad: Cost
Functions (commonroad.in.tum.de), evaluated as the drivability checker does: differences over a
time step, Simpson's rule, lane centres of the lanelets driven on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.evaluation.driven import Driven
from warmstart_planner.scenarios.scenario import Scenario

# weights of partial costs: acceleration A, jerk J, steering angle SA and rate SR, length of the
# path L, offset from the desired speed V and from the lane's direction O, distance to what is
# ahead D, time T
WEIGHTS: Mapping[str, Mapping[str, float]] = {
    'SM1': {'A': 50.0, 'SA': 50.0, 'SR': 50.0, 'L': 1.0, 'V': 20.0, 'O': 50.0},
    'SA1': {'SA': 0.1, 'SR': 0.1, 'D': 1e5},
    'JB1': {'T': 1.0},
    'WX1': {'T': 10.0, 'V': 1.0, 'A': 0.1, 'J': 0.1, 'D': 0.1, 'L': 10.0},
}
DISTANCE_RATE = 0.2  # with which the cost of a distance ahead falls [1/m]
SAME_LANE = 2.8  # beside the car, centre to centre, that counts as ahead of it [m]
NOSE = 1 / 2.5  # of the car's width, that a distance ahead is less than from centre to centre
CHORD = 1.25  # a lane's direction is that of the chord from so far before to so far behind [m]

Array = NDArray[np.float64]


def costs(scenario: Scenario, driven: Driven, desired_speed: float | None) -> dict[str, float]:
    """
    Return each cost function of a drive, by its name.

    Args:
        scenario: that was driven, with lanes.
        driven: at the benchmark's time steps, three or more.
        desired_speed: of the goal [m/s]; None, or 0: none.

    """
    partial = partial_costs(scenario, driven, desired_speed)
    return {
        name: sum(weight * partial[each] for each, weight in weights.items())
        for name, weights in WEIGHTS.items()
    }


def partial_costs(
    scenario: Scenario, driven: Driven, desired_speed: float | None
) -> dict[str, float]:
    """Return the partial costs of a drive by their letters; arguments as for `costs`."""
    from scipy.integrate import simpson  # takes most of a second to load, and few drives need it

    dt = driven.dt
    acceleration = np.diff(driven.speed) / dt
    slower = (desired_speed - driven.speed) if desired_speed else np.zeros_like(driven.speed)
    integrands = {
        'A': acceleration**2,
        'J': (np.diff(acceleration) / dt) ** 2,
        'SA': driven.steering**2,
        'SR': (np.diff(driven.steering) / dt) ** 2,
        'L': driven.speed,
        'V': slower**2,
        'O': orientation_offsets(scenario, driven) ** 2,
        'D': np.exp(-DISTANCE_RATE * distances_ahead(scenario, driven)),
    }
    integrals = {name: float(simpson(values, dx=dt)) for name, values in integrands.items()}
    return {**integrals, 'T': float(driven.times[-1])}


def orientation_offsets(scenario: Scenario, driven: Driven) -> Array:
    """Return the car's yaw to the direction of the lane it is nearest to, shape (N,) [rad]."""
    least = np.full(len(driven.times), np.inf)
    offsets = np.zeros(len(driven.times))
    for lane in scenario.lanes:
        if not lane.for_cars:
            continue
        distance, heading = _beside(lane.center, driven.poses[:, :2])
        turn = (driven.yaw - heading + np.pi) % (2 * np.pi) - np.pi
        nearer = (distance < least) & (np.abs(turn) < np.pi / 2)
        least[nearer], offsets[nearer] = distance[nearer], turn[nearer]
    return offsets


def _beside(line: Array, points: Array) -> tuple[Array, Array]:
    """Return distances of points to a polyline, and its directions there, shape (N,) each."""
    along = np.diff(line, axis=0)
    length = np.maximum(np.hypot(*along.T), 1e-6)
    arc = np.concatenate([[0.0], np.cumsum(length)])
    delta = points[:, None] - line[None, :-1]
    share = np.clip((delta * along).sum(axis=-1) / length**2, 0.0, 1.0)
    distance = np.hypot(*np.moveaxis(delta - share[..., None] * along, -1, 0))
    nearest = distance.argmin(axis=1)
    every = np.arange(len(points))
    here = arc[nearest] + share[every, nearest] * length[nearest]
    before, after = (np.clip(here + reach, 0.0, arc[-1]) for reach in (-CHORD, CHORD))
    x, y = (np.interp(after, arc, c) - np.interp(before, arc, c) for c in line.T)
    return distance[every, nearest], np.arctan2(y, x)


def distances_ahead(scenario: Scenario, driven: Driven) -> Array:
    """
    Return how far the next one ahead in the car's lane is, shape (N,) [m].

    Along the road, from the car's nose to the other's centre; infinite where there is none.
    """
    road = scenario.road
    ahead = np.full(len(driven.times), np.inf)
    stations, offsets = road.project(driven.poses[:, :2])
    for participant in scenario.traffic:
        there = [participant.pose_at(float(t)) for t in driven.times]
        present = np.flatnonzero([pose is not None for pose in there])
        if not len(present):
            continue
        points = np.array([there[i][:2] for i in present])
        other, beside = road.project(points)
        distance = other - stations[present]
        counts = (distance > 0.0) & (np.abs(beside - offsets[present]) < SAME_LANE)
        nose = NOSE * scenario.car.width
        ahead[present] = np.minimum(ahead[present], np.where(counts, distance - nose, np.inf))
    return ahead
