# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What can be known of the traffic's motion at a time: the present and the past, never more."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.scenario import TrafficParticipant

PAST = 0.2  # over which speed and course are estimated [s]
TURNING = 0.4  # over which turning is, which recordings tell less well [s]
SPEEDING_UP = 0.6  # between the speeds that acceleration is estimated from [s]
SHORTEST = 1e-3  # a shorter past tells nothing of motion [s]
STANDS = 0.1  # slower is taken as standing [m/s]
FASTEST_TURN = 2.0  # a faster change of yaw is a jump of its measurement [rad/s]
ACCELERATION = (-8.0, 4.0)  # what is beyond is one as well [m/s^2]


@dataclass(frozen=True)
class ObservedParticipant:
    """
    One participant at a time, with its motion as its past tells it.

    `kind` is one of KINDS, `size` its half length, half width and radius, shape (3,) [m]; `pose`
    is (x, y, yaw) of its centre, shape (3,), map frame. It moves with `speed` [m/s] in the
    direction `course` [rad], turns with `turn_rate` [rad/s] and has the `acceleration` [m/s^2] in
    the direction of its course; all are those of now. What stands has none of them, and its yaw as
    course.
    """

    name: str
    kind: str
    size: NDArray[np.float64]
    pose: NDArray[np.float64]
    speed: float
    course: float
    turn_rate: float
    acceleration: float = 0.0


def observed_at(participant: TrafficParticipant, t: float) -> ObservedParticipant | None:
    """
    Return what is known of a participant at a time [s], None where it does not exist then.

    Its course and speed are those of the arc through its poses now and PAST before, its turn rate
    is that of the last TURNING, and its acceleration what has changed its speed within
    SPEEDING_UP; of a shorter past, what there is of it. At its first time its motion is the one
    that it starts with.
    """
    begin, end = float(participant.times[0]), float(participant.times[-1])
    name, kind, size = participant.name, participant.kind, participant.size_at(t)
    if begin == end:
        pose = participant.poses[0]
        return ObservedParticipant(name, kind, size, pose, 0.0, float(pose[2]), 0.0)
    if not participant.is_there(t):
        return None
    past = min(PAST, t - begin)
    pose = participant.poses_over(np.array([t]))[0]
    moves = _start(participant) if past < SHORTEST else _moved(participant, t, past)
    if moves[0] < STANDS:
        moves = 0.0, float(pose[2]), 0.0, 0.0
    return ObservedParticipant(name, kind, size, pose, *moves)


def all_observed(traffic: Iterable[TrafficParticipant], t: float) -> list[ObservedParticipant]:
    """Return what is known of all participants that exist at a time [s]."""
    return [observed for each in traffic if (observed := observed_at(each, t)) is not None]


def _start(participant: TrafficParticipant) -> tuple[float, float, float, float]:
    """Return speed, course, turn rate and acceleration at a participant's first time."""
    yaw, speed = float(participant.poses[0, 2]), participant.start_speed
    return abs(speed), yaw if speed >= 0.0 else yaw + np.pi, 0.0, 0.0


def _moved(
    participant: TrafficParticipant, t: float, past: float
) -> tuple[float, float, float, float]:
    """Return speed, course, turn rate and acceleration, all of now, from a past [s]."""
    known = t - float(participant.times[0])
    turning, between = min(TURNING, known), min(SPEEDING_UP, known - past)
    back = np.array([0.0, past, turning, between, between + past])
    now, before, turned, earlier, earliest = participant.poses_over(t - back)
    turn_rate = float(now[2] - turned[2]) / turning
    if abs(turn_rate) > FASTEST_TURN:
        turn_rate = 0.0
    # of an arc the chord points along its middle, and is shorter than it
    half = turn_rate * past / 2.0
    stretch = half / math.sin(half) if half else 1.0
    dx, dy, _ = (now - before).tolist()
    speed, course = math.hypot(dx, dy) * stretch / past, math.atan2(dy, dx) + half
    if between < past:
        return speed, course, turn_rate, 0.0
    was = math.hypot(*(earlier - earliest)[:2].tolist()) * stretch / past
    acceleration = min(max((speed - was) / between, ACCELERATION[0]), ACCELERATION[1])
    # a difference of places tells the speed of half a PAST ago
    return max(speed + acceleration * past / 2.0, 0.0), course, turn_rate, acceleration
