# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cost-to-go along trajectories: the negative return-to-go of MISSION.txt, equation 6."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import objective
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Trajectory
from warmstart_planner.scp.solver import BoundProblem


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
    states = np.stack([states for states, _ in local], axis=1).transpose(2, 1, 0)
    controls = np.stack([controls for _, controls in local], axis=1).transpose(2, 1, 0)
    vehicle, dt = bound.problem.vehicle, bound.problem.horizon.dt
    on_road = objective.road_coordinates(states[0], states[1], bound.numbers.road)
    before = objective.RoadCoordinates(*(value[:, :-1] for value in on_road))
    end = objective.RoadCoordinates(*(value[:, -1:] for value in on_road))
    stage = objective.stage_residuals(states[:, :, :-1], controls, before, vehicle, weights)
    terminal = objective.terminal_residuals(states[:, :, -1:], end, vehicle, weights)
    costs = np.concatenate(
        [dt * sum(value**2 for value in stage), sum(value**2 for value in terminal)], axis=1
    )
    return np.cumsum(costs[:, ::-1], axis=1)[:, ::-1]
