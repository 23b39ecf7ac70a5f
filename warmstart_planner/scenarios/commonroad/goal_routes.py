# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The cheapest route whose road comes by a place of a goal, and what to aim at there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import Goal, KeepSpeed, RegionGoal
from warmstart_planner.road import Road
from warmstart_planner.scenarios.arrival import Place, Region
from warmstart_planner.scenarios.commonroad.goals import GoalState, points_of
from warmstart_planner.scenarios.lanelets import (
    RUN_OUT,
    Network,
    Rows,
    extend_rows,
    find_routes,
    longest_route,
    reason_unreachable,
    road_along,
    route_rows,
    same_way,
    starts,
)
from warmstart_planner.scenarios.road_goals import STANDING_SPEED
from warmstart_planner.scenarios.scenario import ScenarioError
from warmstart_planner.vehicle import VehicleParameters

LEAST_SPEED = 2.0  # to ask for at a goal that gives none [m/s]
SAMPLES = 0.25  # between the places of a road that are looked at [m]
ASIDE = 0.25  # between the offsets that are looked at [m]
OBLIQUE = 0.3  # a car can face this far beside the way that its road leads [rad]
DEPTH = 0.75  # that is wanted to the sides of a place [m]


@dataclass(frozen=True)
class GoalRoute:
    """A route as rows of lanelets, the road along it, and what the planner is asked for on it."""

    rows: Rows
    road: Road
    goal: Goal


@dataclass(frozen=True)
class EgoState:
    """Pose (x, y, yaw) of the car's centre, speed [m/s], and the car."""

    pose: NDArray[np.float64]
    speed: float
    car: VehicleParameters


@dataclass(frozen=True)
class _Stretch:
    """
    Where along a road a place lies: stations from first to last at an offset [m].

    `leads`: the road leads the way there that is asked for.
    """

    first: float
    last: float
    offset: float
    leads: bool


def route_to_goal(
    network: Network, ego: EgoState, goals: Sequence[GoalState], default_limit: float
) -> GoalRoute:
    """
    Return the cheapest route to a place of any of some goals.

    A goal without a place asks only to drive on.

    Args:
        network: all lanelets.
        ego: of the car.
        goals: any one of which is enough.
        default_limit: speed limit where the network has none [m/s].

    Raises:
        ScenarioError: the car is on no road, or no route leads to any of the goals.

    """
    begins = starts(network, ego.pose[:2], ego.pose[2])
    for goal in goals:
        if not goal.region.places:
            return _onward(network, ego, begins[0], goal.region, default_limit)
    around = _behind(network, begins, ego, goals)
    wanted = {each for goal in goals for ids in goal.lanelets for each in ids}
    leading = frozenset.union(*(goal.leading for goal in goals))
    routes = find_routes(network, begins, wanted - around, around)
    central = frozenset.union(*(goal.central for goal in goals))
    order = sorted(routes, key=lambda target: (target not in leading, target not in central))
    fallback = None
    for target in order:
        rows = _rows(network, routes[target], ego)
        road = road_along(network, rows, ego.pose[:2], default_limit, ego.car)
        for region, place in _places_in(target, goals):
            stretch = _stretch(place, road, ego, region)
            if stretch is None:
                continue
            found = GoalRoute(rows, road, _aim(region, stretch, road, ego))
            if stretch.leads:
                return found
            fallback = fallback or found
    # where none leads the way that is asked for, the place at least can be reached
    if fallback is not None:
        return fallback
    raise ScenarioError(
        f'goal cannot be reached: {"; ".join(_reasons(network, begins, goals, around))}'
    )


def _onward(
    network: Network, ego: EgoState, begin: int, region: Region, default_limit: float
) -> GoalRoute:
    route = longest_route(network, begin, ego.speed * region.time[1])
    rows = _rows(network, route, ego)
    road = road_along(network, rows, ego.pose[:2], default_limit, ego.car)
    return GoalRoute(rows, road, KeepSpeed(_speed_in(region, max(ego.speed, LEAST_SPEED))))


def _rows(network: Network, route: Sequence[int], ego: EgoState) -> Rows:
    first = network[route[0]].center[0]
    near_begin = np.hypot(*(first - ego.pose[:2])) < RUN_OUT / 10
    return extend_rows(network, route_rows(network, route), bool(near_begin), RUN_OUT)


def _behind(
    network: Network, begins: Sequence[int], ego: EgoState, goals: Sequence[GoalState]
) -> set[int]:
    """Return the lanelets beside the car whose place lies behind it: a lap leads there."""
    beside = same_way(network, begins)
    found: set[int] = set()
    for goal in goals:
        for place, lanelets in zip(goal.region.places, goal.lanelets, strict=True):
            for id_ in beside.intersection(lanelets):
                lanelet = network[id_]
                here = lanelet.arc_beside(ego.pose[:2])
                if max(lanelet.arc_beside(point) for point in points_of(place)) < here:
                    found.add(id_)
    return found


