# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a goal asks for along the road: the speed, the offset, and where to be able to stop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import assert_never
from warmstart_planner.problem import (
    KeepSpeed,
    PlanningProblem,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
    goal_station,
)
from warmstart_planner.vehicle import GRAVITY, SPEED

GOAL_APPROACH = 30.0  # distance over which a goal's lateral offset is approached [m]
LATERAL_COMFORT = 0.35  # share of the grip that the target speed uses in bends
LATERAL_MOST = 0.6  # share of it where the goal needs to be reached in time
COMFORT_DECELERATION = 2.0  # of the target speed ahead of a slower place [m/s^2]
RESPONSE_TIME = 1.2  # with which a plan's speed follows its target, about a first-order lag [s]
RESERVE = 0.25  # share of a region's length, time and speeds that is kept free at both ends
RESERVE_MOST = (5.0, 0.5, 1.0)  # of it at most [m], [s], [m/s]
GAIN = 2.0  # of the pace: to what slows a car a target gives way as to what speeds it up
FASTEST = 60.0  # that a pace can be [m/s]
LEAST_PACE = 0.1  # [m/s]
STANDING = 0.2  # below it a car counts as standing [m/s]
MOST_SAMPLES = 150  # of a way, that its time is found from
HALVINGS = 18  # of the interval that holds a pace, until it is known
HASTE = 3.0  # the pace is above the car's speed by no more: nobody forces his way [m/s]
SOON = 0.1  # times that are nearer than this are now [s]


class Target(NamedTuple):
    """
    A goal in the numbers that the solvers read; stations are of the centre of the car's box [m].

    `cruise`: speed on the way [m/s]. `speed`: at `station` [m/s], approached with comfortable
    acceleration. `stop`: station that the front bumper must be able to stop before, infinite
    where it need not. `offset` from the path at `offset_station` [m], approached before.
    `needed`: pace without which the goal is missed, whatever the speed limit says [m/s].
    """

    cruise: float
    station: float
    speed: float
    stop: float = np.inf
    offset_station: float = np.inf
    offset: float = 0.0
    needed: float = 0.0


def target_of(problem: PlanningProblem) -> Target:
    """Return what a problem's goal asks for."""
    goal, vehicle = problem.goal, problem.vehicle
    match goal:
        case KeepSpeed(speed=speed):
            return Target(speed, np.inf, speed)
        case StopBefore(station=station, cruise_speed=speed):
            return Target(speed, np.inf, speed, station)
        case StationGoal(station=station, speed=speed):
            stop = station + vehicle.front_reach if speed <= 0.0 else np.inf
            return Target(np.inf, station + vehicle.rear_to_center, speed, stop)
        case PoseGoal(x=x, y=y, yaw=yaw, speed=speed):
            station, reach = goal_station(goal, problem.road), vehicle.rear_to_center
            stop = station + vehicle.front_reach if speed <= 0.0 else np.inf
            centre = [x + reach * np.cos(yaw), y + reach * np.sin(yaw)]
            at, offset = (float(value) for value in problem.road.project(centre, station))
            return Target(np.inf, station + reach, speed, stop, at, offset)
        case RegionGoal():
            return _within(goal, problem)
        case _:
            assert_never(goal)


def _within(goal: RegionGoal, problem: PlanningProblem) -> Target:
    """Return the target of a region: by compiled code where there is some."""
    from warmstart_planner.compiled_problem import library

    return library.within(goal, problem) or within_by_numpy(goal, problem)


def within_by_numpy(goal: RegionGoal, problem: PlanningProblem) -> Target:
    """
    Return the pace that leads to a region in its time.

    The speed changes least, between the paces that lead to the region's first place at its last
    moment and to its last place at its first, but for a reserve of both. Only where limits and
    comfort make that impossible, they are left.
    """
    here, speed = problem.here, float(problem.initial_state[SPEED])
    if problem.stamp > goal.end or here > goal.last:  # missed: nothing is left to hurry for
        return Target(speed, np.inf, speed)
    early, late = max(goal.begin - problem.stamp, 0.0), max(goal.end - problem.stamp, SOON)
    near, far = _inside(goal.first, goal.last, RESERVE_MOST[0])
    soon, latest = _inside(early, late, RESERVE_MOST[1])
    slowest, fastest = _inside(goal.slowest, goal.fastest, RESERVE_MOST[2])
    speeds = (slowest if goal.slowest > 0.0 else 0.0), fastest
    at = max(near, min(here, far))
    in_comfort = _Approach(problem, speeds, at, LATERAL_COMFORT, 0.0)
    least = in_comfort.pace(latest)
    most = np.inf
    if soon > SOON:
        most = _Approach(problem, speeds, far, LATERAL_COMFORT, 0.0).pace(soon)
    wanted = min(max(speed, least), max(most, least))
    needed = 0.0
    if in_comfort.time(least) > late + SOON:
        unlimited = _Approach(problem, speeds, max(goal.first, here), LATERAL_MOST, FASTEST)
        needed = min(unlimited.pace(late), speed + HASTE)
    cruise = max(_hurried(wanted, speed), needed)
    return Target(
        cruise=cruise,
        station=at + problem.vehicle.rear_to_center,
        speed=min(max(wanted, speeds[0]), speeds[1]),
        stop=at + problem.vehicle.front_reach if goal.fastest < STANDING else np.inf,
        offset_station=goal.first + problem.vehicle.rear_to_center,
        offset=goal.offset,
        needed=needed,
    )


