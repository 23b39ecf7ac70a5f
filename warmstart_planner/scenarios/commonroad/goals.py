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
from warmstart_planner.scenarios.lanelets import Network
from warmstart_planner.scenarios.scenario import ScenarioError

EXACT_HEADING = 0.1  # to either side of a heading that is given exactly [rad]
EXACT_SPEED = 0.5  # to either side of a speed that is given exactly [m/s]
LEADS = np.pi / 3  # a lanelet may lead this far beside the headings that a goal asks for [rad]


@dataclass(frozen=True)
class GoalState:
    """
    One of a problem's goal states, and the lanelets for cars that each of its places lies in.

    `leading` are those of them that lead the way that the goal asks for.
    """

    region: Region
    lanelets: tuple[tuple[int, ...], ...]
    leading: frozenset[int]


def read_goals(
    problem: etree._Element, network: Network, where: str, dt: float, start: float
) -> tuple[GoalState, ...]:
    """
    Read the goal states of a planning problem, any one of which is enough.

    Args:
        problem: the planning problem's element.
        network: all lanelets.
        where: name of the problem, for errors.
        dt: the file's time step [s].
        start: time of the initial state, from which times count [s].

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
    last = max(goal.region.time[1] for goal in goals)
    if last <= 0.0:
        raise ScenarioError(
            f'{names[0]}.time ends {last} s after the start: expected later than it'
        )
    return goals


def _goal_state(
    element: etree._Element, network: Network, where: str, dt: float, start: float
) -> GoalState:
    first, last = interval_of(child(element, 'time', where), f'{where}.time')
    heading = _interval(element, 'orientation', where, EXACT_HEADING)
    if heading is not None and heading[1] < heading[0]:
        heading = (heading[0], heading[1] + 2 * np.pi)
    speed = _interval(element, 'velocity', where, EXACT_SPEED)
    position = element.find('position')
    places: list[Place] = []
    lanelets: list[tuple[int, ...]] = []
    if position is not None:
        ids = refs_of(position, 'lanelet', where)
        shapes = _shape_places(position, f'{where}.position', bool(ids))
        places = [*(_lanelet_place(network, id_, where) for id_ in ids), *shapes]
        lanelets = [(id_,) for id_ in ids]
        lanelets += [_lanelets_in(network, place) for place in shapes]
    try:
        region = Region((first * dt - start, last * dt - start), tuple(places), heading, speed)
    except ValueError as error:
        raise ScenarioError(f'{where}: {error}') from None
    leading = frozenset(
        id_
        for place, ids in zip(places, lanelets, strict=True)
        for id_ in ids
        if id_ in network and _leads(network[id_].heading_at(place.middle), heading)
    )
    return GoalState(region, tuple(lanelets), leading)


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
    shapes = [each for each in position if each.tag in ('rectangle', 'circle', 'polygon')]
    if not shapes and not beside:
        shapes_of(position, where)  # says what is missing
    return [
        Place(polygon_of(each, where)) if each.tag == 'polygon' else _place(each, where)
        for each in shapes
    ]


def _place(element: etree._Element, where: str) -> Place:
    alone = etree.Element('position')
    alone.append(deepcopy(element))
    (shape,) = shapes_of(alone, where)
    if shape.half_length == 0.0 and shape.half_width == 0.0:
        return Place(shape.pose[None, :2], shape.radius)
    return Place(corners_of(shape))


def _lanelets_in(network: Network, place: Place) -> tuple[int, ...]:
    """Return the lanelets for cars that a place lies in, its middle or else a part of it."""
    roads = [each for each in network.values() if each.for_cars]
    holding = [each for each in roads if each.contains(place.middle)]
    holding = holding or [
        each
        for each in roads
        if any(each.contains(point) for point in place.vertices)
        or place.contains(each.center).any()
    ]
    return tuple(each.id for each in holding)


def _leads(direction: float, heading: tuple[float, float] | None) -> bool:
    if heading is None:
        return True
    low, high = heading[0] - LEADS, heading[1] + LEADS
    return high - low >= 2 * np.pi or (direction - low) % (2 * np.pi) <= high - low


def points_of(place: Place) -> NDArray[np.float64]:
    """Return points that span a place, shape (n, 2)."""
    reach = place.radius * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    return (place.vertices[:, None] + reach).reshape(-1, 2)
