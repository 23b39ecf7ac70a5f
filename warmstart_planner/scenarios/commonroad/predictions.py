# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
From the states and occupancies of an obstacle to where its shape is when.

An obstacle is at its listed times only. Between two that follow on each other it is interpolated,
and so are missing times of GAP at most; over a longer gap it is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.scenarios.commonroad.elements import (
    Shape,
    around,
    child,
    composed,
    corners_of,
    interval_of,
    point_of,
    rotation,
    shape_of,
    shapes_of,
    value_of,
)
from warmstart_planner.scenarios.scenario import ScenarioError

GAP = 1.0  # of missing times that are interpolated [s]
MOVES = 0.05  # successive positions that are nearer tell no direction [m]
STANDS = 0.1  # a slower velocity tells no direction [m/s]
WITHIN = 1e-6  # a shape that sticks out of another by less lies in it [m]
JUMP = 1e-3  # of a time step, in which one interval's set takes over from another's
SCATTERED = 2.0  # times their own area, about shapes that are told apart
MOST_PARTS = 6  # of a set: more are taken as one


@dataclass(frozen=True, eq=False)
class Occupancy:
    """
    A shape, placed in the map, from a first to a last time [time steps].

    `has_heading` tells whether the heading is the body's own; that of a set may be chosen.
    """

    first: float
    last: float
    shape: Shape
    has_heading: bool = True


@dataclass(frozen=True)
class Motion:
    """Shapes by time: `times` (T,) [time steps], `poses` (T, 3), `sizes` (T, 3) [m]."""

    times: NDArray[np.float64]
    poses: NDArray[np.float64]
    sizes: NDArray[np.float64]


# --- states --------------------------------------------------------------------------------------


def states_of(states: Sequence[etree._Element], body: Shape, where: str) -> list[Occupancy]:
    """
    Return where a body is in states, in the order of time.

    What a state leaves open (a region for a position, intervals) makes the shape larger.

    Args:
        states: at least one.
        body: the shape in the obstacle's own frame.
        where: names the obstacle in errors.

    """
    times = [_time_of(state, where) for state in states]
    order = sorted(range(len(states)), key=lambda i: times[i])
    regions = [_region_of(states[i], where) for i in order]
    places = np.array([region.pose[:2] for region in regions])
    headings = _headings([states[i] for i in order], places, body, where)
    occupancies = []
    for i, region, (yaw, spread) in zip(order, regions, headings, strict=True):
        pose = composed(np.array([*region.pose[:2], yaw]), body.pose)
        occupancies.append(Occupancy(*times[i], _grown(body, pose, region, spread)))
    return occupancies


def _time_of(element: etree._Element, where: str) -> tuple[float, float]:
    """Return the first and the last time of a state or occupancy [time steps]."""
    first, last = interval_of(child(element, 'time', where), f'{where}.time')
    if first > last:
        raise ScenarioError(f'{where}.time is from {first} to {last}: expected start before end')
    return first, last


def _region_of(state: etree._Element, where: str) -> Shape:
    """Return the region of a state's position, which a point makes empty."""
    position = child(state, 'position', where)
    point = position.find('point')
    if point is None:
        return shape_of(position, f'{where}.position')
    return Shape(0.0, 0.0, 0.0, np.array([*point_of(point, f'{where}.position'), 0.0]))


def _headings(
    states: Sequence[etree._Element],
    places: NDArray[np.float64],
    body: Shape,
    where: str,
) -> list[tuple[float, float]]:
    """
    Return a heading and how far it may be off to both sides [rad] for states in order of time.

    Where it is not given, the velocity's direction, else that of the way, held while standing.
    """
    known: list[tuple[float, float] | None] = []
    held = None
    for k, state in enumerate(states):
        found = state.find('orientation')
        if found is not None:
            low, high = interval_of(found, f'{where}.orientation')
            held = (low + high) / 2, abs(high - low) / 2
        else:
            direction = _direction(state, places, k, where)
            held = held if direction is None else (direction, 0.0)
        known.append(held)
    first = next((each for each in known if each is not None), None)
    if first is None and max(body.half_length, body.half_width) == 0.0:
        first = 0.0, 0.0  # a disc has no heading to be missed
    if first is None:
        raise ScenarioError(
            f'{where}.orientation is missing: expected one, a velocity or positions that move'
        )
    return [first if each is None else each for each in known]


def _direction(
    state: etree._Element, places: NDArray[np.float64], k: int, where: str
) -> float | None:
    """Direction in which a state moves [rad], None where it stands."""
    if state.find('velocityY') is not None:
        vx, vy = (value_of(state, tag, where) for tag in ('velocity', 'velocityY'))
        if np.hypot(vx, vy) >= STANDS:
            return float(np.arctan2(vy, vx))
    begin = min(k, max(len(places) - 2, 0))
    step = places[min(begin + 1, len(places) - 1)] - places[begin]
    return float(np.arctan2(step[1], step[0])) if np.hypot(*step) >= MOVES else None


