# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What every controller shares: from late, lost or wrong input down the ladder, and the last gate.

Each step predicts the car to the time when the new command takes effect; what to do from there
is the controller's own matter. What reaches the actuators is decided here and by `supervision`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.mpc.delay import Actuators, CommandHistory, lag_inverted
from warmstart_planner.mpc.path_following import follow
from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.road import Road, StationTracker
from warmstart_planner.supervision import (
    Actuation,
    Decision,
    Health,
    Supervisor,
    braking_profile,
    safe_actuation,
)
from warmstart_planner.vehicle import (
    ACCELERATION,
    GRAVITY,
    PX,
    PY,
    SPEED,
    STATE_SIZE,
    STEERING,
    STEERING_RATE,
    YAW,
    VehicleParameters,
    lateral_acceleration,
)

LOST_FRICTION = 0.3  # assumed where the given friction is not a usable number
STANDING_SPEED = 0.1  # below, with a standing reference, the brake is held [m/s]
ABSURD_SPEED = 2.0  # a measured speed beyond so many times the car's own is none
LONGEST_ELAPSED = 0.2  # of the time between two commands that the rate limit believes [s]


@dataclass(frozen=True)
class ControlOutput:
    """
    One command and how it came about.

    `acceleration` [m/s^2] and front-wheel angle `steering_angle` [rad] are targets for the
    actuators; `steering_rate` [rad/s] is the rate at which the angle changes from the last one.
    `prediction` is the solved motion (map frame), None where there is none. `status` is the
    solver's, or why it was not asked. The errors are the measured state's against the reference
    at its own time [m, m, rad, m/s], NaN where there is no reference. Times are in seconds;
    `step_time` holds everything in the step.
    """

    acceleration: float
    steering_angle: float
    steering_rate: float
    prediction: Trajectory | None
    status: str
    rung: Rung
    iterations: int
    solve_time: float
    step_time: float
    kkt_residual: float
    lateral_error: float
    longitudinal_error: float
    heading_error: float
    speed_error: float
    reference_age: float
    reason: str = ''
    start_source: str = ''


@dataclass(frozen=True)
class StepInput:
    """
    What one step is about.

    `effect` is when its command begins to act, `previous` the last one; `station` is where on the
    road the measured state is [m].
    """

    now: float
    effect: float
    state: NDArray[np.float64]
    state_stamp: float
    previous: Actuation
    road: Road
    station: float
    obstacles: Sequence[Obstacle]
    friction: float


@dataclass(frozen=True)
class Attempt:
    """
    What came of looking for a motion; `prediction` is None where nothing usable did.

    `stands`: the car stands and shall go on standing. The rest is as in `ControlOutput`.
    """

    status: str = 'not_tried'
    prediction: Trajectory | None = None
    start_source: str = ''
    stands: bool = False
    iterations: int = 0
    solve_time: float = 0.0
    residual: float = np.nan


@dataclass(frozen=True)
class Action:
    """What a step decided and wants from the actuators."""

    decision: Decision
    wanted: Actuation
    target: Sampler | None = None
    attempt: Attempt = Attempt()


