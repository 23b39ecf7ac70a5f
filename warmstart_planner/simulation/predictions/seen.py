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

PAST = 0.2  # over which motion is estimated [s]
SHORTEST = 1e-3  # a shorter past tells nothing of motion [s]
STANDS = 0.1  # slower is taken as standing [m/s]
FASTEST_TURN = 2.0  # a faster change of yaw is a jump of its measurement [rad/s]


@dataclass(frozen=True)
class Seen:
    """
    One participant at a time, with its motion as its past tells it.

    `kind` is one of KINDS, `size` its half length, half width and radius, shape (3,) [m]; `pose`
    is (x, y, yaw) of its centre, shape (3,), map frame. It moves with `speed` [m/s] in the
    direction `course` [rad], and turns with `turn_rate` [rad/s]; all three are those of now. What
    stands has speed and turn rate 0, and its yaw as course.
    """

    name: str
    kind: str
    size: NDArray[np.float64]
    pose: NDArray[np.float64]
    speed: float
    course: float
    turn_rate: float


def seen_at(participant: TrafficParticipant, t: float) -> Seen | None:
    """
    Return what is known of a participant at a time [s], None where it does not exist then.

    Its motion is the arc through its poses now and PAST before, or since it is there; at its
    first time it is the one that it starts with.
    """
    begin, end = float(participant.times[0]), float(participant.times[-1])
    name, kind, size = participant.name, participant.kind, participant.size_at(t)
    if begin == end:
        pose = participant.poses[0]
        return Seen(name, kind, size, pose, 0.0, float(pose[2]), 0.0)
    if not participant.is_there(t):
        return None
    past = min(PAST, t - begin)
    before, pose = participant.poses_over(np.array([t - past, t]))
    if past < SHORTEST:
        moves = _start(participant)
    else:
        moves = _arc(pose - before, past)
    if moves[0] < STANDS:
        moves = 0.0, float(pose[2]), 0.0
    return Seen(name, kind, size, pose, *moves)


def all_seen(traffic: Iterable[TrafficParticipant], t: float) -> list[Seen]:
    """Return what is known of all participants that exist at a time [s]."""
    return [seen for each in traffic if (seen := seen_at(each, t)) is not None]


def _start(participant: TrafficParticipant) -> tuple[float, float, float]:
    """Return speed, course and turn rate at a participant's first time."""
    yaw, speed = float(participant.poses[0, 2]), participant.start_speed
    return abs(speed), yaw if speed >= 0.0 else yaw + np.pi, 0.0


def _arc(change: NDArray[np.float64], past: float) -> tuple[float, float, float]:
    """Return speed, course and turn rate at the end of a change of pose within a time [s]."""
    dx, dy, turn = change.tolist()
    if abs(turn) > FASTEST_TURN * past:
        turn = 0.0
    # of an arc the chord points along its middle, and is shorter than it
    half = turn / 2.0
    stretch = half / math.sin(half) if half else 1.0
    return math.hypot(dx, dy) * stretch / past, math.atan2(dy, dx) + half, turn / past
