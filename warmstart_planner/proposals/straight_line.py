# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Straight line: constant speed along the road's reference path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import follow_road, zero_controls
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceSpec
from warmstart_planner.vehicle import SPEED


class StraightLine:
    """Follow the reference path at the present speed, whatever is in the way."""

    name = 'straight_line'

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return the one guess."""
        start = problem.initial_state
        station = problem.here
        times = problem.horizon.times
        speeds = np.full(len(times), start[SPEED])
        states = follow_road(problem, station + start[SPEED] * times, 0.0, speeds)
        controls = zero_controls(problem)
        trajectory = Trajectory(problem.stamp, problem.horizon.dt, states, controls)
        return (Proposal(self.name, trajectory),)


def _load(options: LoadOptions) -> StraightLine:
    return StraightLine()


SPEC = SourceSpec(StraightLine.name, _load, Origin.COLD)
