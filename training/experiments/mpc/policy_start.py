# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A policy's roll-out as a start of the tracking problem."""

from __future__ import annotations

import numpy as np

from warmstart_planner.learned.policy import LoadedPolicy
from warmstart_planner.mpc.policy_roll_outs import PolicyRollOuts
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking.merit_library import Merit
from warmstart_planner.mpc.warm_starts import TrackingProblem, WarmStart
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.vehicle import VehicleParameters


class PolicyStart:
    """
    A source of starts: the way of least merit among an ensemble's.

    Args:
        policy: as `learned.policy.load_policy` returns it.
        settings: the controller's.
        vehicle: the car.

    Raises:
        ValueError: the policy is for another car or time step.
        SolverMissingError: what is compiled was not generated for this car and these settings.

    """

    name = 'policy'

    def __init__(
        self, policy: LoadedPolicy, settings: ControllerSettings, vehicle: VehicleParameters
    ) -> None:
        self._roll_outs = PolicyRollOuts(policy, vehicle, settings.dt)
        self._merit = Merit(vehicle, settings)

    def set_problem(self, problem: PlanningProblem) -> None:
        """
        Take the newest planning problem.

        Raises:
            ValueError: it is for another car.

        """
        self._roll_outs.set_problem(problem)

    def forget(self) -> None:
        """Forget the planning problem and all that was seen."""
        self._roll_outs.forget()

    def propose(self, problem: TrackingProblem) -> tuple[WarmStart, ...]:
        """Return one start, none where the planning problem is stale or no member is sound."""
        steps = len(problem.reference_controls)
        ways = self._roll_outs.roll_out(problem.stamp, problem.initial_state, steps)
        if ways is None:
            return ()
        merits = self._merit(
            problem.frame.localise(ways.states), ways.controls, problem.parameters
        )
        best = int(np.argmin(np.where(np.isfinite(merits), merits, np.inf)))
        return (WarmStart(self.name, ways.states[best], ways.controls[best]),)
