# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the states are those that the controls lead to, from the car's own state on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem, Trajectory
from warmstart_planner.vehicle import PX, PY, YAW
from warmstart_planner.verification.tolerances import Tolerances

Array = NDArray[np.float64]


def dynamics(
    problem: PlanningProblem, trajectory: Trajectory, ends: Array, tolerances: Tolerances
) -> Array:
    """
    Defect of each node, scaled to metres, shape (N + 1,).

    Defects are summed, with their signs, up to each node: each by itself may be small where the
    whole is a slip that no car can follow. What a node is off belongs to the step that it ends;
    the first node's own distance from the initial state to step 0.
    """
    scale = tolerances.position / np.array([tolerances.yaw, tolerances.speed, tolerances.steering])
    states = trajectory.states
    defect = np.abs(np.cumsum(states[1:] - ends, axis=0))
    first = np.abs(states[0] - problem.initial_state)
    first[YAW] = np.abs((first[YAW] + np.pi) % (2 * np.pi) - np.pi)
    everything = np.concatenate([defect, first[None]])
    scaled = np.maximum(
        np.hypot(everything[:, PX], everything[:, PY]), (everything[:, YAW:] * scale).max(axis=1)
    )
    result = np.zeros(len(states))
    result[:-1] = scaled[:-1]
    result[0] = max(result[0], scaled[-1])
    return result