def _inside(low: float, high: float, most: float) -> tuple[float, float]:
    """Return an interval without a reserve at both of its ends."""
    reserve = min(RESERVE * (high - low), most)
    return low + reserve, high - reserve


def _hurried(pace: float, speed: float) -> float:
    """Return what to aim at so that a pace is soon and nearly reached, whatever slows the car."""
    return min(max(speed + GAIN * (pace - speed), 0.0), speed + HASTE)


class _Approach:
    """The speeds on the way to a station, and how long that takes with a pace [m/s]."""

    def __init__(
        self,
        problem: PlanningProblem,
        speeds: tuple[float, float],
        station: float,
        lateral: float,
        hurry: float,
    ) -> None:
        self._speed = float(problem.initial_state[SPEED])
        way = max(station - problem.here, 0.0)
        count = min(int(way) + 2, MOST_SAMPLES)
        ahead = np.linspace(problem.here, problem.here + way, count)
        bend = np.maximum(np.abs(problem.road.at('curvature', ahead)), 1e-6)
        bends = np.sqrt(lateral * problem.friction * GRAVITY / bend)
        self._most = np.minimum(np.maximum(problem.road.at('speed_limit', ahead), hurry), bends)
        self._slowing = _slowing(speeds[1], station, ahead)
        self._rising = _rising(speeds[0], station, ahead)
        self._step = way / (count - 1)

    def time(self, pace: float) -> float:
        """Return the time that the way takes, to which the speed follows with a lag [s]."""
        speeds = np.minimum(np.maximum(pace, self._rising), np.minimum(self._most, self._slowing))
        speeds = np.maximum(speeds, LEAST_PACE)
        taken = self._step * (1.0 / speeds[1:] + 1.0 / speeds[:-1]).sum() / 2.0
        lag = RESPONSE_TIME / GAIN * (1.0 - np.exp(-taken * GAIN / RESPONSE_TIME))
        return float(taken + lag * (1.0 - self._speed / speeds[0]))

    def pace(self, duration: float) -> float:
        """Return the least pace that takes no longer than a duration, or the most there is."""
        low, high = 0.0, FASTEST
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.time(middle) <= duration else (middle, high)
        return high


def stop_station(problem: PlanningProblem) -> float:
    """
    Return the station that the front bumper must be able to stop before [m].

    The goal's, the road's end, or the first place that standing obstacles block.
    """
    return min(problem.target.stop, problem.road.end, problem.blocked_station)


def target_speeds(problem: PlanningProblem, station: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Speed to aim at by station [m/s].

    The least of the goal's speed, the limit and what bends allow in comfort, lowered ahead of
    every slower place so that comfortable braking reaches it.

    Args:
        problem: the problem.
        station: increasing stations of the car's box centre [m].

    """
    road, wanted = problem.road, problem.target
    bend = np.abs(road.at('curvature', station))
    grip_speed = np.sqrt(problem.friction * GRAVITY / np.maximum(bend, 1e-6))
    speed = np.minimum(road.at('speed_limit', station), LATERAL_COMFORT**0.5 * grip_speed)
    speed = np.maximum(speed, np.minimum(wanted.needed, LATERAL_MOST**0.5 * grip_speed))
    pace = np.maximum(wanted.cruise, _rising(wanted.speed, wanted.station, station))
    speed = np.minimum(speed, np.minimum(pace, _slowing(wanted.speed, wanted.station, station)))
    stop = stop_station(problem) - problem.vehicle.length / 2
    speed = np.minimum(speed, _slowing(0.0, stop, station))
    square = speed**2 + 2 * COMFORT_DECELERATION * station
    ahead = np.minimum.accumulate(square[::-1])[::-1] - 2 * COMFORT_DECELERATION * station
    return np.sqrt(np.maximum(ahead, 0.0))


def _slowing(speed: float, at: float, station: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return the speeds from which comfortable braking reaches a speed [m/s] at a place [m].

    In closed form: where the place lies between two stations must not matter.
    """
    return np.sqrt(speed**2 + 2 * COMFORT_DECELERATION * np.maximum(at - station, 0.0))


def _rising(speed: float, at: float, station: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the speeds from which comfortable acceleration reaches a speed at a place."""
    square = speed**2 - 2 * COMFORT_DECELERATION * np.maximum(at - station, 0.0)
    return np.sqrt(np.maximum(square, 0.0))


def target_offsets(problem: PlanningProblem, station: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lateral offset to aim at by station [m]: the path, or towards the goal's near its end."""
    wanted = problem.target
    if wanted.offset == 0.0:
        return np.zeros_like(station)
    part = np.clip(1.0 - (wanted.offset_station - station) / GOAL_APPROACH, 0.0, 1.0)
    return wanted.offset * part
