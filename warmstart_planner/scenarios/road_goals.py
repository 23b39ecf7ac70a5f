# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""When the goals that are given along a road are reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import assert_never
from warmstart_planner.problem import (
    STANDING_SPEED,
    Goal,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
    goal_station,
)
from warmstart_planner.road import Road
from warmstart_planner.scenarios.arrival import Arrival, Flags, Track
from warmstart_planner.vehicle import PX, PY, SPEED, YAW, VehicleParameters

if TYPE_CHECKING:
    from warmstart_planner.scenarios.scenario import TrafficParticipant

HOLD_TIME = 1.0  # a car that shall stand has to stand this long [s]
GOAL_DISTANCE = 1.0  # a place counts as reached within it [m]
GOAL_ANGLE = 0.2  # a heading counts as reached within it [rad]
STOP_DISTANCE = 30.0  # a stop counts if what it is for is this near ahead [m]
STOP_SLACK = 0.1  # the front bumper may be this far past the station to stop before [m]

Held = Mapping[str, Flags]


def arrival_on_road(goal: Goal, road: Road, car: VehicleParameters, duration: float) -> Arrival:
    """
    Return when a goal on a road is reached.

    A goal with speed 0, and a stop, ask for standing there for HOLD_TIME. `KeepSpeed` has no
    place: it is to drive on to the time limit, or to the road's end.

    Args:
        goal: the goal.
        road: that it is on.
        car: whose rear axle or, where it stops before something, front bumper is meant.
        duration: the time limit [s].

    """

    def drives_on(track: Track) -> Held:
        at_end = track.stations + car.front_reach >= road.end - GOAL_DISTANCE
        return {'time': at_end | (track.times >= duration - 1e-9)}

    def stops_before(track: Track) -> Held:
        gap = goal.station - track.stations - car.front_reach
        return {'place': (gap >= -STOP_SLACK) & (gap <= STOP_DISTANCE), 'speed': _stands(track)}

    def passes(track: Track) -> Held:
        return {'place': track.stations >= goal.station}

    def within(track: Track) -> Held:
        offset = road.project(track.states[:, [PX, PY]], track.stations)[1]
        speeds = track.states[:, SPEED]
        return {
            'place': (track.stations >= goal.first)
            & (track.stations <= goal.last)
            & (np.abs(offset - goal.offset) <= GOAL_DISTANCE),
            'heading': np.abs(_turn(track, goal.yaw)) <= goal.yaw_tolerance,
            'speed': (speeds >= goal.slowest) & (speeds <= goal.fastest),
            'time': (track.times >= goal.begin) & (track.times <= goal.end),
        }

    def stops_at(track: Track) -> Held:
        near = np.abs(track.stations - goal.station) <= GOAL_DISTANCE
        return {'place': near, 'speed': _stands(track)}

    def at_pose(track: Track) -> Held:
        place = goal_station(goal, road)
        beside = road.project([goal.x, goal.y], place)[1]
        offset = road.project(track.states[:, [PX, PY]], track.stations)[1]
        aligned = np.abs(offset - beside) <= GOAL_DISTANCE
        held = {'heading': np.abs(_turn(track, goal.yaw)) <= GOAL_ANGLE}
        if goal.speed >= STANDING_SPEED:
            return {**held, 'place': aligned & (track.stations >= place)}
        near = np.abs(track.stations - place) <= GOAL_DISTANCE
        return {**held, 'place': aligned & near, 'speed': _stands(track)}

    match goal:
        case KeepSpeed():
            return Arrival((drives_on,))
        case StopBefore():
            return Arrival((stops_before,), hold=HOLD_TIME)
        case PoseGoal(speed=speed):
            return Arrival((at_pose,), hold=_hold(speed))
        case StationGoal(speed=speed):
            standing = speed < STANDING_SPEED
            return Arrival((stops_at if standing else passes,), hold=_hold(speed))
        case RegionGoal():
            return Arrival((within,))
        case _:
            assert_never(goal)


def arrival_before_block(
    goal: Goal, road: Road, car: VehicleParameters, traffic: Sequence[TrafficParticipant]
) -> Arrival:
    """Return when a car stands before what blocks its road, near ahead, for HOLD_TIME."""

    def is_near(t: float, station: float) -> bool:
        front = station + car.front_reach
        ahead = road.local(station, 0.0, car.front_reach + STOP_DISTANCE)
        stations = [at for each in traffic if (at := _station_on(ahead, each, t)) is not None]
        if isinstance(goal, StopBefore):
            stations.append(goal.station)
        return any(0.0 <= other - front <= STOP_DISTANCE for other in stations)

    def stands_for_a_reason(track: Track) -> Held:
        near = [is_near(*instant) for instant in zip(track.times, track.stations, strict=True)]
        return {'place': np.array(near, bool), 'speed': _stands(track)}

    return Arrival((stands_for_a_reason,), hold=HOLD_TIME)


def _station_on(road: Road, participant: TrafficParticipant, t: float) -> float | None:
    """Return the station of what is on a road at a time [m]; None where none of it is."""
    pose = participant.pose_at(t)
    if pose is None:
        return None
    station, offset = (float(v) for v in road.project(pose[:2]))
    length, width, radius = participant.size_at(t)
    reach = float(np.hypot(length, width)) + radius
    left, right = (float(road.at(side, station)) for side in ('left_width', 'right_width'))
    return station if -right - reach < offset < left + reach else None


def _turn(track: Track, yaw: float) -> NDArray[np.float64]:
    """Return how far a car faces left of a yaw, shape (n,) [rad]."""
    return (track.states[:, YAW] - yaw + np.pi) % (2 * np.pi) - np.pi


def _stands(track: Track) -> NDArray[np.bool_]:
    return np.abs(track.states[:, SPEED]) < STANDING_SPEED


def _hold(speed: float) -> float:
    return HOLD_TIME if speed < STANDING_SPEED else 0.0
