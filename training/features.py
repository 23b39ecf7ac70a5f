# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the Decision Transformer's tokens are made of: raw numbers in SI units, scaled.

Positions go in by their road coordinates, so that a bend looks like a straight road.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training.road_frame import POINT_FIELDS, RoadFrame
from training.sums import ONE, Sums
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import ANCHOR_FIELDS

STATE = ('x', 'y', 'yaw', 'own_speed', 'steering')
LEFT_ROOM = {'left': 1 / 3, 'offset': -1 / 3}
RIGHT_ROOM = {'right': 1 / 3, 'offset': 1 / 3}
EGO = Sums(
    (*POINT_FIELDS, *STATE, 'grip', 'stop_far', 'stop_near'),
    (
        {'own_speed': 1 / 10},
        {'steering': 1 / 0.2},
        {'offset': 1 / 3},
        {'target_offset': 1 / 3, 'offset': -1 / 3},
        'cos',
        {'sin': 1 / 0.2},
        {'curvature': 20},
        LEFT_ROOM,
        RIGHT_ROOM,
        {'speed': 1 / 10},
        {'speed': 1 / 5, 'own_speed': -1 / 5},
        {'grip': 1 / 8},
        {'stop_far': 1 / 50},
        {'stop_near': 1 / 20},
    ),
)
ROAD = Sums(
    ANCHOR_FIELDS,
    (
        {'station': 1 / 50},
        {'x': 1 / 50},
        {'y': 1 / 20},
        'cos',
        'sin',
        {'curvature': 20},
        {'left': 1 / 3},
        {'left_slope': 10},
        {'right': 1 / 3},
        {'right_slope': 10},
        {'offset': 1 / 3},
        {'speed': 1 / 10},
    ),
)
# Headings of a point's road and of a car, in the order of the terms that their products are: the
# cosine of the difference is cos_cos + sin_sin, its sine cos_sin - sin_cos.
HEADING_TERMS = ('cos_cos', 'sin_sin', 'cos_sin', 'sin_cos')
ROAD_HEADING = Sums(POINT_FIELDS, ('cos', 'sin', 'cos', 'sin'))
OWN_HEADING = Sums(('cos', 'sin'), ('cos', 'sin', 'sin', 'cos'))
SINE = {'yaw': 1.0, ONE: -math.pi / 2}  # of a yaw, as the angle that has it for its cosine
OWN_ANGLES = Sums(STATE, ('yaw', SINE, SINE, 'yaw'))
ALONG, ASIDE = {'cos_cos': 1.0, 'sin_sin': 1.0}, {'cos_sin': 1.0, 'sin_cos': -1.0}
OBSTACLE = Sums(
    (*POINT_FIELDS, *HEADING_TERMS),
    ({'station': 1 / 50}, {'station': 1 / 10}, {'offset': 1 / 3}, ALONG, ASIDE)
    + (LEFT_ROOM, RIGHT_ROOM, {'curvature': 20}),
)
STEP = Sums(
    (*POINT_FIELDS, *HEADING_TERMS, *STATE, 'acceleration', 'steering_rate')
    + ('cost_to_go', 'constraint_to_go', 'allowed'),
    (
        {'station': 1 / 50},
        {'offset': 1 / 3},
        {},  # zeros, and kept: trained weights have their places
        {},
        {'curvature': 20},
        {'left': 1 / 3},
        {'right': 1 / 3},
        {'speed': 1 / 10},
        {'target_offset': 1 / 3},
        {'own_speed': 1 / 10},
        {'steering': 5},
        ALONG,
        {name: 5 * factor for name, factor in ASIDE.items()},
        {'acceleration': 0.3},
        {'steering_rate': 5},
        'cost_to_go',
        'constraint_to_go',
        'allowed',
    ),
)
EGO_FEATURES, STEP_FEATURES = len(EGO), len(STEP)
ROAD_FEATURES = len(ROAD) + 1  # and how much of the grip a bend takes
OBSTACLE_FEATURES = len(OBSTACLE) * OBSTACLE_SAMPLES + 3  # and its size


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
    stop = frame.scalars[:, 1:2]
    stops = torch.clamp(stop, -20.0, 150.0), torch.clamp(stop, -20.0, 20.0)
    return EGO(torch.cat([at, state, frame.scalars[:, :1], *stops], dim=-1))


def _road_features(frame: RoadFrame) -> Tensor:
    curvature, speed = (frame.field(name)[..., None] for name in ('curvature', 'speed'))
    pull = curvature * speed * speed / frame.scalars[:, :1, None]  # of the grip, in bends
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
