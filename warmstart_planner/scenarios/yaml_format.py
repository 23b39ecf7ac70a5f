# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Read the project's own scenario format, described in config/scenarios/README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.files.resources import share_folder
from warmstart_planner.files.schema import parse_checked
from warmstart_planner.files.vehicle_file import named_in
from warmstart_planner.problem import (
    Goal,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
)
from warmstart_planner.road import Road, road_from_segments
from warmstart_planner.scenarios.motion import (
    Knots,
    Motion,
    along_road,
    crossing,
    standing,
    start_speed,
)
from warmstart_planner.scenarios.scenario import Scenario, ScenarioError, TrafficParticipant
from warmstart_planner.vehicle import DEFAULT_VEHICLE

SCHEMA_NAME = 'scenario.schema.json'


def scenario_folder() -> Path:
    """
    Return the folder of the packaged scenarios.

    Raises:
        FileNotFoundError: the package's files are not installed.

    """
    return share_folder() / 'config' / 'scenarios'


def read_yaml(path: str | Path, vehicle: str = '') -> Scenario:
    """
    Read one scenario file.

    Args:
        path: of the file.
        vehicle: name or path of the car that drives in the place of the scenario's own.

    Raises:
        ScenarioError: the file is missing, is not YAML (`strict_yaml`), breaks the schema, or
            describes something that cannot be driven; the message names file, field, value and
            expectation.

    """
    path = Path(path)
    try:
        text = path.read_text(encoding='utf-8')
    except OSError as error:
        raise ScenarioError(f'{path}: cannot be read ({error.strerror})') from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f'{path}: is not YAML: {error}') from None
    try:
        return _scenario(path, parse_checked(text, scenario_folder() / SCHEMA_NAME), vehicle)
    except ValueError as error:
        raise ScenarioError(f'{path}: {error}') from None


def _scenario(path: Path, data: dict[str, Any], vehicle: str) -> Scenario:
    road = _road(data['road'])
    duration = float(data['duration'])
    return Scenario(
        name=path.stem,
        description=' '.join(data['description'].split()),
        road=road,
        initial_state=_start(data['start'], road),
        goal=_goal(data['goal'], road),
        station=float(data['start']['station']),
        traffic=tuple(_participant(item, road, duration) for item in data.get('traffic', [])),
        duration=duration,
        friction=float(data.get('friction', 1.0)),
        vehicle=vehicle or named_in(path.parent, data.get('vehicle', DEFAULT_VEHICLE)),
        must_stop=data.get('must_stop', False),
    )


def _road(data: dict[str, Any]) -> Road:
    origin = data.get('origin', {'x': 0.0, 'y': 0.0, 'heading': 0.0})
    segments = []
    for segment in data['segments']:
        bend = segment['curvature']
        start, end = bend if isinstance(bend, list) else (bend, bend)
        segments.append((segment['length'], start, end))
    for side in ('left_width', 'right_width'):
        if isinstance(data[side], list):
            stations = [pair[0] for pair in data[side]]
            if any(b <= a for a, b in zip(stations, stations[1:], strict=False)):
                raise ScenarioError(
                    f'road.{side} has stations {stations}: expected increasing stations'
                )
    return road_from_segments(
        segments,
        data['left_width'],
        data['right_width'],
        data['speed_limit'],
        (origin['x'], origin['y'], origin['heading']),
    )


def _start(data: dict[str, Any], road: Road) -> NDArray[np.float64]:
    pose = road.poses(data['station'], data.get('offset', 0.0))
    heading = pose[2] + data.get('heading', 0.0)
    _check_station('start.station', data['station'], road)
    return np.array([pose[0], pose[1], heading, data['speed'], data.get('steering', 0.0)])


def _goal(data: dict[str, Any], road: Road) -> Goal:
    (kind, value), *_ = data.items()
    if kind == 'keep_speed':
        return KeepSpeed(float(value['speed']))
    if kind == 'region':
        return _region(value, road)
    _check_station(f'goal.{kind}.station', value['station'], road)
    if kind == 'station':
        return StationGoal(float(value['station']), float(value['speed']))
    if kind == 'stop_before':
        return StopBefore(float(value['station']), float(value['cruise_speed']))
    x, y, heading = (float(v) for v in road.poses(value['station'], value.get('offset', 0.0)))
    station, speed = float(value['station']), float(value['speed'])
    return PoseGoal(x, y, heading + value.get('heading', 0.0), speed, station)


def _region(value: dict[str, Any], road: Road) -> RegionGoal:
    for station in value['stations']:
        _check_station('goal.region.stations', station, road)
    intervals = [value['stations'], value['times'], value.get('speeds', ())]
    numbers = [float(number) for interval in intervals for number in interval]
    middle = sum(value['stations']) / 2
    low, high = value.get('headings', (-np.pi, np.pi))
    return RegionGoal(
        *numbers,
        offset=float(value.get('offset', 0.0)),
        yaw=float(road.at('heading', middle)) + (low + high) / 2,
        yaw_tolerance=(high - low) / 2,
    )


def _check_station(field: str, station: float, road: Road) -> None:
    if not road.start <= station <= road.end:
        raise ScenarioError(
            f'{field} is {station}: expected on the road, in [{road.start:.1f}, {road.end:.1f}]'
        )


def _participant(data: dict[str, Any], road: Road, duration: float) -> TrafficParticipant:
    size = data['size']
    (kind, value), *_ = data['motion'].items()
    try:
        motion = _MOTIONS[kind](value, road, duration)
    except ScenarioError as error:
        raise ScenarioError(f'traffic {data["name"]!r}.motion.{kind}{error}') from None
    return TrafficParticipant(
        name=data['name'],
        half_length=size.get('length', 0.0) / 2,
        half_width=size.get('width', 0.0) / 2,
        radius=size.get('radius', 0.0),
        times=motion[0],
        poses=motion[1],
        kind=data['kind'],
        start_speed=start_speed(motion),
    )


def _standing(data: dict[str, Any], road: Road, duration: float) -> Motion:
    return standing(road, data['station'], data['offset'], data.get('heading', 0.0))


def _along_road(data: dict[str, Any], road: Road, duration: float) -> Motion:
    sense = {'with': 1, 'against': -1}[data.get('direction', 'with')]
    speeds = _knots(data, 'speed')
    offsets = _knots(data, 'offset')
    return along_road(road, data['station'], speeds, offsets, duration, sense)


def _knots(data: dict[str, Any], field: str) -> Knots:
    changes = [c for c in data.get('changes', []) if field in c]
    knots = [(0.0, float(data[field])), *((float(c['time']), float(c[field])) for c in changes)]
    times = [time for time, _ in knots]
    if any(b <= a for a, b in zip(times, times[1:], strict=False)):
        raise ScenarioError(f'.changes has times {times[1:]}: expected increasing times')
    return knots


def _crossing(data: dict[str, Any], road: Road, duration: float) -> Motion:
    start, end = (road.poses(data[k]['station'], data[k]['offset'])[:2] for k in ('from', 'to'))
    return crossing(start, end, data['speed'], data.get('start_time', 0.0), duration)


def _waypoints(data: list[dict[str, float]], road: Road, duration: float) -> Motion:
    times = np.array([point['time'] for point in data], dtype=float)
    poses = np.array([[point['x'], point['y'], point['yaw']] for point in data], dtype=float)
    return times, poses


_MOTIONS = {
    'standing': _standing,
    'along_road': _along_road,
    'crossing': _crossing,
    'waypoints': _waypoints,
}
