# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What driven states cost and how far they violate the constraints, as torch operations.

A network learns from it, and candidates are told apart by it. The cost is the objective's own; of
the constraints' rows, those of obstacles and road edges are without the smoothing. Both look at
some of the nodes only; tests hold them together with the objective.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.decision_transformer.network.elementwise import Elementwise, columns
from training.decision_transformer.network.road_frame import RoadFrame
from warmstart_planner import objective
from warmstart_planner.learned.transformer import merit_rows
from warmstart_planner.learned.transformer.architecture import POINT_FIELDS
from warmstart_planner.learned.transformer.merit_rows import ABSENT, STRIDE
from warmstart_planner.objective import CostWeights, RoadCoordinates
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import VehicleParameters

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
        between = torch.from_numpy(merit_rows.interpolation(horizon.steps)).float()
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
        heading = columns(_heading(x)[..., None, :])
        centre = columns(self._centre(x)[..., None, :])
        obstacle = [Elementwise(each) for each in seen.split(1, dim=1)]
        apart = merit_rows.separation(centre, heading, obstacle, self.vehicle).tensor
        return torch.where(present[:, None, None], apart, ABSENT)

    def _on_road(self, x: Tensor, frame: RoadFrame) -> dict[str, Tensor]:
        """Return what the road says at the centres of the car's box, each (B, T, nodes)."""
        at = frame.project(self._centre(x).flatten(1, 2)).reshape(*x.shape[:3], -1)
        return dict(zip(POINT_FIELDS, at.unbind(dim=-1), strict=True))

    def _centre(self, x: Tensor) -> Tensor:
        """Return the centre of the car's box, shape (..., 2) [m]."""
        return x[..., :2] + self.vehicle.rear_to_center * _heading(x)

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
        edges = merit_rows.edge_distances(
            columns(_heading(x)), _coordinates(on_road), self.vehicle
        )
        grip = Elementwise(frame.scalars[:, objective.GRIP, None, None])
        reserve = objective.friction_reserve(columns(x), columns(u), grip, self.vehicle)
        return (*(each.tensor for each in edges), reserve.tensor)

    def _stopping_reserve(self, x: Tensor, on_road: dict[str, Tensor], frame: RoadFrame) -> Tensor:
        """Distance left to the stop station after braking from the last node, (B, T) [m]."""
        grip = Elementwise(frame.scalars[:, objective.GRIP, None])
        stop = Elementwise(frame.scalars[:, objective.STOP_STATION, None])
        end = _coordinates({name: value[..., -1] for name, value in on_road.items()})
        return objective.stopping_reserve(
            columns(x[..., -1, :]), end, stop, grip, self.vehicle
        ).tensor


def _coordinates(on_road: dict[str, Tensor]) -> RoadCoordinates:
    """Return road coordinates for the objective's formulas."""
    given = (on_road.get(FIELDS.get(name, name)) for name in RoadCoordinates._fields)
    return RoadCoordinates(*(None if each is None else Elementwise(each) for each in given))


def _heading(x: Tensor) -> Tensor:
    """Return cosine and sine of the yaw, shape (..., 2)."""
    return torch.stack([torch.cos(x[..., 2]), torch.sin(x[..., 2])], dim=-1)
