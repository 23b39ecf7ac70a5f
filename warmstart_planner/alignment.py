# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Brings what was perceived at other times and rates onto a problem's stamp and grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon, PoseGoal
from warmstart_planner.road import Road
from warmstart_planner.vehicle import PX, PY, YAW, VehicleParameters

SAME_TIME = 1e-4  # times that differ by less are one [s]
HEADING_TOLERANCE = np.pi / 3  # of a goal's heading against the road's [rad]


def aligned(
    obstacles: Iterable[Obstacle], age: float, dt: float, horizon: Horizon
) -> tuple[Obstacle, ...]:
    """
    Return obstacles whose predictions start `age` later and lie on a horizon's grid.

    Args:
        obstacles: with predicted poses `dt` apart.
        age: time from their first poses to the horizon's start, either sign [s].
        dt: of the given predictions [s].
        horizon: grid wanted.

    """
    if abs(age) < SAME_TIME and abs(dt - horizon.dt) < SAME_TIME:
        return tuple(obstacles)
    return tuple(_moved(obstacle, age, dt, horizon) for obstacle in obstacles)


def _moved(obstacle: Obstacle, age: float, dt: float, horizon: Horizon) -> Obstacle:
    if len(obstacle.poses) == 1:
        return obstacle
    at = (age + horizon.times) / dt
    poses = obstacle.poses_at(int(np.ceil(max(at[-1], 0.0))) + 2)
    index = np.clip(np.floor(at).astype(int), 0, len(poses) - 2)
    # a fraction below 0 extrapolates to before the first pose, with its velocity and its yaw
    fraction = np.repeat((at - index)[:, None], 3, axis=1)
    fraction[:, 2] = np.maximum(fraction[:, 2], 0.0)
    return replace(obstacle, poses=poses[index] + fraction * (poses[index + 1] - poses[index]))


def pose_goal(
    pose: tuple[float, float, float],
    speed: float,
    road: Road,
    state: NDArray[np.float64],
    vehicle: VehicleParameters,
) -> PoseGoal:
    """
    Return a pose that a user chose as a goal, if the car can be meant to drive there.

    Args:
        pose: x, y, yaw of the rear axle, map frame.
        speed: at the goal [m/s].
        road: to be on.
        state: of the car, shape (5,).
        vehicle: the car.

    Raises:
        ValueError: the pose is off the road, across it or behind the car.

    """
    x, y, yaw = pose
    station, offset = (float(value) for value in road.project([x, y]))
    half = vehicle.width / 2
    left = float(road.at('left_width', station)) - half
    right = float(road.at('right_width', station)) - half
    if not road.start <= station <= road.end or not -right <= offset <= left:
        raise ValueError(
            f'goal ({x:.1f}, {y:.1f}) is at station {station:.1f}, offset {offset:.1f}: expected '
            f'on the road, stations {road.start:.1f} to {road.end:.1f}, offsets {-right:.1f} to '
            f'{left:.1f} there'
        )
    heading = float(road.at('heading', station))
    turn = (yaw - heading + np.pi) % (2 * np.pi) - np.pi
    if abs(turn) > HEADING_TOLERANCE:
        raise ValueError(
            f'goal yaw is {yaw:.2f}: expected within {HEADING_TOLERANCE:.2f} of the '
            f"road's heading {(heading + np.pi) % (2 * np.pi) - np.pi:.2f} there"
        )
    here = float(road.project(state[[PX, PY]])[0])
    if station <= here:
        raise ValueError(
            f'goal ({x:.1f}, {y:.1f}) is at station {station:.1f}: expected ahead of the car, '
            f'which is at {here:.1f}'
        )
    turns = np.round((state[YAW] - heading) / (2 * np.pi))
    return PoseGoal(x, y, heading + turn + 2 * np.pi * float(turns), speed)


class Schedule:
    """
    Says at which stamps a periodic cycle is due, on a grid of absolute time.

    Two programs that see the same stamps come to the same answer.

    Args:
        period: of the grid [s].

    """

    def __init__(self, period: float) -> None:
        self.period = period
        self._last: int | None = None

    def due(self, stamp: float) -> bool:
        """Tell whether a cycle is due; time that runs backwards starts the schedule anew."""
        slot = self._slot(stamp)
        return self._last is None or slot > self._last or slot < self._last - 1

    def done(self, stamp: float) -> None:
        """Take a cycle at a stamp as done."""
        self._last = self._slot(stamp)

    def _slot(self, stamp: float) -> int:
        return int(np.floor(stamp / self.period + 1e-4))
