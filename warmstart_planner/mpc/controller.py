# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The controller: from measured state and reference to a command, every period.

Each step solves the tracking problem from where the car will be when the new command takes
effect, and lets the ladder of `supervision` decide what reaches the actuators.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.mpc.settings import ControllerSettings, Mode
from warmstart_planner.mpc.supervised import (
    STANDING_SPEED,
    Action,
    Attempt,
    ControlOutput,
    StepInput,
    SupervisedController,
)
from warmstart_planner.mpc.tracking.parameters import StageParameters, nearest_obstacles
from warmstart_planner.mpc.tracking.solver import TrackingSolver
from warmstart_planner.mpc.warm_starts import (
    CANDIDATES,
    ReferenceStart,
    ShiftedStart,
    StartSelector,
    StartSource,
    TrackingProblem,
    WarmStart,
    facing,
)
from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.supervision import Actuation, Decision, Health, decide
from warmstart_planner.transcription import Frame
from warmstart_planner.vehicle import PX, SPEED, YAW, VehicleParameters

__all__ = ['ControlOutput', 'Controller', 'ControllerSettings']

STANDING_REFERENCE = 0.05  # largest speed of a reference that stands [m/s]


class Controller(SupervisedController):
    """
    Tracks a reference with nonlinear model predictive control.

    Args:
        settings: the settings.
        vehicle: the car.
        starts: sources of starts beside the shifted previous solution; `settings.warm_start`
            says whether they are asked.

    Raises:
        SolverMissingError: the solver was not generated, or for something else.

    """

    def __init__(
        self,
        settings: ControllerSettings,
        vehicle: VehicleParameters,
        starts: Sequence[StartSource] = (),
    ) -> None:
        super().__init__(settings, vehicle)
        self._solver = TrackingSolver(settings, vehicle)
        self._parameters = StageParameters(settings, vehicle)
        self._shifted = ShiftedStart(vehicle.wheelbase)
        self._starts = tuple(starts)
        self._candidates = CANDIDATES[settings.warm_start]
        self._selector = StartSelector(settings, vehicle)
        self.reset()

    def reset(self) -> None:
        """Forget reference, commands, solutions, starts and the solver's memory."""
        super().reset()
        self._solver.reset()
        for source in (self._shifted, *self._starts):
            source.forget()
        self._solved: Sampler | None = None
        self._solved_at = -np.inf

    def take_over(self, other: Controller) -> None:
        """Go on with another controller's reference, commands, rung and last solution."""
        super().take_over(other)
        self._shifted.take_over(other._shifted)
        self._solved, self._solved_at = other._solved, other._solved_at

    def _lose(self) -> None:
        super()._lose()
        self._shifted.forget()
        self._solved_at = -np.inf

    def _act(self, decision: Decision, given: StepInput) -> Action:
        ahead = self._ahead(given)
        target = self._reference
        if decision.rung is Rung.BRAKING:
            target = self._braking_target(ahead, given)
        attempt = self._attempt(target, ahead, given)
        if attempt.prediction is not None:
            if decision.rung is not Rung.BRAKING:
                self._braking = None
            return Action(decision, self._first_command(attempt, given), target, attempt)
        decision = self._after_failure(decision, attempt, given)
        if decision.rung is Rung.BRAKING:
            return self._brake(decision, ahead, given, attempt)
        return Action(decision, self._previous_solution(given), target, attempt)

    def _after_failure(self, decision: Decision, attempt: Attempt, given: StepInput) -> Decision:
        self._shifted.forget()
        failed = decide(
            Health(result_age=given.now - self._solved_at, path_known=True),
            self.settings.supervision,
        )
        if failed.rung.value <= decision.rung.value:
            return decision
        return Decision(failed.rung, f'solver: {attempt.status}; {failed.reason}')

    def _attempt(self, target: Sampler, ahead: NDArray[np.float64], given: StepInput) -> Attempt:
        problem = self._problem(target, ahead, given)
        start = self._start(problem)
        settings = self.settings
        solution = self._solver.solve(
            problem.frame.localise(problem.initial_state),
            problem.parameters,
            problem.frame.localise(start.states),
            start.controls,
            1 if settings.mode is Mode.RTI else settings.iterations_max,
            settings.tolerance,
            settings.time_limit,
        )
        prediction = None
        if solution.usable:
            states = problem.frame.globalise(solution.states)
            prediction = Trajectory(given.effect, settings.dt, states, solution.controls)
            self._shifted.remember(prediction)
            self._solved = Sampler(prediction, self.vehicle.wheelbase, -settings.braking.comfort)
            self._solved_at = given.now
        return Attempt(
            status=solution.status,
            prediction=prediction,
            start_source=start.source,
            stands=problem.reference_states[:, SPEED].max() < STANDING_REFERENCE
            and problem.initial_state[SPEED] < STANDING_SPEED,
            iterations=solution.iterations,
            solve_time=solution.solve_time,
            residual=solution.residual,
        )

    def _start(self, problem: TrackingProblem) -> WarmStart:
        """Return the start to solve from: one of the chosen candidates, or the reference."""

        def others() -> tuple[WarmStart, ...]:
            return tuple(start for source in self._starts for start in source.propose(problem))

        candidates = self._candidates(
            lambda: self._shifted.propose(problem),
            others,
            lambda starts: self._selector.are_all_bad(starts, problem),
        )
        finite = [start for start in candidates if start.finite]
        return self._selector.best(finite or ReferenceStart().propose(problem), problem)

    def _problem(
        self, target: Sampler, ahead: NDArray[np.float64], given: StepInput
    ) -> TrackingProblem:
        settings, vehicle = self.settings, self.vehicle
        times = given.effect + settings.dt * np.arange(settings.steps + 1)
        states, controls = target.sample(times)
        # what cannot be, such as a little backwards or steering past its stop, is measurement
        initial = np.clip(ahead, vehicle.state_lower, vehicle.state_upper)
        states = facing(states, initial[YAW])
        frame = Frame(*(float(value) for value in initial[PX : YAW + 1]))
        near = nearest_obstacles(
            given.obstacles,
            (given.effect - given.state_stamp) / settings.obstacle_dt,
            settings.dt / settings.obstacle_dt,
            states,
            vehicle,
            settings.obstacles,
        )
        return TrackingProblem(
            stamp=given.effect,
            dt=settings.dt,
            initial_state=initial,
            reference_states=states,
            reference_controls=controls[:-1],
            frame=frame,
            parameters=self._parameters.pack(
                states, controls, frame, given.road, given.station, near, given.friction
            ),
        )

    def _previous_solution(self, given: StepInput) -> Actuation:
        """Return the command of the last solution for this time, open loop."""
        times = given.effect + self.settings.dt * np.arange(self.settings.steps)
        return self._command(*self._solved.sample(times))
