# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Commands to the car."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from warmstart_planner import msg
from warmstart_planner.checks import number
from warmstart_planner.nodes.messages.fields import header, rung_from
from warmstart_planner.nodes.messages.stamps import to_seconds, to_time
from warmstart_planner.problem import Rung

if TYPE_CHECKING:  # commands are received by nodes that have no controller
    from warmstart_planner.mpc.controller import ControlOutput


@dataclass(frozen=True)
class AnsweredStamps:
    """When a command was given, the stamp of its state, and of its reference's problem [s]."""

    stamp: float
    state_stamp: float
    problem_stamp: float


def command_message(output: ControlOutput, answered: AnsweredStamps) -> msg.Command:
    """Return the message of a command; raises ValueError for one that is not finite."""
    return msg.Command(
        header=header(answered.stamp),
        problem_stamp=to_time(answered.problem_stamp),
        state_stamp=to_time(answered.state_stamp),
        acceleration_mps2=number('command.acceleration', output.acceleration),
        front_wheel_angle_rad=number('command.steering_angle', output.steering_angle),
        steering_rate_rps=number('command.steering_rate', output.steering_rate),
        rung=output.rung.value,
        status=output.reason or 'ok',
    )


@dataclass(frozen=True)
class ReceivedCommand:
    """A command [m/s^2, rad], when it was given, what it answers, and the ladder's rung."""

    answered: AnsweredStamps
    acceleration: float
    steering_angle: float
    rung: Rung


def command_from(message: msg.Command) -> ReceivedCommand:
    """Return the command in a message."""
    return ReceivedCommand(
        answered=AnsweredStamps(
            to_seconds(message.header.stamp),
            to_seconds(message.state_stamp),
            to_seconds(message.problem_stamp),
        ),
        acceleration=number('command.acceleration_mps2', message.acceleration_mps2),
        steering_angle=number('command.front_wheel_angle_rad', message.front_wheel_angle_rad),
        rung=rung_from('command', message.rung),
    )
