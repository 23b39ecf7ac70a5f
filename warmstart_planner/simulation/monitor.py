# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Decides when a drive is over, with ROS or without; the verifier says what a collision is."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.road import StationTracker
from warmstart_planner.scenarios.arrival import Track
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.verification import drive_verdict

CHECK_PERIOD = 0.5  # at which the verifier looks for a reason to end the drive [s]
OFF_ROAD = 0.5  # a drive ends that much farther off the road or corridor than it began [m]


class Outcome(Enum):
    """
    How a drive ended. GOAL also means that a demanded stop was held.

    OFF_ROAD is off all that is road, OFF_CORRIDOR where the drive had no right to be, such as on
    the opposite side. NO_PLAN is of planners that have nothing to fall back on: the last plan was
    driven to its end.
    """

    GOAL = 'goal'
    COLLISION = 'collision'
    OFF_ROAD = 'off_road'
    OFF_CORRIDOR = 'off_corridor'
    TIME_LIMIT = 'time_limit'
    NO_PLAN = 'no_plan'


class DriveMonitor:
    """
    Follows a drive's true states.

    The drive ends as soon as its goal is reached, as the scenario's `arrival` says. Collisions end
    it at the next check, at most CHECK_PERIOD later.

    Args:
        scenario: that is driven.

    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._tracker = StationTracker(scenario.road, scenario.start_station)
        self._kept = scenario.arrival.hold
        self._times: list[float] = []
        self._states: list[NDArray[np.float64]] = []
        self._stations: list[float] = []
        self._checked = -np.inf
        self._allowed: tuple[float, float] | None = None

    def update(self, t: float, state: NDArray[np.float64]) -> Outcome | None:
        """
        Return how the drive ended, None while it goes on.

        Args:
            t: time since the drive's start, later than the last [s].
            state: true state, shape (5,).

        """
        if not self._times:
            self._checked = t
        self._times.append(t)
        self._states.append(state)
        self._stations.append(self._tracker.update(self._scenario.road, state))
        at_goal = self._scenario.arrival.reached(self._recent())
        over = at_goal or t >= self._scenario.duration - 1e-9
        failure = None
        if over or t - self._checked >= CHECK_PERIOD - 1e-9:
            failure = self._failure()
        if failure is not None:
            return failure
        if at_goal:
            return Outcome.GOAL
        return Outcome.TIME_LIMIT if over else None

    @property
    def station(self) -> float:
        """Station of the rear axle [m]."""
        return self._tracker.station

    def _recent(self) -> Track:
        """Return the last of the drive: for as long as a goal has to hold, and since the check."""
        oldest = min(self._times[-1] - self._kept, self._checked)
        while len(self._times) > 2 and self._times[1] < oldest:
            del self._times[0], self._states[0], self._stations[0]
        return Track(np.array(self._times), np.array(self._states), np.array(self._stations))

    def _failure(self) -> Outcome | None:
        first = max(int(np.searchsorted(self._times, self._checked - 1e-9)), 0)
        verdict = drive_verdict(
            self._scenario,
            self._times[first:],
            np.array(self._states[first:]),
            self._stations[first],
        )
        self._checked = self._times[-1]
        if verdict.collisions:
            return Outcome.COLLISION
        if self._allowed is None:
            self._allowed = self._off_at_start(first)
        off_road, off_corridor = self._allowed
        if verdict.off_road > off_road + OFF_ROAD:
            return Outcome.OFF_ROAD
        return Outcome.OFF_CORRIDOR if verdict.off_corridor > off_corridor + OFF_ROAD else None

    def _off_at_start(self, first: int) -> tuple[float, float]:
        """How far the start, which nobody chose on the way, is off road and corridor [m]."""
        verdict = drive_verdict(
            self._scenario,
            self._times[first : first + 1],
            np.array(self._states[first : first + 1]),
            self._stations[first],
        )
        return verdict.off_road, verdict.off_corridor
