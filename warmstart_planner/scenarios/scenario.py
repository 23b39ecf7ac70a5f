# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A scenario: the road, the traffic on it, where the car starts and what it shall do."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import finite_array, number
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import (
    Goal,
    Horizon,
    KeepSpeed,
    PlanningProblem,
    PoseGoal,
    StationGoal,
    StopBefore,
)
from warmstart_planner.relevance import most_relevant
from warmstart_planner.road import Road
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.vehicle import (
    DEFAULT_VEHICLE,
    PX,
    PY,
    SPEED,
    STATE_SIZE,
    YAW,
    VehicleParameters,
    load_vehicle,
)

KINDS = ('car', 'truck', 'bus', 'motorcycle', 'bicycle', 'pedestrian', 'static')
STANDING_SPEED = 0.2  # below it the car counts as standing [m/s]
GOAL_DISTANCE = 1.0  # a place counts as reached within it [m]
GOAL_ANGLE = 0.2  # a heading counts as reached within it [rad]
STOP_DISTANCE = 30.0  # a stop counts if what it is for is this near ahead [m]
RELEVANCE_REACH = 25.0  # traffic that stays farther from where the car can be is left out [m]


class ScenarioError(ValueError):
    """A scenario that cannot be driven or read; the message names field, value, expectation."""


