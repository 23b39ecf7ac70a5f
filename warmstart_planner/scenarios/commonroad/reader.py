# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From a file to a scenario."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.road import Road
from warmstart_planner.scenarios.commonroad.elements import (
    Shape,
    child,
    corners_of,
    pose_of,
    to_float,
    value_of,
)
from warmstart_planner.scenarios.commonroad.goal_routes import EgoState, route_to_goal
from warmstart_planner.scenarios.commonroad.goals import read_goals
from warmstart_planner.scenarios.commonroad.network import read_network
from warmstart_planner.scenarios.commonroad.traffic import OBSTACLES, read_traffic
from warmstart_planner.scenarios.lane import Lane
from warmstart_planner.scenarios.lanelets import (
    Network,
    Rows,
    corridor,
    drivable_area,
    open_around,
)
from warmstart_planner.scenarios.scenario import Scenario, ScenarioError, TrafficParticipant
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle

VERSIONS = ('2018b', '2020a')
READ = {*OBSTACLES, 'lanelet', 'trafficSign', 'planningProblem'}  # elements of a file
HARMLESS = {'location', 'scenarioTags', 'intersection'}  # of no consequence if not read
DEFAULT_SPEED_LIMIT = 36.0  # where a file has none [m/s]
PASSABLE = 0.8  # beside an obstacle, room beyond the car's width that it needs to pass [m]
STEERED_SPEED = 1.0  # below it a yaw rate tells no front-wheel angle [m/s]
MOVES = 0.5  # traffic that stays within it stands [m]

_log = logging.getLogger(__name__)


def read_commonroad(path: str | Path, vehicle: str = '') -> Scenario:
    """
    Read a CommonRoad file and follow its lanes from the start to the goal.

    The road is the route's centre line with a corridor of all lanes that lead the same way. The
    opposite lane is added only about something that stands and blocks ours. The goal is reached
    in any one of the goal states, as a whole; the planner is asked for the place of the one that
    the cheapest way leads to. Without a place it is to keep on driving.

    Args:
        path: of the file.
        vehicle: name or path of the car that drives; empty: the default one, files name none.

    Raises:
        ScenarioError: the file is missing, not well-formed, not CommonRoad, or a value is missing
            or wrong; the message names file, field, value and expectation.

    """
    path = Path(path)
    root = _parse(path)
    _warn_of_unread(path, root)
    try:
        return _scenario(path.stem, root, vehicle or DEFAULT_VEHICLE)
    except ValueError as error:
        raise ScenarioError(f'{path}: {error}') from None


def _parse(path: Path) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        with path.open('rb') as stream:
            tree = etree.parse(stream, parser)
    except OSError as error:
        raise ScenarioError(f'{path}: cannot be read ({error.strerror or error})') from None
    except etree.XMLSyntaxError as error:
        raise ScenarioError(f'{path}: is not well-formed XML: {error.msg}') from None
    root = tree.getroot()
    if tree.docinfo.doctype:
        raise ScenarioError(f'{path}: has a document type: expected none, entities are not read')
    if root.tag != 'commonRoad':
        raise ScenarioError(f'{path}: root element is {root.tag!r}: expected commonRoad')
    version = root.get('commonRoadVersion')
    if version not in VERSIONS:
        old = (version or '')[:4].isdigit() and version < min(VERSIONS)
        hint = '; older ones, which commonroad-io does not read either, have to be replaced'
        raise ScenarioError(
            f'{path}: commonRoadVersion is {version!r}: expected one of {", ".join(VERSIONS)}'
            f'{hint if old else ""}'
        )
    return root


def _warn_of_unread(path: Path, root: etree._Element) -> None:
    """Name the elements of a file that are not read, each tag once."""
    tags = {each.tag for each in root.iterchildren('*')} - READ - HARMLESS
    if 'trafficLight' in tags:
        _log.warning('%s: traffic lights are not obeyed', path)
    unread = sorted(tags - {'trafficLight'})
    if unread:
        _log.warning('%s: elements are not read: %s', path, ', '.join(unread))


def _scenario(name: str, root: etree._Element, vehicle: str) -> Scenario:
    dt = to_float(root.get('timeStepSize'), 'timeStepSize')
    if dt <= 0.0:
        raise ScenarioError(f'timeStepSize is {dt}: expected a positive number')
    network = read_network(root)
    problem = child(root, 'planningProblem', 'commonRoad')
    where = f'planningProblem {problem.get("id")}'
    initial = child(problem, 'initialState', where)
    time = value_of(initial, 'time', where) * dt
    center = pose_of(initial, where)
    speed = value_of(initial, 'velocity', where)
    goals = read_goals(problem, network, where, dt, time)
    car = load_vehicle(vehicle)
    traffic = tuple(read_traffic(root, dt, time))
    route = route_to_goal(network, EgoState(center, speed, car), goals, DEFAULT_SPEED_LIMIT)
    road = open_opposite(network, route.rows, route.road, center[:2], traffic, car)
    ahead = np.array([np.cos(center[2]), np.sin(center[2])])
    rear = center[:2] - car.rear_to_center * ahead
    return Scenario(
        name=name,
        description=f'CommonRoad {root.get("benchmarkID")}, {root.get("source")}',
        road=road,
        initial_state=np.array([*rear, center[2], speed, _steering(initial, speed, car, where)]),
        goal=route.goal,
        traffic=traffic,
        duration=max(goal.region.time[1] for goal in goals),
        vehicle=vehicle,
        regions=tuple(goal.region for goal in goals),
        region_step=dt,
        area=drivable_area(network),
        lanes=_lanes(network),
    )


def _lanes(network: Network) -> tuple[Lane, ...]:
    index = {id_: i for i, id_ in enumerate(network)}
    return tuple(
        Lane(each.left, each.right, each.for_cars, tuple(index[id_] for id_ in each.successors))
        for each in network.values()
    )


def _steering(initial: etree._Element, speed: float, car: VehicleParameters, where: str) -> float:
    """Return the front-wheel angle with which a car turns as fast as its state says [rad]."""
    if initial.find('yawRate') is None or speed < STEERED_SPEED:
        return 0.0
    angle = np.arctan(value_of(initial, 'yawRate', where) * car.wheelbase / speed)
    return float(np.clip(angle, -car.steering_max, car.steering_max))


def open_opposite(
    network: Network,
    rows: Rows,
    road: Road,
    start: NDArray[np.float64],
    traffic: tuple[TrafficParticipant, ...],
    car: VehicleParameters,
) -> Road:
    """Open the opposite lane where something stands that leaves no way past it in ours."""
    blocked = [s for each in traffic for s in _blocked_stations(each, road, car)]
    if not blocked:
        return road
    return open_around(road, corridor(network, rows, road, start, opposite=True), blocked)


def _blocked_stations(
    participant: TrafficParticipant, road: Road, car: VehicleParameters
) -> list[float]:
    travelled = np.hypot(*(participant.poses[:, :2] - participant.poses[0, :2]).T).max()
    if travelled > MOVES:
        return []
    size = participant.sizes_over(participant.times).max(axis=0)
    corners = corners_of(Shape(*size, participant.poses[0]))
    station, offset = road.project(corners)
    middle = float(station.mean())
    left = float(road.at('left_width', middle)) - offset.max()
    right = float(road.at('right_width', middle)) + offset.min()
    on_road = offset.min() < road.at('left_width', middle)
    on_road = on_road and offset.max() > -road.at('right_width', middle)
    if not on_road or max(left, right) >= car.width + PASSABLE:
        return []
    return [middle]