def _grown(body: Shape, pose: NDArray[np.float64], region: Shape, spread: float) -> Shape:
    """Return a body at a pose, grown by its position's region and its heading's spread [rad]."""
    if spread == region.half_length == region.half_width == region.radius == 0.0:
        return Shape(body.half_length, body.half_width, body.radius, pose)
    long, wide = body.half_length, body.half_width
    flat, steep = min(spread, np.arctan2(wide, long)), min(spread, np.arctan2(long, wide))
    half = np.array([long * np.cos(flat) + wide * np.sin(flat)] * 2)
    half[1] = wide * np.cos(steep) + long * np.sin(steep)
    half += 2.0 * np.sin(min(spread, np.pi) / 2.0) * np.hypot(*body.pose[:2])
    radius = body.radius
    if max(region.half_length, region.half_width) == 0.0:
        radius += region.radius
    else:
        corners = (corners_of(region) - region.pose[:2]) @ rotation(pose[2])
        half += np.abs(corners).max(axis=0)
    return Shape(float(half[0]), float(half[1]), radius, pose)


def onwards(state: etree._Element, body: Shape, last: float, dt: float, where: str) -> Motion:
    """
    Return how an obstacle without a prediction goes on: straight, with its velocity, or it stands.

    Args:
        state: its only one.
        body: the shape in the obstacle's own frame.
        last: until when [time steps].
        dt: of a time step [s].
        where: names the obstacle in errors.

    """
    (start,) = states_of([state], body, where)
    ((heading, spread),) = _headings([state], np.zeros((1, 2)), body, where)
    least, most = _speeds(state, where)
    directed = any(state.find(tag) is not None for tag in ('orientation', 'velocityY'))
    if (least, most) != (0.0, 0.0) and not directed:
        raise ScenarioError(f'{where}.orientation is missing: expected one, it moves')
    end = max(last, start.first + 1.0)
    time = (end - start.first) * dt
    way = time * (least + most) / 2 * np.array([np.cos(heading), np.sin(heading), 0.0])
    # what is not known of speed and heading adds up on the way
    farthest = time * max(abs(least), abs(most))
    along = time * (most - least) / 2 + farthest * (1.0 - np.cos(min(spread, np.pi)))
    across = farthest * np.sin(min(spread, np.pi / 2))
    c, s = np.abs(np.cos(body.pose[2])), np.abs(np.sin(body.pose[2]))
    far = Shape(
        start.shape.half_length + float(along * c + across * s),
        start.shape.half_width + float(along * s + across * c),
        start.shape.radius,
        start.shape.pose + way,
    )
    return _motion(np.array([start.first, end]), [start.shape, far])


def start_speed(obstacle: etree._Element, where: str) -> float:
    """Return the speed of an obstacle's initial state, 0 where it has none [m/s]."""
    initial = obstacle.find('initialState')
    return 0.0 if initial is None else sum(_speeds(initial, where)) / 2


def _speeds(state: etree._Element, where: str) -> tuple[float, float]:
    """Return the least and the largest speed of a state along its heading, 0 without one [m/s]."""
    velocity = state.find('velocity')
    if velocity is None:
        return 0.0, 0.0
    if state.find('orientation') is None and state.find('velocityY') is not None:
        parts = [value_of(state, tag, where) for tag in ('velocity', 'velocityY')]
        return float(np.hypot(*parts)), float(np.hypot(*parts))
    least, most = interval_of(velocity, f'{where}.velocity')
    return min(least, most), max(least, most)


# --- occupancies ---------------------------------------------------------------------------------


def sets_of(element: etree._Element, where: str) -> list[list[Occupancy]]:
    """
    Return an obstacle's occupancies, of one part or of several.

    Several shapes at a time are one part within the rectangle about them, unless that holds far
    more than they do. Then the k-th part is in the k-th shape of each time, or in the last.
    """
    times: list[tuple[float, float]] = []
    shapes: list[list[Shape]] = []
    for each in element.iterfind('occupancySet/occupancy'):
        times.append(_time_of(each, f'{where}.occupancy'))
        shapes.append(shapes_of(child(each, 'shape', where), f'{where}.occupancy.shape'))
    if not shapes:
        return []
    count = max(len(each) for each in shapes)
    if count > MOST_PARTS or not any(_scattered(each) for each in shapes):
        shapes, count = [[around(each)] for each in shapes], 1
    return [
        [
            Occupancy(*time, each[min(part, len(each) - 1)], has_heading=False)
            for time, each in zip(times, shapes, strict=True)
        ]
        for part in range(count)
    ]


def _scattered(shapes: list[Shape]) -> bool:
    return len(shapes) > 1 and _area(around(shapes)) > SCATTERED * sum(map(_area, shapes))


def _area(shape: Shape) -> float:
    return 4.0 * (shape.half_length + shape.radius) * (shape.half_width + shape.radius)


# --- motions -------------------------------------------------------------------------------------


