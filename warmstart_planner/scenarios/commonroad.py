# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Read CommonRoad scenarios, XML formats 2018b and 2020a, for lane following.

The formats are described at https://commonroad.in.tum.de. Of each file the first planning problem
is taken. Times count from its initial state. Uncertain values (intervals) become their middle,
shapes that are neither rectangle nor circle their smallest enclosing rectangle.

Known limits: lane following only. Traffic lights, priority rules and a goal's earliest time are
not read, and at intersections the corridor is the route's own lanelet, which in some recorded
files is narrower in the turn than the car's swept width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.problem import Goal, KeepSpeed, StationGoal
from warmstart_planner.road import Road
from warmstart_planner.scenarios.lanelets import (
    RUN_OUT,
    Lanelet,
    Network,
    Rows,
    corridor,
    extend_rows,
    find_route,
    locate,
    longest_route,
    open_around,
    opposite_way,
    road_along,
    route_rows,
    same_way,
)
from warmstart_planner.scenarios.scenario import Scenario, ScenarioError, TrafficParticipant
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle

VERSIONS = ('2018b', '2020a')
DEFAULT_SPEED_LIMIT = 36.0  # where a file has none [m/s]
SPEED_LIMIT_SIGNS = ('274', 'R2-1', 'maxSpeed', 's301')  # by country; their value is in m/s
KINDS = {
    'truck': 'truck',
    'train': 'truck',
    'bus': 'bus',
    'bicycle': 'bicycle',
    'motorcycle': 'motorcycle',
    'pedestrian': 'pedestrian',
}
STATIC_KINDS = ('unknown', 'constructionZone', 'roadBoundary', 'building', 'pillar')
PASSABLE = 0.8  # beside an obstacle, room beyond the car's width that it needs to pass [m]
MOVES = 0.5  # traffic that stays within it stands [m]
GOAL_DEPTH = 5.0  # how far inside a long goal region the goal station lies at most [m]
PACE = 1.2  # times the mean speed that a goal's time interval needs: time to speed up first
LEAST_SPEED = 2.0  # to ask for at a goal that gives none [m/s]


@dataclass(frozen=True)
class _Shape:
    """A rounded box with the pose of its centre in the frame it is given in."""

    half_length: float
    half_width: float
    radius: float
    pose: NDArray[np.float64]


@dataclass(frozen=True)
class _Goal:
    """What the first goal state of a problem asks for; None and empty where it does not."""

    lanelets: tuple[int, ...]
    region: _Shape | None
    heading: float | None
    speed: float | None
    first_time: float
    last_time: float


def read_commonroad(path: str | Path) -> Scenario:
    """
    Read a CommonRoad file and follow its lanes from the start to the goal.

    The road is the route's centre line with a corridor of all lanes that lead the same way. The
    opposite lane is added only about something that stands and blocks ours. The goal is the
    station where the goal region lies (its time interval bounds the duration, the drive is not
    held back to it); a goal without a place means to keep on driving.

    Raises:
        ScenarioError: the file is missing, not well-formed, not CommonRoad, or a value is missing
            or wrong; the message names file, field, value and expectation.

    """
    path = Path(path)
    root = _parse(path)
    try:
        return _scenario(path.stem, root)
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
        raise ScenarioError(
            f'{path}: commonRoadVersion is {version!r}: expected one of {", ".join(VERSIONS)}'
        )
    return root


def _scenario(name: str, root: etree._Element) -> Scenario:
    dt = _to_float(root.get('timeStepSize'), 'timeStepSize')
    if dt <= 0.0:
        raise ScenarioError(f'timeStepSize is {dt}: expected a positive number')
    network = _network(root)
    problem = _child(root, 'planningProblem', 'commonRoad')
    where = f'planningProblem {problem.get("id")}'
    initial = _child(problem, 'initialState', where)
    time = _value(initial, 'time', where) * dt
    center = _pose(initial, where)
    speed = _value(initial, 'velocity', where)
    goal = _goal_state(_child(problem, 'goalState', where), where, dt, time)
    car = load_vehicle(DEFAULT_VEHICLE)
    traffic = tuple(_participants(root, dt, time))
    rows, reached = _route(network, center, speed, goal)
    road = road_along(network, rows, center[:2], DEFAULT_SPEED_LIMIT)
    road = _open_opposite(network, rows, road, traffic, car)
    ahead = np.array([np.cos(center[2]), np.sin(center[2])])
    rear = center[:2] - car.rear_to_center * ahead
    return Scenario(
        name=name,
        description=f'CommonRoad {root.get("benchmarkID")}, {root.get("source")}',
        road=road,
        initial_state=np.array([*rear, center[2], speed, 0.0]),
        goal=_goal(goal, reached, network, road, rows, center, speed, car),
        traffic=traffic,
        duration=_duration(goal, traffic),
    )


