# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Goal states of the format: what each asks for, and in which lanelets that lies."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.scenarios.arrival import Place, Region
from warmstart_planner.scenarios.commonroad.elements import (
    child,
    corners_of,
    interval_of,
    polygon_of,
    refs_of,
    shapes_of,
)
from warmstart_planner.scenarios.lanelets import Lanelet, Network
from warmstart_planner.scenarios.scenario import ScenarioError

EXACT_HEADING = 0.1  # to either side of a heading that is given exactly [rad]
EXACT_SPEED = 0.5  # to either side of a speed that is given exactly [m/s]
SPACING = 0.25  # between the places of a lanelet that are looked at [m]
LEADS = np.pi / 3  # a lanelet may lead this far beside the headings that a goal asks for [rad]


@dataclass(frozen=True)
class GoalState:
    """
    One of a problem's goal states, and the lanelets for cars that each of its places lies in.

    `leading` are those of them that lead the way that the goal asks for, `central` those that
    hold the middle of a place and not only a part.
    """

    region: Region
    lanelets: tuple[tuple[int, ...], ...]
    leading: frozenset[int]
    central: frozenset[int]


def read_goals(
    problem: etree._Element, network: Network, where: str, dt: float, start: float
) -> tuple[GoalState, ...]:
    """
    Read the goal states of a planning problem, any one of which is enough.

    Those that no drive can fulfil, such as one whose time is over, are left out.

    Args:
        problem: the planning problem's element.
        network: all lanelets.
        where: name of the problem, for errors.
        dt: the file's time step [s].
        start: time of the initial state, from which times count [s].

    Raises:
        ScenarioError: a value is missing or wrong, or no drive can fulfil any of the goal states.

    """
    child(problem, 'goalState', where)
    found = problem.findall('goalState')
    names = (
        [f'{where}.goalState']
        if len(found) == 1
        else [f'{where}.goalState {k + 1}' for k in range(len(found))]
    )
    goals = tuple(
        _goal_state(element, network, name, dt, start)
        for element, name in zip(found, names, strict=True)
    )
    reasons = [_reason_impossible(goal.region) for goal in goals]
    possible = tuple(goal for goal, reason in zip(goals, reasons, strict=True) if reason is None)
    if not possible:
        raise ScenarioError(f'{names[0]}.{reasons[0]}')
    return possible


def _reason_impossible(region: Region) -> str | None:
    """Return why no drive can fulfil a region, None where one may."""
    if region.time[1] <= 0.0:
        return f'time ends {region.time[1]} s after the start: expected later than it'
    if region.speed is not None and region.speed[1] < 0.0:
        return f'velocity ends at {region.speed[1]}: expected 0 or more, cars do not reverse here'
    return None


def _goal_state(
    element: etree._Element, network: Network, where: str, dt: float, start: float
) -> GoalState:
    first, last = interval_of(child(element, 'time', where), f'{where}.time')
    heading = _interval(element, 'orientation', where, EXACT_HEADING)
    if heading is not None and heading[1] < heading[0]:
        heading = (heading[0], heading[1] + 2 * np.pi)
    speed = _interval(element, 'velocity', where, EXACT_SPEED)
    position = element.find('position')
    named: tuple[int, ...] = ()
    places: list[Place] = []
    lanelets: list[tuple[int, ...]] = []
    if position is not None:
        named = refs_of(position, 'lanelet', where)
        shapes = _shape_places(position, f'{where}.position', bool(named))
        places = [*(_lanelet_place(network, id_, where) for id_ in named), *shapes]
        lanelets = [(id_,) for id_ in named]
        lanelets += [_lanelets_in(network, place) for place in shapes]
    try:
        region = Region((first * dt - start, last * dt - start), tuple(places), heading, speed)
    except ValueError as error:
        raise ScenarioError(f'{where}: {error}') from None
    pairs = [
        (place, id_)
        for place, ids in zip(places, lanelets, strict=True)
        for id_ in ids
        if id_ in network
    ]
    leading = (i for place, i in pairs if _leads(network[i].heading_at(place.middle), heading))
    central = (i for place, i in pairs if _is_central(place, network[i]))
    return GoalState(region, tuple(lanelets), frozenset(leading), frozenset([*named, *central]))


def _interval(
    element: etree._Element, tag: str, where: str, exact: float
) -> tuple[float, float] | None:
    found = element.find(tag)
    if found is None:
        return None
    low, high = interval_of(found, f'{where}.{tag}')
    if found.find('exact') is not None and not (tag == 'velocity' and low == 0.0):
        return low - exact, high + exact
    return low, high


def _lanelet_place(network: Network, id_: int, where: str) -> Place:
    if id_ in network:
        return Place(network[id_].polygon)
    if id_ in network.left_out and len(network.left_out[id_].outline) >= 3:
        return Place(network.left_out[id_].outline)
    reason = f': it is left out, {network.left_out[id_]}' if id_ in network.left_out else ''
    raise ScenarioError(
        f'{where}.position.lanelet is {id_}: expected the id of a lanelet in the file{reason}'
    )


def _shape_places(position: etree._Element, where: str, beside: bool) -> list[Place]:
    """Return a place for each shape; `beside` lanelets there need be none."""
    if position.find('point') is not None:
        raise ScenarioError(f'{where} is a point: expected a region, which has an area')
    shapes = [each for each in position.iterchildren('*') if each.tag != 'lanelet']
    if not shapes and beside:
        return []
    alone = etree.Element('position')
    alone.extend(deepcopy(shapes))
    shapes_of(alone, where)  # says what is missing, or no shape
    return [_place(each, where) for each in shapes]


def _place(element: etree._Element, where: str) -> Place:
    if element.tag == 'polygon':
        try:
            return Place(polygon_of(element, where))
        except ValueError as error:
            raise ScenarioError(f'{where}.polygon: {error}') from None
    alone = etree.Element('position')
    alone.append(deepcopy(element))
    (shape,) = shapes_of(alone, where)
    if shape.half_length == 0.0 and shape.half_width == 0.0:
        return Place(shape.pose[None, :2], shape.radius)
    return Place(corners_of(shape))


def _lanelets_in(network: Network, place: Place) -> tuple[int, ...]:
    """Return the lanelets for cars that a part of a place lies in."""
    return tuple(each.id for each in network.values() if each.for_cars and _lies_in(place, each))


def _is_central(place: Place, lanelet: Lanelet) -> bool:
    return bool(lanelet.contains(place.middle) and place.contains(place.middle[None])[0])


def _lies_in(place: Place, lanelet: Lanelet) -> bool:
    reach = points_of(place)
    low, high = reach.min(axis=0), reach.max(axis=0)
    outline = lanelet.polygon
    if (outline.max(axis=0) < low).any() or (outline.min(axis=0) > high).any():
        return False
    along = np.linspace(0.0, lanelet.length, int(lanelet.length / SPACING) + 2)
    line = np.stack([np.interp(along, lanelet.arc, lanelet.center[:, i]) for i in (0, 1)], axis=-1)
    return bool(place.contains(line).any() or any(lanelet.contains(point) for point in reach))


def _leads(direction: float, heading: tuple[float, float] | None) -> bool:
    if heading is None:
        return True
    low, high = heading[0] - LEADS, heading[1] + LEADS
    return high - low >= 2 * np.pi or (direction - low) % (2 * np.pi) <= high - low


def points_of(place: Place) -> NDArray[np.float64]:
    """Return points that span a place, shape (n, 2)."""
    reach = place.radius * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    return (place.vertices[:, None] + reach).reshape(-1, 2)