def _places_in(target: int, goals: Sequence[GoalState]) -> Iterator[tuple[Region, Place]]:
    """Yield the places of goals that lie in a lanelet."""
    for goal in goals:
        for place, lanelets in zip(goal.region.places, goal.lanelets, strict=True):
            if target in lanelets:
                yield goal.region, place


def _stretch(place: Place, road: Road, ego: EgoState, region: Region) -> _Stretch | None:
    """
    Return where a road, or what lies beside its path within the corridor, is in a place.

    That is where the road leads the way that the region asks for, if it does anywhere, as near to
    its path as leaves DEPTH to the sides of the place.
    """
    here = float(road.project(ego.pose[:2], road.locate(ego.pose))[0])
    stations = np.arange(here, road.end, SAMPLES)
    half = ego.car.width / 2
    left = np.maximum(road.at('left_width', stations) - half, 0.0)
    right = np.maximum(road.at('right_width', stations) - half, 0.0)
    asides = np.arange(-np.ceil(right.max() / ASIDE), np.ceil(left.max() / ASIDE) + 1) * ASIDE
    points = road.poses(stations, asides[:, None])[..., :2]
    inside = (asides[:, None] <= left) & (-asides[:, None] <= right)
    inside &= place.may_contain(points)
    inside[inside] = place.contains(points[inside])
    leading = inside & region.allows_heading(road.at('heading', stations))
    leads = bool(leading.any())
    inside = leading if leads else inside
    if not inside.any():
        return None
    nearest = min(np.flatnonzero(inside.any(axis=1)), key=lambda row: abs(asides[row]))
    row = _deeper(inside, nearest, asides)
    run = _first_run(inside[row])
    return _Stretch(float(stations[run[0]]), float(stations[run[1]]), float(asides[row]), leads)


def _deeper(inside: NDArray[np.bool_], row: int, asides: NDArray[np.float64]) -> int:
    """Return the offset's row nearest to the path with DEPTH to both sides, or the middle one."""
    first, last = _first_run(inside[row])
    across = inside[:, (first + last) // 2]
    low = row - int(np.argmin(np.append(across[: row + 1][::-1], False))) + 1
    high = row + int(np.argmin(np.append(across[row:], False))) - 1
    depth = min(int(DEPTH / ASIDE), (high - low) // 2)
    path = int(np.argmin(np.abs(asides)))
    return min(max(path, low + depth), high - depth)


def _first_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first and the last place of the first flags in a row that are set."""
    first = int(np.argmax(flags))
    return first, first + int(np.argmin(np.append(flags[first:], False))) - 1


def _aim(region: Region, stretch: _Stretch, road: Road, ego: EgoState) -> RegionGoal:
    """Return what is asked for of the rear axle; no heading that the road is far from."""
    slowest, fastest = (0.0, ego.car.speed_max) if region.speed is None else region.speed
    low, high = (-np.pi, np.pi) if region.heading is None else region.heading
    yaw, tolerance = (low + high) / 2, (high - low) / 2
    turn = float(road.at('heading', (stretch.first + stretch.last) / 2)) - yaw
    if abs((turn + np.pi) % (2 * np.pi) - np.pi) > tolerance + OBLIQUE:
        tolerance = np.pi
    return RegionGoal(
        first=stretch.first - ego.car.rear_to_center,
        last=stretch.last - ego.car.rear_to_center,
        begin=max(region.time[0], 0.0),
        end=region.time[1],
        slowest=max(slowest, 0.0),
        fastest=min(fastest, ego.car.speed_max),
        offset=stretch.offset,
        yaw=yaw,
        yaw_tolerance=tolerance,
    )


def _speed_in(region: Region, wanted: float) -> float:
    if region.speed is None:
        return wanted
    low, high = max(region.speed[0], 0.0), max(region.speed[1], 0.0)
    return 0.0 if high < STANDING_SPEED else min(max(wanted, low), high)


def _reasons(
    network: Network,
    begins: Sequence[int],
    goals: Sequence[GoalState],
    around: set[int],
) -> Iterator[str]:
    """Yield for each place why no way leads to it."""
    for goal in goals:
        for place, lanelets in zip(goal.region.places, goal.lanelets, strict=True):
            x, y = place.middle
            if not lanelets:
                yield f'its place at ({x:.1f}, {y:.1f}) is on no lanelet for cars'
            for id_ in lanelets:
                where = f'its place at ({x:.1f}, {y:.1f}) in lanelet {id_}'
                if id_ in around:
                    yield f'{where} is behind the car, and no way leads round to it'
                elif id_ in find_routes(network, begins, [id_]):
                    yield f'{where} is behind the car or beside the road that leads there'
                else:
                    yield f'{where}: {reason_unreachable(network, begins, id_)}'
