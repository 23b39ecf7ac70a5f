# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A scenario: the road, the traffic on it, where the car starts and what it shall do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import assert_never, finite_array, number
from warmstart_planner.obstacles import SIZES, Obstacle, size_table, size_varies
from warmstart_planner.problem import (
    Goal,
    Horizon,
    KeepSpeed,
    PlanningProblem,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
    goal_place,
    goal_station,
)
from warmstart_planner.relevance import most_relevant
from warmstart_planner.road import Road, StationTracker
from warmstart_planner.scenarios.arrival import Arrival, Region, Track, arrival_in
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.scenarios.lane import Lane
from warmstart_planner.scenarios.road_goals import arrival_before_block, arrival_on_road
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
# of those who are to be given more room, at 50 km/h: with the margin 1.5 m to who walks or cycles,
# as German law demands in towns (StVO 5 (4)) [m]
CLEARANCES = {'pedestrian': 1.2, 'bicycle': 1.2, 'motorcycle': 0.7}
RELEVANCE_REACH = 25.0  # traffic that stays farther from where the car can be is left out [m]


class ScenarioError(ValueError):
    """A scenario that cannot be driven or read; the message names field, value, expectation."""


@dataclass(frozen=True)
class TrafficParticipant:
    """
    Prescribed or recorded motion of one obstacle.

    The shape is that of `Obstacle`: a box of half sizes, grown by a radius [m], each a number or
    one for each time, shape (T,). `times` has shape (T,) and increases [s]; `poses` holds the
    centre's (x, y, yaw) at those times, shape (T, 3), map frame. Poses and sizes are interpolated
    between the times. With T = 1 it stands there at all times; with more it exists only from the
    first time to the last. `kind` is one of KINDS. `start_speed` is that in the direction of its
    yaw at the first time, before which nothing is known of its motion [m/s].

    Raises:
        ScenarioError: a field is not finite, empty, out of range or of the wrong shape.

    """

    name: str
    half_length: float | NDArray[np.float64]
    half_width: float | NDArray[np.float64]
    radius: float | NDArray[np.float64]
    times: NDArray[np.float64]
    poses: NDArray[np.float64]
    kind: str = 'car'
    start_speed: float = 0.0

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
            shape = Obstacle(self.name, poses, self.half_length, self.half_width, self.radius)
            number(f'{where}.start_speed', self.start_speed)
        except ScenarioError:
            raise
        except ValueError as error:
            raise ScenarioError(str(error)) from None
        object.__setattr__(self, 'times', times)
        object.__setattr__(self, 'poses', poses)
        for field in SIZES:
            object.__setattr__(self, field, getattr(shape, field))

    def pose_at(self, t: float) -> NDArray[np.float64] | None:
        """Pose (x, y, yaw) at a time [s], or None where it does not exist."""
        if len(self.times) == 1:
            return self.poses[0]
        return self.poses_over(np.array([t]))[0] if self.is_there(t) else None

    def is_there(self, t: float) -> bool:
        """Whether it exists at a time [s]."""
        return len(self.times) == 1 or self.times[0] - 1e-9 <= t <= self.times[-1] + 1e-9

    def obstacle_at(self, t: float, horizon: Horizon) -> Obstacle | None:
        """
        Return what is true of it from a time [s] on, as a prediction on a horizon's grid.

        The prediction ends where the motion does, but has two poses at least: what is about to
        vanish does not stand. None where it does not exist at that time.
        """
        if self.pose_at(t) is None:
            return None
        if len(self.times) == 1:
            return Obstacle(self.name, self.poses, self.half_length, self.half_width, self.radius)
        instants = t + horizon.times
        instants = instants[instants <= self.times[-1] + 1e-9]
        if len(instants) < 2:
            before, now = self.poses_over(np.array([t - horizon.dt, t]))
            poses = np.array([now, now + (now - before) * np.array([1.0, 1.0, 0.0])])
            return Obstacle(self.name, poses, *self.size_at(t))
        sizes = self.sizes_over(instants).T if self.varies else self.size_at(t)
        return Obstacle(self.name, self.poses_over(instants), *sizes)

    @property
    def varies(self) -> bool:
        """Whether the shape changes with time."""
        return size_varies(self)

    def size_at(self, t: float) -> NDArray[np.float64]:
        """Half length, half width and radius at a time [s], shape (3,) [m]."""
        if not self.varies:
            return np.array([self.half_length, self.half_width, self.radius])
        return self.sizes_over(np.array([t]))[0]

    def sizes_over(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sizes at times of shape (S,), held beyond its first and last, shape (S, 3) [m]."""
        table = size_table(self, len(self.times))
        if not self.varies:
            return np.repeat(table[:1], len(times), axis=0)
        return np.stack([np.interp(times, self.times, table[:, i]) for i in range(3)], axis=-1)

    def poses_over(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Poses at times of shape (S,), held before its first and after its last, shape (S, 3)."""
        columns = [np.interp(times, self.times, self.poses[:, i]) for i in range(3)]
        return np.stack(columns, axis=-1)


@dataclass(frozen=True)
class Scenario:
    """
    All that a drive is set up from, apart from the simulator's own configuration.

    `initial_state` has shape (5,): rear axle, map frame. `friction` is the road's coefficient,
    `vehicle` a car as `load_vehicle` takes it, `duration` the time limit [s]. With `must_stop`
    the goal cannot be reached, and standing safely before what blocks the road is the success.
    `station` says about where on the road the start is [m], which matters where the road meets
    itself. With `regions` the goal is reached in any one of them, at a multiple of `region_step`
    [s] since the start; `goal` is then only what the planner is asked for. `area` holds the
    outlines of all that is road, shape (P, 2) each, map frame; without it the corridor is.
    `lanes` are those of the network that the road leads through, where there is one.

    Raises:
        ScenarioError: a value is out of range, the start is off the road or faces against it, the
            goal is off the road or behind the start, the start is inside an obstacle, the vehicle
            is unknown, or two participants share a name.

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
    station: float | None = None
    regions: tuple[Region, ...] = ()
    region_step: float = 0.0
    area: tuple[NDArray[np.float64], ...] = ()
    lanes: tuple[Lane, ...] = ()

    def __post_init__(self) -> None:
        """Check the fields, then what they mean together."""
        try:
            state = finite_array('initial_state', self.initial_state, (STATE_SIZE,))
            number('duration', self.duration, at_least=1e-3, at_most=3600.0)
            number('friction', self.friction, at_least=0.05, at_most=2.0)
            number('initial_state speed', state[SPEED], at_least=0.0)
            for field in fields(self.goal):
                value = getattr(self.goal, field.name)
                if value is not None:
                    number(f'goal.{field.name}', value)
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
        self,
        t: float,
        state: NDArray[np.float64],
        horizon: Horizon,
        station: float | None = None,
    ) -> tuple[Obstacle, ...]:
        """
        Return the traffic that matters for a car in a state at a time, as `relevance` ranks it.

        At most MAX_OBSTACLES, with true predictions. `station` is where on the road the car is
        [m]; None: where the road first comes by.
        """
        seen = [participant.obstacle_at(t, horizon) for participant in self.traffic]
        there = [obstacle for obstacle in seen if obstacle is not None]
        return self.relevant(there, state, horizon, station)

    def relevant(
        self,
        obstacles: Sequence[Obstacle],
        state: NDArray[np.float64],
        horizon: Horizon,
        station: float | None = None,
    ) -> tuple[Obstacle, ...]:
        """
        Return those obstacles that matter for a car in a state, as `relevance` ranks them.

        Args:
            obstacles: with predictions on the horizon's grid.
            state: of the car, shape (5,), map frame.
            horizon: over which obstacles matter.
            station: where on the road the car is [m]; None: where the road first comes by.

        Returns:
            At most MAX_OBSTACLES, most relevant first.

        """
        return most_relevant(
            obstacles,
            self.road,
            self.road.locate(state) if station is None else station,
            state,
            self.car,
            self.friction,
            horizon,
            RELEVANCE_REACH,
        )

    def problem_at(
        self,
        t: float,
        state: NDArray[np.float64],
        horizon: Horizon | None = None,
        station: float | None = None,
    ) -> PlanningProblem:
        """
        Return the planning problem of a car in a state at a time, with true predictions.

        `station` is where on the road the car is [m]; None: where the road first comes by.
        """
        horizon = horizon or Horizon()
        return PlanningProblem(
            stamp=t,
            initial_state=state,
            road=self.road,
            obstacles=self.obstacles_at(t, state, horizon, station),
            goal=self.goal,
            vehicle=self.car,
            friction=self.friction,
            horizon=horizon,
            station=station,
        )

    @cached_property
    def arrival(self) -> Arrival:
        """When the goal is reached, or the stop where one is demanded."""
        if self.regions:
            return arrival_in(self.regions, self.car.rear_to_center, self.region_step)
        if self.must_stop:
            return arrival_before_block(self.goal, self.road, self.car, self.traffic)
        return arrival_on_road(self.goal, self.road, self.car, self.duration)

    @cached_property
    def goal_station(self) -> float:
        """Station of what the planner is asked for [m]; infinite where it has none."""
        return goal_station(self.goal, self.road)

    def goal_reached(
        self, state: NDArray[np.float64], t: float = 0.0, station: float | None = None
    ) -> bool:
        """
        Tell whether a state fulfils the goal, or the stop where one is demanded.

        Args:
            state: rear axle, map frame, shape (5,).
            t: since the drive's start [s].
            station: about where on the road that is [m]; None: where it first comes by.

        """
        near = self.road.locate(state) if station is None else station
        track = Track(np.array([t]), np.asarray(state, float)[None], np.array([near]))
        return bool(self.arrival.holds(track).all())

    def track(self, times: ArrayLike, states: ArrayLike) -> Track:
        """
        Follow a drive of the scenario along its road.

        Args:
            times: since the drive's start, shape (n,) [s].
            states: rear axle, map frame, from the start on, shape (n, 5).

        """
        tracker = StationTracker(self.road, self.start_station)
        given = np.asarray(states, float)
        stations = np.array([tracker.update(self.road, state) for state in given])
        return Track(np.asarray(times, float), given, stations)

    @cached_property
    def start_station(self) -> float:
        """Station of the rear axle at the start [m]."""
        if self.station is None:
            return self.road.locate(self.initial_state)
        return float(self.road.project(self.initial_state[[PX, PY]], self.station)[0])

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
        station, offset = (float(v) for v in self.road.project(pose[:2], self.start_station))
        place = f'station {station:.2f}, offset {offset:.2f}'
        self._check_on_road('start', station, offset)
        turn = pose[2] - float(self.road.at('heading', station))
        if np.cos(turn) < 0.0:
            raise ScenarioError(
                f'start faces against the road: it is at {place} with a heading of '
                f'{(turn + np.pi) % (2 * np.pi) - np.pi:.2f} rad to it, expected within 1.57'
            )
        half = (self.car.length / 2, self.car.width / 2)
        for participant in self.traffic:
            other = participant.pose_at(0.0)
            if other is None:
                continue
            *size, radius = participant.size_at(0.0)
            gap = float(separation(pose, half, other, size)) - radius
            if gap <= 0.0:
                raise ScenarioError(
                    f'start is at {place}, inside obstacle {participant.name!r} by '
                    f'{-gap:.2f} m: expected a start free of obstacles'
                )

    def _check_goal(self) -> None:
        goal = self.goal
        speed = _speed_of(goal)
        if not 0.0 <= speed <= self.car.speed_max:
            raise ScenarioError(
                f'goal speed is {speed}: expected a number in [0, {self.car.speed_max}]'
            )
        station, offset = goal_place(goal, self.road)
        if np.isinf(station):
            return
        self._check_on_road('goal', station, offset)
        front = self.start_station
        if isinstance(goal, StopBefore):
            front += self.car.front_reach
        if isinstance(goal, RegionGoal):
            station = goal.last
        if station < front:
            raise ScenarioError(
                f'goal is at station {station:.2f}, behind the car, which starts at station '
                f'{front:.2f}: expected a goal ahead'
            )

    def _check_on_road(self, what: str, station: float, offset: float) -> None:
        left = float(self.road.at('left_width', station))
        right = float(self.road.at('right_width', station))
        if not self.road.start <= station <= self.road.end or not -right < offset < left:
            raise ScenarioError(
                f'{what} is at station {station:.2f}, offset {offset:.2f}: expected on the road, '
                f'stations {self.road.start:.1f} to {self.road.end:.1f}, offsets {-right:.2f} to '
                f'{left:.2f} there'
            )


def _speed_of(goal: Goal) -> float:
    """Return the speed that a goal asks for [m/s]."""
    match goal:
        case StopBefore(cruise_speed=speed) | RegionGoal(slowest=speed):
            return speed
        case KeepSpeed(speed=speed) | StationGoal(speed=speed) | PoseGoal(speed=speed):
            return speed
        case _:
            assert_never(goal)
