# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the Decision Transformer's tokens are made of, as torch operations."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training.decision_transformer.network.road_frame import RoadFrame
from training.decision_transformer.network.sums import ONE, Sums
from warmstart_planner.learned.transformer import architecture
from warmstart_planner.learned.transformer.architecture import POINT_FIELDS, STATE
from warmstart_planner.objective import GRIP, STOP_STATION

EGO, ROAD, OBSTACLE, STEP = (
    Sums(table.names, table.sums)
    for table in (architecture.EGO, architecture.ROAD, architecture.OBSTACLE, architecture.STEP)
)
# in the order of architecture.HEADING_TERMS
ROAD_HEADING = Sums(POINT_FIELDS, ('cos', 'sin', 'cos', 'sin'))
OWN_HEADING = Sums(('cos', 'sin'), ('cos', 'sin', 'sin', 'cos'))
SINE = {'yaw': 1.0, ONE: -math.pi / 2}  # of a yaw, as the angle that has it for its cosine
OWN_ANGLES = Sums(STATE, ('yaw', SINE, SINE, 'yaw'))


def context_features(
    state: Tensor, obstacles: Tensor, frame: RoadFrame
) -> tuple[Tensor, Tensor, Tensor]:
    """
    Return the features of B problems.

    Args:
        state: of the cars, shape (B, 5), SI units, in the problem's frame as all that follows.
        obstacles: as in a context, shape (B, M, OBSTACLE_SAMPLES, 7).
        frame: of the roads.

    Returns:
        Features of cars (B, EGO_FEATURES), roads (B, ANCHORS, ROAD_FEATURES) and obstacles
        (B, M, OBSTACLE_FEATURES).

    """
    poses = obstacles[..., :4].flatten(1, 2)
    at = frame.project(torch.cat([state[:, None, :2], poses[..., :2]], dim=1))
    return (
        _ego_features(state, at[:, 0], frame),
        _road_features(frame),
        _obstacle_features(obstacles, poses, at[:, 1:]),
    )


def _ego_features(state: Tensor, at: Tensor, frame: RoadFrame) -> Tensor:
    stop = frame.scalars[:, STOP_STATION : STOP_STATION + 1]
    stops = torch.clamp(stop, -20.0, 150.0), torch.clamp(stop, -20.0, 20.0)
    return EGO(torch.cat([at, state, frame.scalars[:, GRIP : GRIP + 1], *stops], dim=-1))


def _road_features(frame: RoadFrame) -> Tensor:
    curvature, speed = (frame.field(name)[..., None] for name in ('curvature', 'speed'))
    grip = frame.scalars[:, GRIP : GRIP + 1, None]
    pull = curvature * speed * speed / grip  # of the grip, in bends
    return torch.cat([ROAD(frame.anchors), pull], dim=-1)


def _obstacle_features(obstacles: Tensor, poses: Tensor, at: Tensor) -> Tensor:
    turned = ROAD_HEADING(at) * OWN_HEADING(poses[..., 2:])
    moving = OBSTACLE(torch.cat([at, turned], dim=-1)).clamp(-10.0, 10.0)
    moving = moving.reshape(*obstacles.shape[:2], -1)
    return torch.cat([moving, obstacles[:, :, -1, 4:7] / 2.0], dim=-1)


def step_features(state: Tensor, last: Tensor, to_go: Tensor, frame: RoadFrame) -> Tensor:
    """
    Return the features of states on the way.

    Args:
        state: shape (B * T, 5), SI units, in the problem's frame.
        last: controls that led there, shape (B * T, 2).
        to_go: scaled cost- and constraint-to-go, shape (B * T, 2).
        frame: of the B problems.

    Returns:
        Shape (B * T, STEP_FEATURES).

    """
    rows = state.shape[0]
    points = state[:, :2].reshape(frame.scalars.shape[0], -1, 2)
    at = frame.project(points).reshape(rows, -1)
    allowed = torch.clamp(20.0 * to_go[:, 1:], max=1.0)  # whether anything is
    turned = ROAD_HEADING(at) * torch.cos(OWN_ANGLES(state))
    return STEP(torch.cat([at, turned, state, last, to_go, allowed], dim=1))
