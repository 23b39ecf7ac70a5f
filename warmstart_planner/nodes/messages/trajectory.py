# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The planned trajectory, which is the reference of the controller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import msg
from warmstart_planner.checks import finite_array, number, unwrapped
from warmstart_planner.nodes.messages.fields import check_frame, flat, header, rung_from
from warmstart_planner.nodes.messages.stamps import to_seconds, to_time
from warmstart_planner.problem import PlanResult, Rung, Trajectory
from warmstart_planner.vehicle import (
    ACCELERATION,
    CONTROL_SIZE,
    PX,
    PY,
    SPEED,
    STEERING,
    STEERING_RATE,
    YAW,
    VehicleParameters,
)


@dataclass(frozen=True)
class Reference:
    """What the controller tracks, and where it comes from; no trajectory on rung NONE."""

    problem_stamp: float
    trajectory: Trajectory | None
    rung: Rung
    source: str
    verified: bool


def reference_of(result: PlanResult) -> Reference:
    """Return the reference in a plan."""
    return Reference(
        result.problem_stamp, result.trajectory, result.rung, result.source, result.feasible
    )


def trajectory_message(reference: Reference, vehicle: VehicleParameters) -> msg.Trajectory:
    """Return the message of a reference."""
    trajectory = reference.trajectory
    stamp = reference.problem_stamp if trajectory is None else trajectory.stamp
    message = msg.Trajectory(
        header=header(stamp),
        problem_stamp=to_time(reference.problem_stamp),
        rung=reference.rung.value,
        source=reference.source,
        verified=bool(reference.verified),
        vehicle=vehicle.label,
    )
    if trajectory is not None:
        _fill(message, trajectory, vehicle)
    return message


def _fill(message: msg.Trajectory, trajectory: Trajectory, vehicle: VehicleParameters) -> None:
    states = trajectory.states
    controls = np.concatenate([trajectory.controls, np.zeros((1, CONTROL_SIZE))])
    message.dt = float(trajectory.dt)
    message.time_from_start = flat(np.arange(len(states)) * trajectory.dt)
    message.x = flat(states[:, PX])
    message.y = flat(states[:, PY])
    message.yaw = flat(states[:, YAW])
    message.longitudinal_velocity_mps = flat(states[:, SPEED])
    message.front_wheel_angle_rad = flat(states[:, STEERING])
    message.acceleration_mps2 = flat(controls[:, ACCELERATION])
    message.steering_rate_rps = flat(controls[:, STEERING_RATE])
    turn = states[:, SPEED] * np.tan(states[:, STEERING]) / vehicle.wheelbase
    message.heading_rate_rps = flat(turn)


def reference_from(message: msg.Trajectory) -> Reference:
    """Return the reference in a message."""
    check_frame('trajectory', message.header)
    rung = rung_from('trajectory', message.rung)
    return Reference(
        problem_stamp=to_seconds(message.problem_stamp),
        trajectory=None if rung is Rung.NONE else _trajectory(message),
        rung=rung,
        source=message.source,
        verified=message.verified,
    )


def _trajectory(message: msg.Trajectory) -> Trajectory:
    length = len(message.x)
    if length < 2:
        raise ValueError(f'trajectory.x has {length} entries: expected at least 2')
    names = ('x', 'y', 'yaw', 'longitudinal_velocity_mps', 'front_wheel_angle_rad')
    states = _columns(message, names, length)
    controls = _columns(message, ('acceleration_mps2', 'steering_rate_rps'), length)
    dt = number('trajectory.dt', message.dt, at_least=1e-3, at_most=1.0)
    stamp = to_seconds(message.header.stamp)
    return Trajectory(stamp, dt, unwrapped(states, YAW), controls[:-1])


def _columns(message: msg.Trajectory, names: tuple[str, ...], length: int) -> NDArray[np.float64]:
    columns = [
        finite_array(f'trajectory.{name}', getattr(message, name), (length,)) for name in names
    ]
    return np.stack(columns, axis=-1)
