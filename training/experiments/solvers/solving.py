# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What every compared solver is: a task in, a trajectory, its time and its iterations out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from training.experiments.solvers.nlp import Task
from warmstart_planner.problem import Trajectory


@dataclass(frozen=True)
class Attempt:
    """
    What a solver made of a task; `trajectory` is None where its numbers are not finite.

    `seconds` is what the solver took; `status` its own word, which decides nothing.
    """

    trajectory: Trajectory | None
    seconds: float
    iterations: int
    status: str


class Solver(Protocol):
    """One compared solver."""

    name: str

    def solve(self, task: Task) -> Attempt:
        """Solve from the task's start."""
        ...


def trajectory_of(task: Task, states, controls) -> Trajectory | None:
    """Return a local solution in the map frame; None where it is not finite."""
    try:
        return task.bound.globalise(states, controls)
    except ValueError:
        return None
