# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Road coordinates of points as a torch operation, all anchors at once.

The formula is that of `objective.road_coordinates`, whose loop over anchors and numpy functions a
network can neither differentiate nor export well; a test holds the two together. An exported
graph's time goes by its number of operations, so that fields are picked and added up by products
with constant matrices.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.decision_transformer.network.sums import ONE, Sums
from warmstart_planner.learned.transformer.architecture import NEAREST, POINT_FIELDS
from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, BLEND_SQUARE, SCALAR_FIELDS

# A rotation into an anchor's frame, rows x and y, columns along and across; the anchor's place for
# each of them; the curvature and half of it.
_FRAMES = Sums(
    ANCHOR_FIELDS,
    ('cos', {'sin': -1.0}, 'sin', 'cos', 'x', 'x', 'y', 'y') + ('curvature', {'curvature': 0.5}),
)
# What the parts of a point, each of one anchor, add to the point's fields.
_ADDS: tuple[dict[str, str | dict[str, float]], ...] = (
    {name: name for name in ('station', 'curvature', 'left', 'right', 'speed')}
    | {'target_offset': 'offset'},  # the anchor's weight
    {'offset': {ONE: 2.0}},  # half of the distance from its arc
    {'station': ONE, 'left': 'left_slope', 'right': 'right_slope', 'speed': 'speed_slope'}
    | {'target_offset': 'offset_slope'},  # the distance along its arc
    {'cos': {'sin': -1.0}, 'sin': 'cos'},  # the sine of the arc's turn up to the point
    {'cos': 'cos', 'sin': 'sin'},  # and the cosine
)
_TABLES = Sums(ANCHOR_FIELDS, [adds.get(name, {}) for adds in _ADDS for name in POINT_FIELDS])


class RoadFrame:
    """
    The road of a batch of problems.

    `scalars` (B, 3) are SCALAR_FIELDS, `anchors` (B, ANCHORS, 14) ANCHOR_FIELDS.

    Args:
        road: shape (B, ROAD_PARAMETERS), as `transcription.road_parameters` packs it.

    """

    def __init__(self, road: Tensor) -> None:
        self.scalars = road[:, : len(SCALAR_FIELDS)]
        self.anchors = road[:, len(SCALAR_FIELDS) :].reshape(-1, ANCHORS, len(ANCHOR_FIELDS))
        rows = _FRAMES(self.anchors).transpose(1, 2)
        self._turn = rows[:, :4].reshape(-1, 2, 2 * ANCHORS)
        place = rows[:, 4:8].reshape(-1, 2, 2 * ANCHORS)
        self._shift = (self._turn * place).sum(dim=1, keepdim=True)
        self._kappa, self._half_kappa = rows[:, 8:9], rows[:, 9:]
        self._blend = self.scalars[:, BLEND_SQUARE, None, None]
        tables = _TABLES(self.anchors).reshape(-1, ANCHORS, len(_ADDS), len(POINT_FIELDS))
        self._tables = tables.transpose(1, 2).flatten(1, 2)

    def field(self, name: str) -> Tensor:
        """Return one field of the anchors, shape (B, ANCHORS)."""
        return self.anchors[..., ANCHOR_FIELDS.index(name)]

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
        along, across = local.split(ANCHORS, dim=2)
        square = along * along + across * across
        weight = 1.0 / (self._blend + square)
        weight = weight * weight
        weight = weight * weight
        weight = weight / weight.sum(dim=-1, keepdim=True)
        # sine and cosine of the turn of an arc up to the point, times its distance in radii from
        # the arc's centre; near the centre, where no road is, rounding would decide
        sine, cosine = self._kappa * along, 1.0 - self._kappa * across
        distance = sine * sine + cosine * cosine
        ratio = torch.sqrt(torch.clamp(distance, min=NEAREST))
        half_lateral = (across - self._half_kappa * square) / (1.0 + ratio)
        unit = weight / ratio
        parts = (weight, weight * half_lateral, unit * along, unit * sine, unit * cosine)
        return torch.cat(parts, dim=2) @ self._tables
