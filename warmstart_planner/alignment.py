# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Brings what was perceived at other times and rates onto a problem's stamp and grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle, size_fields
from warmstart_planner.problem import Goal, Horizon, PoseGoal, RegionGoal, goal_place
from warmstart_planner.road import LOST, Road
from warmstart_planner.vehicle import YAW, VehicleParameters

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
    moved = poses[index] + fraction * (poses[index + 1] - poses[index])
    if not obstacle.varies:
        return replace(obstacle, poses=moved)
    # sizes are held on both sides: one that shrinks must not become negative
    sizes, part = obstacle.sizes_at(len(poses)), fraction[:, :1].clip(0.0, 1.0)
    sizes = sizes[index] + part * (sizes[index + 1] - sizes[index])
    return replace(obstacle, poses=moved, **size_fields(sizes))


def pose_goal(
    pose: tuple[float, float, float],
    speed: float,
    road: Road,
    state: NDArray[np.float64],
    here: float,
    vehicle: VehicleParameters,
) -> PoseGoal:
    """
    Return a pose that a user chose as a goal, if the car can be meant to drive there.

    Where the road comes by there more than once, the first time ahead is meant.

    Args:
        pose: x, y, yaw of the rear axle, map frame.
        speed: at the goal [m/s].
        road: to be on.
        state: of the car, shape (5,).
        here: station of the car's rear axle [m].
        vehicle: the car.

    Raises:
        ValueError: the pose is off the road, across it or behind the car.

    """
    x, y, yaw = pose
    station = road.locate(pose, after=here)
    if np.hypot(*(road.poses(station)[:2] - [x, y])) > LOST:
        station = road.locate(pose)
    goal = PoseGoal(x, y, yaw, speed, station)
    check_goal(goal, road, here, vehicle)
    heading = float(road.at('heading', goal.station))
    turn = (yaw - heading + np.pi) % (2 * np.pi) - np.pi
    if abs(turn) > HEADING_TOLERANCE:
        raise ValueError(
            f'goal yaw is {yaw:.2f}: expected within {HEADING_TOLERANCE:.2f} of the '
            f"road's heading {(heading + np.pi) % (2 * np.pi) - np.pi:.2f} there"
        )
    turns = np.round((state[YAW] - heading) / (2 * np.pi))
    return replace(goal, yaw=heading + turn + 2 * np.pi * float(turns))


def check_goal(goal: Goal, road: Road, here: float, vehicle: VehicleParameters) -> None:
    """
    Refuse a goal that the car cannot drive to along its road.

    Args:
        goal: the goal.
        road: that it has to be on.
        here: station of the car's rear axle [m].
        vehicle: the car.

    Raises:
        ValueError: the goal is off the road, beyond its ends or behind the car.

    """
    station, offset = goal_place(goal, road)
    if np.isinf(station):
        return
    what = f'goal station {station:.1f}'
    if isinstance(goal, PoseGoal):
        what = f'goal ({goal.x:.1f}, {goal.y:.1f})'
    half = vehicle.width / 2
    left = float(road.at('left_width', station)) - half
    right = float(road.at('right_width', station)) - half
    if not road.start <= station <= road.end or not min(-right, 0.0) <= offset <= max(left, 0.0):
        raise ValueError(
            f'{what} is at station {station:.1f}, offset {offset:.1f}: expected on the road, '
            f'stations {road.start:.1f} to {road.end:.1f}, offsets {-right:.1f} to '
            f'{left:.1f} there'
        )
    if (goal.last if isinstance(goal, RegionGoal) else station) <= here:
        raise ValueError(
            f'{what} is at station {station:.1f}: expected ahead of the car, '
            f'which is at {here:.1f}'
        )


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
