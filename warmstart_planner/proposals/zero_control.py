# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Zero control: speed and steering stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import rolled_out, zero_controls
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceSpec
from warmstart_planner.vehicle import PX, SPEED, STEERING, YAW


class ZeroControl:
    """Roll the model out with no control at all."""

    name = 'zero_control'

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return the one roll-out."""
        start, vehicle = np.asarray(problem.initial_state), problem.vehicle
        controls = zero_controls(problem)
        inside = (vehicle.state_lower <= start) & (start <= vehicle.state_upper)
        if inside.all():
            states = _arc(start, problem.horizon.times, vehicle.wheelbase)
            trajectory = Trajectory(problem.stamp, problem.horizon.dt, states, controls)
        else:
            # such a start can't be kept: the model leads back to the limits
            trajectory = rolled_out(problem, controls)
        return (Proposal(self.name, trajectory),)


def _load(options: LoadOptions) -> ZeroControl:
    return ZeroControl()


SPEC = SourceSpec(ZeroControl.name, _load, Origin.COLD)


def _arc(
    start: NDArray[np.float64], times: NDArray[np.float64], wheelbase: float
) -> NDArray[np.float64]:
    """Return the states (N + 1, 5) of a car that keeps speed and steering: a circle's arc."""
    states = np.tile(start, (len(times), 1))
    travelled = start[SPEED] * times
    turned = travelled * np.tan(start[STEERING]) / wheelbase
    chord = travelled * np.sinc(turned / (2 * np.pi))
    direction = start[YAW] + turned / 2
    states[:, PX : PX + 2] += chord[:, None] * np.stack(
        [np.cos(direction), np.sin(direction)], axis=-1
    )
    states[:, YAW] += turned
    return states
