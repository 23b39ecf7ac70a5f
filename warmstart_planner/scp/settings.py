# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of SCP."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from warmstart_planner.checks import number
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE


@dataclass(frozen=True)
class ScpSettings:
    """
    Trust region, tolerances, penalties and limits of SCP.

    Radii multiply `state_scale` and `control_scale`, which make positions, angles, speeds and
    controls comparable. Ratios are of actual to predicted merit decrease. Tolerances:
    `merit_tolerance` is relative to the cost, `violation_tolerance` is on the planner's own rows
    [m, m/s^2], which keep a margin to what the verifier demands. Penalties are the merit's (see
    `CostWeights` for their units);
    `penalty_raises` is how often the penalty may grow tenfold before a problem counts as locally
    infeasible. The search has converged when what a step promises is below `merit_tolerance`, or
    when a step that the trust region does not hold back gains less than ten times that within the
    other tolerances, as the next would gain a fraction of it. `stall_limit` such steps in a row
    end it anywhere.

    A QP ends where the mean product of distances to its bounds and their multipliers is below
    `qp_complementarity` and no more than the share `qp_gap` of its first infeasibility is left, or
    after `qp_iterations`; one after a QP that this left unsolved has `qp_iteration_limit`.
    """

    initial_radius: float = 1.0
    smallest_radius: float = 1e-4
    largest_radius: float = 4.0
    accept_ratio: float = 0.05
    shrink_ratio: float = 0.25
    grow_ratio: float = 0.7
    shrink_factor: float = 0.4
    grow_factor: float = 2.0
    step_tolerance: float = 1e-3
    merit_tolerance: float = 1e-3
    violation_tolerance: float = 0.05
    defect_penalty: float = 100.0
    qp_complementarity: float = 2e-4
    qp_gap: float = 3e-3
    state_scale: tuple[float, ...] = (5.0, 5.0, 0.6, 5.0, 0.4)
    control_scale: tuple[float, ...] = (5.0, 0.6)
    iteration_limit: int = 25
    qp_iterations: int = 16
    qp_iteration_limit: int = 50
    stall_limit: int = 2
    penalty_raises: int = 1

    def __post_init__(self) -> None:
        """Refuse values with which the loop cannot work."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                size = STATE_SIZE if field.name == 'state_scale' else CONTROL_SIZE
                if len(value) != size:
                    raise ValueError(f'scp.{field.name} is {value}: expected {size} numbers')
                for entry in value:
                    number(f'scp.{field.name}', entry, at_least=np.finfo(float).tiny)
            else:
                number(f'scp.{field.name}', value, at_least=0.0)
        number('scp.iteration_limit', self.iteration_limit, at_least=1, at_most=1000)
        number('scp.largest_radius', self.largest_radius, at_least=self.initial_radius)
        number('scp.smallest_radius', self.smallest_radius, at_most=self.initial_radius)
