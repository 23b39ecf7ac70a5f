# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What to do when something is late, lost or wrong: the ladder, as pure functions.

Planner and controller use the same rules. Nothing here reads a clock or does I/O: ages and
validity come in, a rung comes out. The last gate before an actuator, `safe_actuation`, and the
profile that brakes along the last safe path, `braking_profile`, are here too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import number
from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.vehicle import (
    CONTROL_SIZE,
    GRAVITY,
    SPEED,
    STATE_SIZE,
    STEERING,
    YAW,
    VehicleParameters,
)

LEAST_DECELERATION = 1.0  # where bends alone use up the friction circle [m/s^2]
FASTEST = 2.0  # start of a braking profile, in the car's top speed
STANDING_SPEED = 0.05  # [m/s]
STANDING_STEP = 1e-6  # way between two nodes that counts as none [m]


@dataclass(frozen=True)
class SupervisionLimits:
    """
    How old things may be [s].

    `state_age_max`: beyond, the car is taken to be lost. `reference_age_fresh`: up to this, a
    reference counts as new; up to `reference_age_max` it is still followed. `result_age_max`: how
    long the previous result stands in for failed ones. `clock_skew_max`: a stamp further in the
    future is not believed. `recovery_cycles`: good cycles in a row that end braking or holding.
    """

    state_age_max: float = 0.3
    reference_age_fresh: float = 0.4
    reference_age_max: float = 1.5
    result_age_max: float = 0.3
    clock_skew_max: float = 0.5
    recovery_cycles: int = 3

    def __post_init__(self) -> None:
        """Refuse limits that make no sense."""
        for entry in fields(self):
            number(f'supervision.{entry.name}', getattr(self, entry.name), at_least=0.0)
        if self.reference_age_max < self.reference_age_fresh:
            raise ValueError(
                f'supervision.reference_age_max is {self.reference_age_max}: '
                f'expected at least reference_age_fresh ({self.reference_age_fresh})'
            )


@dataclass(frozen=True)
class Health:
    """
    What one cycle has to go by.

    Ages are in seconds, infinite where there is none; what has no part in a decision keeps its
    default. `result_age` is 0 where this cycle's own result is good, else the age of the last
    good one. `path_known`: there is a path to brake along.
    """

    state_age: float = 0.0
    state_valid: bool = True
    reference_age: float = 0.0
    reference_valid: bool = True
    result_age: float = 0.0
    path_known: bool = False


@dataclass(frozen=True)
class Decision:
    """The rung to stand on, and why it is not a better one ('' on the best)."""

    rung: Rung
    reason: str = ''


def decide(health: Health, limits: SupervisionLimits) -> Decision:
    """
    Return the rung that the inputs allow: the worst of what each of them allows.

    OPTIMISED: follow the newest result. PREVIOUS: go on with an aged one. BRAKING: stop along the
    last safe path. NONE: no path or no state to follow one with: hold the brake and the steering.
    """
    allowed = (
        _state_decision(health, limits),
        _reference_decision(health, limits),
        _result_decision(health, limits),
    )
    return max(allowed, key=lambda decision: decision.rung.value)


def _state_decision(health: Health, limits: SupervisionLimits) -> Decision:
    if not health.state_valid:
        return Decision(Rung.NONE, 'state is not valid')
    age = health.state_age
    if _believed(age, limits) > limits.state_age_max:
        early = age < -limits.clock_skew_max
        how_old = f'{-age:.1f} s from the future' if early else f'{age:.2f} s old'
        return Decision(Rung.NONE, f'state is {how_old}')
    return Decision(Rung.OPTIMISED)


def _reference_decision(health: Health, limits: SupervisionLimits) -> Decision:
    age = _believed(health.reference_age, limits) if health.reference_valid else np.inf
    return _by_age(
        'reference', age, limits.reference_age_fresh, limits.reference_age_max, health.path_known
    )


def _result_decision(health: Health, limits: SupervisionLimits) -> Decision:
    age = _believed(health.result_age, limits)
    return _by_age('result', age, 0.0, limits.result_age_max, health.path_known)


