# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What it is worth to know which of a model's candidates to refine: `make rank-candidates`.

All candidates of the served model are refined for held-out problems, so that every order of them
can be held against the best there is: by what they are worth as they are, by what the model says
of them, by their merit after a single SCP iteration. The same is done for other values of the
knobs.
"""

from __future__ import annotations

import os

for _variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_variable, '1')

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client
from numpy.typing import NDArray

from training.aggregate import HELD_OUT
from training.dataset.generate import connected
from training.experiments.figures import excess_share, relative_gap
from training.refinery import refined, served
from training.scenes import drawn, rows_of_scenes
from warmstart_planner.generated import SolverMissingError
from warmstart_planner.learned.card import Defaults
from warmstart_planner.learned.card_format import CardError
from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.session import LoadedModel, load_model
from warmstart_planner.measurement import write_measurement
from warmstart_planner.proposals.selection import CHEAPEST, SUREST, refinement_order
from warmstart_planner.scp.solver import BoundProblem, ScpSolver

Array = NDArray[np.float64]

KNOBS = (
    Defaults(),
    Defaults(relative_return=0.15),
    Defaults(relative_return=0.3),
    Defaults(constraint_to_go=1.0),
)
REFINED = (1, 2, 3, 4, 8)
PRICES = (CHEAPEST, 3.0, 8.0, SUREST)  # of a failure, where an order has one alone


@dataclass(frozen=True)
class Ways:
    """
    A model's K candidates for P problems, all refined; arrays (P, K).

    `cost` is the verified one, infinite for failures; `iterations` what it took. The others are
    what an order can go by, the smaller the better: `merit` of the candidate as it is, `one` after
    one iteration, `unlikely` the negative logarithm of its probability, `expected` the cost that
    the model predicts for a success, `failure` how probable it is that there is none.
    """

    cost: Array
    iterations: Array
    merit: Array
    one: Array
    unlikely: Array
    expected: Array
    failure: Array


FIELDS = tuple(Ways.__dataclass_fields__)
SERVED = 'surest and cheapest in turn'  # the name of the order that candidates are served in


def _at_price(price: float) -> Callable[[Ways], Array]:
    """Return an order by one cost to expect, a failure at a price in logarithms of it."""
    return lambda ways: ways.expected * np.exp(price * ways.failure)


def _in_turn(ways: Ways) -> Array:
    orders = map(refinement_order, ways.expected, ways.failure)
    return np.argsort([*orders], axis=1).astype(float)


ORDERS: Mapping[str, Callable[[Ways], Array]] = {
    'by probability': lambda ways: ways.unlikely,
    'by merit': lambda ways: ways.merit,
    **{f'by return, a failure at {price:g}': _at_price(price) for price in PRICES},
    SERVED: _in_turn,
    'by merit after 1 iteration': lambda ways: ways.one,
    'by the outcome itself': lambda ways: ways.cost,
}


def try_scenes(folder: str, indices: Sequence[int]) -> list[list[Array]]:
    """Return, for each scene and setting of the knobs, the fields of `Ways`; runs on a worker."""
    model, solver = served(folder)
    rows = []
    for scene in drawn(indices, solver.horizon):
        bound = solver.bind(scene.problem)
        rows.append([_refined_ways(model, solver, bound, knobs) for knobs in KNOBS])
    return rows


def _refined_ways(
    model: LoadedModel, solver: ScpSolver, bound: BoundProblem, knobs: Defaults
) -> Array:
    """Return the fields of `Ways` of a problem, shape (fields, K)."""
    output = model.run(context_of(bound.numbers), knobs.relative_return, knobs.constraint_to_go)
    guesses = (
        bound.globalise(x.astype(float), u.astype(float))
        for x, u in zip(output.states, output.controls, strict=True)
    )
    found = [refined(solver, bound, guess) for guess in guesses]
    rows = [(e.verified_cost, e.iterations, e.merit, e.merit_after_one) for e in found]
    told = (-output.log_probability, -output.predicted_return, output.failure_probability)
    return np.vstack([np.array(rows).T, *told])


def rows_of(ways: Sequence[Ways], knobs: Sequence[Defaults]) -> list[dict[str, Any]]:
    """
    Return rows of figures: all orders for the first setting of the knobs, the served one for all.

    Args:
        ways: for each setting of the knobs, of the same problems.
        knobs: the settings.

    """
    known = np.min([each.cost.min(axis=1) for each in ways], axis=0)
    solvable = np.isfinite(known)
    rows = [_row(order, knobs[0], ways[0], known, solvable) for order in ORDERS]
    others = zip(knobs[1:], ways[1:], strict=True)
    return rows + [_row(SERVED, each, found, known, solvable) for each, found in others]


def _row(
    order: str, knobs: Defaults, ways: Ways, known: Array, solvable: NDArray[np.bool_]
) -> dict[str, Any]:
    turn = np.argsort(ORDERS[order](ways), axis=1, kind='stable')
    cost, iterations = (
        np.take_along_axis(each, turn, axis=1)[solvable] for each in (ways.cost, ways.iterations)
    )
    row: dict[str, Any] = {'order': order, **vars(knobs), 'n': int(solvable.sum())}
    for count in REFINED:
        best = cost[:, :count].min(axis=1)
        row[f'excess_share_{count}'] = float(
            excess_share(relative_gap(best, known[solvable])).mean()
        )
        row[f'infeasible_{count}'] = float(np.isinf(best).mean())
    row['iterations_1'] = float(iterations[:, 0].mean())
    return row


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as text."""
    heading = ' '.join(f'{f"{count} refined":>15}' for count in REFINED)
    lines = [f'{"order":27} {"return":>6} {"allowed":>7} {heading} iterations']
    for row in rows:
        name = f'{row["order"]:27} {row["relative_return"]:6.2f} {row["constraint_to_go"]:7.1f}'
        cells = ' '.join(
            f'{row[f"excess_share_{count}"]:7.1%} {row[f"infeasible_{count}"]:7.2%}'
            for count in REFINED
        )
        lines.append(f'{name} {cells} {row["iterations_1"]:10.2f}')
    return '\n'.join(lines)


