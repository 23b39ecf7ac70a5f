# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The verdict on a trajectory: all constraints of its problem, put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem, Trajectory
from warmstart_planner.verification.collision import collision
from warmstart_planner.verification.corridor import road
from warmstart_planner.verification.direction import direction, speeding
from warmstart_planner.verification.dynamics import dynamics
from warmstart_planner.verification.limits import friction, limits
from warmstart_planner.verification.motion import follow, per_step
from warmstart_planner.verification.path import Path
from warmstart_planner.verification.terminal import terminal
from warmstart_planner.verification.tolerances import DEFAULT_TOLERANCES, Tolerances

Array = NDArray[np.float64]

GROUPS = ('collision', 'road', 'direction', 'limits', 'friction', 'dynamics', 'terminal')


@dataclass(frozen=True)
class Verdict:
    """
    What the judge found.

    `collision` [m], `road` [m], `direction` [rad], `limits` [each its unit], `friction` [m/s^2],
    `dynamics` [m; the other components of a defect are scaled by the ratio of the tolerances] and
    `terminal` [m] are the largest violations of each group, counted from zero. `violation` is the
    largest of those that exceed their tolerance: 0 exactly when `feasible`. `clearance` is the
    least distance between the car's box and any obstacle, negative: how deep they overlap, inf:
    no obstacles [m]. `constraint_to_go`, shape (N + 1,), sums the violations that exceed their
    tolerance from each step to the end, all groups together; a step is what happens from its node
    to the next. `speeding` is the largest speed beyond the road's limit [m/s], which is reported
    but no violation.
    """

    feasible: bool
    violation: float
    clearance: float
    collision: float
    road: float
    direction: float
    limits: float
    friction: float
    dynamics: float
    terminal: float
    constraint_to_go: Array
    speeding: float


def verify(
    problem: PlanningProblem,
    trajectory: Trajectory,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
) -> Verdict:
    """
    Judge a trajectory by all constraints of its problem, between the nodes too.

    - collision: the car's whole box against every obstacle, as exact distance of rounded boxes.
    - road: the whole box inside the corridor; unless it stands, the front not past the road's end
      and the centre not before its beginning.
    - direction: a car that moves does not face against its road.
    - limits: speed, steering, acceleration, steering rate. Where the start itself is outside, the
      bound is what the car reaches when it returns nearly as fast as it can.
    - friction: sqrt(a^2 + (v^2 tan(steering) / wheelbase)^2) <= friction * g. Where the start
      itself is outside, the bound is what steering back nearly as fast as possible leaves.
    - dynamics: each node against the nonlinear model from the node before, the differences summed
      from the start to each node; the first node against `problem.initial_state` (yaw modulo a
      turn there; within a trajectory yaw is unwrapped).
    - terminal: from the last state the car can stop, with a deceleration of STOPPING_SHARE of the
      friction, before the road's end, and before the station of a `StopBefore` goal; or, where
      that is out of reach from the start too, no further than if it had braked so at once.

    The trajectory may be longer or shorter than the horizon. Collision between samples is seen
    down to a depth of a few millimetres.

    Raises:
        ValueError: the trajectory has another stamp or dt than the problem.

    """
    check_grid(problem, trajectory)
    samples, ends = follow(trajectory, problem.vehicle)
    path = Path(problem.road)
    foot = path.foot(samples, problem.station)
    steps = len(trajectory.states)
    clearance, overlap = collision(problem, samples, steps)
    groups = {
        'collision': overlap,
        'road': per_step(road(path, foot, samples, problem.vehicle, tolerances), steps),
        'direction': per_step(direction(path, foot, samples, tolerances), steps),
        'limits': limits(problem, trajectory),
        'friction': per_step(friction(problem, trajectory, samples), steps),
        'dynamics': dynamics(problem, trajectory, ends, tolerances),
        'terminal': terminal(problem, path, foot, samples, steps),
    }
    allowed = {
        name: tolerances.position if name == 'dynamics' else getattr(tolerances, name)
        for name in groups
    }
    # a violation that cannot be computed is no reason to pass
    stacked = np.nan_to_num(np.stack(list(groups.values())), nan=np.inf, posinf=np.inf)
    beyond = np.where(stacked > np.array(list(allowed.values()))[:, None], stacked, 0.0)
    largest = stacked.max(axis=1)
    violation = float(beyond.max())
    return Verdict(
        feasible=violation == 0.0,
        violation=violation,
        clearance=clearance,
        **dict(zip(groups, largest.tolist(), strict=True)),
        constraint_to_go=np.cumsum(beyond.sum(axis=0)[::-1])[::-1],
        speeding=speeding(path, foot, samples),
    )


def check_grid(problem: PlanningProblem, trajectory: Trajectory) -> None:
    """Raise a ValueError where a trajectory has another stamp or dt than its problem."""
    if len(trajectory.states) < 2:
        raise ValueError('trajectory.states has 1 node: expected at least 2')
    if abs(trajectory.dt - problem.horizon.dt) > 1e-9:
        raise ValueError(f'trajectory.dt is {trajectory.dt}: expected {problem.horizon.dt}')
    if abs(trajectory.stamp - problem.stamp) > 1e-6:
        raise ValueError(f'trajectory.stamp is {trajectory.stamp}: expected {problem.stamp}')