@dataclass(frozen=True)
class TrafficParticipant:
    """
    Prescribed or recorded motion of one obstacle.

    The shape is that of `Obstacle`: a box of half sizes, grown by a radius [m]. `times` has shape
    (T,) and increases [s]; `poses` holds the centre's (x, y, yaw) at those times, shape (T, 3),
    map frame, and is interpolated between them. With T = 1 it stands there at all times; with
    more it exists only from the first time to the last. `kind` is one of KINDS.

    Raises:
        ScenarioError: a field is not finite, empty, out of range or of the wrong shape.

    """

    name: str
    half_length: float
    half_width: float
    radius: float
    times: NDArray[np.float64]
    poses: NDArray[np.float64]
    kind: str = 'car'

    def __post_init__(self) -> None:
        """Check the fields and keep them read-only."""
        where = f'traffic {self.name!r}'
        if self.kind not in KINDS:
            raise ScenarioError(
                f'{where}.kind is {self.kind!r}: expected one of {", ".join(KINDS)}'
            )
        try:
            times = finite_array(f'{where}.times', self.times, (None,))
            if len(times) == 0:
                raise ScenarioError(f'{where}.times is empty: expected at least one time')
            if (np.diff(times) <= 0).any():
                raise ScenarioError(f'{where}.times decreases or repeats: expected increasing')
            poses = finite_array(f'{where}.poses', self.poses, (len(times), 3)).copy()
            poses[:, 2] = np.unwrap(poses[:, 2])
            poses.flags.writeable = False
            Obstacle(self.name, poses[:1], self.half_length, self.half_width, self.radius)
        except ScenarioError:
            raise
        except ValueError as error:
            raise ScenarioError(str(error)) from None
        object.__setattr__(self, 'times', times)
        object.__setattr__(self, 'poses', poses)

    def pose_at(self, t: float) -> NDArray[np.float64] | None:
        """Pose (x, y, yaw) at a time [s], or None where it does not exist."""
        if len(self.times) == 1:
            return self.poses[0]
        if not self.times[0] - 1e-9 <= t <= self.times[-1] + 1e-9:
            return None
        return self.poses_over(np.array([t]))[0]

    def obstacle_at(self, t: float, horizon: Horizon) -> Obstacle | None:
        """
        Return what is true of it from a time [s] on, as a prediction on a horizon's grid.

        The prediction ends where the motion does. None where it does not exist at that time.
        """
        if self.pose_at(t) is None:
            return None
        shape = (self.half_length, self.half_width, self.radius)
        if len(self.times) == 1:
            return Obstacle(self.name, self.poses, *shape)
        instants = t + horizon.times
        instants = instants[instants <= self.times[-1] + 1e-9]
        instants = instants if len(instants) else np.array([t])
        return Obstacle(self.name, self.poses_over(instants), *shape)

    def poses_over(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Poses at times of shape (S,), held before its first and after its last, shape (S, 3)."""
        columns = [np.interp(times, self.times, self.poses[:, i]) for i in range(3)]
        return np.stack(columns, axis=-1)


@dataclass(frozen=True)
class Scenario:
    """
    All that a drive is set up from, apart from the simulator's own configuration.

    `initial_state` has shape (5,): rear axle, map frame. `friction` is the road's coefficient,
    `vehicle` a name that `load_vehicle` knows, `duration` the time limit [s]. With `must_stop`
    the goal cannot be reached, and standing safely before what blocks the road is the success.

    Raises:
        ScenarioError: a value is out of range, the start or the goal is off the road, the start
            is inside an obstacle, the vehicle is unknown, or two participants share a name.

    """

    name: str
    description: str
    road: Road
    initial_state: NDArray[np.float64]
    goal: Goal
    traffic: tuple[TrafficParticipant, ...]
    duration: float
    friction: float = 1.0
    vehicle: str = DEFAULT_VEHICLE
    must_stop: bool = False

    def __post_init__(self) -> None:
        """Check the fields, then what they mean together."""
        try:
            state = finite_array('initial_state', self.initial_state, (STATE_SIZE,))
            number('duration', self.duration, at_least=1e-3, at_most=3600.0)
            number('friction', self.friction, at_least=0.05, at_most=2.0)
            number('initial_state speed', state[SPEED], at_least=0.0)
            for field in fields(self.goal):
                number(f'goal.{field.name}', getattr(self.goal, field.name))
            load_vehicle(self.vehicle)
        except ValueError as error:
            raise ScenarioError(str(error)) from None
        object.__setattr__(self, 'initial_state', state)
        object.__setattr__(self, 'traffic', tuple(self.traffic))
        self._check_names()
        self._check_start()
        self._check_goal()

    @cached_property
    def car(self) -> VehicleParameters:
        """Parameters of the scenario's vehicle."""
        return load_vehicle(self.vehicle)

    def center(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pose (x, y, yaw) of the vehicle's centre in a state of the rear axle, shape (3,)."""
        ahead = self.car.rear_to_center * np.array([np.cos(state[YAW]), np.sin(state[YAW])])
        return np.array([*(state[[PX, PY]] + ahead), state[YAW]])

    def obstacles_at(
        self, t: float, state: NDArray[np.float64], horizon: Horizon
    ) -> tuple[Obstacle, ...]:
        """
        Return the traffic that matters for a car in a state at a time, as `relevance` ranks it.

        At most MAX_OBSTACLES, with true predictions.
        """
        seen = [participant.obstacle_at(t, horizon) for participant in self.traffic]
        return most_relevant(
            [obstacle for obstacle in seen if obstacle is not None],
            self.road,
            float(self.road.project(state[[PX, PY]])[0]),
            state,
            self.car,
            self.friction,
            horizon,
            RELEVANCE_REACH,
        )

    def problem_at(
        self, t: float, state: NDArray[np.float64], horizon: Horizon | None = None
    ) -> PlanningProblem:
        """Return the planning problem of a car in a state at a time, with true predictions."""
        horizon = horizon or Horizon()
        return PlanningProblem(
            stamp=t,
            initial_state=state,
            road=self.road,
            obstacles=self.obstacles_at(t, state, horizon),
            goal=self.goal,
            vehicle=self.car,
            friction=self.friction,
            horizon=horizon,
        )

    def goal_reached(self, state: NDArray[np.float64], t: float = 0.0) -> bool:
        """
        Tell whether a state at a time fulfils the goal, or the stop where one is demanded.

        KeepSpeed is fulfilled by driving to the time limit or to the road's end.
        """
        if self.must_stop:
            return self._standing(state) and self._reason_ahead(state, t)
        station, offset = (float(value) for value in self.road.project(state[[PX, PY]]))
        goal = self.goal
        if isinstance(goal, KeepSpeed):
            at_end = station + self.car.front_reach >= self.road.end - GOAL_DISTANCE
            return at_end or t >= self.duration - 1e-9
        if isinstance(goal, StopBefore):
            gap = goal.station - station - self.car.front_reach
            return self._standing(state) and -0.1 <= gap <= STOP_DISTANCE
        if isinstance(goal, StationGoal):
            if goal.speed < STANDING_SPEED:
                near = abs(station - goal.station) <= GOAL_DISTANCE
                return near and self._standing(state)
            return station >= goal.station
        return self._pose_reached(goal, state, station, offset)

    def _pose_reached(
        self, goal: PoseGoal, state: NDArray[np.float64], station: float, offset: float
    ) -> bool:
        goal_station, goal_offset = self.road.project([goal.x, goal.y])
        turn = (state[YAW] - goal.yaw + np.pi) % (2 * np.pi) - np.pi
        aligned = abs(offset - goal_offset) <= GOAL_DISTANCE and abs(turn) <= GOAL_ANGLE
        if goal.speed < STANDING_SPEED:
            near = abs(station - goal_station) <= GOAL_DISTANCE
            return bool(near and aligned and self._standing(state))
        return bool(aligned and station >= goal_station)

    def _standing(self, state: NDArray[np.float64]) -> bool:
        return bool(abs(state[SPEED]) < STANDING_SPEED)

    def _reason_ahead(self, state: NDArray[np.float64], t: float) -> bool:
        station = float(self.road.project(state[[PX, PY]])[0])
        poses = [p for p in (q.pose_at(t) for q in self.traffic) if p is not None]
        stations = [float(self.road.project(pose[:2])[0]) for pose in poses]
        if isinstance(self.goal, StopBefore):
            stations.append(self.goal.station)
        front = station + self.car.front_reach
        return any(0.0 <= other - front <= STOP_DISTANCE for other in stations)

    def _check_names(self) -> None:
        seen: set[str] = set()
        for participant in self.traffic:
            if participant.name in seen:
                raise ScenarioError(
                    f'traffic name is {participant.name!r} twice: expected each name once'
                )
            seen.add(participant.name)

    def _check_start(self) -> None:
        pose = self.center(self.initial_state)
        station, offset = (float(value) for value in self.road.project(pose[:2]))
        place = f'station {station:.2f}, offset {offset:.2f}'
        left = float(self.road.at('left_width', station))
        right = float(self.road.at('right_width', station))
        if not self.road.start <= station <= self.road.end or not -right < offset < left:
            raise ScenarioError(
                f'start is at {place}: expected on the road, stations {self.road.start:.1f} to '
                f'{self.road.end:.1f}, offsets {-right:.2f} to {left:.2f} there'
            )
        half = (self.car.length / 2, self.car.width / 2)
        for participant in self.traffic:
            other = participant.pose_at(0.0)
            if other is None:
                continue
            size = (participant.half_length, participant.half_width)
            gap = float(separation(pose, half, other, size)) - participant.radius
            if gap <= 0.0:
                raise ScenarioError(
                    f'start is at {place}, inside obstacle {participant.name!r} by '
                    f'{-gap:.2f} m: expected a start free of obstacles'
                )

    def _check_goal(self) -> None:
        goal = self.goal
        speed = goal.cruise_speed if isinstance(goal, StopBefore) else goal.speed
        if not 0.0 <= speed <= self.car.speed_max:
            raise ScenarioError(
                f'goal speed is {speed}: expected a number in [0, {self.car.speed_max}]'
            )
        if isinstance(goal, KeepSpeed):
            return
        station, offset = goal.station if not isinstance(goal, PoseGoal) else 0.0, 0.0
        if isinstance(goal, PoseGoal):
            station, offset = (float(value) for value in self.road.project([goal.x, goal.y]))
        left = float(self.road.at('left_width', station))
        right = float(self.road.at('right_width', station))
        if not self.road.start <= station <= self.road.end or not -right < offset < left:
            raise ScenarioError(
                f'goal is at station {station:.2f}, offset {offset:.2f}: expected on the road, '
                f'stations {self.road.start:.1f} to {self.road.end:.1f}, offsets {-right:.2f} to '
                f'{left:.2f} there'
            )
