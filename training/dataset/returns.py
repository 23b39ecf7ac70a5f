# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cost-to-go along trajectories: the negative of what a Decision Transformer is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import objective
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Trajectory
from warmstart_planner.scp.solver import BoundProblem
from warmstart_planner.vehicle import VehicleParameters


def costs_to_go(
    bound: BoundProblem, trajectories: list[Trajectory], weights: CostWeights
) -> NDArray[np.float64]:
    """
    Return what each trajectory still costs from each node on, undiscounted.

    The constraints' penalties are left out: they are the constraint-to-go's part.

    Args:
        bound: the problem that the trajectories answer.
        trajectories: K trajectories on its grid.
        weights: of the objective.

    Returns:
        Shape (K, N + 1), not negative and not increasing.

    """
    local = [bound.localise(each) for each in trajectories]
    return costs_along(
        np.stack([states for states, _ in local]),
        np.stack([controls for _, controls in local]),
        bound.numbers.road,
        bound.problem.vehicle,
        bound.problem.horizon.dt,
        weights,
    )


def costs_along(
    states: NDArray[np.floating],
    controls: NDArray[np.floating],
    road: NDArray[np.floating],
    vehicle: VehicleParameters,
    dt: float,
    weights: CostWeights,
) -> NDArray[np.float64]:
    """
    Return what trajectories of one problem still cost from each node on, as `costs_to_go` does.

    Args:
        states: (K, N + 1, 5) in the problem's frame.
        controls: (K, N, 2).
        road: (ROAD_PARAMETERS,) in the problem's frame.
        vehicle: the car.
        dt: time between nodes [s].
        weights: of the objective.

    Returns:
        Shape (K, N + 1), not negative and not increasing.

    """
    x, u = np.asarray(states, float).transpose(2, 0, 1), np.asarray(controls, float)
    on_road = objective.road_coordinates(*objective.box_centre(x, vehicle), road)
    before = objective.RoadCoordinates(*(value[:, :-1] for value in on_road))
    end = objective.RoadCoordinates(*(value[:, -1:] for value in on_road))
    stage = objective.stage_residuals(x[:, :, :-1], u.transpose(2, 0, 1), before, vehicle, weights)
    terminal = objective.terminal_residuals(x[:, :, -1:], end, vehicle, weights)
    costs = np.concatenate(
        [dt * sum(value**2 for value in stage), sum(value**2 for value in terminal)], axis=1
    )
    return np.cumsum(costs[:, ::-1], axis=1)[:, ::-1]
