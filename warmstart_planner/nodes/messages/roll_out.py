# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Roll-outs of a policy."""

from __future__ import annotations

from dataclasses import dataclass

from warmstart_planner import msg
from warmstart_planner.checks import number, unwrapped
from warmstart_planner.nodes.messages.fields import check_frame, flat, header, shaped
from warmstart_planner.nodes.messages.stamps import to_seconds, to_time
from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, YAW


@dataclass(frozen=True)
class PolicyRollOut:
    """
    Where the members of a policy would drive from a state of the car.

    `ways` are the members', then their mean's, all with one stamp, that of the state, one step
    and one length; `problem_stamp` [s] is that of the problem that they see, `disagreement` the
    members' [m], `inference_time` that of all together [s].
    """

    ways: tuple[Trajectory, ...]
    problem_stamp: float
    model_id: str
    disagreement: float
    inference_time: float


def roll_out_message(roll_out: PolicyRollOut) -> msg.RollOut:
    """Return the message of a roll-out."""
    ways = roll_out.ways
    return msg.RollOut(
        header=header(ways[0].stamp),
        problem_stamp=to_time(roll_out.problem_stamp),
        model_id=roll_out.model_id,
        count=len(ways),
        steps=len(ways[0].controls),
        dt=float(ways[0].dt),
        states=flat([way.states for way in ways]),
        controls=flat([way.controls for way in ways]),
        disagreement_m=float(roll_out.disagreement),
        inference_time_ms=float(roll_out.inference_time) * 1e3,
    )


def roll_out_from(message: msg.RollOut) -> PolicyRollOut:
    """Return the roll-out in a message."""
    check_frame('roll_out', message.header)
    count = int(number('roll_out.count', message.count, at_least=1))
    steps = int(number('roll_out.steps', message.steps, at_least=1))
    dt = number('roll_out.dt', message.dt, at_least=1e-3, at_most=1.0)
    states = shaped('roll_out.states', message.states, (count, steps + 1, STATE_SIZE))
    controls = shaped('roll_out.controls', message.controls, (count, steps, CONTROL_SIZE))
    stamp = to_seconds(message.header.stamp)
    inference = number('roll_out.inference_time_ms', message.inference_time_ms, at_least=0.0)
    return PolicyRollOut(
        ways=tuple(
            Trajectory(stamp, dt, unwrapped(states[i], YAW), controls[i]) for i in range(count)
        ),
        problem_stamp=to_seconds(message.problem_stamp),
        model_id=message.model_id,
        disagreement=number('roll_out.disagreement_m', message.disagreement_m, at_least=0.0),
        inference_time=inference / 1e3,
    )
