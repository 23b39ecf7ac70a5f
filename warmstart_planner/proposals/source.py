# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The interface that every source of proposals has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import finite_array
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, roll_out


class ProposalSource(Protocol):
    """Proposes starts for a problem; learned and plain sources alike."""

    name: str

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """
        Return candidates for the problem, on its grid, map frame.

        Args:
            problem: what to plan.
            previous: the plan in use, if there is one.

        """
        ...


@dataclass(frozen=True)
class Answer:
    """
    What came of one problem.

    `proposals` are the candidates that passed the source's own checks, `dropped` counts those that
    did not. `uncertainty` is above 1 for a problem unlike those that the model was trained on;
    `inference_time` is the model's own [s].
    """

    proposals: tuple[Proposal, ...]
    dropped: int
    uncertainty: float
    inference_time: float


@dataclass(frozen=True)
class ModelInfo:
    """
    Which model a source runs.

    `asked` says by name what it is asked for, `remark` what a user should know of how it runs.
    """

    model_id: str
    asked: Mapping[str, float] = field(default_factory=dict)
    remark: str = ''


@runtime_checkable
class ModelSource(ProposalSource, Protocol):
    """A source that runs a model, and tells of it; `last` is None until it was asked."""

    info: ModelInfo
    last: Answer | None


def follow_road(
    problem: PlanningProblem,
    stations: NDArray[np.float64],
    offsets: ArrayLike,
    speeds: NDArray[np.float64],
) -> NDArray[np.float64]:
    """
    States of a rear axle that moves along the road, shape (..., N + 1, 5), map frame.

    A guess in the road's geometry: heading and steering follow the path's tangent and curvature,
    nothing says that a car can do it. The first state is the problem's.

    Args:
        problem: gives road, car and start.
        stations: station at every node, shape (..., N + 1) [m].
        offsets: lateral offset, broadcast against `stations` [m].
        speeds: speed, shape of `stations` [m/s].

    """
    road, vehicle = problem.road, problem.vehicle
    offsets = np.broadcast_to(offsets, stations.shape)
    states = np.empty((*stations.shape, STATE_SIZE))
    states[..., :3] = road.poses(stations, offsets)
    ahead = np.diff(stations, axis=-1)
    slope = np.where(ahead > 1e-3, np.diff(offsets, axis=-1) / np.maximum(ahead, 1e-3), 0.0)
    states[..., :-1, 2] += np.arctan(slope)
    states[..., 3] = speeds
    bend = road.at('curvature', stations)
    states[..., 4] = np.arctan(vehicle.wheelbase * bend / np.maximum(1 - offsets * bend, 0.2))
    limit = vehicle.steering_max
    states[..., 4] = np.clip(states[..., 4], -limit, limit)
    turns = np.round((problem.initial_state[2] - states[..., :1, 2]) / (2 * np.pi))
    states[..., 2] += 2 * np.pi * turns
    states[..., 0, :] = problem.initial_state
    return states


def rolled_out(problem: PlanningProblem, controls: ArrayLike) -> Trajectory:
    """
    Return where controls take the car from the problem's start, within its limits.

    Args:
        problem: gives start, car and grid.
        controls: acceleration and steering rate in each step, shape (N, 2) [m/s^2, rad/s].

    Raises:
        ValueError: the controls are not finite or of another shape.

    """
    horizon = problem.horizon
    wanted = finite_array('controls', controls, (horizon.steps, CONTROL_SIZE))
    states, applied = roll_out(problem.initial_state, wanted, horizon.dt, problem.vehicle)
    return Trajectory(problem.stamp, horizon.dt, states, applied)


def zero_controls(problem: PlanningProblem) -> NDArray[np.float64]:
    """Return controls of nothing, shape (N, 2)."""
    return np.zeros((problem.horizon.steps, CONTROL_SIZE))
