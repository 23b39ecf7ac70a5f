# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the tracking controller: units, defaults, and the check of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from warmstart_planner.checks import number
from warmstart_planner.supervision import BrakingSettings, SupervisionLimits


class Mode(str, Enum):
    """How far each problem is solved: one real-time iteration, or until converged."""

    RTI = 'rti'
    CONVERGED = 'converged'


class StartChoice(str, Enum):
    """Where the solver starts: see `warm_starts.CANDIDATES`."""

    SHIFTED = 'shifted'
    POLICY = 'policy'
    BEST = 'best'


@dataclass(frozen=True)
class TrackingWeights:
    """
    Weights of the squared deviations from the reference, per second along the horizon.

    Heading, steering and steering rate are weighed as what they do to the car sideways: lateral
    speed [m/s], lateral acceleration [m/s^2] and lateral jerk [m/s^3]. Along a path the lateral
    motion is a triple integrator in these, whatever the speed, so one set of weights gives the
    same settling time at every speed.

    `longitudinal` and `lateral` [1/m^2], `lateral_speed` and `speed` [s^2/m^2],
    `lateral_acceleration` and `acceleration` [s^4/m^2], `lateral_jerk` [s^6/m^2]. `terminal`
    multiplies the weights of the state at the horizon's end [s].
    """

    longitudinal: float = 1.0
    lateral: float = 4.0
    lateral_speed: float = 2.0
    speed: float = 1.0
    lateral_acceleration: float = 0.2
    acceleration: float = 0.4
    lateral_jerk: float = 0.04
    terminal: float = 1.0  # last: the others are in the order of formulation.residuals

    def __post_init__(self) -> None:
        """Refuse negative weights."""
        _check_numbers('controller.weights', self, at_least=0.0)


@dataclass(frozen=True)
class ControllerSettings:
    """
    Everything that the controller can be told.

    `steps`, `dt` [s], `obstacles` and the penalties are fixed when the solver is generated; the
    rest may change without generating it again.

    `violation` and `violation_square` are the linear and quadratic penalty on a metre of violated
    obstacle or road constraint, per second; `friction_violation` is the linear one on
    what exceeds the friction circle, in shares of it: no reference is worth sliding for.
    `mode`, `iterations_max`, `tolerance` (on the largest KKT residual) and `time_limit` [s] say
    how far a problem is solved; `warm_start` says from where: the previous solution, shifted
    (`shifted`), a policy's roll-out where there is one (`policy`), or the better one (`best`).
    `obstacle_dt` [s] is the step of the obstacles' predictions.
    `period` [s] is the time between two steps. `actuator_delay` [s] is the time from a command to
    its first effect; `acceleration_lag` and `steering_lag` [s] are the time constants of the
    actuators behind it.
    `rear_slip` [rad s^2/m] is the slip angle of the rear tyres per lateral acceleration at
    friction 1: 1 / (g C) with C the cornering stiffness per axle load, 0 for a car without slip.
    `obstacle_margin`, `road_margin` [m] and `friction_use` (fraction of the friction circle) are
    kept smaller than the planner's, so that the two don't pull against each other.
    `speed_floor` [m/s] keeps the lateral weights alive at standstill.
    `standstill_deceleration` [m/s^2] is what holds the brake of a standing car.
    """

    steps: int = 20
    dt: float = 0.1
    obstacles: int = 4
    violation: float = 100.0
    violation_square: float = 100.0
    friction_violation: float = 3000.0
    mode: Mode = Mode.RTI
    warm_start: StartChoice = StartChoice.SHIFTED
    iterations_max: int = 10
    tolerance: float = 1e-3
    time_limit: float = 0.008
    obstacle_dt: float = 0.1
    period: float = 0.05
    actuator_delay: float = 0.02
    acceleration_lag: float = 0.1
    steering_lag: float = 0.05
    rear_slip: float = 0.0035
    obstacle_margin: float = 0.1
    road_margin: float = 0.0
    friction_use: float = 0.95
    speed_floor: float = 3.0
    standstill_deceleration: float = 1.0
    weights: TrackingWeights = field(default_factory=TrackingWeights)
    supervision: SupervisionLimits = field(default_factory=SupervisionLimits)
    braking: BrakingSettings = field(default_factory=BrakingSettings)

    def __post_init__(self) -> None:
        """Check each value."""
        for name, kind in (('mode', Mode), ('warm_start', StartChoice)):
            object.__setattr__(self, name, _choice(name, getattr(self, name), kind))
        for name in ('steps', 'iterations_max'):
            _check_integer(name, getattr(self, name), at_least=1)
        _check_integer('obstacles', self.obstacles, at_least=0)
        number('controller.dt', self.dt, at_least=0.01, at_most=0.5)
        number('controller.obstacle_dt', self.obstacle_dt, at_least=0.01, at_most=0.5)
        number('controller.period', self.period, at_least=0.005, at_most=0.5)
        number('controller.actuator_delay', self.actuator_delay, at_least=0.0, at_most=1.0)
        number('controller.friction_use', self.friction_use, at_least=0.1, at_most=1.0)
        _check_numbers('controller', self, at_least=0.0)

    @property
    def duration(self) -> float:
        """Length of the prediction [s]."""
        return self.steps * self.dt


def _check_numbers(where: str, settings: Any, at_least: float) -> None:
    for name, value in asdict(settings).items():
        if not isinstance(value, (dict, str)):
            number(f'{where}.{name}', value, at_least=at_least)


def _choice(name: str, value: Any, kind: type[Enum]) -> Enum:
    try:
        return kind(value)
    except ValueError:
        known = ', '.join(repr(each.value) for each in kind)
        raise ValueError(f'controller.{name} is {value!r}: expected one of {known}') from None


def _check_integer(name: str, value: Any, at_least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ValueError(f'controller.{name} is {value!r}: expected a whole number >= {at_least}')
