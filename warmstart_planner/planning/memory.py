# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Memory: the plan in use, what of it the next problem goes on with, and how long it stands in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.planning.settings import PlannerSettings
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.shifted import Shifted, is_under_way, shift


@dataclass(frozen=True)
class Memory:
    """
    What a planner knows of its last cycle.

    `previous` is the last plan that was found for a problem of its time, `in_use` what was
    handed out last, which may be a way to brake: `is_braking`. `multiplier` is the largest of
    the previous plan's soft rows, for the refinement that starts from it.
    """

    previous: Trajectory | None = None
    in_use: Trajectory | None = None
    is_braking: bool = False
    multiplier: float = 0.0

    def stitched(self, problem: PlanningProblem, settings: PlannerSettings) -> PlanningProblem:
        """Return the problem, from the plan in use on where the car follows it closely."""
        in_use = self.in_use
        if in_use is None or not in_use.stamp <= problem.stamp <= in_use.times[-1]:
            return problem
        if not follows(in_use, problem, settings):
            return problem
        return replace(problem, initial_state=_state_at(in_use, problem.stamp))

    def proposals(self, problem: PlanningProblem) -> tuple[Proposal, ...]:
        """Return the previous plan as it was made, to be moved on; nothing where it is over."""
        previous = self.previous
        if previous is None or not is_under_way(previous, problem):
            return ()
        return (Proposal(Shifted.name, previous),)

    def standing_in(
        self, problem: PlanningProblem, settings: PlannerSettings
    ) -> Trajectory | None:
        """Return what is left of the previous plan while it may stand in."""
        previous = self.previous
        if previous is None or self.is_braking:
            return None
        if not 0.0 <= problem.stamp - previous.stamp <= settings.previous_age_max:
            return None
        # what is true of a plan says nothing of a car that is elsewhere
        return rest_of(previous, problem) if follows(previous, problem, settings) else None


def follows(plan: Trajectory, problem: PlanningProblem, settings: PlannerSettings) -> bool:
    """Tell whether the car is where a plan has it, within the stitching limits."""
    planned = _state_at(plan, problem.stamp)
    gap = problem.initial_state - planned
    c, s = np.cos(planned[2]), np.sin(planned[2])
    turn = (gap[2] + np.pi) % (2 * np.pi) - np.pi
    errors = np.abs([c * gap[0] + s * gap[1], c * gap[1] - s * gap[0], turn, gap[3], gap[4]])
    limits = (
        settings.stitch_longitudinal,
        settings.stitch_lateral,
        settings.stitch_yaw,
        settings.stitch_speed,
        settings.stitch_steering,
    )
    return bool((errors <= limits).all())


def rest_of(plan: Trajectory, problem: PlanningProblem) -> Trajectory | None:
    """Return what is left of a plan, from the problem's stamp on; None where it is over."""
    left = int(np.floor((plan.times[-1] - problem.stamp) / plan.dt + 1e-6))
    if left < 1:
        return None
    whole = shift(problem, plan)
    return Trajectory(whole.stamp, whole.dt, whole.states[: left + 1], whole.controls[:left])


def _state_at(trajectory: Trajectory, stamp: float) -> NDArray[np.float64]:
    """Return the state at a time, the first or last one beyond."""
    states = trajectory.states
    place = min(max((stamp - trajectory.stamp) / trajectory.dt, 0.0), len(states) - 1.0)
    before = min(int(place), len(states) - 2)
    return states[before] + (place - before) * (states[before + 1] - states[before])
