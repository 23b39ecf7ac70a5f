# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a goal asks for along the road: the speed, the offset, and where to be able to stop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import assert_never
from warmstart_planner.obstacles import poses_of
from warmstart_planner.problem import (
    STANDING_SPEED,
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
RESERVE = 0.25  # share of a region's length, time, speeds and yaws that is kept free at both ends
RESERVE_MOST = (10.0, 2.0, 1.0, 0.05)  # of it at most [m], [s], [m/s], [rad]
RESERVE_NOW = 1.0  # of the length, at most, where it has to be there now [m]
RESERVE_RISE = 1.5  # of that with the time that is left, of which much can come between [m/s]
PACE_GAIN = 2.0  # to what slows a car a target gives way as to what speeds it up
FASTEST = 60.0  # that a pace can be [m/s]
OFFSET_TOLERANCE = 0.5  # of a region's offset that a car is wanted within [m]
LEAST_PACE = 0.1  # [m/s]
MOST_SAMPLES = 150  # of a way, that its time is found from
HALVINGS = 18  # of the interval that holds a pace, until it is known
PACE_ABOVE_SPEED = 3.0  # the pace is above the car's speed by no more: nobody forces his way [m/s]
HEADWAY = 4.0  # of who is taken to follow [s]
FOLLOWED = 60.0  # of the road behind the car, where followers are looked for [m]
ALONG = np.pi / 4  # to the road, within which somebody goes its way [rad]
SHORTEST_TIME = 0.1  # times that are nearer than this are now [s]


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


class ArrivalWindow(NamedTuple):
    """
    Where the centre of the car's box is wanted at a time from the problem's stamp [s].

    Between the stations `least` and `most` [m], the offsets `right` and `left` [m], with a speed
    from `slowest` to `fastest` [m/s] and a yaw from `clockwise` to `anticlockwise`, map frame
    [rad].
    """

    time: float
    least: float
    most: float
    right: float = -np.inf
    left: float = np.inf
    slowest: float = -np.inf
    fastest: float = np.inf
    clockwise: float = -np.inf
    anticlockwise: float = np.inf


class TimedTarget(NamedTuple):
    """
    A target, and where the car is wanted when: nowhere, for goals without a time.

    That is within the horizon; of a later arrival it is where the way there leads at its end.
    """

    target: Target
    arrival: ArrivalWindow | None = None


def timed_target_of(problem: PlanningProblem) -> TimedTarget:
    """Return what a problem's goal asks for, and when."""
    goal = problem.goal
    if isinstance(goal, RegionGoal):
        return _within(goal, problem)
    return TimedTarget(_untimed(goal, problem))


def _untimed(
    goal: KeepSpeed | StopBefore | StationGoal | PoseGoal, problem: PlanningProblem
) -> Target:
    vehicle = problem.vehicle
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
        case _:
            assert_never(goal)


def _within(goal: RegionGoal, problem: PlanningProblem) -> TimedTarget:
    """
    Return the pace that leads to a region in its time, and where the car is wanted when.

    The speed changes least, between the paces that lead to the region's first place at its last
    moment and to its last place at its first, but for a reserve of both; who follows is not held
    up. Only where limits and comfort make that impossible, they are left.
    """
    here, speed = problem.here, float(problem.initial_state[SPEED])
    if problem.stamp > goal.end or here > goal.last:  # missed: nothing is left to hurry for
        return TimedTarget(Target(speed, np.inf, speed))
    inner = _inner(goal, problem.stamp)
    at = max(inner.near, min(here, inner.far))
    slow = _Approach(problem, inner, at, LATERAL_COMFORT, 0.0)
    fast = _Approach(problem, inner, inner.far, LATERAL_COMFORT, 0.0)
    least = slow.pace(inner.latest)
    most = fast.pace(inner.soon) if inner.soon > SHORTEST_TIME else np.inf
    wanted = min(max(speed, least, pace_behind(problem)), max(most, least))
    time, needed = min(max(slow.time(wanted), inner.soon), inner.latest), 0.0
    late = max(goal.end - problem.stamp, SHORTEST_TIME)
    if slow.time(least) > late + SHORTEST_TIME:
        slow = _Approach(problem, inner, max(goal.first, here), LATERAL_MOST, FASTEST)
        least, time = slow.pace(late), late
        needed = min(least, speed + PACE_ABOVE_SPEED)
    reach, end = problem.vehicle.rear_to_center, problem.horizon.duration
    if time <= end:
        arrival = _window(goal, inner, time, reach)
    else:
        first, last = slow.place(least, end) + reach, fast.place(most, end) + reach
        arrival = ArrivalWindow(end, first, max(first, last))
    target = Target(
        cruise=max(_hurried(wanted, speed), needed),
        station=at + reach,
        speed=min(max(wanted, inner.slowest), inner.fastest),
        stop=at + problem.vehicle.front_reach if goal.fastest < STANDING_SPEED else np.inf,
        offset_station=goal.first + reach,
        offset=goal.offset,
        needed=needed,
    )
    return TimedTarget(target, arrival)


def pace_behind(problem: PlanningProblem) -> float:
    """
    Return how fast who follows in the corridor comes along the road, 0 where nobody does [m/s].

    It is the nearest of those that are there within HEADWAY. A car that dawdles before them,
    because its own goal has time, is where nobody expects one.
    """
    if not problem.obstacles:
        return 0.0
    road = problem.road.local(problem.here, FOLLOWED)
    poses = poses_of(problem.obstacles, 2)
    velocity = (poses[:, 1, :2] - poses[:, 0, :2]) / problem.horizon.dt
    station, offset = road.project(poses[:, 0, :2])
    heading = road.at('heading', station)
    speed = velocity[:, 0] * np.cos(heading) + velocity[:, 1] * np.sin(heading)
    behind = problem.here + problem.vehicle.rear_to_center - station
    follows = (behind > 0.0) & (behind < HEADWAY * speed)
    follows &= speed > np.cos(ALONG) * np.hypot(*velocity.T)
    follows &= (offset < road.at('left_width', station)) & (
        -offset < road.at('right_width', station)
    )
    nearest = int(np.where(follows, behind, np.inf).argmin())
    return float(speed[nearest]) if follows[nearest] else 0.0


class _Inner(NamedTuple):
    """A region without its reserves, of the rear axle; times from the problem's stamp on [s]."""

    near: float
    far: float
    soon: float
    latest: float
    slowest: float
    fastest: float


def _inner(goal: RegionGoal, stamp: float) -> _Inner:
    early, late = max(goal.begin - stamp, 0.0), max(goal.end - stamp, SHORTEST_TIME)
    room = min(RESERVE_NOW + RESERVE_RISE * late, RESERVE_MOST[0])
    slowest, fastest = _inside(goal.slowest, goal.fastest, RESERVE_MOST[2])
    return _Inner(
        *_inside(goal.first, goal.last, room),
        *_inside(early, late, RESERVE_MOST[1]),
        slowest if goal.slowest > 0.0 else 0.0,
        fastest,
    )


def _window(goal: RegionGoal, inner: _Inner, time: float, reach: float) -> ArrivalWindow:
    """Return that the car's centre, `reach` ahead [m], is wanted inside a region at a time."""
    yaws = (-np.inf, np.inf)
    if goal.yaw_tolerance < np.pi:
        low, high = goal.yaw - goal.yaw_tolerance, goal.yaw + goal.yaw_tolerance
        yaws = _inside(low, high, RESERVE_MOST[3])
    return ArrivalWindow(
        time,
        *(inner.near + reach, inner.far + reach),
        *(goal.offset - OFFSET_TOLERANCE, goal.offset + OFFSET_TOLERANCE),
        *(inner.slowest, inner.fastest),
        *yaws,
    )


def _inside(low: float, high: float, most: float) -> tuple[float, float]:
    """Return an interval without a reserve at both of its ends."""
    reserve = min(RESERVE * (high - low), most)
    return low + reserve, high - reserve


def _hurried(pace: float, speed: float) -> float:
    """Return what to aim at so that a pace is soon and nearly reached, whatever slows the car."""
    return min(max(speed + PACE_GAIN * (pace - speed), 0.0), speed + PACE_ABOVE_SPEED)


class _Approach:
    """The speeds on the way to a station, and how long that takes with a pace [m/s]."""

    def __init__(
        self,
        problem: PlanningProblem,
        inner: _Inner,
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
        limits = np.maximum(problem.road.at('speed_limit', ahead), hurry)
        self._most = _slowed(np.minimum(limits, bends), ahead)
        self._slowing = _slowing(inner.fastest, station, ahead)
        self._rising = _rising(inner.slowest, station, ahead)
        self._step = way / (count - 1)
        self._ahead = ahead

    def time(self, pace: float) -> float:
        """Return the time that the way takes, to which the speed follows with a lag [s]."""
        return float(self._times(pace)[-1])

    def place(self, pace: float, duration: float) -> float:
        """Return the station that is reached within a duration [m]."""
        return float(np.interp(duration, self._times(pace), self._ahead))

    def _times(self, pace: float) -> NDArray[np.float64]:
        """Return the times up to each sample of the way, shape (S,) [s]."""
        speeds = np.minimum(np.maximum(pace, self._rising), np.minimum(self._most, self._slowing))
        slowness = 1.0 / np.maximum(speeds, LEAST_PACE)
        taken = np.zeros(len(slowness))
        np.cumsum((slowness[1:] + slowness[:-1]) * (self._step / 2.0), out=taken[1:])
        lag = RESPONSE_TIME / PACE_GAIN * (1.0 - np.exp(-taken * PACE_GAIN / RESPONSE_TIME))
        return taken + lag * (1.0 - self._speed * slowness[0])

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
    return _slowed(speed, station)


def _slowed(speeds: NDArray[np.float64], station: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return speeds by station, lowered so that comfortable braking reaches every slower place."""
    square = speeds**2 + 2 * COMFORT_DECELERATION * station
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
