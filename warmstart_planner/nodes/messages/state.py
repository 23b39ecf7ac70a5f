# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The state of the car."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import msg
from warmstart_planner.checks import number
from warmstart_planner.nodes.messages.fields import LARGEST, check_frame, header
from warmstart_planner.nodes.messages.stamps import to_seconds
from warmstart_planner.vehicle import VehicleParameters


@dataclass(frozen=True)
class StateEstimate:
    """The measured state of the car: rear axle, map frame, shape (5,)."""

    stamp: float
    state: NDArray[np.float64]
    acceleration: float
    friction: float


def vehicle_state_message(
    estimate: StateEstimate, vehicle: VehicleParameters | None = None
) -> msg.VehicleState:
    """Return the message of a state, which says of which car it is where that is known."""
    x, y, yaw, speed, steering = (float(value) for value in estimate.state)
    return msg.VehicleState(
        header=header(estimate.stamp),
        x=x,
        y=y,
        yaw=yaw,
        longitudinal_velocity_mps=speed,
        front_wheel_angle_rad=steering,
        acceleration_mps2=float(estimate.acceleration),
        friction=float(estimate.friction),
        vehicle=vehicle.label if vehicle else '',
    )


def vehicle_state_from(message: msg.VehicleState) -> StateEstimate:
    """Return the state in a message."""
    check_frame('state', message.header)
    values = {
        'x': message.x,
        'y': message.y,
        'yaw': message.yaw,
        'longitudinal_velocity_mps': message.longitudinal_velocity_mps,
        'front_wheel_angle_rad': message.front_wheel_angle_rad,
    }
    state = np.array(
        [number(f'state.{name}', value, -LARGEST, LARGEST) for name, value in values.items()]
    )
    state.flags.writeable = False
    return StateEstimate(
        stamp=to_seconds(message.header.stamp),
        state=state,
        acceleration=number('state.acceleration_mps2', message.acceleration_mps2),
        friction=number('state.friction', message.friction, at_least=0.05, at_most=2.0),
    )
