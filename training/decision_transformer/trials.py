# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Find out how far from its training an exported model is of use: `make trials`.

A distance from the training problems says that a problem is unlike them, not that the model is of
no use there. So the model, as it is served, is tried on problems from near to far, beside plain
starts, and its candidates are marked as unfamiliar from the distance on beyond which they are
no better. What lay within is added to the range that the model is known to be of use in. Both are
written to the model's card.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client
from numpy.typing import NDArray

from training.command_line import at_least, run
from training.dataset.generate import connected
from training.dataset.scenes import rows_of_scenes
from training.decision_transformer.outcome_head import Contexts
from training.decision_transformer.outcomes import FIRST_INDEX, stacked
from training.decision_transformer.ranges import joined, range_of
from training.decision_transformer.refiner import refined, served
from training.figures import excess_share, relative_gap
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.cards.card_format import CardError, write_card
from warmstart_planner.learned.cards.model_card import CARD_FILE, ModelCard, load_card
from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.session import LoadedModel, load_model
from warmstart_planner.problem import MAX_OBSTACLES, Horizon, Obstacle, PlanningProblem
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.road import Road
from warmstart_planner.scenarios.generator import Family, family_problem
from warmstart_planner.scp.solver import ScpSolver

LEAST = 30  # trials that a mean is taken of, and that a model is judged by
SPEED = (2.0, 30.0)  # wanted [m/s]
HALF_WIDTH = (1.4, 20.0)  # of the road: from a narrow lane on [m]
ROUGH = 0.5  # share of trials on roads as maps have them, in pieces that do not fit together
PIECE = (10.0, 60.0)  # of a rough road [m]
WIDTH_STEP, LIMIT_STEP = 1.6, 2.0  # most that a piece's widths and speed limit are changed by
SIZE_FACTOR = 2.5  # most that obstacles are longer or shorter than those of training


@dataclass(frozen=True)
class Trials(Contexts):
    """
    What trials came to.

    `distance` (P,) is the model's own measure of how unfamiliar a problem is. `learned` (P,) and
    `plain` (P,): excess shares of the best of the model's candidates and of the best of the cold
    bundle, all of them refined, over the better one of both; a failure counts 1.
    """

    distance: NDArray[np.float32]
    learned: NDArray[np.float32]
    plain: NDArray[np.float32]


# --- the problems --------------------------------------------------------------------------------


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
    count = int(rng.integers(MAX_OBSTACLES + 1))
    problem = family_problem('trial', family, count, index, horizon)
    if rng.random() < ROUGH:
        problem = replace(
            problem,
            road=_rough(problem.road, rng),
            obstacles=tuple(_resized(each, rng) for each in problem.obstacles),
        )
    return problem


def _rough(road: Road, rng: np.random.Generator) -> Road:
    """Return a road whose widths and speed limits change in steps."""
    cuts = np.cumsum(rng.uniform(*PIECE, int(np.ceil((road.end - road.start) / PIECE[0])) + 1))
    piece = np.searchsorted(cuts, road.station - road.start)

    def stepped(values: NDArray[np.float64], most: float) -> NDArray[np.float64]:
        return values * (most ** rng.uniform(-1.0, 1.0, len(cuts) + 1))[piece]

    return replace(
        road,
        left_width=stepped(road.left_width, WIDTH_STEP),
        right_width=stepped(road.right_width, WIDTH_STEP),
        speed_limit=stepped(road.speed_limit, LIMIT_STEP),
    )


def _resized(obstacle: Obstacle, rng: np.random.Generator) -> Obstacle:
    """Return an obstacle of another size: from a bollard to a bus."""
    longer, wider = SIZE_FACTOR ** rng.uniform(-1.0, 1.0, 2)
    return replace(
        obstacle,
        half_length=obstacle.half_length * longer,
        half_width=obstacle.half_width * np.sqrt(wider),
    )


# --- the trials ----------------------------------------------------------------------------------


