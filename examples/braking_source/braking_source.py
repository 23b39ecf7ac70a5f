# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A source of another package: the car brakes beside the road's reference path, where it is.

A template; docs/extending.md goes through it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import follow_road, zero_controls
from warmstart_planner.proposals.spec import LoadOptions, SourceSpec
from warmstart_planner.vehicle import SPEED

DECELERATIONS = (1.0, 2.5, 5.0)  # [m/s^2]


class Braking:
    """Keep the distance from the reference path, and brake by each of DECELERATIONS."""

    name = 'braking'

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return a start a deceleration, on the problem's grid, map frame."""
        return tuple(
            Proposal(self.name, brake(problem, rate), model_id=f'{rate} m/s2')
            for rate in DECELERATIONS
        )


def brake(problem: PlanningProblem, rate: float) -> Trajectory:
    """Return how the car comes to a stand by a deceleration [m/s^2], and stands."""
    start, horizon = problem.initial_state, problem.horizon
    speeds = np.maximum(start[SPEED] - rate * horizon.times, 0.0)
    steps = horizon.dt * (speeds[1:] + speeds[:-1]) / 2
    station, offset = problem.road.project(start[:2], problem.here)
    stations = station + np.concatenate([[0.0], np.cumsum(steps)])
    controls = zero_controls(problem)
    controls[:, 0] = np.diff(speeds) / horizon.dt
    states = follow_road(problem, stations, offset, speeds)
    return Trajectory(problem.stamp, horizon.dt, states, controls)


def load(options: LoadOptions) -> Braking:
    """Make the source; it needs no model, and answers for any car and horizon."""
    return Braking()


SPEC = SourceSpec(Braking.name, load)
