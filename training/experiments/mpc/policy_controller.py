# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A policy as the only controller: what learning can do without an optimiser behind it."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.policy import LoadedPolicy
from warmstart_planner.mpc.policy_roll_outs import PolicyRollOuts
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.supervised import (
    STANDING_SPEED,
    Action,
    Attempt,
    StepInput,
    SupervisedController,
)
from warmstart_planner.problem import PlanningProblem, Rung, Trajectory
from warmstart_planner.supervision import Decision
from warmstart_planner.vehicle import SPEED, VehicleParameters

NAME = 'policy'


class PolicyController(SupervisedController):
    """
    Drives as the mean of an ensemble's members does, behind the same ladder and limits as the MPC.

    It solves the planning problem itself; the reference is only what it brakes along. What no
    car could do, or an answer to a stale problem, is no command: it brakes at once.

    Args:
        policy: as `learned.policy.load_policy` returns it.
        settings: the settings.
        vehicle: the car.

    Raises:
        ValueError: the policy is for another car or time step.
        SolverMissingError: the observation of this car is not generated.

    """

    def __init__(
        self, policy: LoadedPolicy, settings: ControllerSettings, vehicle: VehicleParameters
    ) -> None:
        super().__init__(settings, vehicle)
        self._roll_outs = PolicyRollOuts(policy, vehicle, settings.dt)

    def set_problem(self, problem: PlanningProblem) -> None:
        """
        Take the newest planning problem.

        Raises:
            ValueError: it is for another car.

        """
        self._roll_outs.set_problem(problem)

    def reset(self) -> None:
        """Forget reference, commands, the planning problem and all that was seen."""
        super().reset()
        self._roll_outs.forget()

    def _act(self, decision: Decision, given: StepInput) -> Action:
        ahead = self._ahead(given)
        if decision.rung is Rung.BRAKING:
            return self._brake(decision, ahead, given, Attempt())
        attempt = self._attempt(ahead, given)
        if attempt.prediction is None:
            failed = Decision(Rung.BRAKING, f'policy: {attempt.status}')
            return self._brake(failed, ahead, given, attempt)
        self._braking = None
        return Action(decision, self._first_command(attempt, given), self._reference, attempt)

    def _attempt(self, ahead: NDArray[np.float64], given: StepInput) -> Attempt:
        begin = time.perf_counter()
        state = np.clip(ahead, self.vehicle.state_lower, self.vehicle.state_upper)
        ways = self._roll_outs.roll_out(given.effect, state, self.settings.steps)
        elapsed = time.perf_counter() - begin
        if ways is None:
            return Attempt('no_sound_roll_out', start_source=NAME, solve_time=elapsed)
        # the last way is that of the mean
        states, controls = ways.states[-1], ways.controls[-1]
        return Attempt(
            'rolled_out',
            Trajectory(given.effect, self.settings.dt, states, controls),
            NAME,
            stands=bool(states[:, SPEED].max() < STANDING_SPEED),
            solve_time=elapsed,
        )
