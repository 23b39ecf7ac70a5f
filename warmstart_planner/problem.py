# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Value types that travel between sources of proposals, planner, verifier and controller."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.blockage import first_blocked_station
from warmstart_planner.checks import assert_never, finite_array, number, unchecked
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.road import Road
from warmstart_planner.vehicle import (
    CONTROL_SIZE,
    STATE_SIZE,
    VehicleParameters,
    load_vehicle,
)

if TYPE_CHECKING:
    from warmstart_planner.targets import Target, TimedTarget

MAX_OBSTACLES = 12
STANDING_SPEED = 0.2  # a goal that asks for less asks for standing; a slower car stands [m/s]


@dataclass(frozen=True)
class Horizon:
    """Time grid of a plan: `steps` intervals of `dt` seconds."""

    dt: float = 0.1
    steps: int = 60

    def __post_init__(self) -> None:
        """Refuse an empty grid."""
        number('horizon.dt', self.dt, at_least=1e-3, at_most=1.0)
        number('horizon.steps', self.steps, at_least=1, at_most=1000)
        if int(self.steps) != self.steps:
            raise ValueError(f'horizon.steps is {self.steps}: expected a whole number')

    @property
    def times(self) -> NDArray[np.float64]:
        """Times of the nodes, shape (steps + 1,) [s]."""
        return np.arange(self.steps + 1) * self.dt

    @property
    def duration(self) -> float:
        """Length of the horizon [s]."""
        return self.steps * self.dt


@dataclass(frozen=True)
class KeepSpeed:
    """Go on along the road at a speed [m/s]."""

    speed: float


@dataclass(frozen=True)
class StationGoal:
    """Pass a station of the road [m] at a speed [m/s]; speed 0 means to stop there."""

    station: float
    speed: float


@dataclass(frozen=True)
class PoseGoal:
    """
    Reach a pose of the rear axle (map frame) on the road at a speed [m/s].

    `station` is where on the road it is [m]; None: where the road first comes by.
    """

    x: float
    y: float
    yaw: float
    speed: float
    station: float | None = None


@dataclass(frozen=True)
class StopBefore:
    """Bring the front bumper to a stand before a station [m], at most at a cruise speed [m/s]."""

    station: float
    cruise_speed: float


@dataclass(frozen=True)
class RegionGoal:
    """
    Be within a stretch of the road at a time and at a speed, each from an interval.

    The rear axle shall lie between the stations `first` and `last` [m], `offset` left of the path
    [m], at a time from `begin` to `end`, on the clock of a problem's stamp [s], at a speed from
    `slowest` to `fastest` [m/s], facing within `yaw_tolerance` of `yaw` in the map frame [rad].

    Raises:
        ValueError: an interval ends before it begins, or the tolerance allows no yaw.

    """

    first: float
    last: float
    begin: float
    end: float
    slowest: float = 0.0
    fastest: float = 100.0
    offset: float = 0.0
    yaw: float = 0.0
    yaw_tolerance: float = math.pi

    def __post_init__(self) -> None:
        """Refuse intervals that are empty."""
        for low, high in (('first', 'last'), ('begin', 'end'), ('slowest', 'fastest')):
            number(f'goal.{high}', getattr(self, high), at_least=getattr(self, low))
        number('goal.yaw', self.yaw)
        number('goal.yaw_tolerance', self.yaw_tolerance, at_least=1e-3)

    def later(self, seconds: float) -> RegionGoal:
        """Return the goal with its times on a clock that shows so many seconds more."""
        return replace(self, begin=self.begin + seconds, end=self.end + seconds)


Goal = KeepSpeed | StationGoal | PoseGoal | StopBefore | RegionGoal


def goal_station(goal: Goal, road: Road) -> float:
    """Return the station of a goal on a road [m]; infinite where it has none."""
    match goal:
        case StationGoal(station=station) | StopBefore(station=station):
            return station
        case PoseGoal(x=x, y=y, yaw=yaw, station=near):
            near = road.locate([x, y, yaw]) if near is None else near
            return float(road.project([x, y], near)[0])
        case RegionGoal(first=first, last=last):
            return (first + last) / 2
        case KeepSpeed():
            return float('inf')
        case _:
            assert_never(goal)