# --- elements of the format


def _child(element: etree._Element, tag: str, where: str) -> etree._Element:
    found = element.find(tag)
    if found is None:
        raise ScenarioError(f'{where}.{tag} is missing: expected one element')
    return found


def _to_float(text: str | None, where: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise ScenarioError(f'{where} is {text!r}: expected a number') from None
    if not np.isfinite(value):
        raise ScenarioError(f'{where} is {value}: expected a finite number')
    return value


def _number(element: etree._Element, tag: str, where: str) -> float:
    return _to_float(_child(element, tag, where).text, f'{where}.{tag}')


def _interval(element: etree._Element, where: str) -> tuple[float, float]:
    if element.find('exact') is not None:
        value = _number(element, 'exact', where)
        return value, value
    return _number(element, 'intervalStart', where), _number(element, 'intervalEnd', where)


def _value(state: etree._Element, tag: str, where: str) -> float:
    low, high = _interval(_child(state, tag, where), f'{where}.{tag}')
    return (low + high) / 2


def _point(element: etree._Element, where: str) -> NDArray[np.float64]:
    return np.array([_number(element, 'x', where), _number(element, 'y', where)])


def _pose(state: etree._Element, where: str) -> NDArray[np.float64]:
    position = _child(state, 'position', where)
    point = position.find('point')
    if point is not None:
        place = _point(point, f'{where}.position')
    else:
        place = _shape(position, f'{where}.position').pose[:2]
    return np.array([*place, _value(state, 'orientation', where)])


def _shape(element: etree._Element, where: str) -> _Shape:
    """Read a shape; several in one become the rectangle about them all."""
    shapes = [_SHAPES[child.tag](child, where) for child in element if child.tag in _SHAPES]
    if not shapes:
        raise ScenarioError(
            f'{where} holds no shape: expected one of {", ".join(_SHAPES)} or a point'
        )
    if len(shapes) == 1:
        return shapes[0]
    return _enclosing(np.concatenate([_corners(shape) for shape in shapes]))


def _rectangle(element: etree._Element, where: str) -> _Shape:
    turn = 0.0
    if element.find('orientation') is not None:
        turn = _number(element, 'orientation', where)
    size = [_number(element, tag, f'{where}.rectangle') / 2 for tag in ('length', 'width')]
    if min(size) <= 0.0:
        raise ScenarioError(f'{where}.rectangle is {2 * min(size)} long or wide: expected > 0')
    return _Shape(*size, 0.0, np.array([*_center(element, where), turn]))


def _circle(element: etree._Element, where: str) -> _Shape:
    radius = _number(element, 'radius', f'{where}.circle')
    if radius <= 0.0:
        raise ScenarioError(f'{where}.circle.radius is {radius}: expected > 0')
    return _Shape(0.0, 0.0, radius, np.array([*_center(element, where), 0.0]))


def _polygon(element: etree._Element, where: str) -> _Shape:
    points = [_point(point, f'{where}.polygon') for point in element.findall('point')]
    if len(points) < 3:
        raise ScenarioError(f'{where}.polygon has {len(points)} points: expected 3 or more')
    return _enclosing(np.array(points))


_SHAPES = {'rectangle': _rectangle, 'circle': _circle, 'polygon': _polygon}


def _center(element: etree._Element, where: str) -> NDArray[np.float64]:
    center = element.find('center')
    return np.zeros(2) if center is None else _point(center, f'{where}.center')


def _corners(shape: _Shape) -> NDArray[np.float64]:
    reach = np.array([shape.half_length, shape.half_width]) + shape.radius
    corners = reach * np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
    return corners @ _rotation(shape.pose[2]).T + shape.pose[:2]


def _rotation(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _enclosing(points: NDArray[np.float64]) -> _Shape:
    """Return the smallest rectangle about points that shares a direction with two of them."""
    edges = np.roll(points, -1, axis=0) - points
    best: _Shape | None = None
    for angle in np.arctan2(edges[:, 1], edges[:, 0]):
        local = points @ _rotation(angle)
        half = (local.max(axis=0) - local.min(axis=0)) / 2
        if best is None or half[0] * half[1] < best.half_length * best.half_width:
            middle = _rotation(angle) @ ((local.max(axis=0) + local.min(axis=0)) / 2)
            best = _Shape(*np.maximum(half, 1e-3), 0.0, np.array([*middle, angle]))
    return best


# --- the road network


def _network(root: etree._Element) -> dict[int, Lanelet]:
    signs = dict(_speed_signs(root))
    lanelets = [_lanelet(element, signs) for element in root.findall('lanelet')]
    if not lanelets:
        raise ScenarioError('lanelet: the file has none, expected at least one')
    return {lanelet.id: lanelet for lanelet in lanelets}


def _speed_signs(root: etree._Element) -> list[tuple[int, float]]:
    found = []
    for sign in root.findall('trafficSign'):
        for element in sign.findall('trafficSignElement'):
            value = element.find('additionalValue')
            if element.findtext('trafficSignID') in SPEED_LIMIT_SIGNS and value is not None:
                where = f'trafficSign {sign.get("id")}'
                found.append((_id(sign, 'id', where), _to_float(value.text, where)))
    return found


def _id(element: etree._Element, attribute: str, where: str) -> int:
    text = element.get(attribute)
    try:
        return int(text)
    except (TypeError, ValueError):
        raise ScenarioError(f'{where}.{attribute} is {text!r}: expected an integer') from None


def _lanelet(element: etree._Element, signs: dict[int, float]) -> Lanelet:
    id_ = _id(element, 'id', 'lanelet')
    where = f'lanelet {id_}'
    left, right = (_bound(_child(element, tag, where), where) for tag in _BOUNDS)
    if len(left) != len(right) or len(left) < 2:
        raise ScenarioError(
            f'{where} has {len(left)} left and {len(right)} right points: expected equally many, '
            '2 or more'
        )
    limits = [signs[ref] for ref in _refs(element, 'trafficSignRef', where) if ref in signs]
    if element.find('speedLimit') is not None:
        limits.append(_number(element, 'speedLimit', where))
    return Lanelet(
        id=id_,
        left=left,
        right=right,
        successors=_refs(element, 'successor', where),
        predecessors=_refs(element, 'predecessor', where),
        left_neighbour=_neighbour(element, 'adjacentLeft', where),
        right_neighbour=_neighbour(element, 'adjacentRight', where),
        speed_limit=min(limits, default=float('nan')),
    )


_BOUNDS = ('leftBound', 'rightBound')


def _bound(element: etree._Element, where: str) -> NDArray[np.float64]:
    points = [_point(point, f'{where}.{element.tag}') for point in element.findall('point')]
    return np.array(points).reshape(-1, 2)


def _refs(element: etree._Element, tag: str, where: str) -> tuple[int, ...]:
    return tuple(_id(child, 'ref', f'{where}.{tag}') for child in element.findall(tag))


def _neighbour(element: etree._Element, tag: str, where: str) -> tuple[int, bool] | None:
    found = element.find(tag)
    if found is None:
        return None
    return _id(found, 'ref', f'{where}.{tag}'), found.get('drivingDir') == 'same'


# --- traffic


def _participants(root: etree._Element, dt: float, start: float) -> list[TrafficParticipant]:
    """Read all obstacles, of both formats, with times from the problem's start on."""
    found = []
    for element in root.iterchildren('obstacle', 'staticObstacle', 'dynamicObstacle'):
        role = element.findtext('role') or element.tag.removesuffix('Obstacle')
        found.append(_participant(element, role, dt, start))
    return found


def _participant(
    element: etree._Element, role: str, dt: float, start: float
) -> TrafficParticipant:
    name = f'{role}_{element.get("id")}'
    where = f'obstacle {element.get("id")}'
    shape = _shape(_child(element, 'shape', where), f'{where}.shape')
    initial = _child(element, 'initialState', where)
    times = [_value(initial, 'time', where)]
    poses = [_compose(_pose(initial, where), shape.pose)]
    for state in element.findall('trajectory/state'):
        times.append(_value(state, 'time', where))
        poses.append(_compose(_pose(state, where), shape.pose))
    half = np.array([shape.half_length, shape.half_width])
    for occupancy in element.findall('occupancySet/occupancy'):
        area = _shape(_child(occupancy, 'shape', where), f'{where}.occupancy')
        times.append(_value(occupancy, 'time', where))
        poses.append(area.pose)
        half = np.maximum(half, [area.half_length + area.radius, area.half_width + area.radius])
    order = np.unique(times, return_index=True)[1]
    kind = element.findtext('type') or 'unknown'
    fallback = 'static' if kind in STATIC_KINDS else 'car'
    return TrafficParticipant(
        name=name,
        half_length=half[0],
        half_width=half[1],
        radius=shape.radius if half.max() == 0.0 else 0.0,
        times=np.array(times)[order] * dt - start,
        poses=np.array(poses)[order],
        kind=KINDS.get(kind, fallback),
    )


def _compose(frame: NDArray[np.float64], local: NDArray[np.float64]) -> NDArray[np.float64]:
    place = frame[:2] + _rotation(frame[2]) @ local[:2]
    return np.array([*place, frame[2] + local[2]])


# --- the way to the goal


def _goal_state(element: etree._Element, where: str, dt: float, start: float) -> _Goal:
    where = f'{where}.goalState'
    position = element.find('position')
    lanelets: tuple[int, ...] = ()
    region = None
    if position is not None:
        lanelets = _refs(position, 'lanelet', where)
        region = None if lanelets else _shape(position, f'{where}.position')
    middle: dict[str, float] = {}
    for tag in ('orientation', 'velocity'):
        found = element.find(tag)
        if found is not None:
            low, high = _interval(found, f'{where}.{tag}')
            middle[tag] = (max(low, 0.0) + high) / 2 if tag == 'velocity' else (low + high) / 2
    first, last = _interval(_child(element, 'time', where), f'{where}.time')
    return _Goal(
        lanelets=lanelets,
        region=region,
        heading=middle.get('orientation'),
        speed=middle.get('velocity'),
        first_time=first * dt - start,
        last_time=last * dt - start,
    )


def _route(
    network: Network, center: NDArray[np.float64], speed: float, goal: _Goal
) -> tuple[Rows, bool]:
    """Return the route, extended at both ends, and whether it leads to the goal's lanelets."""
    begin = locate(network, center[:2], center[2])
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
        targets = set(same) or {locate(network, goal.region.pose[:2], heading)}
    route = find_route(network, begin, targets) if targets else None
    reached = route is not None
    if route is None:
        route = longest_route(network, begin, speed * goal.last_time)
    lanelet = network[begin]
    near_begin = np.hypot(*(lanelet.center[0] - center[:2])) < RUN_OUT / 10
    rows = extend_rows(network, route_rows(network, route), bool(near_begin), RUN_OUT)
    return rows, reached


def _goal(
    goal: _Goal,
    reached: bool,
    network: Network,
    road: Road,
    rows: Rows,
    center: NDArray[np.float64],
    speed: float,
    car: VehicleParameters,
) -> Goal:
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


def _region_station(region: _Shape, road: Road) -> float:
    """Station of a region's middle, or not far inside a long one."""
    corners = road.project(_corners(region))[0]
    middle = float(road.project(region.pose[:2])[0])
    return min(middle, float(corners.min()) + GOAL_DEPTH)


def _entry_station(lanelets: set[int], network: Network, road: Road) -> float:
    """First station at which the path lies in one of the lanelets."""
    points = np.stack([road.x, road.y], axis=-1)
    for station, point in zip(road.station, points, strict=True):
        if any(network[each].contains(point) for each in lanelets if each in network):
            return float(station) + 1.0
    return road.end


def _duration(goal: _Goal, traffic: tuple[TrafficParticipant, ...]) -> float:
    if goal.last_time <= 0.0:
        raise ScenarioError(
            f'goalState.time ends {goal.last_time} s after the start: expected later than it'
        )
    return goal.last_time


def _open_opposite(
    network: Network,
    rows: Rows,
    road: Road,
    traffic: tuple[TrafficParticipant, ...],
    car: VehicleParameters,
) -> Road:
    """Open the opposite lane where something stands that leaves no way past it in ours."""
    blocked = [s for each in traffic for s in _blocked_stations(each, road, car)]
    ours = same_way(network, rows)
    opposite = opposite_way(network, ours)
    if not blocked or not opposite:
        return road
    return open_around(road, corridor(network, ours | opposite, road), blocked)


def _blocked_stations(
    participant: TrafficParticipant, road: Road, car: VehicleParameters
) -> list[float]:
    travelled = np.hypot(*(participant.poses[:, :2] - participant.poses[0, :2]).T).max()
    if travelled > MOVES:
        return []
    size = (participant.half_length, participant.half_width, participant.radius)
    corners = _corners(_Shape(*size, participant.poses[0]))
    station, offset = road.project(corners)
    middle = float(station.mean())
    left = float(road.at('left_width', middle)) - offset.max()
    right = float(road.at('right_width', middle)) + offset.min()
    on_road = offset.min() < road.at('left_width', middle)
    on_road = on_road and offset.max() > -road.at('right_width', middle)
    if not on_road or max(left, right) >= car.width + PASSABLE:
        return []
    return [middle]
