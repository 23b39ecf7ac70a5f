# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What RViz shows: road, obstacles with predictions, candidates, reference, prediction and car.

Namespaces and ids are stable from cycle to cycle, so that a marker replaces its predecessor; a
marker that is not renewed vanishes after its lifetime.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from numpy.typing import NDArray
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Proposal, Rung, Trajectory
from warmstart_planner.road import Road
from warmstart_planner.vehicle import PX, PY, YAW, VehicleParameters

MAP = 'map'
Colour = tuple[float, float, float, float]
GREY: Colour = (0.6, 0.6, 0.6, 1.0)
OBSTACLE: Colour = (0.85, 0.33, 0.1, 0.8)
PREDICTED: Colour = (0.85, 0.33, 0.1, 0.4)
PREDICTION: Colour = (0.1, 0.9, 0.9, 1.0)
DRIVEN: Colour = (0.9, 0.9, 0.9, 1.0)
CAR: Colour = (0.1, 0.35, 0.9, 0.9)
GOAL: Colour = (0.1, 0.8, 0.2, 0.8)
# The colours of Okabe and Ito, which people with any colour vision tell apart.
SOURCE_COLOURS: dict[str, Colour] = {
    'zero_control': (0.6, 0.6, 0.6, 0.8),
    'straight_line': (0.90, 0.62, 0.0, 0.8),
    'shifted': (0.0, 0.62, 0.45, 0.8),
    'multi_start': (0.34, 0.71, 0.91, 0.8),
    'guided': (0.84, 0.37, 0.0, 0.8),
    'decision_transformer': (0.80, 0.47, 0.65, 0.9),
    'iql_lstm': (0.94, 0.89, 0.26, 0.9),
}
OTHER_SOURCE: Colour = (1.0, 1.0, 1.0, 0.6)
RUNG_COLOURS: dict[Rung, Colour] = {
    Rung.OPTIMISED: (0.2, 0.9, 0.2, 1.0),
    Rung.RELAXED: (0.6, 0.85, 0.15, 1.0),
    Rung.PREVIOUS: (0.95, 0.85, 0.1, 1.0),
    Rung.BRAKING: (0.95, 0.2, 0.1, 1.0),
    Rung.NONE: (0.95, 0.2, 0.1, 1.0),
}
ROAD_POINTS = 400  # at most, in one edge
HEIGHT = 1.5  # of cars and obstacles [m]


class Scene:
    """
    Collects the markers of one cycle.

    Args:
        stamp: of the markers.
        lifetime: about two cycles [s].

    """

    def __init__(self, stamp: Time, lifetime: float) -> None:
        self._stamp = stamp
        self._lifetime = Duration(seconds=lifetime).to_msg()
        self._markers: list[Marker] = []

    def message(self) -> MarkerArray:
        """Return all markers."""
        return MarkerArray(markers=self._markers)

    def road(self, road: Road) -> None:
        """Add the corridor's two edges."""
        for index, edge in enumerate(road.edges()):
            stride = max(1, -(-len(edge) // ROAD_POINTS))
            self._line('road', index, edge[::stride], 0.15, GREY)

    def obstacles(self, obstacles: Iterable[Obstacle]) -> None:
        """Add each obstacle's present shape and predicted path."""
        for obstacle in obstacles:
            index = _stable_id(obstacle.name)
            self._shape('obstacles', index, obstacle)
            if len(obstacle.poses) > 1:
                path = obstacle.poses[:, :2]
                self._line('obstacle_predictions', index, path, 0.08, PREDICTED)

    def proposals(self, proposals: Sequence[Proposal]) -> None:
        """Add all candidates, coloured by source."""
        counts: dict[str, int] = {}
        for proposal in proposals:
            source = proposal.source
            index = counts[source] = counts.get(source, -1) + 1
            points = proposal.trajectory.states[:, :2]
            self._line(f'proposals/{source}', index, points, 0.06, source_colour(source))

    def reference(self, trajectory: Trajectory, rung: Rung) -> None:
        """Add the trajectory that the controller tracks, coloured by the ladder's rung."""
        self._line('reference', 0, trajectory.states[:, :2], 0.25, RUNG_COLOURS[rung], z=0.05)

    def prediction(self, trajectory: Trajectory) -> None:
        """Add what the controller expects to drive."""
        self._line('prediction', 0, trajectory.states[:, :2], 0.12, PREDICTION, z=0.1)

    def driven(self, path: NDArray[np.float64]) -> None:
        """Add the path driven so far, shape (n, 2)."""
        self._line('driven', 0, path, 0.1, DRIVEN, z=0.02)

    def car(self, state: NDArray[np.float64], vehicle: VehicleParameters) -> None:
        """Add the car's box at a state of its rear axle."""
        yaw = float(state[YAW])
        x = float(state[PX]) + vehicle.rear_to_center * np.cos(yaw)
        y = float(state[PY]) + vehicle.rear_to_center * np.sin(yaw)
        marker = self._marker('car', 0, Marker.CUBE, CAR)
        marker.pose = _pose(x, y, HEIGHT / 2, yaw)
        marker.scale = Vector3(x=vehicle.length, y=vehicle.width, z=HEIGHT)

    def goal(self, pose: NDArray[np.float64]) -> None:
        """Add the arrow of the goal's pose (x, y, yaw)."""
        marker = self._marker('goal', 0, Marker.ARROW, GOAL)
        marker.pose = _pose(float(pose[0]), float(pose[1]), 0.1, float(pose[2]))
        marker.scale = Vector3(x=3.0, y=0.4, z=0.4)

    def _shape(self, namespace: str, index: int, obstacle: Obstacle) -> None:
        half_length, half_width, radius = obstacle.sizes_at(1)[0].tolist()
        disc = max(half_length, half_width) == 0.0
        kind = Marker.CYLINDER if disc else Marker.CUBE
        marker = self._marker(namespace, index, kind, OBSTACLE)
        x, y, yaw = (float(value) for value in obstacle.poses[0])
        marker.pose = _pose(x, y, HEIGHT / 2, yaw)
        marker.scale = Vector3(
            x=2 * (half_length + radius),
            y=2 * (half_width + radius),
            z=HEIGHT,
        )

    def _line(
        self,
        namespace: str,
        index: int,
        points: NDArray[np.float64],
        width: float,
        colour: Colour,
        z: float = 0.0,
    ) -> None:
        # RViz complains of a line with fewer than two points.
        if len(points) < 2:
            return
        marker = self._marker(namespace, index, Marker.LINE_STRIP, colour)
        marker.scale = Vector3(x=width)
        marker.points = [Point(x=x, y=y, z=z) for x, y in points.tolist()]

    def _marker(self, namespace: str, index: int, kind: int, colour: Colour) -> Marker:
        marker = Marker(ns=namespace, id=index, type=kind, action=Marker.ADD)
        marker.header.frame_id = MAP
        marker.header.stamp = self._stamp
        marker.lifetime = self._lifetime
        marker.pose.orientation.w = 1.0
        marker.color = ColorRGBA(**dict(zip('rgba', colour, strict=True)))
        self._markers.append(marker)
        return marker


def source_colour(source: str) -> Colour:
    """Return the colour of a source of proposals; its part before a slash counts."""
    return SOURCE_COLOURS.get(source.split('/')[0], OTHER_SOURCE)


def _stable_id(name: str) -> int:
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def _pose(x: float, y: float, z: float, yaw: float) -> Pose:
    return Pose(
        position=Point(x=float(x), y=float(y), z=z),
        orientation=Quaternion(z=float(np.sin(yaw / 2)), w=float(np.cos(yaw / 2))),
    )
