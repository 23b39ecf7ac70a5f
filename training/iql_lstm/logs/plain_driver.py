# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The plain controller in the closed loop, in the place of planner and controller."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.iql_lstm.logs.plain_controller import (
    NOISE_DEVIATION,
    NOISE_TIME,
    OFFSET_DEVIATION,
    PLAIN,
    PlainController,
)
from warmstart_planner.learned.observation.observer import moving
from warmstart_planner.mpc.delay import lag_inverted
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import PlanningProblem, PlanResult, Rung
from warmstart_planner.road import Road
from warmstart_planner.simulation.disturbances import CorrelatedNoise
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import ACCELERATION, STEERING, STEERING_RATE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PlainOutput:
    """A command as drives read it: targets of the actuators [m/s^2, rad], and its time [s]."""

    acceleration: float
    steering_angle: float
    rung: Rung
    step_time: float


class PlainDriver:
    """
    The plain controller as planner and controller of a drive (`simulation.closed_loop`).

    It follows no plan: planning keeps the problem, which knows the goal, for the steps after it.

    Args:
        controller: who drives.
        noise: size of the exploration noise on its controls.
        seed: of that noise.
        settings: of the controller in whose place it drives: period and lags.

    """

    def __init__(
        self,
        controller: PlainController,
        noise: float = 0.0,
        seed: int = 0,
        settings: ControllerSettings | None = None,
    ) -> None:
        self._controller = controller
        self._size, self._seed = noise, seed
        self._settings = settings or ControllerSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the problem and begin the noise anew."""
        rng = np.random.default_rng([59, self._seed])
        self._wobble = CorrelatedNoise(self._size * NOISE_DEVIATION, NOISE_TIME, rng)
        self._offset = self._size * OFFSET_DEVIATION * float(rng.standard_normal())
        self._problem: PlanningProblem | None = None

    def plan(self, problem: PlanningProblem, *, deadline: float) -> PlanResult:
        """Keep the problem; there is no trajectory."""
        self._problem = problem
        return PlanResult(
            problem.stamp,
            Rung.NONE,
            source=PLAIN,
            message='the plain controller follows no plan',
        )

    def step(
        self,
        now: float,
        state: Array,
        state_stamp: float,
        reference: object,
        road: Road,
        obstacles: Sequence[Obstacle],
        friction: float,
    ) -> PlainOutput:
        """
        Return the command for a measured state; before the first problem the car brakes.

        Args:
            now: the current time [s].
            state: measured, shape (5,), map frame.
            state_stamp: its time [s].
            reference: not looked at.
            road: not looked at: the problem has it.
            obstacles: with predictions that begin at `state_stamp`.
            friction: not looked at: the problem has it.

        """
        begin = time.perf_counter()
        settings = self._settings
        control = np.array([-self._controller.settings.deceleration, 0.0])
        if self._problem is not None:
            problem = replace(
                self._problem, stamp=state_stamp, initial_state=state, obstacles=obstacles
            )
            numbers = transcribe(problem, Margins())
            (control,) = self._controller.act(
                numbers.initial_state[None],
                numbers.road,
                moving(numbers.obstacles, problem.horizon.dt)[:, 0],
                self._offset,
            )
            car = self._controller.vehicle
            control = np.clip(
                control + self._wobble.sample(settings.period),
                car.control_lower,
                car.control_upper,
            )
        angle = lag_inverted(
            state[STEERING], control[STEERING_RATE], settings.steering_lag, settings.period
        )
        limit = self._controller.vehicle.steering_max
        return PlainOutput(
            acceleration=float(control[ACCELERATION]),
            steering_angle=float(np.clip(angle, -limit, limit)),
            rung=Rung.OPTIMISED if self._problem is not None else Rung.BRAKING,
            step_time=time.perf_counter() - begin,
        )