def state_at(pose: ArrayLike, speed: float, steering: float = 0.0) -> NDArray[np.float64]:
    """
    Return the state of a car whose rear axle is at a pose, shape (5,).

    Args:
        pose: x, y, yaw in the map frame [m, m, rad], as `Road.poses` returns them.
        speed: [m/s].
        steering: front-wheel angle, left positive [rad].

    Raises:
        ValueError: a value is not finite, or the pose has another shape than (3,).

    """
    rest = [number('speed', speed), number('steering', steering)]
    return np.array([*finite_array('pose', pose, (3,)), *rest])


def goal_place(goal: Goal, road: Road) -> tuple[float, float]:
    """Return the station and offset of a goal on a road [m]; infinite and 0 where it has none."""
    station = goal_station(goal, road)
    match goal:
        case PoseGoal(x=x, y=y):
            return station, float(road.project([x, y], station)[1])
        case RegionGoal(offset=offset):
            return station, offset
        case KeepSpeed() | StationGoal() | StopBefore():
            return station, 0.0
        case _:
            assert_never(goal)


@dataclass(frozen=True, kw_only=True)
class PlanningProblem:
    """
    All that one plan is made for; the fields are given by name.

    `initial_state` has shape (5,): rear axle, map frame. `stamp` is the time of that state [s].
    `friction` is the road's friction coefficient. `station` says about where on the road the car
    is [m], which matters where the road meets itself; None: where the road first comes by.

    Raises:
        ValueError: a field is not finite, out of range, or there are too many obstacles.

    """

    stamp: float = 0.0
    initial_state: NDArray[np.float64]
    road: Road
    obstacles: tuple[Obstacle, ...] = ()
    goal: Goal
    vehicle: VehicleParameters = field(default_factory=load_vehicle)
    friction: float = 1.0
    horizon: Horizon = field(default_factory=Horizon)
    station: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        state = finite_array('problem.initial_state', self.initial_state, (STATE_SIZE,))
        object.__setattr__(self, 'initial_state', state)
        object.__setattr__(self, 'obstacles', tuple(self.obstacles))
        number('problem.stamp', self.stamp)
        number('problem.friction', self.friction, at_least=0.05, at_most=2.0)
        if len(self.obstacles) > MAX_OBSTACLES:
            raise ValueError(
                f'problem.obstacles has {len(self.obstacles)} entries: '
                f'expected at most {MAX_OBSTACLES}'
            )
        if not isinstance(self.goal, Goal):
            raise ValueError(f'problem.goal is {self.goal!r}: expected one of {Goal}')
        for name, value in vars(self.goal).items():
            if value is not None:
                least = 0.0 if name.endswith('speed') or name == 'slowest' else -np.inf
                number(f'problem.goal.{name}', value, at_least=least)
        if self.station is not None:
            number('problem.station', self.station)

    def __getstate__(self) -> dict[str, object]:
        """Return the fields alone: what is kept beside them may be addresses."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def here(self) -> float:
        """Station of the car's rear axle [m]."""
        if self.station is None:
            return self.road.locate(self.initial_state)
        return float(self.road.project(self.initial_state[:2], self.station)[0])

    @cached_property
    def target(self) -> Target:
        """What the goal asks for along the road."""
        return self.timed_target.target

    @cached_property
    def timed_target(self) -> TimedTarget:
        """The same, and where the goal's time wants the car."""
        from warmstart_planner import targets

        return targets.timed_target_of(self)

    @cached_property
    def blocked_station(self) -> float:
        """Station before which standing obstacles make the car stop [m]; infinite without."""
        return first_blocked_station(
            self.road,
            self.obstacles,
            self.vehicle,
            self.here,
            self.horizon.steps + 1,
        )


