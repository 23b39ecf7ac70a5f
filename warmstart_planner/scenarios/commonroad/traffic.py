# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Obstacles of the format as traffic."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from lxml import etree

from warmstart_planner.obstacles import size_fields
from warmstart_planner.scenarios.commonroad.elements import (
    Shape,
    child,
    id_of,
    interval_of,
    shape_of,
)
from warmstart_planner.scenarios.commonroad.polygons import pieces_of
from warmstart_planner.scenarios.commonroad.predictions import (
    Motion,
    motions,
    onwards,
    quarter_turned,
    sets_of,
    start_speed,
    states_of,
)
from warmstart_planner.scenarios.scenario import ScenarioError, TrafficParticipant

KINDS = {
    'truck': 'truck',
    'train': 'truck',
    'bus': 'bus',
    'bicycle': 'bicycle',
    'motorcycle': 'motorcycle',
    'pedestrian': 'pedestrian',
}
STATIC_KINDS = (
    'unknown',
    'constructionZone',
    'roadBoundary',
    'building',
    'pillar',
    'medianStrip',
    'median_strip',
)
OBSTACLES = (
    'obstacle',
    'staticObstacle',
    'dynamicObstacle',
    'environmentObstacle',
    'phantomObstacle',
)
READ = {
    'static': {'role', 'type', 'shape', 'initialState'},
    'dynamic': {'role', 'type', 'shape', 'initialState', 'trajectory', 'occupancySet'},
    'environment': {'role', 'type', 'shape'},
    'phantom': {'role', 'type', 'occupancySet'},
}
# about lights and lanelets of an obstacle, which say nothing of where it is
HARMLESS = {
    'initialSignalState',
    'signalSeries',
    'initialCenterLaneletIds',
    'initialShapeLaneletIds',
    'centerLaneletAssignment',
    'shapeLaneletAssignment',
}

_log = logging.getLogger(__name__)


def read_traffic(root: etree._Element, dt: float, start: float) -> list[TrafficParticipant]:
    """
    Read all obstacles, of both formats.

    What stands is there at all times, as boxes that cover its shape: a building's stick out of its
    polygon little. All else is there at its listed times only (`predictions`); without a
    prediction it goes on straight with its velocity. An obstacle of several parts, or that comes
    again after a gap, is several participants: `dynamic_7`, `dynamic_7_part_2`,
    `dynamic_7_visit_2`. Elements of obstacles that are not read are named in one warning.

    Args:
        root: of the file.
        dt: of a time step [s].
        start: of the problem, from which times count [s].

    Raises:
        ScenarioError: a value of an obstacle is missing or wrong.

    """
    clock = _Clock(root, dt, start)
    elements = list(root.iterchildren(*OBSTACLES))
    traffic = [each for element in elements for each in _participants(element, clock)]
    unread = sorted({tag for element in elements for tag in _unread(element)})
    if unread:
        _log.warning('elements of obstacles are not read: %s', ', '.join(unread))
    return traffic


@dataclass(frozen=True)
class _Clock:
    """Time in a file: steps of `dt` [s], counted from `start` on [s]."""

    root: etree._Element
    dt: float
    start: float

    @cached_property
    def last(self) -> float:
        """Last time of a goal or a prediction in the file, and a little more [time steps]."""
        paths = ('.//goalState/time', './/trajectory/state/time', './/occupancy/time')
        ends = [
            interval_of(time, f'{path.split("/")[2]}.time')[1]
            for path in paths
            for time in self.root.iterfind(path)
        ]
        return max(ends, default=0.0) + 1.0


def _participants(element: etree._Element, clock: _Clock) -> list[TrafficParticipant]:
    """Return the participants that one obstacle becomes."""
    role, number = _role(element), id_of(element, 'id', element.tag)
    where = f'obstacle {number}'
    if role in ('static', 'environment'):
        parts = [
            [Motion(np.zeros(1), shape.pose[None], shape.sizes[None])]
            for shape in _standing(element, role, where)
        ]
    else:
        parts = _moving(element, role, clock, where)
    speed = start_speed(element, where)
    found = []
    for part, motion_of_part in enumerate(parts, start=1):
        name = _numbered(f'{role}_{number}', 'part', part)
        for visit, motion in enumerate(motion_of_part, start=1):
            found.append(
                TrafficParticipant(
                    name=_numbered(name, 'visit', visit),
                    times=motion.times * clock.dt - clock.start,
                    poses=motion.poses,
                    kind='static' if role == 'environment' else _kind(element),
                    start_speed=speed if visit == 1 else 0.0,
                    **size_fields(motion.sizes),
                )
            )
    return found


def _standing(element: etree._Element, role: str, where: str) -> list[Shape]:
    """Return the shapes of an obstacle that stands, in the map."""
    shape = child(element, 'shape', where)
    if role == 'environment':
        return pieces_of(shape, f'{where}.shape')
    state = [child(element, 'initialState', where)]
    if _type(element) in STATIC_KINDS:
        bodies = pieces_of(shape, f'{where}.shape')
    else:
        bodies = [_body(element, where)]
    return [states_of(state, body, where)[0].shape for body in bodies]


def _moving(element: etree._Element, role: str, clock: _Clock, where: str) -> list[list[Motion]]:
    """Return the motions of each part of an obstacle that may move."""
    sets = sets_of(element, where)
    if role == 'phantom':
        return [motions(part, clock.dt) for part in sets]
    body = _body(element, where)
    initial = child(element, 'initialState', where)
    states = [initial, *element.iterfind('trajectory/state')]
    if not sets and len(states) == 1:
        return [[onwards(initial, body, clock.last, clock.dt, where)]]
    occupancies = states_of(states, body, where)
    return [motions(occupancies + part, clock.dt) for part in sets or [[]]]


def _body(element: etree._Element, where: str) -> Shape:
    """Return the rectangle about a vehicle, in its own frame, with its length along the x axis."""
    return quarter_turned(shape_of(child(element, 'shape', where), f'{where}.shape'), 0.0)


def _role(element: etree._Element) -> str:
    if element.tag != 'obstacle':
        return element.tag.removesuffix('Obstacle')
    role = (element.findtext('role') or '').strip()
    if role not in ('static', 'dynamic'):
        raise ScenarioError(
            f'obstacle {element.get("id")}.role is {role!r}: expected static or dynamic'
        )
    return role


def _type(element: etree._Element) -> str:
    return (element.findtext('type') or 'unknown').strip()


def _kind(element: etree._Element) -> str:
    kind = _type(element)
    return KINDS.get(kind, 'static' if kind in STATIC_KINDS else 'car')


def _numbered(name: str, word: str, number: int) -> str:
    return name if number == 1 else f'{name}_{word}_{number}'


def _unread(element: etree._Element) -> Iterator[str]:
    """Yield the paths of children that say something which is not read."""
    role = _role(element)
    for each in element.iterchildren('*'):
        if each.tag not in READ[role] | HARMLESS:
            yield f'{element.tag}/{each.tag}'
    for tag, part in (('trajectory', 'state'), ('occupancySet', 'occupancy')):
        for each in element.iterfind(f'{tag}/*'):
            if each.tag != part:
                yield f'{element.tag}/{tag}/{each.tag}'
    if role == 'phantom' and element.find('occupancySet/occupancy') is None:
        yield f'{element.tag} {element.get("id")}, which has no occupancy'
