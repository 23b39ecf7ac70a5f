# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Polygons as boxes that cover them: a building must not block the road beside it."""

from __future__ import annotations

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.scenarios.commonroad.elements import (
    Shape,
    corners_of,
    enclosing,
    polygon_of,
    shapes_of,
)

OVERHANG = 0.25  # by which a box may stick out of its part of the polygon [m]
LEAST_SIDE = 1.0  # over which the overhang is taken at least [m]
MOST_BOXES = 16  # of one polygon
NOTCHES = 6  # vertices at which a cut is tried: those where the polygon turns inwards most
ON_LINE = 1e-6  # vertices that are nearer to a line lie on it [m]
LEAST_AREA = 1e-6  # of a part worth cutting off [m^2]

Points = NDArray[np.float64]


def pieces_of(element: etree._Element, where: str) -> list[Shape]:
    """Read a shape that stands as boxes and discs that cover it and stick out of it little."""
    pieces: list[Shape] = []
    for shape, each in zip(shapes_of(element, where), element.iterchildren('*'), strict=True):
        pieces += boxes_of(polygon_of(each, where)) if each.tag == 'polygon' else [shape]
    return pieces


def boxes_of(points: Points) -> list[Shape]:
    """
    Return boxes that together cover a polygon.

    The part whose box sticks out most is cut in two until none does by more than OVERHANG, or
    there are MOST_BOXES.

    Args:
        points: vertices in order, either way round, shape (P, 2) [m].

    """
    parts = [(_overhang(points), points)]
    while len(parts) < MOST_BOXES:
        worst = max(range(len(parts)), key=lambda i: parts[i][0])
        if parts[worst][0] <= OVERHANG:
            break
        halves = _cut(parts[worst][1])
        if halves is None:
            parts[worst] = (0.0, parts[worst][1])
            continue
        parts[worst : worst + 1] = [(_overhang(half), half) for half in halves]
    return [enclosing(part) for _, part in parts]


def _overhang(points: Points) -> float:
    """Area of the enclosing box beyond the polygon's, over the box's shorter side [m]."""
    box = enclosing(points)
    shorter = 2.0 * min(box.half_length, box.half_width)
    return (_box_area(box) - _area(points)) / max(shorter, LEAST_SIDE)


def _cut(points: Points) -> tuple[Points, Points] | None:
    """Cut a polygon where the boxes about both parts are smallest; None where nothing cuts it."""
    found = []
    for origin, normal in _cuts(points):
        halves = _beyond(points, origin, normal), _beyond(points, origin, -normal)
        if min(_area(half) for half in halves) > LEAST_AREA:
            found.append((sum(_box_area(enclosing(half)) for half in halves), halves))
    return min(found, key=lambda entry: entry[0])[1] if found else None


def _cuts(points: Points) -> list[tuple[Points, Points]]:
    """Lines to cut along: across the box's middle, and on with the edges at notches."""
    box = enclosing(points)
    corners = corners_of(box)
    along = corners[0] - corners[3 if box.half_length >= box.half_width else 1]
    cuts = [(box.pose[:2], along)]
    edges = np.roll(points, -1, axis=0) - points
    before = np.roll(edges, 1, axis=0)
    turn = before[:, 0] * edges[:, 1] - before[:, 1] * edges[:, 0]
    inwards = turn * -np.sign(_signed_area(points))
    for i in np.argsort(-inwards, kind='stable')[:NOTCHES]:
        if inwards[i] > LEAST_AREA:
            cuts += [(points[i], np.array([-e[1], e[0]])) for e in (before[i], edges[i])]
    return cuts


def _beyond(points: Points, origin: Points, normal: Points) -> Points:
    """Return the part of a polygon on the side of a line that its normal points to."""
    side = (points - origin) @ normal / np.hypot(*normal)
    side[np.abs(side) < ON_LINE] = 0.0
    after = np.roll(side, -1)
    kept = []
    for i, point in enumerate(points):
        a, b = side[i], after[i]
        # a vertex on the line belongs to this side only if an edge leads from it to this side
        if a > 0.0 or (a == 0.0 and max(b, side[i - 1]) > 0.0):
            kept.append(point)
        if a * b < 0.0:
            kept.append(point + a / (a - b) * (points[(i + 1) % len(points)] - point))
    return np.array(kept).reshape(-1, 2)


def _signed_area(points: Points) -> float:
    # about the first vertex: far from the origin the products would cancel
    x, y = (points - points[:1]).T if len(points) else (np.zeros(0), np.zeros(0))
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2.0


def _area(points: Points) -> float:
    return abs(_signed_area(points))


def _box_area(box: Shape) -> float:
    return 4.0 * box.half_length * box.half_width