@dataclass(frozen=True)
class Trajectory:
    """
    States and controls on a horizon's grid, map frame.

    `states` has shape (N + 1, 5) and `controls` (N, 2); `stamp` is the time of the first state.
    Yaw goes on from state to state without a jump: a turn between two of them is a turn driven.
    """

    stamp: float
    dt: float
    states: NDArray[np.float64]
    controls: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check shapes and finiteness."""
        number('trajectory.stamp', self.stamp)
        number('trajectory.dt', self.dt, at_least=1e-3, at_most=1.0)
        states = finite_array('trajectory.states', self.states, (None, STATE_SIZE))
        if len(states) == 0:
            raise ValueError('trajectory.states is empty: expected at least one state')
        shape = (len(states) - 1, CONTROL_SIZE)
        controls = finite_array('trajectory.controls', self.controls, shape)
        object.__setattr__(self, 'states', states)
        object.__setattr__(self, 'controls', controls)

    @property
    def times(self) -> NDArray[np.float64]:
        """Absolute times of the nodes, shape (N + 1,) [s]."""
        return self.stamp + np.arange(len(self.states)) * self.dt


def trajectories(
    stamp: ArrayLike, dt: ArrayLike, states: NDArray[np.float64], controls: NDArray[np.float64]
) -> list[Trajectory]:
    """
    Return K trajectories, checked all at once.

    Args:
        stamp: of them all, or of each [s].
        dt: step of them all, or of each [s].
        states: shape (K, N + 1, 5), as in a Trajectory.
        controls: shape (K, N, 2).

    Raises:
        ValueError: as of a Trajectory.

    """
    count, nodes = np.shape(states)[:2]
    if nodes == 0:
        raise ValueError('trajectory.states is empty: expected at least one state')
    stamps, steps = _of_each(stamp, count), _of_each(dt, count)
    for each in {*stamps}:
        number('trajectory.stamp', each)
    for each in {*steps}:
        number('trajectory.dt', each, at_least=1e-3, at_most=1.0)
    states = finite_array('trajectory.states', states, (count, nodes, STATE_SIZE))
    shape = (count, nodes - 1, CONTROL_SIZE)
    controls = finite_array('trajectory.controls', controls, shape)
    # a part of what was checked need not be checked
    return [
        unchecked(Trajectory, stamp=stamp, dt=dt, states=driven, controls=control)
        for stamp, dt, driven, control in zip(stamps, steps, states, controls, strict=True)
    ]


def _of_each(value: ArrayLike, count: int) -> list[float]:
    """Return one value of each of so many, or the same of all."""
    same = isinstance(value, float)
    return [value] * count if same else np.broadcast_to(value, count).tolist()


@dataclass(frozen=True)
class Proposal:
    """
    A start for an optimiser, and what its source says of it.

    `predicted_return` is the source's own estimate of the negative cost of the feasible plan that
    refinement leads to, `failure_probability` that it leads to none; `uncertainty` is above 1
    where the problem is unlike those that the source knows. NaN where a source has none of them.
    """

    source: str
    trajectory: Trajectory
    model_id: str = ''
    predicted_return: float = float('nan')
    failure_probability: float = float('nan')
    uncertainty: float = float('nan')
    inference_time: float = 0.0


class Rung(Enum):
    """
    Which step of the safety ladder a reference comes from; smaller is better.

    RELAXED is a plan for this problem that hits nothing and is slightly beyond the road's edge or
    what the tyres take in comfort; PREVIOUS was verified for an earlier problem.
    """

    OPTIMISED = 0
    RELAXED = 1
    PREVIOUS = 2
    BRAKING = 3
    NONE = 4


class SolverStatus(Enum):
    """
    How the optimiser ended. It says nothing of feasibility: the verifier does.

    STOPPED: it was one of the last at work, for which the others did not wait.
    """

    CONVERGED = 'converged'
    STALLED = 'stalled'
    LOCALLY_INFEASIBLE = 'locally_infeasible'
    ITERATION_LIMIT = 'iteration_limit'
    DEADLINE = 'deadline'
    QP_FAILURE = 'qp_failure'
    BAD_START = 'bad_start'
    STOPPED = 'stopped'


@dataclass(frozen=True)
class PlanResult:
    """
    One plan: the reference, where it comes from, and what it cost to find; by default none.

    `trajectory` is None only on rung NONE. `violation` is the verifier's largest violation over
    all constraints [m, m/s or m/s^2, 0 when feasible]; times are in seconds and hold all that
    happened between problem and result.
    """

    problem_stamp: float
    rung: Rung
    trajectory: Trajectory | None = None
    source: str = ''
    solver_status: SolverStatus = SolverStatus.BAD_START
    feasible: bool = False
    violation: float = math.inf
    clearance: float = math.nan
    cost: float = math.inf
    iterations: int = 0
    candidates: int = 0
    total_time: float = 0.0
    proposal_time: float = 0.0
    solver_time: float = 0.0
    verification_time: float = 0.0
    message: str = ''
