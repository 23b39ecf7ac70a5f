# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The planner's own solver as one of those compared."""

from __future__ import annotations

import time

from training.experiments.solvers.nlp import Task
from training.experiments.solvers.solving import Attempt
from warmstart_planner.scp.solver import ScpSolver


class Scp:
    """Trust-region SCP, timed from the problem to the trajectory in the map frame."""

    name = 'scp'

    def __init__(self, solver: ScpSolver) -> None:
        """Keep the compiled solver."""
        self._solver = solver

    def solve(self, task: Task) -> Attempt:
        """Solve; the time includes transcription, roll-out of the guess and all conversions."""
        begin = time.perf_counter()
        bound = self._solver.bind(task.bound.problem)
        result = self._solver.solve(bound, self._solver.roll_out(bound, task.guess))
        seconds = time.perf_counter() - begin
        return Attempt(result.trajectory, seconds, result.iterations, result.status.value)
