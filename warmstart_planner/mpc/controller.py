# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The controller: from measured state and reference to a command, every period.

Each step predicts the car to the moment when the new command takes effect, solves the tracking
problem from there, and lets the ladder of `supervision` decide what reaches the actuators.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.mpc.delay import Actuators, CommandHistory, lag_inverted
from warmstart_planner.mpc.parameters import StageParameters, nearest_obstacles
from warmstart_planner.mpc.path_following import follow
from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.mpc.settings import ControllerSettings, Mode
from warmstart_planner.mpc.solver import Solution, TrackingSolver
from warmstart_planner.mpc.warm_starts import (
    ReferenceStart,
    ShiftedStart,
    StartSource,
    TrackingProblem,
    best,
    facing,
)
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.road import Road
from warmstart_planner.supervision import (
    Actuation,
    Decision,
    Health,
    Supervisor,
    braking_profile,
    decide,
    safe_actuation,
)
from warmstart_planner.transcription import Frame
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
STANDING_REFERENCE = 0.05  # largest speed of a reference that stands [m/s]
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
class _Moment:
    """What one step is about; `effect` is when its command begins to act, `previous` the last."""

    now: float
    effect: float
    state: NDArray[np.float64]
    state_stamp: float
    previous: Actuation
    road: Road
    obstacles: Sequence[Obstacle]
    friction: float


@dataclass(frozen=True)
class _Attempt:
    """One solve; `prediction` is None where it failed or was not tried."""

    status: str = 'not_tried'
    solution: Solution | None = None
    start_source: str = ''
    prediction: Trajectory | None = None
    problem: TrackingProblem | None = None


@dataclass(frozen=True)
class _Action:
    """What a step decided and wants from the actuators."""

    decision: Decision
    wanted: Actuation
    target: Sampler | None = None
    attempt: _Attempt = _Attempt()