def motions(occupancies: Sequence[Occupancy], dt: float) -> list[Motion]:
    """
    Return the motions that an obstacle's occupancies make, one for each time that it comes.

    Args:
        occupancies: at least one.
        dt: of a time step [s].

    """
    moments = _instants(occupancies)
    united = _oriented([_united(there) for _, there in moments])
    runs, begin = [], 0
    for k in range(1, len(moments) + 1):
        if k == len(moments) or _leaves(moments[k - 1], moments[k], dt):
            times = np.array([time for time, _ in moments[begin:k]])
            runs.append(_motion(times, united[begin:k]))
            begin = k
    return runs


Instant = tuple[float, list[Occupancy]]


def _instants(occupancies: Sequence[Occupancy]) -> list[Instant]:
    """Return the times at which something changes, each with the occupancies that hold then."""
    if all(each.first == each.last for each in occupancies):
        there: dict[float, list[Occupancy]] = {}
        for each in occupancies:
            there.setdefault(each.first, []).append(each)
        return sorted(there.items(), key=lambda moment: moment[0])
    ends = sorted({end for each in occupancies for end in (each.first, each.last)})
    found: list[Instant] = []
    for time in (end + step for end in ends for step in (-JUMP, 0.0, JUMP)):
        holding = [each for each in occupancies if each.first <= time <= each.last]
        if not holding:
            continue
        if len(found) > 1 and found[-1][1] == found[-2][1] == holding:
            found.pop()
        found.append((time, holding))
    return found


def _leaves(before: Instant, after: Instant, dt: float) -> bool:
    """Whether an obstacle is gone between two moments that follow on each other."""
    steps = after[0] - before[0]
    lasting = any(each.last >= after[0] for each in before[1])
    return steps > 1.0 and steps * dt > GAP + 1e-9 and not lasting


def _united(occupancies: list[Occupancy]) -> Occupancy:
    """Return one occupancy in the place of several at the same time: where any of them is."""
    if len(occupancies) == 1:
        return occupancies[0]
    largest = sorted(occupancies, key=lambda each: -_area(each.shape))
    kept: list[Occupancy] = []
    for each in largest:
        if not any(_within(each.shape, other.shape) for other in kept):
            kept.append(each)
    if len(kept) == 1:
        return kept[0]
    return replace(kept[0], shape=around([each.shape for each in kept]), has_heading=False)


def _within(inner: Shape, outer: Shape) -> bool:
    if outer.radius > 0.0:
        apart = np.hypot(*(inner.pose[:2] - outer.pose[:2]))
        return bool(
            inner.radius + np.hypot(inner.half_length, inner.half_width) + apart
            <= outer.radius + min(outer.half_length, outer.half_width) + WITHIN
        )
    local = (corners_of(inner) - outer.pose[:2]) @ rotation(outer.pose[2])
    half = np.array([outer.half_length, outer.half_width])
    return bool((np.abs(local) <= half + WITHIN).all())


def _oriented(occupancies: list[Occupancy]) -> list[Shape]:
    """
    Return shapes by time, those of sets turned by quarters to the heading before them.

    A set that begins with no heading takes that of its way or, standing, that of its long side.
    """
    heading = None
    result = []
    for each in occupancies:
        shape = each.shape
        if not each.has_heading:
            heading = _way_of(occupancies) if heading is None else heading
            shape = quarter_turned(shape, heading)
        heading = shape.pose[2]
        result.append(shape)
    return result


def _way_of(occupancies: list[Occupancy]) -> float:
    places = np.array([each.shape.pose[:2] for each in occupancies])
    way = places - places[0]
    moved = np.flatnonzero(np.hypot(*way.T) >= MOVES)
    if len(moved):
        return float(np.arctan2(*way[moved[0], ::-1]))
    first = occupancies[0].shape
    return float(first.pose[2]) + (np.pi / 2 if first.half_width > first.half_length else 0.0)


def quarter_turned(shape: Shape, heading: float) -> Shape:
    """Return the same shape with that of its four headings which is nearest to another."""
    if max(shape.half_length, shape.half_width) == 0.0:
        return replace(shape, pose=np.array([*shape.pose[:2], heading]))
    quarters = round((heading - shape.pose[2]) / (np.pi / 2))
    half = (shape.half_length, shape.half_width)[:: -1 if quarters % 2 else 1]
    pose = np.array([*shape.pose[:2], shape.pose[2] + quarters * np.pi / 2])
    return Shape(*half, shape.radius, pose)


def _motion(times: NDArray[np.float64], shapes: list[Shape]) -> Motion:
    """Return a motion; what has a single time is there for half a step to both sides."""
    if len(times) == 1:
        times, shapes = times + [-0.5, 0.5], shapes * 2
    poses = np.array([shape.pose for shape in shapes])
    sizes = np.array([shape.sizes for shape in shapes])
    # the rounding of a file's vertices is no change of shape
    same = np.ptp(sizes, axis=0) < WITHIN
    return Motion(times, poses, np.where(same, sizes.max(axis=0), sizes))
