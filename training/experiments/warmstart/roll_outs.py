# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How long an ensemble of policies takes for its roll-outs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from warmstart_planner.learned.observation.observer import Observer, moving
from warmstart_planner.learned.policy import LoadedPolicy, attempt
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.transcription import Transcription, transcribe

STEPS = (30, 60)  # about what a controller and what a planner looks ahead


@dataclass(frozen=True)
class RollOutTime:
    """What one roll-out of all members together took [s]."""

    steps: int
    members: int
    seconds: float


class RollOutClock:
    """
    Times the roll-outs of a policy.

    Args:
        policy: whose.

    Raises:
        SolverMissingError: the observation of the policy's car is not generated.

    """

    def __init__(self, policy: LoadedPolicy) -> None:
        self._policy = policy
        self._observer = Observer(policy.card.vehicle)

    def times(self, problem: PlanningProblem) -> tuple[RollOutTime, ...]:
        """
        Roll out each of STEPS once, from a problem that is transcribed already.

        One roll-out before is not counted: what the first one after other work takes is in the
        times of inference of the starts.
        """
        numbers = transcribe(problem, self._policy.card.margins)
        self._seconds(numbers, STEPS[0])
        members = self._policy.card.members
        return tuple(RollOutTime(n, members, self._seconds(numbers, n)) for n in STEPS)

    def _seconds(self, numbers: Transcription, steps: int) -> float:
        dt = self._policy.card.dt
        begin = time.perf_counter()
        obstacles = moving(numbers.obstacles, dt)
        start, road = numbers.initial_state, numbers.road
        attempt(self._policy, self._observer, start, road, obstacles, steps, dt)
        return time.perf_counter() - begin