class Controller:
    """
    Tracks a reference with nonlinear model predictive control.

    Pure: time comes in as a number, nothing is read from a clock but for measuring.

    Args:
        settings: the settings.
        vehicle: the car.
        starts: sources of starts beside the shifted previous solution.

    Raises:
        SolverMissingError: the solver was not generated, or for something else.

    """

    def __init__(
        self,
        settings: ControllerSettings,
        vehicle: VehicleParameters,
        starts: Sequence[StartSource] = (),
    ) -> None:
        self.settings = settings
        self.vehicle = vehicle
        self._solver = TrackingSolver(settings, vehicle)
        self._parameters = StageParameters(settings, vehicle)
        self._shifted = ShiftedStart(vehicle.wheelbase)
        self._starts = (self._shifted, *starts)
        self._supervisor = Supervisor(settings.supervision)
        self._history = CommandHistory(
            Actuators(settings.actuator_delay, settings.acceleration_lag, settings.steering_lag)
        )
        self.reset()

    def reset(self) -> None:
        """Forget reference, commands, solutions and the solver's memory."""
        self._solver.reset()
        self._shifted.forget()
        self._supervisor.reset()
        self._history.clear()
        self._reference: Sampler | None = None
        self._braking: Sampler | None = None
        self._solved: Sampler | None = None
        self._solved_at = -np.inf

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
        moment = _Moment(
            now=now,
            effect=now + self.settings.actuator_delay,
            state=state,
            state_stamp=state_stamp,
            previous=self._previous(state),
            road=road,
            obstacles=obstacles,
            friction=friction if np.isfinite(friction) and friction > 0.0 else LOST_FRICTION,
        )
        if decision.rung is Rung.NONE:
            self._forget_solution()
            action = _Action(decision, self._held(moment))
        else:
            action = self._track(decision, moment)
        return self._output(begin, moment, action)

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

    def _track(self, decision: Decision, moment: _Moment) -> _Action:
        ahead = self._history.predict(
            self._on_course(moment), moment.state_stamp, moment.effect, self.vehicle
        )
        target = self._reference
        if decision.rung is Rung.BRAKING:
            target = self._braking_target(ahead, moment)
        attempt = self._attempt(target, ahead, moment)
        if attempt.prediction is not None:
            if decision.rung is not Rung.BRAKING:
                self._braking = None
            return _Action(decision, self._first_command(attempt, moment), target, attempt)
        decision = self._after_failure(decision, attempt, moment)
        if decision.rung is Rung.BRAKING:
            target = self._braking_target(ahead, moment)
            return _Action(
                decision, follow(target, ahead, moment.effect, self.vehicle), target, attempt
            )
        return _Action(decision, self._previous_solution(moment), target, attempt)

    def _on_course(self, moment: _Moment) -> NDArray[np.float64]:
        """
        Return the measured state with the direction in which the rear axle moves as its yaw.

        The kinematic model knows no slip: its car moves along its heading. A real one points
        into the bend by the slip angle of its rear tyres, which grows with the lateral
        acceleration and shrinks with friction. Taken for a heading error, it would leave a
        standing lateral offset.
        """
        state = np.array(moment.state)
        lateral = lateral_acceleration(state, self.vehicle.wheelbase)
        most = moment.friction * GRAVITY
        slip = self.settings.rear_slip / moment.friction * np.clip(lateral, -most, most)
        state[YAW] -= slip
        return state

    def _after_failure(self, decision: Decision, attempt: _Attempt, moment: _Moment) -> Decision:
        self._shifted.forget()
        failed = decide(
            Health(result_age=moment.now - self._solved_at, path_known=True),
            self.settings.supervision,
        )
        if failed.rung.value <= decision.rung.value:
            return decision
        return Decision(failed.rung, f'solver: {attempt.status}; {failed.reason}')

    def _braking_target(self, ahead: NDArray[np.float64], moment: _Moment) -> Sampler:
        """Return the profile that braking began with, so that it goes on and ends."""
        if self._braking is None:
            profile = braking_profile(
                self._reference.trajectory,
                self.vehicle,
                moment.friction,
                self.settings.braking,
                start=moment.effect,
                state=ahead,
            )
            self._braking = Sampler(
                profile, self.vehicle.wheelbase, -self.settings.braking.comfort
            )
        return self._braking

    def _attempt(self, target: Sampler, ahead: NDArray[np.float64], moment: _Moment) -> _Attempt:
        problem = self._problem(target, ahead, moment)
        starts = [start for source in self._starts for start in source.propose(problem)]
        start = best(
            starts or ReferenceStart().propose(problem), problem, self.settings, self.vehicle
        )
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
        if not solution.usable:
            return _Attempt(solution.status, solution, start.source, problem=problem)
        states = problem.frame.globalise(solution.states)
        prediction = Trajectory(moment.effect, settings.dt, states, solution.controls)
        self._shifted.remember(prediction)
        self._solved = Sampler(prediction, self.vehicle.wheelbase, -settings.braking.comfort)
        self._solved_at = moment.now
        return _Attempt(solution.status, solution, start.source, prediction, problem)

    def _problem(
        self, target: Sampler, ahead: NDArray[np.float64], moment: _Moment
    ) -> TrackingProblem:
        settings, vehicle = self.settings, self.vehicle
        times = moment.effect + settings.dt * np.arange(settings.steps + 1)
        states, controls = target.sample(times)
        # what cannot be, such as a little backwards or steering past its stop, is measurement
        initial = np.clip(ahead, vehicle.state_lower, vehicle.state_upper)
        states = facing(states, initial[YAW])
        frame = Frame(*(float(value) for value in initial[PX : YAW + 1]))
        near = nearest_obstacles(
            moment.obstacles,
            (moment.effect - moment.state_stamp) / settings.obstacle_dt,
            settings.dt / settings.obstacle_dt,
            states,
            vehicle,
            settings.obstacles,
        )
        return TrackingProblem(
            stamp=moment.effect,
            dt=settings.dt,
            initial_state=initial,
            reference_states=states,
            reference_controls=controls[:-1],
            frame=frame,
            parameters=self._parameters.pack(
                states, controls, frame, moment.road, near, moment.friction
            ),
        )

    def _first_command(self, attempt: _Attempt, moment: _Moment) -> Actuation:
        reference = attempt.problem.reference_states
        speed = attempt.prediction.states[0, SPEED]
        if reference[:, SPEED].max() < STANDING_REFERENCE and speed < STANDING_SPEED:
            return Actuation(
                -self.settings.standstill_deceleration, moment.previous.steering_angle
            )
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

    def _previous_solution(self, moment: _Moment) -> Actuation:
        """Return the command of the last solution for this moment, open loop."""
        times = moment.effect + self.settings.dt * np.arange(self.settings.steps)
        return self._command(*self._solved.sample(times))

    def _held(self, moment: _Moment) -> Actuation:
        """Brake blindly with the steering held."""
        braking = self.settings.braking
        state = moment.state
        standing = state.shape == (STATE_SIZE,) and abs(state[SPEED]) < STANDING_SPEED
        deceleration = braking.hold if standing else braking.blind
        return Actuation(-deceleration, moment.previous.steering_angle)

    def _forget_solution(self) -> None:
        self._shifted.forget()
        self._solved_at = -np.inf
        self._braking = None

    def _output(self, begin: float, moment: _Moment, action: _Action) -> ControlOutput:
        sent, elapsed = self._send(moment, action.wanted)
        attempt, solution = action.attempt, action.attempt.solution
        errors = self._errors(action.target, moment)
        return ControlOutput(
            acceleration=sent.acceleration,
            steering_angle=sent.steering_angle,
            steering_rate=(sent.steering_angle - moment.previous.steering_angle) / elapsed,
            prediction=attempt.prediction,
            status=attempt.status,
            rung=action.decision.rung,
            iterations=solution.iterations if solution else 0,
            solve_time=solution.solve_time if solution else 0.0,
            step_time=time.perf_counter() - begin,
            kkt_residual=solution.residual if solution else np.nan,
            lateral_error=errors[1],
            longitudinal_error=errors[0],
            heading_error=errors[2],
            speed_error=errors[3],
            reference_age=self._reference_age(moment.now),
            reason=action.decision.reason,
            start_source=attempt.start_source,
        )

    def _send(self, moment: _Moment, wanted: Actuation) -> tuple[Actuation, float]:
        """Pass the last gate and remember what was sent; also the time since the last command."""
        elapsed = self.settings.period
        if self._history.last is not None:
            elapsed = min(moment.now - self._history.last[0], LONGEST_ELAPSED)
        sent = safe_actuation(
            wanted, moment.previous, elapsed, self.vehicle, self.settings.braking
        )
        self._history.add(moment.now, sent)
        return sent, max(elapsed, 1e-3)

    def _errors(self, target: Sampler | None, moment: _Moment) -> tuple[float, ...]:
        """Longitudinal, lateral, heading and speed error of the measured state."""
        if target is None:
            return (np.nan,) * 4
        reference = target.sample(np.array([moment.state_stamp]))[0][0]
        error = moment.state - reference
        cosine, sine = np.cos(reference[YAW]), np.sin(reference[YAW])
        heading = (error[YAW] + np.pi) % (2 * np.pi) - np.pi
        along = cosine * error[PX] + sine * error[PY]
        across = cosine * error[PY] - sine * error[PX]
        return float(along), float(across), float(heading), float(error[SPEED])