def _by_age(what: str, age: float, fresh: float, most: float, path_known: bool) -> Decision:
    if age <= fresh:
        return Decision(Rung.OPTIMISED)
    if age <= most:
        return Decision(Rung.PREVIOUS, f'{what} is {age:.2f} s old')
    reason = f'{what} is {age:.2f} s old' if np.isfinite(age) else f'no valid {what}'
    return Decision(Rung.BRAKING if path_known else Rung.NONE, reason)


def _believed(age: float, limits: SupervisionLimits) -> float:
    """Return the age, infinite where it is not a number or from too far in the future."""
    return age if age >= -limits.clock_skew_max else np.inf


class Supervisor:
    """
    The ladder with memory: down at once, up from braking only after some good cycles.

    Before the first good cycle nothing is held back: a car that just started waits for its first
    reference, not for proof of recovery.
    """

    def __init__(self, limits: SupervisionLimits | None = None) -> None:
        self.limits = limits or SupervisionLimits()
        self.reset()

    def reset(self) -> None:
        """Start again as if never engaged."""
        self._rung = Rung.NONE
        self._engaged = False
        self._good_cycles = 0

    def take_over(self, other: Supervisor) -> None:
        """Go on from what another ladder remembers."""
        self._rung = other._rung
        self._engaged = other._engaged
        self._good_cycles = other._good_cycles

    def update(self, health: Health) -> Decision:
        """Take one cycle's health and return the decision."""
        decision = decide(health, self.limits)
        if self._must_wait(decision.rung):
            waited = f'recovering, {self._good_cycles} of {self.limits.recovery_cycles} cycles'
            return Decision(self._rung, waited)
        self._rung = decision.rung
        self._engaged = self._engaged or decision.rung.value <= Rung.PREVIOUS.value
        return decision

    def _must_wait(self, wanted: Rung) -> bool:
        recovering = self._engaged and self._rung.value >= Rung.BRAKING.value
        if not recovering or wanted.value > Rung.PREVIOUS.value:
            self._good_cycles = 0
            return False
        self._good_cycles += 1
        return self._good_cycles < self.limits.recovery_cycles


@dataclass(frozen=True)
class BrakingSettings:
    """
    How the ladder brakes.

    `comfort` deceleration for `comfort_time`, then within `ramp_time` up to `firm` [m/s^2, s];
    never beyond `grip_use` of the friction circle. `hold` is the deceleration asked for while
    standing, and `blind` while the car moves with no path to follow [m/s^2].
    """

    comfort: float = 2.5
    firm: float = 6.0
    comfort_time: float = 0.5
    ramp_time: float = 0.5
    grip_use: float = 0.85
    hold: float = 1.0
    blind: float = 4.0

    def __post_init__(self) -> None:
        """Refuse values that do not brake."""
        for name in ('comfort', 'firm', 'hold', 'blind'):
            number(f'braking.{name}', getattr(self, name), at_least=0.1, at_most=20.0)
        for name in ('comfort_time', 'ramp_time'):
            number(f'braking.{name}', getattr(self, name), at_least=0.0, at_most=10.0)
        number('braking.grip_use', self.grip_use, at_least=0.1, at_most=1.0)

    def wanted(self, time: float) -> float:
        """Deceleration wanted so long after braking began [m/s^2]."""
        risen = (time - self.comfort_time) / max(self.ramp_time, 1e-6)
        return self.comfort + (self.firm - self.comfort) * min(max(risen, 0.0), 1.0)


@dataclass(frozen=True)
class Actuation:
    """What the actuators are asked for: acceleration [m/s^2] and front-wheel angle [rad]."""

    acceleration: float
    steering_angle: float


