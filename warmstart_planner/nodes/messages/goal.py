# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The goal, of any kind."""

from __future__ import annotations

from warmstart_planner import msg
from warmstart_planner.checks import assert_never, number
from warmstart_planner.nodes.messages.fields import check_frame, header
from warmstart_planner.nodes.messages.stamps import to_seconds
from warmstart_planner.problem import (
    Goal,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
)


def goal_message(goal: Goal, stamp: float) -> msg.Goal:
    """Return the message of a goal, whose times are on the clock of the stamp [s]."""
    message = msg.Goal(header=header(stamp))
    if isinstance(goal, KeepSpeed):
        message.type, message.speed_mps = msg.Goal.KEEP_SPEED, float(goal.speed)
    elif isinstance(goal, StationGoal):
        message.type, message.speed_mps = msg.Goal.STATION, float(goal.speed)
        message.station = float(goal.station)
    elif isinstance(goal, StopBefore):
        message.type, message.speed_mps = msg.Goal.STOP_BEFORE, float(goal.cruise_speed)
        message.station = float(goal.station)
    elif isinstance(goal, PoseGoal):
        message.type, message.speed_mps = msg.Goal.POSE, float(goal.speed)
        message.x, message.y, message.yaw = float(goal.x), float(goal.y), float(goal.yaw)
        message.station = float(goal.station or 0.0)
    elif isinstance(goal, RegionGoal):
        after_stamp = goal.later(-stamp)
        message.type, message.speed_mps = msg.Goal.REGION, float(goal.slowest)
        message.station, message.last_station = float(goal.first), float(goal.last)
        message.begin_s, message.end_s = float(after_stamp.begin), float(after_stamp.end)
        message.offset, message.fastest_mps = float(goal.offset), float(goal.fastest)
        message.yaw, message.yaw_tolerance = float(goal.yaw), float(goal.yaw_tolerance)
    else:
        assert_never(goal)
    return message


def goal_from(message: msg.Goal) -> Goal:
    """Return the goal in a message."""
    check_frame('goal', message.header)
    speed = number('goal.speed_mps', message.speed_mps, at_least=0.0)
    if message.type == msg.Goal.KEEP_SPEED:
        return KeepSpeed(speed)
    if message.type == msg.Goal.STATION:
        return StationGoal(number('goal.station', message.station), speed)
    if message.type == msg.Goal.STOP_BEFORE:
        return StopBefore(number('goal.station', message.station), speed)
    if message.type == msg.Goal.POSE:
        x, y, yaw = (number(f'goal.{name}', getattr(message, name)) for name in ('x', 'y', 'yaw'))
        station = number('goal.station', message.station)
        return PoseGoal(x, y, yaw, speed, station or None)
    if message.type == msg.Goal.REGION:
        stretch = ('station', 'last_station', 'begin_s', 'end_s')
        rest = ('fastest_mps', 'offset', 'yaw', 'yaw_tolerance')
        values = [number(f'goal.{name}', getattr(message, name)) for name in (*stretch, *rest)]
        goal = RegionGoal(*values[: len(stretch)], speed, *values[len(stretch) :])
        return goal.later(to_seconds(message.header.stamp))
    raise ValueError(f'goal.type is {message.type}: expected 0 to 4')
