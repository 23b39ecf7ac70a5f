# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What picture and animation share: colours, outlines, and the direction that lies flat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.road import Road
from warmstart_planner.scenarios.scenario import Scenario, TrafficParticipant
from warmstart_planner.vehicle import VehicleParameters

PAPER = '#ffffff'
GROUND = '#e9ede4'
ASPHALT = '#c9ccd1'
PAVEMENT = '#dcd8cd'  # of lanes that cars may not drive on
EDGE = '#5b626d'
CENTER_LINE = '#f4f5f7'
CANDIDATE = '#8a93a0'
EGO = '#0b5fa5'
REFERENCE = '#12a150'
GOAL = '#12a150'
INK = '#23272e'
TRAFFIC = {
    'car': '#c8502f',
    'truck': '#8c3b7a',
    'bus': '#8c3b7a',
    'motorcycle': '#d98b1f',
    'bicycle': '#d98b1f',
    'pedestrian': '#b3195e',
    'static': '#6b5c4d',
}
ROUND_POINTS = 8  # of each corner of a rounded outline


@dataclass(frozen=True)
class Surface:
    """A part of the ground: outline of shape (P, 2), map frame, and its colour."""

    outline: NDArray[np.float64]
    color: str


@dataclass(frozen=True)
class Line:
    """A marking: shape (P, 2), map frame, its colour, and `-` or `--`."""

    points: NDArray[np.float64]
    color: str
    style: str


class Flat:
    """
    A rotation about the map's origin that lays the driven path along the x axis.

    Args:
        path: shape (T, 2), in driving direction, map frame.

    """

    def __init__(self, path: NDArray[np.float64]) -> None:
        middle = path - path.mean(axis=0)
        direction = np.linalg.svd(middle, full_matrices=False)[2][0]
        if direction @ (path[-1] - path[0]) < 0:
            direction = -direction
        self.angle = float(np.arctan2(direction[1], direction[0]))
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        self._matrix = np.array([[cos, -sin], [sin, cos]])

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rotate points, shape (..., 2)."""
        return np.asarray(points, dtype=float) @ self._matrix


def car_outline(pose: NDArray[np.float64], vehicle: VehicleParameters) -> NDArray[np.float64]:
    """Corners of the car with its centre at a pose (x, y, yaw), shape (4, 2)."""
    return _placed(_box(vehicle.length / 2, vehicle.width / 2), pose)


def windscreen(pose: NDArray[np.float64], vehicle: VehicleParameters) -> NDArray[np.float64]:
    """Corners of a windscreen, which shows where the car's front is, shape (4, 2)."""
    x, y = vehicle.length / 2, vehicle.width / 2
    glass = np.array([[0.45 * x, 0.8 * y], [0.1 * x, 0.7 * y], [0.1 * x, -0.7 * y]])
    return _placed(np.concatenate([glass, [[0.45 * x, -0.8 * y]]]), pose)


def outline(participant: TrafficParticipant, t: float) -> NDArray[np.float64]:
    """
    Outline of a participant at a time [s], shape (P, 2): its box grown by its radius.

    Args:
        participant: one that exists then.
        t: the time.

    """
    return rounded_box(participant.size_at(t), participant.poses_over(np.array([t]))[0])


def rounded_box(size: NDArray[np.float64], pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Outline of a box grown by a radius, shape (P, 2).

    Args:
        size: half length, half width, radius [m].
        pose: of its centre (x, y, yaw), map frame.

    """
    half_length, half_width, radius = size
    corners = _box(half_length, half_width)
    if radius > 0.0:
        corners = np.concatenate(
            [
                corner + radius * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
                for corner, turn in zip(corners, _corner_turns(), strict=True)
            ]
        )
    return _placed(corners, pose)


def participants_at(scenario: Scenario, t: float) -> Iterator[TrafficParticipant]:
    """Yield the participants that exist at a time [s]."""
    for participant in scenario.traffic:
        if participant.pose_at(t) is not None:
            yield participant


def changes(participant: TrafficParticipant) -> bool:
    """Whether a participant ever leaves its place or changes its shape."""
    return participant.varies or bool(np.ptp(participant.poses[:, :2], axis=0).max() > 0.1)


def surfaces(scenario: Scenario) -> list[Surface]:
    """Return the ground that lanes cover, or the corridor where none are known."""
    if not scenario.lanes:
        return [Surface(road_outline(scenario.road), ASPHALT)]
    beside = [Surface(lane.outline, PAVEMENT) for lane in scenario.lanes if not lane.for_cars]
    return [*beside, *(Surface(lane.outline, ASPHALT) for lane in scenario.lanes if lane.for_cars)]


def lines(scenario: Scenario) -> list[Line]:
    """Return the borders of all lanes; without lanes the corridor's edges and its path."""
    if scenario.lanes:
        return [
            Line(border, CENTER_LINE, '-')
            for lane in scenario.lanes
            for border in (lane.left, lane.right)
        ]
    path = np.stack([scenario.road.x, scenario.road.y], axis=-1)
    edges = [Line(edge, EDGE, '-') for edge in scenario.road.edges()]
    return [*edges, Line(path, CENTER_LINE, '--')]


def goal_outlines(scenario: Scenario) -> list[NDArray[np.float64]]:
    """Return the outlines of the places of all goal regions, shape (P, 2) each."""
    places = [place for region in scenario.regions for place in region.places]
    return [
        place.vertices
        if len(place.vertices) > 2
        else rounded_box(np.array([0.0, 0.0, place.radius]), np.array([*place.vertices[0], 0.0]))
        for place in places
    ]


def nearest_part(
    area: NDArray[np.float64], places: NDArray[np.float64], index: int
) -> NDArray[np.float64]:
    """
    Return the part of a convex area that is nearer to one place than to the others.

    Args:
        area: vertices, shape (P, 2).
        places: shape (K, 2).
        index: of the place.

    """
    here = places[index]
    for other in places:
        if not np.allclose(other, here):
            area = _on_side(area, (here + other) / 2, here - other)
    return area


def _on_side(
    area: NDArray[np.float64], point: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the part of a convex area on that side of a line to which its normal points."""
    kept: list[NDArray[np.float64]] = []
    for begin, end in zip(area, np.roll(area, -1, axis=0), strict=True):
        before, after = (begin - point) @ normal, (end - point) @ normal
        if before >= 0.0:
            kept.append(begin)
        if before * after < 0.0:
            kept.append(begin + (end - begin) * before / (before - after))
    return np.array(kept).reshape(-1, 2)


def road_outline(road: Road) -> NDArray[np.float64]:
    """Outline of the corridor, shape (2 M, 2), map frame."""
    left, right = road.edges()
    return np.concatenate([left, right[::-1]])


def _box(half_length: float, half_width: float) -> NDArray[np.float64]:
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=float)
    return signs * np.array([half_length, half_width])


def _corner_turns() -> NDArray[np.float64]:
    quarter = np.linspace(0.0, np.pi / 2, ROUND_POINTS)
    return quarter + np.arange(4)[:, None] * np.pi / 2


def _placed(points: NDArray[np.float64], pose: NDArray[np.float64]) -> NDArray[np.float64]:
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    return points @ np.array([[cos, sin], [-sin, cos]]) + pose[:2]
