# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The drive's own time, which begins at 0, and ROS time."""

from __future__ import annotations

SAME_TIME = 1e-6  # times that differ by less are one [s]


class DriveClock:
    """
    Tells ROS time from the drive's own and the other way round.

    While the drive waits its own time stands still; ROS time need not.

    Args:
        stamp: ROS time at which the drive's own time is 0 [s].

    """

    def __init__(self, stamp: float) -> None:
        self._pieces = [(0.0, stamp)]  # own time at the begin, difference to ROS time

    @property
    def epoch(self) -> float:
        """ROS time less the drive's own, now [s]."""
        return self._pieces[-1][1]

    def go_on(self, t: float, stamp: float) -> None:
        """Let a time of the drive be a ROS time, and all that follows as much later [s]."""
        before = [piece for piece in self._pieces if piece[0] < t - SAME_TIME]
        self._pieces = [*before, (t, stamp - t)]

    def ros_time(self, t: float) -> float:
        """Return the ROS time of a time of the drive, as told now [s]."""
        return t + self.epoch

    def drive_time(self, stamp: float) -> float:
        """Return the time of the drive at a ROS time [s]; waiting belongs to what follows it."""
        for (_, epoch), (end, _) in zip(self._pieces, self._pieces[1:], strict=False):
            if stamp - epoch <= end + SAME_TIME:
                return stamp - epoch
        return stamp - self.epoch