def measure(folder: Path, scenes: int, client: Client) -> list[dict[str, Any]]:
    """
    Refine a served model's candidates for held-out scenes and compare the orders.

    Raises:
        ValueError: no scene could be drawn.

    """
    work = partial(try_scenes, str(folder.resolve()))
    rows = rows_of_scenes(work, 'refining', range(HELD_OUT, HELD_OUT + scenes), client)
    by_knobs = np.asarray(rows).transpose(1, 2, 0, 3)  # knobs, field, problem, candidate
    return rows_of([Ways(*each) for each in by_knobs], KNOBS)


def main(arguments: list[str] | None = None) -> int:
    """Refine, compare, print and write; return the exit status."""
    parser = argparse.ArgumentParser(prog='rank-candidates', description=__doc__.split('\n')[1])
    add = parser.add_argument
    add('--models', type=Path, default=Path('models'), help='folder of the model and its card')
    add('--n', type=int, default=400, help='scenes')
    add('--out', type=Path, default=Path('out/rank-candidates.json'))
    add('--workers', type=int, default=os.cpu_count(), help='processes')
    options = parser.parse_args(arguments)
    try:
        if options.n < 1:
            raise ValueError(f'--n is {options.n}: expected at least 1')
        load_model(options.models)  # before any work: it may be missing or damaged
        with connected('', options.workers) as client:
            rows = measure(options.models, options.n, client)
    except (CardError, SolverMissingError, ValueError, OSError) as error:
        print(f'rank-candidates: {error}', file=sys.stderr)
        return 2
    print('Excess share and share of infeasible answers after the first ones are refined.')
    print(table(rows))
    write_measurement(options.out, HELD_OUT, rows)
    print(options.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
