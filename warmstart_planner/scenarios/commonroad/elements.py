# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Elements that all parts of the format share: numbers, intervals, poses, shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.scenarios.scenario import ScenarioError


@dataclass(frozen=True)
class Shape:
    """A rounded box with the pose of its centre in the frame it is given in."""

    half_length: float
    half_width: float
    radius: float
    pose: NDArray[np.float64]

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Half length, half width and radius, shape (3,) [m]."""
        return np.array([self.half_length, self.half_width, self.radius])


def child(element: etree._Element, tag: str, where: str) -> etree._Element:
    """Return the one element of a tag below another; ScenarioError where there is none."""
    found = element.find(tag)
    if found is None:
        raise ScenarioError(f'{where}.{tag} is missing: expected one element')
    return found


def to_float(text: str | None, where: str) -> float:
    """Return a text as a finite number; ScenarioError names the place of one that is none."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise ScenarioError(f'{where} is {text!r}: expected a number') from None
    if not np.isfinite(value):
        raise ScenarioError(f'{where} is {value}: expected a finite number')
    return value


def number_of(element: etree._Element, tag: str, where: str) -> float:
    """Return the number in a child element."""
    return to_float(child(element, tag, where).text, f'{where}.{tag}')


def interval_of(element: etree._Element, where: str) -> tuple[float, float]:
    """Return both ends of an interval; those of an exact value are equal."""
    if element.find('exact') is not None:
        value = number_of(element, 'exact', where)
        return value, value
    return number_of(element, 'intervalStart', where), number_of(element, 'intervalEnd', where)


def value_of(state: etree._Element, tag: str, where: str) -> float:
    """Return a value of a state; of an interval its middle."""
    low, high = interval_of(child(state, tag, where), f'{where}.{tag}')
    return (low + high) / 2


def point_of(element: etree._Element, where: str) -> NDArray[np.float64]:
    """Return a point, shape (2,) [m]."""
    return np.array([number_of(element, 'x', where), number_of(element, 'y', where)])


def pose_of(state: etree._Element, where: str) -> NDArray[np.float64]:
    """Return a state's pose (x, y, yaw), shape (3,); a region's place is its middle."""
    position = child(state, 'position', where)
    point = position.find('point')
    if point is not None:
        place = point_of(point, f'{where}.position')
    else:
        place = shape_of(position, f'{where}.position').pose[:2]
    return np.array([*place, value_of(state, 'orientation', where)])


def shape_of(element: etree._Element, where: str) -> Shape:
    """Read a shape; several in one become the rectangle about them all."""
    return around(shapes_of(element, where))


def shapes_of(element: etree._Element, where: str) -> list[Shape]:
    """Read one or more shapes; ScenarioError where there is none, or one of another kind."""
    for each in element:
        if isinstance(each.tag, str) and each.tag not in _SHAPES:
            raise ScenarioError(f'{where} holds {each.tag!r}: expected {", ".join(_SHAPES)}')
    shapes = [_SHAPES[each.tag](each, where) for each in element if each.tag in _SHAPES]
    if not shapes:
        raise ScenarioError(
            f'{where} holds no shape: expected one of {", ".join(_SHAPES)} or a point'
        )
    return shapes


def around(shapes: list[Shape]) -> Shape:
    """Return the rectangle about shapes; a single one is returned as it is."""
    if len(shapes) == 1:
        return shapes[0]
    return enclosing(np.concatenate([corners_of(shape) for shape in shapes]))


def _rectangle(element: etree._Element, where: str) -> Shape:
    turn = 0.0
    if element.find('orientation') is not None:
        turn = number_of(element, 'orientation', where)
    size = [number_of(element, tag, f'{where}.rectangle') / 2 for tag in ('length', 'width')]
    if min(size) <= 0.0:
        raise ScenarioError(f'{where}.rectangle is {2 * min(size)} long or wide: expected > 0')
    return Shape(*size, 0.0, np.array([*_center(element, where), turn]))


def _circle(element: etree._Element, where: str) -> Shape:
    radius = number_of(element, 'radius', f'{where}.circle')
    if radius <= 0.0:
        raise ScenarioError(f'{where}.circle.radius is {radius}: expected > 0')
    return Shape(0.0, 0.0, radius, np.array([*_center(element, where), 0.0]))


def _polygon(element: etree._Element, where: str) -> Shape:
    return enclosing(polygon_of(element, where))


def polygon_of(element: etree._Element, where: str) -> NDArray[np.float64]:
    """Return the vertices of a polygon element, shape (P, 2) [m]."""
    points = [point_of(point, f'{where}.polygon') for point in element.findall('point')]
    if len(points) < 3:
        raise ScenarioError(f'{where}.polygon has {len(points)} points: expected 3 or more')
    return np.array(points)


_SHAPES = {'rectangle': _rectangle, 'circle': _circle, 'polygon': _polygon}


def _center(element: etree._Element, where: str) -> NDArray[np.float64]:
    center = element.find('center')
    return np.zeros(2) if center is None else point_of(center, f'{where}.center')


def corners_of(shape: Shape) -> NDArray[np.float64]:
    """Return the corners of the rectangle about a shape, shape (4, 2)."""
    reach = np.array([shape.half_length, shape.half_width]) + shape.radius
    corners = reach * np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
    return corners @ rotation(shape.pose[2]).T + shape.pose[:2]


def rotation(angle: float) -> NDArray[np.float64]:
    """Return the matrix of a rotation [rad], shape (2, 2)."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def enclosing(points: NDArray[np.float64]) -> Shape:
    """Return the smallest rectangle about points that shares a direction with two of them."""
    edges = np.roll(points, -1, axis=0) - points
    best: Shape | None = None
    for angle in np.arctan2(edges[:, 1], edges[:, 0]):
        local = points @ rotation(angle)
        half = (local.max(axis=0) - local.min(axis=0)) / 2
        if best is None or half[0] * half[1] < best.half_length * best.half_width:
            middle = rotation(angle) @ ((local.max(axis=0) + local.min(axis=0)) / 2)
            best = Shape(*np.maximum(half, 1e-3), 0.0, np.array([*middle, angle]))
    return best


def id_of(element: etree._Element, attribute: str, where: str) -> int:
    """Return an integer attribute."""
    text = element.get(attribute)
    try:
        return int(text)
    except (TypeError, ValueError):
        raise ScenarioError(f'{where}.{attribute} is {text!r}: expected an integer') from None


def refs_of(element: etree._Element, tag: str, where: str) -> tuple[int, ...]:
    """Return the ids that children of a tag refer to."""
    return tuple(id_of(each, 'ref', f'{where}.{tag}') for each in element.findall(tag))


def composed(frame: NDArray[np.float64], local: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a pose of a frame in the map."""
    place = frame[:2] + rotation(frame[2]) @ local[:2]
    return np.array([*place, frame[2] + local[2]])
