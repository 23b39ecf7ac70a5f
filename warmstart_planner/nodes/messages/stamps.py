# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps: times in seconds there, in whole nanoseconds here."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from warmstart_planner.checks import number

NANOSECONDS = 1_000_000_000


def to_time(seconds: float) -> Time:
    """Return a time message; raises ValueError for a time that is not finite or negative."""
    total = round(number('stamp', seconds, at_least=0.0) * NANOSECONDS)
    return Time(sec=total // NANOSECONDS, nanosec=total % NANOSECONDS)


def to_seconds(time: Time) -> float:
    """Return a time message in seconds."""
    return time.sec + time.nanosec / NANOSECONDS


def nanoseconds(time: Time) -> int:
    """Return a time message in whole nanoseconds, which compare exactly."""
    return time.sec * NANOSECONDS + time.nanosec
