# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Shifted: the previous plan, moved on to the problem's time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import unchecked
from warmstart_planner.compiled_problem import library
from warmstart_planner.compiled_problem.structures import ShiftStructure
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory, trajectories
from warmstart_planner.proposals.source import follow_road
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceSpec
from warmstart_planner.vehicle import CONTROL_SIZE, SPEED, STATE_SIZE, YAW

Array = NDArray[np.float64]

SAME_TIME = 1e-6  # stamps that differ by less are one [s]


class Shifted:
    """Take over what the previous plan has left and go on along the road at its last speed."""

    name = 'shifted'

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return the shifted plan; nothing where there is none or it is over."""
        if previous is None or not is_under_way(previous, problem):
            return ()
        return (Proposal(self.name, shift(problem, previous)),)


def _load(options: LoadOptions) -> Shifted:
    return Shifted()


SPEC = SourceSpec(Shifted.name, _load, Origin.MEMORY)


def is_under_way(plan: Trajectory, problem: PlanningProblem) -> bool:
    """Tell whether a plan has begun and is not over at a problem's time."""
    return bool(plan.stamp - SAME_TIME <= problem.stamp < plan.times[-1])


def shift(problem: PlanningProblem, previous: Trajectory) -> Trajectory:
    """Resample a plan on a problem's grid, extended along the road at its last speed."""
    states, controls = _moved(problem, previous, previous.states[None], previous.controls[None])
    return Trajectory(problem.stamp, problem.horizon.dt, states[0], controls[0])


def shift_all(problem: PlanningProblem, proposals: Sequence[Proposal]) -> list[Proposal]:
    """
    Move the proposals for a problem shortly before on to this one, as `shift`.

    Args:
        problem: that they are moved on to.
        proposals: all with its step and number of steps; those for this problem stay as they are,
            those that cannot be moved are left out. Those with the first one's stamp come first.

    """
    by_stamp: dict[float, list[Proposal]] = {}
    for proposal in proposals:
        by_stamp.setdefault(proposal.trajectory.stamp, []).append(proposal)
    moved: list[Proposal] = []
    for stamp, group in by_stamp.items():
        moved += group if abs(stamp - problem.stamp) < SAME_TIME else _all(problem, group)
    return moved


def _all(problem: PlanningProblem, group: Sequence[Proposal]) -> list[Proposal]:
    """Return proposals of one grid, moved on together."""
    given = [proposal.trajectory for proposal in group]
    states = np.array([trajectory.states for trajectory in given])
    controls = np.array([trajectory.controls for trajectory in given])
    states, controls = _moved(problem, given[0], states, controls)
    good = np.isfinite(states).all(axis=(1, 2))
    if not good.all():
        group = [each for each, is_good in zip(group, good, strict=True) if is_good]
        states, controls = states[good], controls[good]
    moved = trajectories(problem.stamp, problem.horizon.dt, states, controls)
    return [
        unchecked(Proposal, **{**vars(proposal), 'trajectory': trajectory})
        for proposal, trajectory in zip(group, moved, strict=True)
    ]


def _moved(
    problem: PlanningProblem, grid: Trajectory, states: Array, controls: Array
) -> tuple[Array, Array]:
    """Resample states (K, n + 1, 5) and controls (K, n, 2), compiled where there is a library."""
    states, controls = np.ascontiguousarray(states), np.ascontiguousarray(controls)
    count, nodes = states.shape[:2]
    steps = problem.horizon.steps
    moved = np.empty((count, steps + 1, STATE_SIZE)), np.empty((count, steps, CONTROL_SIZE))
    plans = ShiftStructure(
        count,
        nodes,
        grid.dt,
        problem.stamp - grid.stamp,
        *(array.ctypes.data for array in (states, controls, *moved)),
    )
    return moved if library.shift(problem, plans) else by_numpy(problem, grid, states, controls)


def by_numpy(
    problem: PlanningProblem, grid: Trajectory, states: Array, controls: Array
) -> tuple[Array, Array]:
    """
    Resample plans on a problem's grid; the reference of the compiled resampling.

    Args:
        problem: that they are moved on to.
        grid: a trajectory with the plans' stamp and step.
        states: of the plans, shape (K, n + 1, 5).
        controls: shape (K, n, 2).

    Returns:
        States (K, N + 1, 5) and controls (K, N, 2).

    """
    begin = problem.stamp - grid.stamp + problem.horizon.times
    nodes = states.shape[1]
    # on the old grid's nodes, of which rounding must not leave any out
    place = np.clip(begin / grid.dt, 0.0, nodes - 1.0)
    before = np.minimum(np.floor(place + 1e-9).astype(int), nodes - 1)
    share = np.maximum(place - before, 0.0)[:, None]
    after = np.minimum(before + 1, nodes - 1)
    moved = states[:, before] + share * (states[:, after] - states[:, before])
    held = np.concatenate([controls, np.zeros((len(controls), 1, CONTROL_SIZE))], axis=1)
    index = np.floor(begin[:-1] / grid.dt + 1e-9).astype(int)
    late = begin - (nodes - 1) * grid.dt
    beyond = late > 1e-9
    if beyond.any():
        moved[:, beyond] = _extension(problem, states[:, -1], moved[:, ~beyond], late[beyond])
    return moved, held[:, np.clip(index, 0, nodes - 1)]


def _extension(problem: PlanningProblem, end: Array, driven: Array, late: Array) -> Array:
    """
    States that go on along the road, shape (K, n, 5).

    Args:
        problem: gives the road.
        end: last states of trajectories, shape (K, 5).
        driven: their states until then, shape (K, m, 5), which tell how far that is.
        late: times after their end, shape (n,) [s].

    """
    steps = np.diff(driven[..., :2], axis=1)
    travelled = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1)
    station, offset = problem.road.project(end[:, :2], problem.here + travelled)
    ahead = station[:, None] + end[:, SPEED, None] * np.concatenate([[0.0], late])
    speeds = np.broadcast_to(end[:, SPEED, None], ahead.shape)
    states = follow_road(problem, ahead, offset[:, None], speeds)[:, 1:]
    states[..., YAW] += (
        2 * np.pi * np.round((end[:, YAW] - states[:, 0, YAW]) / (2 * np.pi))[:, None]
    )
    return states
