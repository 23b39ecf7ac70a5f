# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Decides when a drive is over, with ROS or without; the verifier says what a collision is."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import KeepSpeed
from warmstart_planner.scenarios.scenario import STANDING_SPEED, Scenario
from warmstart_planner.vehicle import SPEED
from warmstart_planner.verification import drive_verdict

HOLD_TIME = 1.0  # a car that shall stand has to stand this long [s]
CHECK_PERIOD = 0.5  # at which the verifier looks for a reason to end the drive [s]
OFF_ROAD = 0.5  # a drive ends that far outside the corridor [m]


class Outcome(Enum):
    """How a drive ended. GOAL also means that a demanded stop was held."""

    GOAL = 'goal'
    COLLISION = 'collision'
    OFF_ROAD = 'off_road'
    TIME_LIMIT = 'time_limit'


class DriveMonitor:
    """
    Follows a drive's true states.

    A goal at speed ends the drive at once; one that demands standing has to be held for
    HOLD_TIME. Collisions end it at the next check, at most CHECK_PERIOD later.

    Args:
        scenario: that is driven.

    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._reached_since: float | None = None
        self._times: list[float] = []
        self._states: list[NDArray[np.float64]] = []

    def update(self, t: float, state: NDArray[np.float64]) -> Outcome | None:
        """
        Return how the drive ended, None while it goes on.

        Args:
            t: time since the drive's start, later than the last [s].
            state: true state, shape (5,).

        """
        self._times.append(t)
        self._states.append(state)
        at_goal = self._at_goal(t, state)
        over = at_goal or t >= self._scenario.duration - 1e-9
        failure = None
        if over or t - self._times[0] >= CHECK_PERIOD - 1e-9:
            failure = self._failure()
        if failure is not None:
            return failure
        if at_goal:
            return Outcome.GOAL
        return Outcome.TIME_LIMIT if over else None

    def _failure(self) -> Outcome | None:
        verdict = drive_verdict(self._scenario, self._times, np.array(self._states))
        self._times, self._states = self._times[-1:], self._states[-1:]
        if verdict.collisions:
            return Outcome.COLLISION
        return Outcome.OFF_ROAD if verdict.off_road > OFF_ROAD else None

    def _at_goal(self, t: float, state: NDArray[np.float64]) -> bool:
        if not self._scenario.goal_reached(state, t):
            self._reached_since = None
            return False
        if self._reached_since is None:
            self._reached_since = t
        keeps_speed = isinstance(self._scenario.goal, KeepSpeed) and not self._scenario.must_stop
        if keeps_speed or state[SPEED] >= STANDING_SPEED:
            return True
        return t - self._reached_since >= HOLD_TIME
