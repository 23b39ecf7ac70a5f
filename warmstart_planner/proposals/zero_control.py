# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Zero control: speed and steering stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import zero_controls
from warmstart_planner.vehicle import roll_out


class ZeroControl:
    """Roll the model out with no control at all."""

    name = 'zero_control'

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return the one roll-out."""
        states, controls = roll_out(
            np.asarray(problem.initial_state),
            zero_controls(problem),
            problem.horizon.dt,
            problem.vehicle,
        )
        trajectory = Trajectory(problem.stamp, problem.horizon.dt, states, controls)
        return (Proposal(self.name, trajectory),)