class SupervisedController(ABC):
    """
    A controller behind the ladder of `supervision`.

    Pure: time comes in as a number, nothing is read from a clock but for measuring.

    Args:
        settings: the settings.
        vehicle: the car.

    """

    def __init__(self, settings: ControllerSettings, vehicle: VehicleParameters) -> None:
        self.settings = settings
        self.vehicle = vehicle
        self._supervisor = Supervisor(settings.supervision)
        self._history = CommandHistory(
            Actuators(settings.actuator_delay, settings.acceleration_lag, settings.steering_lag)
        )
        self._tracker = StationTracker()
        self._reference: Sampler | None = None
        self._braking: Sampler | None = None

    def reset(self) -> None:
        """Forget reference and commands."""
        self._supervisor.reset()
        self._history.clear()
        self._tracker = StationTracker()
        self._reference = None
        self._braking = None

    def take_over(self, other: SupervisedController) -> None:
        """Go on with another controller's reference, commands and rung, by the own settings."""
        self._supervisor.take_over(other._supervisor)
        self._history.take_over(other._history)
        self._accept(other._reference.trajectory if other._reference is not None else None)
        self._braking = other._braking

    def step(
        self,
        now: float,
        state: NDArray[np.float64],
        state_stamp: float,
        reference: Trajectory | None,
        road: Road,
        obstacles: Sequence[Obstacle],
        friction: float,
    ) -> ControlOutput:
        """
        Return the command for now. Never raises for late, lost or invalid input.

        Args:
            now: the current time [s].
            state: measured, shape (5,), map frame.
            state_stamp: its time [s].
            reference: the newest one, None where there is none yet.
            road: the corridor.
            obstacles: with predictions that begin at `state_stamp`, `obstacle_dt` apart.
            friction: friction coefficient.

        """
        begin = time.perf_counter()
        state = np.asarray(state, dtype=float)
        self._accept(reference)
        decision = self._supervisor.update(self._health(now, state, state_stamp))
        given = StepInput(
            now=now,
            effect=now + self.settings.actuator_delay,
            state=state,
            state_stamp=state_stamp,
            previous=self._previous(state),
            road=road,
            station=self._station(road, state),
            obstacles=obstacles,
            friction=friction if np.isfinite(friction) and friction > 0.0 else LOST_FRICTION,
        )
        if decision.rung is Rung.NONE:
            self._lose()
            action = Action(decision, self._held(given))
        else:
            action = self._act(decision, given)
        return self._output(begin, given, action)

    def _station(self, road: Road, state: NDArray[np.float64]) -> float:
        if not self._believable(state):
            return self._tracker.station
        return self._tracker.update(road, state)

    @abstractmethod
    def _act(self, decision: Decision, given: StepInput) -> Action:
        """Return what to do on a rung above NONE."""

    def _lose(self) -> None:
        """Forget what is of no use once the car or its path is lost."""
        self._braking = None

    def _accept(self, reference: Trajectory | None) -> None:
        known = self._reference.trajectory if self._reference is not None else None
        if reference is not None and reference is not known:
            self._reference = Sampler(
                reference, self.vehicle.wheelbase, -self.settings.braking.comfort
            )

    def _health(self, now: float, state: NDArray[np.float64], stamp: float) -> Health:
        known = self._reference is not None
        return Health(
            state_age=now - stamp,
            state_valid=self._believable(state),
            reference_age=self._reference_age(now),
            reference_valid=known,
            path_known=known,
        )

    def _believable(self, state: NDArray[np.float64]) -> bool:
        """Whether a measured state is one that a car can be in."""
        if state.shape != (STATE_SIZE,) or not np.isfinite(state).all():
            return False
        moving = abs(state[SPEED]) <= ABSURD_SPEED * self.vehicle.speed_max
        return bool(moving and abs(state[STEERING]) < np.pi / 2)

    def _reference_age(self, now: float) -> float:
        return now - self._reference.trajectory.stamp if self._reference is not None else np.inf

    def _previous(self, state: NDArray[np.float64]) -> Actuation:
        """Return the last command, or what the steering does before there was one."""
        if self._history.last is not None:
            return self._history.last[1]
        measured = state[STEERING] if state.shape == (STATE_SIZE,) else np.nan
        return Actuation(0.0, float(measured) if np.isfinite(measured) else 0.0)

    def _ahead(self, given: StepInput) -> NDArray[np.float64]:
        """Return the car's state at the time when the new command takes effect, shape (5,)."""
        return self._history.predict(
            self._on_course(given), given.state_stamp, given.effect, self.vehicle
        )

    def _on_course(self, given: StepInput) -> NDArray[np.float64]:
        """
        Return the measured state with the direction in which the rear axle moves as its yaw.

        The kinematic model knows no slip: its car moves along its heading. A real one points
        into the bend by the slip angle of its rear tyres, which grows with the lateral
        acceleration and shrinks with friction. Taken for a heading error, it would leave a
        standing lateral offset.
        """
        state = np.array(given.state)
        lateral = lateral_acceleration(state, self.vehicle.wheelbase)
        most = given.friction * GRAVITY
        slip = self.settings.rear_slip / given.friction * np.clip(lateral, -most, most)
        state[YAW] -= slip
        return state

    def _brake(
        self, decision: Decision, ahead: NDArray[np.float64], given: StepInput, attempt: Attempt
    ) -> Action:
        """Brake along the last safe path, without a solver."""
        target = self._braking_target(ahead, given)
        wanted = follow(target, ahead, given.effect, self.vehicle)
        return Action(decision, wanted, target, attempt)

    def _braking_target(self, ahead: NDArray[np.float64], given: StepInput) -> Sampler:
        """Return the profile that braking began with, so that it goes on and ends."""
        if self._braking is None:
            profile = braking_profile(
                self._reference.trajectory,
                self.vehicle,
                given.friction,
                self.settings.braking,
                start=given.effect,
                state=ahead,
            )
            self._braking = Sampler(
                profile, self.vehicle.wheelbase, -self.settings.braking.comfort
            )
        return self._braking

    def _first_command(self, attempt: Attempt, given: StepInput) -> Actuation:
        """Return the command that a prediction begins with."""
        if attempt.stands:
            return Actuation(-self.settings.standstill_deceleration, given.previous.steering_angle)
        return self._command(attempt.prediction.states, attempt.prediction.controls)

    def _command(self, states: NDArray[np.float64], controls: NDArray[np.float64]) -> Actuation:
        """
        Return the targets that make lagging actuators do what was predicted.

        The acceleration is taken one lag ahead, the steering by inverting its lag over a period.
        """
        settings = self.settings
        times = settings.dt * np.arange(len(controls))
        acceleration = np.interp(settings.acceleration_lag, times, controls[:, ACCELERATION])
        steering = lag_inverted(
            states[0, STEERING], controls[0, STEERING_RATE], settings.steering_lag, settings.period
        )
        return Actuation(float(acceleration), float(steering))

    def _held(self, given: StepInput) -> Actuation:
        """Brake blindly with the steering held."""
        braking = self.settings.braking
        state = given.state
        standing = state.shape == (STATE_SIZE,) and abs(state[SPEED]) < STANDING_SPEED
        deceleration = braking.hold if standing else braking.blind
        return Actuation(-deceleration, given.previous.steering_angle)

    def _output(self, begin: float, given: StepInput, action: Action) -> ControlOutput:
        sent, elapsed = self._send(given, action.wanted)
        attempt = action.attempt
        errors = self._errors(action.target, given)
        return ControlOutput(
            acceleration=sent.acceleration,
            steering_angle=sent.steering_angle,
            steering_rate=(sent.steering_angle - given.previous.steering_angle) / elapsed,
            prediction=attempt.prediction,
            status=attempt.status,
            rung=action.decision.rung,
            iterations=attempt.iterations,
            solve_time=attempt.solve_time,
            step_time=time.perf_counter() - begin,
            kkt_residual=attempt.residual,
            lateral_error=errors[1],
            longitudinal_error=errors[0],
            heading_error=errors[2],
            speed_error=errors[3],
            reference_age=self._reference_age(given.now),
            reason=action.decision.reason,
            start_source=attempt.start_source,
        )

    def _send(self, given: StepInput, wanted: Actuation) -> tuple[Actuation, float]:
        """Pass the last gate and remember what was sent; also the time since the last command."""
        elapsed = self.settings.period
        if self._history.last is not None:
            elapsed = min(given.now - self._history.last[0], LONGEST_ELAPSED)
        sent = safe_actuation(wanted, given.previous, elapsed, self.vehicle, self.settings.braking)
        self._history.add(given.now, sent)
        return sent, max(elapsed, 1e-3)

    def _errors(self, target: Sampler | None, given: StepInput) -> tuple[float, ...]:
        """Longitudinal, lateral, heading and speed error of the measured state."""
        if target is None:
            return (np.nan,) * 4
        reference = target.sample(np.array([given.state_stamp]))[0][0]
        error = given.state - reference
        cosine, sine = np.cos(reference[YAW]), np.sin(reference[YAW])
        heading = (error[YAW] + np.pi) % (2 * np.pi) - np.pi
        along = cosine * error[PX] + sine * error[PY]
        across = cosine * error[PY] - sine * error[PX]
        return float(along), float(across), float(heading), float(error[SPEED])