def safe_actuation(
    wanted: Actuation,
    previous: Actuation,
    elapsed: float,
    vehicle: VehicleParameters,
    braking: BrakingSettings,
) -> Actuation:
    """
    Return what may reach the actuators: finite, within the car's limits, steering never stepped.

    An acceleration that is not finite becomes braking, a steering angle that is not finite the
    previous one.

    Args:
        wanted: what was computed, whatever it is.
        previous: what was sent last.
        elapsed: time since then [s].
        vehicle: the car.
        braking: how to brake instead.

    """
    acceleration = wanted.acceleration
    if not np.isfinite(acceleration):
        acceleration = -braking.blind
    held = previous.steering_angle if np.isfinite(previous.steering_angle) else 0.0
    steering = wanted.steering_angle if np.isfinite(wanted.steering_angle) else held
    reach = vehicle.steering_rate_max * (max(elapsed, 0.0) if np.isfinite(elapsed) else 0.0)
    steering = min(max(steering, held - reach), held + reach)
    return Actuation(
        acceleration=float(
            np.clip(acceleration, -vehicle.deceleration_max, vehicle.acceleration_max)
        ),
        steering_angle=float(np.clip(steering, -vehicle.steering_max, vehicle.steering_max)),
    )


def braking_profile(
    trajectory: Trajectory,
    vehicle: VehicleParameters,
    friction: float,
    settings: BrakingSettings | None = None,
    start: float | None = None,
    state: NDArray[np.float64] | None = None,
) -> Trajectory:
    """
    Brake to a stand along a trajectory's path, then hold.

    The path is the trajectory's own; beyond its end it goes on with the last curvature. The
    deceleration is comfortable first, then firm, within the friction circle together with what
    the bends need, and never leaves the car faster at any place than the trajectory was there.

    Args:
        trajectory: the last safe one.
        vehicle: the car.
        friction: friction coefficient.
        settings: how to brake.
        start: time at which braking begins (the trajectory's first by default) [s].
        state: where on the path, and how fast, the car is then, shape (5,); by default where the
            trajectory says.

    Returns:
        A trajectory on the same dt from `start` on, at least as long as the given one, which ends
        standing.

    """
    settings = settings or BrakingSettings()
    path = _Path.along(trajectory, vehicle)
    begin = trajectory.stamp if start is None else start
    if state is None:
        station = path.station_at(begin - trajectory.stamp, trajectory.dt)
        speed = float(np.interp(begin, trajectory.times, trajectory.states[:, SPEED]))
    else:
        station, speed = path.project(state[:2]), float(state[SPEED])
    stations, speeds = [station], [min(max(speed, 0.0), FASTEST * vehicle.speed_max)]
    grip = settings.grip_use * friction * GRAVITY
    least_nodes = len(trajectory.states)
    while speeds[-1] > 0.0 or len(speeds) < least_nodes:
        elapsed = (len(speeds) - 1) * trajectory.dt
        wanted = min(settings.wanted(elapsed), vehicle.deceleration_max)
        following = _braked(path, stations[-1], speeds[-1], trajectory.dt, wanted, grip)
        stations.append(stations[-1] + (speeds[-1] + following) / 2 * trajectory.dt)
        speeds.append(following)
    states = path.states_at(np.array(stations), np.array(speeds))
    controls = np.empty((len(states) - 1, CONTROL_SIZE))
    controls[:, 0] = np.diff(states[:, SPEED]) / trajectory.dt
    controls[:, 1] = np.diff(states[:, STEERING]) / trajectory.dt
    return Trajectory(begin, trajectory.dt, states, controls)


def _braked(
    path: _Path, station: float, speed: float, dt: float, wanted: float, grip: float
) -> float:
    """Speed one step later."""
    lateral = speed * speed * path.sharpest(station, station + speed * dt)
    room = np.sqrt(max(grip * grip - lateral * lateral, 0.0))
    most = max(room, LEAST_DECELERATION)
    following = max(speed - min(wanted, most) * dt, 0.0)
    # where the trajectory itself slows down more, so does the profile
    for _ in range(3):
        ahead = station + (speed + following) / 2 * dt
        following = min(following, path.speed_limit(ahead))
    return max(following, speed - most * dt, 0.0)


