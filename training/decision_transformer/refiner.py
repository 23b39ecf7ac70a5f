# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A trained model and the solver that refines what it proposes, as a worker needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from training.decision_transformer.loading import load_model
from training.decision_transformer.outcome_head import propose
from warmstart_planner.learned.context import Context, context_of
from warmstart_planner.learned.session import LoadedModel
from warmstart_planner.learned.session import load_model as load_served
from warmstart_planner.problem import Horizon, Trajectory
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle
from warmstart_planner.verification import verify


@dataclass(frozen=True)
class Ways:
    """A model's candidates for a problem, map frame."""

    context: Context
    trajectories: tuple[Trajectory, ...]


@dataclass(frozen=True)
class Refined:
    """What SCP made of a guess; `feasible` says the verifier, `merit` is the guess's own."""

    feasible: bool
    cost: float
    iterations: int
    merit: float

    @property
    def verified_cost(self) -> float:
        """Return the cost, infinite where the answer is not feasible."""
        return self.cost if self.feasible else np.inf


class Refiner:
    """
    Proposes with a model and refines with SCP.

    Args:
        path: of the model's checkpoint, or folder of a served model.

    Raises:
        ValueError: the model cannot be read.

    """

    def __init__(self, path: Path) -> None:
        torch.set_num_threads(1)
        self.model = load_model(path)
        self.solver = ScpSolver(load_vehicle(DEFAULT_VEHICLE), Horizon())

    def ways(self, bound: BoundProblem) -> Ways:
        """Return all candidates for a problem."""
        context = context_of(bound.numbers)
        with torch.no_grad():
            inputs = [torch.from_numpy(value)[None] for value in vars(context).values()]
            drive = propose(self.model, *inputs).drive
        first = np.broadcast_to(context.state, (len(drive.states), 1, len(context.state)))
        states = np.concatenate([first, drive.states.numpy()], axis=1).astype(float)
        controls = drive.controls.numpy().astype(float)
        guesses = (bound.globalise(x, u) for x, u in zip(states, controls, strict=True))
        return Ways(context, tuple(guesses))

    def refined(self, bound: BoundProblem, guesses: Sequence[Trajectory]) -> list[Refined]:
        """Return what comes of guesses."""
        return refined(self.solver, bound, guesses)


def refined(
    solver: ScpSolver, bound: BoundProblem, guesses: Sequence[Trajectory]
) -> list[Refined]:
    """Return what SCP makes of guesses, all refined together; in their order."""
    starts = solver.roll_out_all(bound, guesses)
    results = solver.solve_all(bound, starts)
    scores = solver.score_all(bound, starts)
    return [
        Refined(
            feasible=verify(bound.problem, result.trajectory).feasible,
            cost=result.score.cost,
            iterations=result.iterations,
            merit=score.merit,
        )
        for result, score in zip(results, scores, strict=True)
    ]


@cache
def served(folder: str) -> tuple[LoadedModel, ScpSolver]:
    """
    Return the served model of a folder and the solver that it was made for, the same each time.

    Raises:
        CardError: there is no sound model.
        SolverMissingError: the solver is not generated.

    """
    model = load_served(folder)
    card = model.card
    return model, ScpSolver(card.vehicle, card.horizon, card.weights)


@cache
def refiner(path: str) -> Refiner:
    """Return the refiner of a model, the same one each time."""
    return Refiner(Path(path))
