# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Road coordinates of points as a torch operation, all anchors at once.

The formula is that of `objective.road_coordinates`, whose loop over anchors and numpy functions a
network can neither differentiate nor export well; a test holds the two together. Sums over
anchors are matrix products: an exported graph's time goes by its number of operations.
"""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, SCALAR_FIELDS

POINT_FIELDS = (
    'station',
    'offset',
    'cos',
    'sin',
    'curvature',
    'left',
    'right',
    'speed',
    'target_offset',
)
NEAREST = 0.04  # square of the distance from an arc's centre, in radii


class RoadFrame:
    """
    The road of a batch of problems.

    Args:
        road: shape (B, ROAD_PARAMETERS), as `transcription.road_parameters` packs it.

    """

    def __init__(self, road: Tensor) -> None:
        self.scalars = road[:, : len(SCALAR_FIELDS)]
        anchors = road[:, len(SCALAR_FIELDS) :].reshape(-1, ANCHORS, len(ANCHOR_FIELDS))
        self._of = dict(zip(ANCHOR_FIELDS, anchors.unbind(dim=-1), strict=True))
        x, y, cos, sin = (self._of[name] for name in ('x', 'y', 'cos', 'sin'))
        self._turn = torch.cat([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], dim=2)
        self._shift = torch.cat([cos * x + sin * y, cos * y - sin * x], dim=1)[:, None]
        self._kappa = self._of['curvature'][:, None]
        self._blend = self.scalars[:, 2, None, None]
        self._tables = self._make_tables()

    def field(self, name: str) -> Tensor:
        """Return one field of the anchors, shape (B, ANCHORS)."""
        return self._of[name]

    def project(self, points: Tensor) -> Tensor:
        """
        Return the road coordinates of points.

        Args:
            points: x and y, shape (B, P, 2) [m].

        Returns:
            Shape (B, P, len(POINT_FIELDS)): station and offset [m], cosine and sine of the
            road's heading, curvature [1/m], widths to the left and right [m], target speed
            [m/s], target offset [m].

        """
        local = points @ self._turn - self._shift
        along, across = local[..., :ANCHORS], local[..., ANCHORS:]
        square = along * along + across * across
        weight = 1.0 / (self._blend + square)
        weight = weight * weight
        weight = weight * weight
        weight = weight / weight.sum(dim=-1, keepdim=True)
        kappa = self._kappa
        # near an arc's centre, where no road is, rounding would decide: kept away from it
        distance = 1.0 - 2.0 * kappa * across + kappa * kappa * square
        ratio = torch.sqrt(torch.clamp(distance, min=NEAREST) + 1e-9)
        lateral = (2.0 * across - kappa * square) / (1.0 + ratio)
        advance = along / ratio
        turn_cos, turn_sin = (1.0 - kappa * across) / ratio, kappa * advance
        parts = (
            weight,
            weight * advance,
            weight * lateral,
            weight * turn_cos,
            weight * turn_sin,
        )
        return torch.cat(parts, dim=-1) @ self._tables

    def _make_tables(self) -> Tensor:
        """Return what each weighted quantity adds to each field, (B, 5 * ANCHORS, fields)."""
        of = self._of
        one = torch.ones_like(of['x'])
        adds = (
            {'station': 'station', 'curvature': 'curvature', 'target_offset': 'offset'}
            | {name: name for name in ('left', 'right', 'speed')},
            {'left': 'left_slope', 'right': 'right_slope', 'speed': 'speed_slope'}
            | {'target_offset': 'offset_slope'},
        )
        tables = [
            {field: of[source] for field, source in adds[0].items()},
            {'station': one} | {field: of[source] for field, source in adds[1].items()},
            {'offset': one},
            {'cos': of['cos'], 'sin': of['sin']},
            {'cos': -of['sin'], 'sin': of['cos']},
        ]
        none = torch.zeros_like(one)
        return torch.cat(
            [
                torch.stack([table.get(name, none) for name in POINT_FIELDS], dim=-1)
                for table in tables
            ],
            dim=1,
        )
