# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The car: its parameters and the kinematic single-track model.

`derivative` and `step` are the only definition of the planning dynamics. They are written with
numpy's element-wise functions, which CasADi's symbols answer too, so the same lines serve numpy
arrays of any batch shape and the symbolic functions that the solvers are generated from.

State x = [px, py, yaw, v, steering]: rear axle in the map frame [m, m, rad], speed [m/s],
front-wheel angle [rad]. Control u = [acceleration, steering rate], in m/s^2 and rad/s.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import number

STATE_SIZE = 5
CONTROL_SIZE = 2
PX, PY, YAW, SPEED, STEERING = range(STATE_SIZE)
ACCELERATION, STEERING_RATE = range(CONTROL_SIZE)
GRAVITY = 9.81  # [m/s^2]
DEFAULT_VEHICLE = 'commonroad_2'


@dataclass(frozen=True)
class VehicleParameters:
    """
    Size and limits of one car, SI units: all that plans, solvers and models depend on.

    `name` is what the user calls it, a packaged name or the path of its file; cars with equal
    numbers are equal whatever they are called. `length` and `width` are those of the bounding
    box; `rear_to_center` is the distance from the rear axle forward to the box's centre. The
    acceleration limits are what the planner may ask for, inside what engine and brakes can give.
    """

    name: str = field(compare=False)
    length: float
    width: float
    wheelbase: float
    rear_to_center: float
    steering_max: float
    steering_rate_max: float
    speed_max: float
    acceleration_max: float
    deceleration_max: float

    def __post_init__(self) -> None:
        """Refuse values that no car has."""
        for key, value in self.numbers.items():
            if number(f'vehicle.{key}', value) <= 0.0:
                raise ValueError(f'vehicle.{key} is {value!r}: expected a positive number')

    @property
    def numbers(self) -> dict[str, float]:
        """All that the car is, by field, without its name: what solvers are generated from."""
        return {key: value for key, value in asdict(self).items() if key != 'name'}

    @property
    def label(self) -> str:
        """Name and hash of the numbers, which nodes compare: commonroad_2-0f3a91bc."""
        numbers = json.dumps(self.numbers, sort_keys=True).encode()
        return f'{Path(self.name).stem}-{hashlib.sha256(numbers).hexdigest()[:8]}'

    @property
    def front_reach(self) -> float:
        """Distance from the rear axle to the front bumper [m]."""
        return self.rear_to_center + self.length / 2

    @property
    def rear_reach(self) -> float:
        """Distance from the rear axle back to the rear bumper [m]."""
        return self.length / 2 - self.rear_to_center

    def swept_width(self, curvature: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how wide a strip the car covers on paths of some curvatures [1/m], [m]."""
        return self.width + np.abs(curvature) * self.front_reach**2 / 2

    @property
    def state_lower(self) -> NDArray[np.float64]:
        """Lower bounds of the state, shape (5,); the pose is free."""
        return np.array([-np.inf, -np.inf, -np.inf, 0.0, -self.steering_max])

    @property
    def state_upper(self) -> NDArray[np.float64]:
        """Upper bounds of the state, shape (5,); the pose is free."""
        return np.array([np.inf, np.inf, np.inf, self.speed_max, self.steering_max])

    @property
    def control_lower(self) -> NDArray[np.float64]:
        """Lower bounds of the control, shape (2,)."""
        return np.array([-self.deceleration_max, -self.steering_rate_max])

    @property
    def control_upper(self) -> NDArray[np.float64]:
        """Upper bounds of the control, shape (2,)."""
        return np.array([self.acceleration_max, self.steering_rate_max])


def load_vehicle(name_or_path: str = DEFAULT_VEHICLE) -> VehicleParameters:
    """
    Return a car by its packaged name, `commonroad_1` to `commonroad_4`, or the path of its file.

    Raises:
        VehicleError: there is none, or its file is not what docs/vehicles.md describes.

    """
    from warmstart_planner.files.vehicle_file import load_description

    return load_description(name_or_path).parameters


def derivative(x: Any, u: Any, wheelbase: float) -> list[Any]:
    """
    Time derivative of the kinematic single-track model about the rear axle.

    Args:
        x: state, indexable by 0..4 (first axis), any batch shape behind it.
        u: control, indexable by 0..1.
        wheelbase: distance between the axles [m].

    Returns:
        The five derivatives as a list, in the state's order.

    """
    return [
        x[SPEED] * np.cos(x[YAW]),
        x[SPEED] * np.sin(x[YAW]),
        x[SPEED] * np.tan(x[STEERING]) / wheelbase,
        u[ACCELERATION],
        u[STEERING_RATE],
    ]


def step(x: Any, u: Any, dt: float, wheelbase: float) -> list[Any]:
    """
    Integrate the model over one step with the control held: one Runge-Kutta step of order 4.

    Args:
        x: state, indexable by 0..4.
        u: control, indexable by 0..1.
        dt: step [s].
        wheelbase: distance between the axles [m].

    Returns:
        The next state as a list of five.

    """

    def moved(slope: list[Any], h: float) -> list[Any]:
        return [x[i] + h * slope[i] for i in range(STATE_SIZE)]

    k1 = derivative(x, u, wheelbase)
    k2 = derivative(moved(k1, dt / 2), u, wheelbase)
    k3 = derivative(moved(k2, dt / 2), u, wheelbase)
    k4 = derivative(moved(k3, dt), u, wheelbase)
    return [x[i] + dt / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]) for i in range(STATE_SIZE)]


def lateral_acceleration(x: Any, wheelbase: float) -> Any:
    """Lateral acceleration at the rear axle, v^2 tan(steering) / wheelbase [m/s^2]."""
    return x[SPEED] * x[SPEED] * np.tan(x[STEERING]) / wheelbase


def roll_out(
    initial_state: NDArray[np.float64],
    controls: NDArray[np.float64],
    dt: float,
    vehicle: VehicleParameters,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Drive the model from a state through controls, within the car's limits.

    Controls are clipped to the car's bounds and, beyond that, to what keeps speed and steering
    within theirs, so that the result is always something the car can do. A start outside the
    bounds is kept and may only move towards them.

    Args:
        initial_state: shape (5,) or (K, 5).
        controls: shape (N, 2) or (K, N, 2).
        dt: step [s].
        vehicle: the car.

    Returns:
        States, shape (N + 1, 5) or (K, N + 1, 5), and the controls applied.

    """
    batch = controls if controls.ndim == 3 else controls[None]
    applied = np.clip(batch, vehicle.control_lower, vehicle.control_upper)
    states = np.empty((*applied.shape[:1], applied.shape[1] + 1, STATE_SIZE))
    states[:, 0] = initial_state
    lower, upper = vehicle.state_lower, vehicle.state_upper
    for k in range(applied.shape[1]):
        now = states[:, k]
        for control, state in ((ACCELERATION, SPEED), (STEERING_RATE, STEERING)):
            least = np.minimum((lower[state] - now[:, state]) / dt, vehicle.control_upper[control])
            most = np.maximum((upper[state] - now[:, state]) / dt, vehicle.control_lower[control])
            applied[:, k, control] = np.clip(applied[:, k, control], least, most)
        states[:, k + 1] = np.stack(step(now.T, applied[:, k].T, dt, vehicle.wheelbase), axis=-1)
    if controls.ndim == 2:
        return states[0], applied[0]
    return states, applied