def try_problems(folder: str, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Try a folder's model on some problems; runs on a worker."""
    model, solver = served(folder)
    rows = []
    for index in indices:
        try:
            problem = trial_problem(index, model.card.horizon)
        except RuntimeError:
            continue  # the generator found no such problem
        rows += _tried(model, solver, problem)
    return rows


def _tried(
    model: LoadedModel, solver: ScpSolver, problem: PlanningProblem
) -> list[dict[str, Any]]:
    """Return the row of a problem; none where both fail."""
    bound = solver.bind(problem)
    context, defaults = context_of(bound.numbers), model.card.defaults
    output = model.run(context, defaults.relative_return, defaults.constraint_to_go)
    learned = [
        bound.globalise(states.astype(float), controls.astype(float))
        for states, controls in zip(output.states, output.controls, strict=True)
    ]
    plain = [proposal.trajectory for proposal in ColdBundle().propose(problem)]
    costs = np.array(
        [
            min(each.verified_cost for each in refined(solver, bound, guesses))
            for guesses in (learned, plain)
        ]
    )
    if np.isinf(costs.min()):
        return []
    shares = excess_share(relative_gap(costs, costs.min()))
    numbers = {'distance': output.unfamiliarity, 'learned': shares[0], 'plain': shares[1]}
    return [{**vars(context), **{name: np.float32(each) for name, each in numbers.items()}}]


# --- what comes of them --------------------------------------------------------------------------


def trusted_up_to(trials: Trials, familiar: float) -> float:
    """
    Return the distance beyond which a model's candidates are no better than plain starts.

    Args:
        trials: what they came to.
        familiar: distance of problems like those of training: less is never returned.

    """
    order = np.argsort(trials.distance)
    gain = (trials.plain - trials.learned)[order]
    beyond = np.cumsum(gain[::-1])[::-1]  # summed over the trials from each one on
    useless = np.flatnonzero(beyond[: len(gain) - LEAST + 1] <= 0.0)
    useful = useless[0] if len(useless) else len(gain)
    return max([familiar, *trials.distance[order][:useful].tolist()])


def calibrated(card: ModelCard, trials: Trials) -> ModelCard:
    """Return a card that trusts its model as far as the trials say, and no less than before."""
    threshold = trusted_up_to(trials, card.unfamiliarity_threshold)
    within = trials.take(np.flatnonzero(trials.distance <= threshold))
    known = card.training_range
    summary = {
        'count': len(trials),
        'learned': float(trials.learned.mean()),
        'plain': float(trials.plain.mean()),
    }
    return replace(
        card,
        unfamiliarity_threshold=threshold,
        training_range=joined(known, range_of(within)) if len(within) else known,
        provenance={**card.provenance, 'trials': summary},
    )


def try_model(folder: Path, count: int, client: Client) -> Trials:
    """
    Try a folder's model on problems, and write to its card how far to trust it.

    Raises:
        CardError: there is no sound model.
        ValueError: too few problems are left to judge it by; the card stays as it is.

    """
    work = partial(try_problems, str(folder.resolve()))
    indices = range(FIRST_INDEX, FIRST_INDEX + count)
    trials = Trials(**stacked(rows_of_scenes(work, 'trying', indices, client)))
    if len(trials) < LEAST:
        raise ValueError(
            f'{len(trials)} of {count} problems were found and solved: expected at least {LEAST}, '
            'as --n says how many are tried'
        )
    write_card(folder / CARD_FILE, calibrated(load_card(folder / CARD_FILE), trials))
    return trials


@dataclass(frozen=True)
class Options:
    """What is tried, and how often."""

    models: Path = Path('models')  # folder of the model and its card
    n: int = 400  # problems
    workers: int = os.cpu_count() or 1  # processes

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, n=1, workers=1)


def main(arguments: list[str] | None = None) -> int:
    """Try, and write the card; return the exit status."""
    refusals = (CardError, SolverMissingError, ValueError, OSError)
    return run(_try, Options, 'trials', __doc__, arguments, refusals)


def _try(options: Options) -> None:
    load_model(options.models)  # before any work: it may be missing or damaged
    with connected('', options.workers) as client:
        trials = try_model(options.models, options.n, client)
    card = load_card(options.models / CARD_FILE)
    print(
        f'{len(trials)} trials: excess share {trials.learned.mean():.3f}, of plain starts '
        f'{trials.plain.mean():.3f}; familiar up to {card.unfamiliarity_threshold:.2f}'
    )
    print(options.models / CARD_FILE)


if __name__ == '__main__':
    sys.exit(main())
