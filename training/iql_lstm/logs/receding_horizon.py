# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drives of the optimiser through the car's model, disturbed at every step.

An optimal trajectory shows what to do where nothing goes wrong: only its first step answers a
state that is not on it already, and a policy learned from whole trajectories goes on with what it
did before instead of correcting. Here a disturbance moves the car after every step, the optimiser
solves anew from there, and what is kept is its first control: the answer to the disturbance
(Laskey, Lee, Fox, Dragan, Goldberg: DART, noise injection for robust imitation learning, CoRL
2017).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.alignment import aligned
from warmstart_planner.problem import PlanningProblem, Trajectory
from warmstart_planner.proposals.shifted import shift
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import PX, PY, SPEED, STEERING, YAW, roll_out

Array = NDArray[np.float64]

# Standard deviations in a step, at size 1: along and across the heading [m], yaw [rad], speed
# [m/s], front-wheel angle [rad]; small beside what the car moves in a step.
DISTURBANCE = np.array([0.05, 0.03, 0.006, 0.1, 0.01])
OUTLIER, OUTLIER_SHARE = 5.0, 0.04  # some steps' disturbance is so many times as large


def drive_optimally(
    solver: ScpSolver,
    problem: PlanningProblem,
    plan: Trajectory,
    size: float,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """
    Drive the model over a problem's horizon, solving anew at each step from where the car is.

    Args:
        solver: of the problem's car and horizon.
        problem: where the drive begins.
        plan: a solution of the problem, which the drive goes on from.
        size: of the disturbances; 0 is none.
        rng: of the disturbances.

    Returns:
        States (N + 1, 5) and controls (N, 2), map frame. A state is what the model made of the
        one before and the control, moved by the disturbance.

    """
    horizon = problem.horizon
    states, controls = [np.array(problem.initial_state)], []
    for k in range(1, horizon.steps + 1):
        moved, applied = roll_out(states[-1], plan.controls[:1], horizon.dt, problem.vehicle)
        controls.append(applied[0])
        states.append(_disturbed(moved[1], size, rng, problem))
        if k == horizon.steps:
            break
        now = replace(
            problem,
            stamp=problem.stamp + k * horizon.dt,
            initial_state=states[-1],
            obstacles=aligned(problem.obstacles, k * horizon.dt, horizon.dt, horizon),
        )
        bound = solver.bind(now)
        plan = solver.solve(bound, solver.roll_out(bound, shift(now, plan))).trajectory
    return np.stack(states), np.stack(controls)


def _disturbed(
    state: Array, size: float, rng: np.random.Generator, problem: PlanningProblem
) -> Array:
    """Move a state by a random amount, within the car's limits of speed and steering."""
    scale = size * (OUTLIER if rng.random() < OUTLIER_SHARE else 1.0)
    along, across, yaw, speed, steering = scale * DISTURBANCE * rng.standard_normal(5)
    c, s = np.cos(state[YAW]), np.sin(state[YAW])
    result = state.copy()
    result[[PX, PY, YAW]] += c * along - s * across, s * along + c * across, yaw
    result[[SPEED, STEERING]] += speed, steering
    car, bounded = problem.vehicle, [SPEED, STEERING]
    result[bounded] = np.clip(result[bounded], car.state_lower[bounded], car.state_upper[bounded])
    return result
