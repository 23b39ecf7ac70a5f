# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Goal states of the format, and the way to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.problem import Goal, KeepSpeed, StationGoal
from warmstart_planner.road import Road
from warmstart_planner.scenarios.commonroad.elements import (
    Shape,
    child,
    corners_of,
    interval_of,
    refs_of,
    shape_of,
)
from warmstart_planner.scenarios.lanelets import (
    RUN_OUT,
    Network,
    Rows,
    extend_rows,
    find_routes,
    longest_route,
    route_rows,
    starts,
)
from warmstart_planner.scenarios.scenario import ScenarioError, TrafficParticipant
from warmstart_planner.vehicle import VehicleParameters

GOAL_DEPTH = 5.0  # how far inside a long goal region the goal station lies at most [m]
PACE = 1.2  # times the mean speed that a goal's time interval needs: time to speed up first
LEAST_SPEED = 2.0  # to ask for at a goal that gives none [m/s]


@dataclass(frozen=True)
class GoalState:
    """What the first goal state of a problem asks for; None and empty where it does not."""

    lanelets: tuple[int, ...]
    region: Shape | None
    heading: float | None
    speed: float | None
    first_time: float
    last_time: float


def read_goal(element: etree._Element, where: str, dt: float, start: float) -> GoalState:
    """Read a goal state, with times from the start of the drive on."""
    where = f'{where}.goalState'
    position = element.find('position')
    lanelets: tuple[int, ...] = ()
    region = None
    if position is not None:
        lanelets = refs_of(position, 'lanelet', where)
        region = None if lanelets else shape_of(position, f'{where}.position')
    middle: dict[str, float] = {}
    for tag in ('orientation', 'velocity'):
        found = element.find(tag)
        if found is not None:
            low, high = interval_of(found, f'{where}.{tag}')
            middle[tag] = (max(low, 0.0) + high) / 2 if tag == 'velocity' else (low + high) / 2
    first, last = interval_of(child(element, 'time', where), f'{where}.time')
    return GoalState(
        lanelets=lanelets,
        region=region,
        heading=middle.get('orientation'),
        speed=middle.get('velocity'),
        first_time=first * dt - start,
        last_time=last * dt - start,
    )


def route_to(
    network: Network, center: NDArray[np.float64], speed: float, goal: GoalState
) -> tuple[Rows, bool]:
    """Return the route, extended at both ends, and whether it leads to the goal's lanelets."""
    begins = starts(network, center[:2], center[2])
    targets = {each for each in goal.lanelets if each in network}
    if goal.lanelets and not targets:
        raise ScenarioError(
            f'goal lanelet is {goal.lanelets[0]}: expected the id of a lanelet in the file'
        )
    if goal.region is not None:
        heading = goal.region.pose[2] if goal.heading is None else goal.heading
        inside = [each for each in network.values() if each.contains(goal.region.pose[:2])]
        same = [
            each.id
            for each in inside
            if np.cos(each.heading_at(goal.region.pose[:2]) - heading) > 0.0
        ]
        place = goal.region.pose[:2]
        targets = set(same) or {min(network.values(), key=lambda e: e.distance(place)).id}
    routes = find_routes(network, begins, targets)
    reached = bool(routes)
    if routes:
        route = next(iter(routes.values()))
    else:
        route = longest_route(network, begins[0], speed * goal.last_time)
    lanelet = network[route[0]]
    near_begin = np.hypot(*(lanelet.center[0] - center[:2])) < RUN_OUT / 10
    rows = extend_rows(network, route_rows(network, route), bool(near_begin), RUN_OUT)
    return rows, reached


def aim(
    goal: GoalState,
    reached: bool,
    network: Network,
    road: Road,
    rows: Rows,
    center: NDArray[np.float64],
    speed: float,
    car: VehicleParameters,
) -> Goal:
    """Return what the planner is asked for on the way to a goal."""
    here = float(road.project(center[:2])[0])
    keep = KeepSpeed(max(speed, LEAST_SPEED) if goal.speed is None else goal.speed)
    if not reached:
        return keep
    if goal.region is not None:
        station = _region_station(goal.region, road)
    else:
        station = _entry_station(set(goal.lanelets), network, road)
    if station <= here + car.wheelbase:
        return keep
    place = min(station, road.end) - car.rear_to_center
    limit = float(road.at('speed_limit', place))
    wanted = goal.speed
    if wanted is None:
        middle = max((goal.first_time + goal.last_time) / 2, 1.0)
        wanted = min(max(speed, PACE * (station - here) / middle), limit)
    return StationGoal(place, max(wanted, LEAST_SPEED))


def _region_station(region: Shape, road: Road) -> float:
    """Station of a region's middle, or not far inside a long one."""
    corners = road.project(corners_of(region))[0]
    middle = float(road.project(region.pose[:2])[0])
    return min(middle, float(corners.min()) + GOAL_DEPTH)


def _entry_station(lanelets: set[int], network: Network, road: Road) -> float:
    """First station at which the path lies in one of the lanelets."""
    points = np.stack([road.x, road.y], axis=-1)
    for station, point in zip(road.station, points, strict=True):
        if any(network[each].contains(point) for each in lanelets if each in network):
            return float(station) + 1.0
    return road.end


def duration_of(goal: GoalState, traffic: tuple[TrafficParticipant, ...]) -> float:
    """Return the time limit [s]."""
    if goal.last_time <= 0.0:
        raise ScenarioError(
            f'goalState.time ends {goal.last_time} s after the start: expected later than it'
        )
    return goal.last_time