@dataclass(frozen=True)
class _Path:
    """A trajectory's path by arc length, with the speed it was to be driven at."""

    station: NDArray[np.float64]
    states: NDArray[np.float64]
    curvature: NDArray[np.float64]
    node_stations: NDArray[np.float64]

    @classmethod
    def along(cls, trajectory: Trajectory, vehicle: VehicleParameters) -> _Path:
        """Return the path, with a node wherever the car moved."""
        states = trajectory.states
        chord = np.hypot(*np.diff(states[:, :2], axis=0).T)
        half_turn = np.diff(states[:, YAW]) / 2
        # np.sinc(x) is sin(pi x) / (pi x): the arc that belongs to a chord
        arc = chord / np.sinc(np.clip(half_turn, -1.0, 1.0) / np.pi)
        every = np.concatenate([[0.0], np.cumsum(arc)])
        moved = np.concatenate([[True], arc > STANDING_STEP])
        return cls(
            station=every[moved],
            states=states[moved],
            curvature=np.tan(states[moved, STEERING]) / vehicle.wheelbase,
            node_stations=every,
        )

    @property
    def end(self) -> float:
        """Arc length of the last node [m]."""
        return float(self.station[-1])

    def station_at(self, time: float, dt: float) -> float:
        """Arc length at a time after the trajectory's start."""
        times = np.arange(len(self.node_stations)) * dt
        return float(np.interp(time, times, self.node_stations))

    def project(self, point: NDArray[np.float64]) -> float:
        """Arc length of the place nearest to a point, also straight on beyond the ends."""
        delta = point - self.states[:, :2]
        nearest = int(np.argmin((delta**2).sum(axis=1)))
        yaw = self.states[nearest, YAW]
        along = delta[nearest, 0] * np.cos(yaw) + delta[nearest, 1] * np.sin(yaw)
        return float(self.station[nearest] + along)

    def sharpest(self, station: float, ahead: float) -> float:
        """Largest absolute curvature between two stations [1/m]."""
        inside = (self.station > station) & (self.station < ahead)
        ends = np.abs(np.interp([station, ahead], self.station, self.curvature)).max()
        return float(max(ends, np.abs(self.curvature[inside]).max(initial=0.0)))

    def speed_limit(self, station: float) -> float:
        """Speed that the trajectory had there; none beyond its end unless it ends standing."""
        last = self.states[-1, SPEED]
        if station > self.end:
            return 0.0 if last < STANDING_SPEED else np.inf
        square = np.interp(station, self.station, self.states[:, SPEED] ** 2)
        return float(np.sqrt(max(square, 0.0)))

    def states_at(
        self, station: NDArray[np.float64], speed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """States at stations with given speeds, shape (len(station), 5)."""
        within = np.clip(station, self.station[0], self.end)
        result = np.empty((len(station), STATE_SIZE))
        result[:, :3] = self._poses(within)
        result[:, SPEED] = speed
        result[:, STEERING] = np.interp(within, self.station, self.states[:, STEERING])
        beyond = station - within
        turn = self.curvature[-1] * beyond
        chord = beyond * np.sinc(turn / 2 / np.pi)
        result[:, 0] += chord * np.cos(result[:, YAW] + turn / 2)
        result[:, 1] += chord * np.sin(result[:, YAW] + turn / 2)
        result[:, YAW] += turn
        return result

    def _poses(self, station: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cubic interpolation of x, y, yaw: the path has the car's own tangents."""
        poses = self.states[:, :3]
        if len(poses) == 1:
            return np.repeat(poses, len(station), axis=0)
        index = np.clip(
            np.searchsorted(self.station, station, side='right') - 1, 0, len(poses) - 2
        )
        length = (self.station[index + 1] - self.station[index])[:, None]
        t = (station - self.station[index])[:, None] / length
        slopes = np.stack([np.cos(poses[:, YAW]), np.sin(poses[:, YAW]), self.curvature], axis=-1)
        return (
            (1 + 2 * t) * (1 - t) ** 2 * poses[index]
            + t**2 * (3 - 2 * t) * poses[index + 1]
            + t * (1 - t) ** 2 * length * slopes[index]
            - t**2 * (1 - t) * length * slopes[index + 1]
        )
