# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
How far driven states violate the constraints, as a torch operation to train against.

The rows are those of the objective (`obstacle_separation`, `road_clearances`,
`friction_reserve`), without their smoothing and at some of the nodes; a test holds them together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.road_frame import RoadFrame
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.vehicle import VehicleParameters

STRIDE = 3  # of the nodes that are looked at
ABSENT = 50.0  # separation from an obstacle that is not there [m]


class Violations(nn.Module):
    """
    Violations of obstacle distances, road edges and grip.

    Args:
        vehicle: the car.
        steps: of the horizon.

    """

    def __init__(self, vehicle: VehicleParameters, steps: int) -> None:
        super().__init__()
        self.half_length, self.half_width = vehicle.length / 2, vehicle.width / 2
        self.reach, self.wheelbase = vehicle.rear_to_center, vehicle.wheelbase
        self.nodes = torch.arange(STRIDE, steps + 1, STRIDE)
        self.register_buffer('between', _interpolation(self.nodes, steps), persistent=False)

    def forward(
        self, states: Tensor, controls: Tensor, road: Tensor, obstacles: Tensor, present: Tensor
    ) -> Tensor:
        """
        Return the sum of violations at some nodes.

        Args:
            states: after each step, shape (B, T, N, 5).
            controls: shape (B, T, N, 2).
            road: shape (B, ROAD_PARAMETERS).
            obstacles: as in a context, with the margin in the radius, shape (B, M, S, 7).
            present: shape (B, M).

        Returns:
            Shape (B, T, nodes looked at) [m, m/s^2].

        """
        at = self.nodes - 1
        x, u = states[:, :, at], controls[:, :, at]
        separation = self.separation(x, obstacles, present).amin(dim=-1)
        return sum(
            torch.relu(-row) for row in (separation, *self._road_rows(x, u, RoadFrame(road)))
        )

    def separation(self, x: Tensor, obstacles: Tensor, present: Tensor) -> Tensor:
        """Separation of the car's box and each obstacle's, shape (B, T, nodes, M) [m]."""
        seen = torch.einsum('bmsf,sn->bnmf', obstacles, self.between)[:, None]
        ox, oy, oc, os, half_length, half_width, radius = seen.unbind(dim=-1)
        c, s = (turn(x[..., 2])[..., None] for turn in (torch.cos, torch.sin))
        dx = x[..., 0, None] + self.reach * c - ox
        dy = x[..., 1, None] + self.reach * s - oy
        parallel, crossing = (c * oc + s * os).abs(), (c * os - s * oc).abs()
        own_length, own_width = self.half_length, self.half_width
        axes = (
            (c * dx + s * dy).abs() - own_length - half_length * parallel - half_width * crossing,
            (c * dy - s * dx).abs() - own_width - half_length * crossing - half_width * parallel,
            (oc * dx + os * dy).abs() - half_length - own_length * parallel - own_width * crossing,
            (oc * dy - os * dx).abs() - half_width - own_length * crossing - own_width * parallel,
        )
        separation = torch.stack(axes).amax(dim=0) - radius
        return torch.where(present[:, None, None], separation, ABSENT)

    def _road_rows(self, x: Tensor, u: Tensor, frame: RoadFrame) -> tuple[Tensor, ...]:
        """Distances to the road's edges [m] and what grip is left [m/s^2], (B, T, nodes)."""
        cos, sin = torch.cos(x[..., 2]), torch.sin(x[..., 2])
        centre = torch.stack([x[..., 0] + self.reach * cos, x[..., 1] + self.reach * sin], dim=-1)
        at = frame.project(centre.flatten(1, 2)).reshape(*x.shape[:3], -1)
        _, offset, road_cos, road_sin, _, left, right, _ = at.unbind(dim=-1)
        half = self.half_width * (road_cos * cos + road_sin * sin).abs()
        half = half + self.half_length * (road_cos * sin - road_sin * cos).abs()
        lateral = x[..., 3] ** 2 * torch.tan(x[..., 4]) / self.wheelbase
        used = torch.sqrt(u[..., 0] ** 2 + lateral**2 + 1e-4)
        grip = frame.scalars[:, 0, None, None]
        return left - offset - half, right + offset - half, grip - used


def _interpolation(nodes: Tensor, steps: int) -> Tensor:
    """Matrix (samples, nodes) from an obstacle's samples to nodes of the horizon."""
    place = nodes.float() * (OBSTACLE_SAMPLES - 1) / steps
    samples = torch.arange(OBSTACLE_SAMPLES).float()[:, None]
    return torch.relu(1.0 - (samples - place).abs())
