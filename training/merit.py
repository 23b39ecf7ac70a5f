# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What driven states cost and how far they violate the constraints, as torch operations.

A network learns from it, and candidates are told apart by it. The cost is the objective's own; of
the constraints' rows, those of obstacles and road edges are without the smoothing. Both look at
some of the nodes only; tests hold them together with the objective.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from training.elementwise import Elementwise, columns
from training.road_frame import POINT_FIELDS, RoadFrame
from warmstart_planner import objective
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import CostWeights, RoadCoordinates
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import VehicleParameters

STRIDE = 3  # of the nodes that are looked at
ABSENT = 50.0  # separation from an obstacle that is not there [m]
FIELDS = {'heading_cos': 'cos', 'heading_sin': 'sin', 'target_speed': 'speed'}  # as a point's


class Merit(nn.Module):
    """
    Cost and violations of the trajectories of problems.

    Args:
        vehicle: the car.
        horizon: of the trajectories.
        weights: of the cost.

    """

    def __init__(
        self, vehicle: VehicleParameters, horizon: Horizon, weights: CostWeights | None = None
    ) -> None:
        super().__init__()
        self.vehicle, self.horizon, self.weights = vehicle, horizon, weights or CostWeights()
        nodes = torch.arange(STRIDE, horizon.steps + 1, STRIDE)
        between = _interpolation(nodes, horizon.steps)
        self.register_buffer('between', between, persistent=False)

    def forward(
        self,
        states: Tensor,
        controls: Tensor,
        frame: RoadFrame,
        obstacles: Tensor,
        present: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """
        Return costs and violations.

        Args:
            states: after each step, shape (B, T, N, 5).
            controls: shape (B, T, N, 2).
            frame: of the B roads.
            obstacles: as in a context, with the margin in the radius, shape (B, M, S, 7).
            present: shape (B, M).

        Returns:
            Cost of the objective, shape (B, T), and the sum of violations at each of the nodes
            looked at, shape (B, T, nodes) [m, m/s^2]; the terminal constraint counts at the last.

        """
        at = slice(STRIDE - 1, None, STRIDE)
        x, u = states[:, :, at], controls[:, :, at]
        on_road = self._on_road(x, frame)
        separation = self.separation(x, obstacles, present).amin(dim=-1)
        rows = (separation, *self._road_rows(x, u, on_road, frame))
        violations = sum(torch.relu(-row) for row in rows)
        stopping = torch.relu(-self._stopping_reserve(x, on_road, frame))
        violations = torch.cat(
            [violations[..., :-1], violations[..., -1:] + stopping[..., None]], dim=-1
        )
        return self._cost(x, u, on_road), violations

    def penalised(self, cost: Tensor, violations: Tensor, allowed: Tensor) -> Tensor:
        """
        Return cost with the objective's penalty on all violation beyond what is allowed, (B, T).

        Args:
            cost: of `forward`.
            violations: of `forward`.
            allowed: sum over all nodes of the horizon, shape (B, T).

        """
        total = STRIDE * violations.sum(dim=-1)
        price = self.weights.violation * self.horizon.dt
        return cost + price * torch.relu(total - allowed)

    def separation(self, x: Tensor, obstacles: Tensor, present: Tensor) -> Tensor:
        """Separation of the car's box and each obstacle's, shape (B, T, nodes, M) [m]."""
        # (B, 1, nodes, M) each, for the T trajectories (B, T, nodes, 1)
        seen = self.between @ obstacles.permute(0, 3, 2, 1)
        ox, oy, oc, os, half_length, half_width, radius = seen.split(1, dim=1)
        x, y, yaw = x[..., :3].split(1, dim=-1)
        c, s = torch.cos(yaw), torch.sin(yaw)
        reach = self.vehicle.rear_to_center
        dx, dy = x + reach * c - ox, y + reach * s - oy
        parallel, crossing = (c * oc + s * os).abs(), (c * os - s * oc).abs()
        own_length, own_width = self.vehicle.length / 2, self.vehicle.width / 2
        axes = (
            (c * dx + s * dy).abs() - own_length - half_length * parallel - half_width * crossing,
            (c * dy - s * dx).abs() - own_width - half_length * crossing - half_width * parallel,
            (oc * dx + os * dy).abs() - half_length - own_length * parallel - own_width * crossing,
            (oc * dy - os * dx).abs() - half_width - own_length * crossing - own_width * parallel,
        )
        separation = functools.reduce(torch.maximum, axes) - radius
        return torch.where(present[:, None, None], separation, ABSENT)

    def _on_road(self, x: Tensor, frame: RoadFrame) -> dict[str, Tensor]:
        """Return what the road says at the centres of the car's box, each (B, T, nodes)."""
        heading = torch.stack([torch.cos(x[..., 2]), torch.sin(x[..., 2])], dim=-1)
        centre = x[..., :2] + self.vehicle.rear_to_center * heading
        at = frame.project(centre.flatten(1, 2)).reshape(*x.shape[:3], -1)
        return dict(zip(POINT_FIELDS, at.unbind(dim=-1), strict=True))

    def _cost(self, x: Tensor, u: Tensor, on_road: dict[str, Tensor]) -> Tensor:
        stage = objective.stage_residuals(
            columns(x), columns(u), _coordinates(on_road), self.vehicle, self.weights
        )
        end = {name: value[..., -1] for name, value in on_road.items()}
        terminal = objective.terminal_residuals(
            columns(x[..., -1, :]), _coordinates(end), self.vehicle, self.weights
        )
        seconds = STRIDE * self.horizon.dt
        path = sum(each.tensor**2 for each in stage).sum(dim=-1)
        return seconds * path + sum(each.tensor**2 for each in terminal)

    def _road_rows(
        self, x: Tensor, u: Tensor, on_road: dict[str, Tensor], frame: RoadFrame
    ) -> tuple[Tensor, ...]:
        """Distances to the road's edges [m] and what grip is left [m/s^2], (B, T, nodes)."""
        cos, sin = torch.cos(x[..., 2]), torch.sin(x[..., 2])
        road_cos, road_sin = on_road['cos'], on_road['sin']
        half = self.vehicle.width / 2 * (road_cos * cos + road_sin * sin).abs()
        half = half + self.vehicle.length / 2 * (road_cos * sin - road_sin * cos).abs()
        grip = Elementwise(frame.scalars[:, 0, None, None])
        reserve = objective.friction_reserve(columns(x), columns(u), grip, self.vehicle)
        return (
            on_road['left'] - on_road['offset'] - half,
            on_road['right'] + on_road['offset'] - half,
            reserve.tensor,
        )

    def _stopping_reserve(self, x: Tensor, on_road: dict[str, Tensor], frame: RoadFrame) -> Tensor:
        """Distance left to the stop station after braking from the last node, (B, T) [m]."""
        grip, stop = (Elementwise(frame.scalars[:, i, None]) for i in (0, 1))
        end = _coordinates({name: value[..., -1] for name, value in on_road.items()})
        return objective.stopping_reserve(
            columns(x[..., -1, :]), end, stop, grip, self.vehicle
        ).tensor


def _coordinates(on_road: dict[str, Tensor]) -> RoadCoordinates:
    """Return road coordinates for the objective's formulas."""
    given = (on_road.get(FIELDS.get(name, name)) for name in RoadCoordinates._fields)
    return RoadCoordinates(*(None if each is None else Elementwise(each) for each in given))


def _interpolation(nodes: Tensor, steps: int) -> Tensor:
    """Matrix (nodes, samples) from an obstacle's samples to nodes of the horizon."""
    place = nodes.float()[:, None] * (OBSTACLE_SAMPLES - 1) / steps
    samples = torch.arange(OBSTACLE_SAMPLES).float()
    return torch.relu(1.0 - (samples - place).abs())
