# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From reference, road and obstacles to the numbers that the tracking solver's stages read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking import formulation
from warmstart_planner.objective import OBSTACLE_PARAMETERS
from warmstart_planner.obstacles import Obstacle, size_fields
from warmstart_planner.road import Road
from warmstart_planner.transcription import Frame, box_centre_point
from warmstart_planner.vehicle import GRAVITY, SPEED, VehicleParameters

SLOPE_REACH = 3.0  # distance to both sides over which the corridor's slope is taken [m]
ABSENT = 200.0  # where an obstacle is put that is none [m]


class StageParameters:
    """Packs what the solver's stages see, in the ego-centred frame."""

    def __init__(self, settings: ControllerSettings, vehicle: VehicleParameters) -> None:
        self._settings = settings
        self._vehicle = vehicle
        self._layout = formulation.Layout(settings.obstacles)
        weights = np.array(astuple(settings.weights))
        self._roots = np.sqrt(weights[: formulation.RESIDUALS])
        self._terminal = np.sqrt(settings.weights.terminal)

    def pack(
        self,
        states: NDArray[np.float64],
        controls: NDArray[np.float64],
        frame: Frame,
        road: Road,
        station: float,
        obstacles: Sequence[tuple[Obstacle, NDArray[np.float64]]],
        friction: float,
    ) -> NDArray[np.float64]:
        """
        Return the parameters of all stages, shape (N + 1, Layout.size).

        Args:
            states: the reference, shape (N + 1, 5), map frame.
            controls: its controls, shape (N + 1, 2).
            frame: the ego-centred frame.
            road: the corridor.
            station: about where on the road the reference begins [m].
            obstacles: at most as many as the layout holds, each with its poses at the stages,
                shape (N + 1, 3), map frame.
            friction: friction coefficient.

        """
        packed = np.empty((len(states), self._layout.size))
        packed[:, formulation.REFERENCE_STATE] = frame.localise(states)
        packed[:, formulation.REFERENCE_CONTROL] = controls
        packed[:, formulation.LATERAL_SCALE] = np.hypot(
            states[:, SPEED], self._settings.speed_floor
        )
        packed[:, formulation.GRIP] = self._settings.friction_use * friction * GRAVITY
        packed[:, formulation.WEIGHT_ROOTS] = self._roots
        packed[-1, formulation.WEIGHT_ROOTS] *= self._terminal
        packed[:, formulation.ROAD] = self._road(states, frame, road, station)
        packed[:, formulation.ROAD.stop :] = self._obstacles(obstacles, frame, len(states))
        return packed

    def _road(
        self, states: NDArray[np.float64], frame: Frame, road: Road, begin: float
    ) -> NDArray[np.float64]:
        centres = box_centre_point(states, self._vehicle)
        travelled = np.cumsum(np.hypot(*np.diff(centres, axis=0, prepend=centres[:1]).T))
        station, _ = road.project(centres, begin + travelled)
        poses = frame.localise(road.poses(station))
        margin = self._settings.road_margin
        columns = [
            poses[:, 0],
            poses[:, 1],
            np.cos(poses[:, 2]),
            np.sin(poses[:, 2]),
            road.at('curvature', station),
        ]
        for edge in ('left_width', 'right_width'):
            before = road.at(edge, station - SLOPE_REACH)
            after = road.at(edge, station + SLOPE_REACH)
            columns += [road.at(edge, station) - margin, (after - before) / (2 * SLOPE_REACH)]
        return np.stack(columns, axis=-1)

    def _obstacles(
        self,
        obstacles: Sequence[tuple[Obstacle, NDArray[np.float64]]],
        frame: Frame,
        nodes: int,
    ) -> NDArray[np.float64]:
        packed = np.zeros((nodes, self._layout.obstacles, OBSTACLE_PARAMETERS))
        packed[:, :, 0] = ABSENT
        packed[:, :, 2] = 1.0
        for index, (obstacle, poses) in enumerate(obstacles):
            local = frame.localise(poses)
            packed[:, index, 0:2] = local[:, 0:2]
            packed[:, index, 2], packed[:, index, 3] = np.cos(local[:, 2]), np.sin(local[:, 2])
            packed[:, index, 4] = obstacle.half_length
            packed[:, index, 5] = obstacle.half_width
            packed[:, index, 6] = obstacle.radius + self._settings.obstacle_margin
        return packed.reshape(nodes, -1)


def nearest_obstacles(
    obstacles: Sequence[Obstacle],
    first: float,
    spacing: float,
    states: NDArray[np.float64],
    vehicle: VehicleParameters,
    count: int,
) -> list[tuple[Obstacle, NDArray[np.float64]]]:
    """
    Return the obstacles that come nearest to a predicted motion, with their poses at its nodes.

    One whose shape varies is returned as it is at the nodes.

    Args:
        obstacles: with predictions.
        first: where in the predictions, in their own steps, the first node lies.
        spacing: steps of the predictions per node.
        states: the motion, shape (N + 1, 5), map frame.
        vehicle: the car.
        count: how many to return at most.

    """
    centres = box_centre_point(states, vehicle)
    index = np.maximum(first + spacing * np.arange(len(states)), 0.0)
    found = []
    for obstacle in obstacles:
        poses = _between(obstacle.poses_at(int(index[-1]) + 2), index, turns=True)
        gap = np.hypot(*(poses[:, :2] - centres).T).min() - obstacle.reach
        found.append((gap, obstacle, poses))
    found.sort(key=lambda entry: entry[0])
    return [(_at_nodes(obstacle, poses, index), poses) for _, obstacle, poses in found[:count]]


def _at_nodes(
    obstacle: Obstacle, poses: NDArray[np.float64], index: NDArray[np.float64]
) -> Obstacle:
    """Return an obstacle with its poses and sizes at fractional steps, if its sizes vary."""
    if not obstacle.varies:
        return obstacle
    sizes = _between(obstacle.sizes_at(int(index[-1]) + 2), index)
    return replace(obstacle, poses=poses, **size_fields(sizes))


def _between(
    known: NDArray[np.float64], index: NDArray[np.float64], turns: bool = False
) -> NDArray[np.float64]:
    """Rows at fractional steps, shape (len(index), 3); the last column may turn [rad]."""
    before = index.astype(int)
    first, second = known[before], known[before + 1]
    change = second - first
    if turns:
        change[:, 2] = (change[:, 2] + np.pi) % (2 * np.pi) - np.pi
    return first + (index - before)[:, None] * change
