# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
How far from the problems of its training a model is still of use.

A distance from the training problems says that a problem is unlike them, not that the model is of
no use there. So the model is tried on problems from near to far, beside the best plain start, and
its candidates are marked as unfamiliar from the distance on beyond which they are no better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.outcome_head import HEAD_FILE, INFEASIBLE, Contexts, load_head
from training.refinery import Refinery, refinery
from warmstart_planner.problem import MAX_OBSTACLES, Horizon, PlanningProblem
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.selection import judge
from warmstart_planner.scenarios.generator import Family, family_problem

TRIALS_FILE = 'trials.npz'  # beside the checkpoint
LEAST = 30  # trials that a mean is taken of
SPEED = (2.0, 30.0)  # wanted, in trials [m/s]
HALF_WIDTH = (1.4, 14.0)  # of the road, in trials: from a narrow lane on [m]


@dataclass(frozen=True)
class Trials(Contexts):
    """
    What trials came to.

    `learned` (P,) and `plain` (P,): excess shares of the refined first candidate of the model
    and of the best plain start, over the better one of both; a failure counts INFEASIBLE.
    """

    learned: NDArray[np.float32]
    plain: NDArray[np.float32]


def trial_problem(index: int, horizon: Horizon) -> PlanningProblem:
    """
    Return a problem of a family drawn from far wider ranges than those of training.

    Raises:
        RuntimeError: no draw leaves a way through.

    """
    rng = np.random.default_rng([71, index])
    speed = rng.uniform(*SPEED)
    half_width = np.exp(rng.uniform(*np.log(HALF_WIDTH)))
    family = Family(
        tuple(rng.dirichlet(np.ones(4))),
        (speed, 1.1 * speed),
        (half_width, 1.1 * half_width),
        friction=(rng.uniform(0.4, 1.0), 1.0),
        bend=(0.0, rng.uniform(0.0, 1.3)),
        narrowing=(rng.uniform(0.5, 1.0), 1.0),
        scatter=(0.0, 0.9),
        turned=rng.uniform(0.0, 1.0),
    )
    return family_problem('trial', family, int(rng.integers(MAX_OBSTACLES + 1)), index, horizon)


def try_problems(checkpoint: str, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Try a model, with the head beside it, on some problems; runs on a worker."""
    tools = refinery(checkpoint)
    rows = []
    for index in indices:
        try:
            problem = trial_problem(index, tools.solver.horizon)
        except RuntimeError:
            continue  # the generator found no such problem
        rows += _tried(tools, Path(checkpoint), problem)
    return rows


def _tried(tools: Refinery, checkpoint: Path, problem: PlanningProblem) -> list[dict[str, Any]]:
    """Return the row of a problem; none where both starts fail."""
    head = load_head(checkpoint.with_name(HEAD_FILE), tools.model)
    bound = tools.solver.bind(problem)
    ways = tools.ways(bound)
    with torch.no_grad():
        first = int(head.expected_return(ways.features).argmax())
    plain = judge(tools.solver, bound, ColdBundle().propose(problem))[0].proposal.trajectory
    outcomes = [tools.refined(bound, each) for each in (ways.trajectories[first], plain)]
    least = max(min((cost for good, cost in outcomes if good), default=np.inf), 0.1)
    if np.isinf(least):
        return []
    shares = [1.0 - least / max(cost, least) if good else INFEASIBLE for good, cost in outcomes]
    learned, plain_share = np.float32(shares)
    return [{**vars(ways.context), 'learned': learned, 'plain': plain_share}]


def trusted_up_to(distances: NDArray[np.floating], trials: Trials, familiar: float) -> float:
    """
    Return the distance beyond which a model's candidates are no better than plain starts.

    Args:
        distances: from the training problems, of each trial.
        trials: what they came to.
        familiar: distance of problems like those of training: less is never returned.

    """
    order = np.argsort(distances)
    gain = (trials.plain - trials.learned)[order]
    beyond = np.cumsum(gain[::-1])[::-1]  # summed over the trials from each one on
    useless = np.flatnonzero(beyond[: len(gain) - LEAST + 1] <= 0.0)
    last = useless[0] if len(useless) else len(gain) - 1
    return max(float(distances[order][last]), familiar)


def read_trials(checkpoint: Path) -> Trials:
    """
    Return the trials beside a checkpoint.

    Raises:
        ValueError: they are missing or damaged.

    """
    path = checkpoint.with_name(TRIALS_FILE)
    try:
        with np.load(path) as arrays:
            return Trials(**{name: arrays[name] for name in arrays.files})
    except FileNotFoundError:
        raise ValueError(f'{path} is missing: expected trials; run `make outcomes`') from None
    except Exception as error:
        raise ValueError(f'{path} holds no trials: {error}') from None
