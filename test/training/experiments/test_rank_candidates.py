# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What orders of candidates are worth, on cases counted by hand and with the tiny model."""

import json

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

from training.experiments.rank_candidates import (
    FIELDS,
    KNOBS,
    ORDERS,
    PRICES,
    REFINED,
    SERVED,
    Ways,
    main,
    rows_of,
    table,
    try_scenes,
)
from warmstart_planner.learned.card import Defaults


def ways(cost, **orders):
    """Return ways of one problem, of equal orders where none is given."""
    count = len(cost)
    values = {name: np.zeros((1, count)) for name in FIELDS}
    values |= {name: np.array([each], float) for name, each in orders.items()}
    return Ways(**{**values, 'cost': np.array([cost], float)})


def row_of(rows, order, knobs=KNOBS[0]):
    found = [
        r
        for r in rows
        if r['order'] == order and Defaults(r['relative_return'], r['constraint_to_go']) == knobs
    ]
    assert len(found) == 1
    return found[0]


def test_an_order_is_worth_what_it_puts_first():
    given = ways([2.0, 1.0, np.inf], merit=[1, 2, 3], expected=[3, 1, 2], one=[2, 3, 1])
    rows = rows_of([given], KNOBS[:1])
    assert row_of(rows, 'by merit')['excess_share_1'] == pytest.approx(0.5)
    for price in PRICES:  # which nothing has to pay here
        assert row_of(rows, f'by return, a failure at {price:g}')['excess_share_1'] == 0.0
    failing = row_of(rows, 'by merit after 1 iteration')
    assert (failing['excess_share_1'], failing['infeasible_1']) == (1.0, 1.0)
    assert failing['excess_share_2'] == pytest.approx(0.5)  # the dear one comes second


def test_what_may_fail_is_first_at_a_low_price_and_second_in_turn():
    given = ways([np.inf, 1.5, 1.0], expected=[0.9, 1.5, 1.6], failure=[0.5, 0.0, 0.1])
    rows = rows_of([given], KNOBS[:1])
    assert row_of(rows, 'by return, a failure at 1')['infeasible_1'] == 1.0
    assert row_of(rows, 'by return, a failure at 20')['infeasible_1'] == 0.0
    served = row_of(rows, SERVED)
    assert served['infeasible_1'] == 0.0
    assert [served[f'excess_share_{n}'] for n in (1, 2, 3)] == pytest.approx([1 / 3, 1 / 3, 0.0])


def test_no_order_is_better_than_the_outcome_itself_and_more_refined_is_never_worse():
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(1.0, 9.0, (40, 16)) for name in FIELDS}
    values['cost'][rng.random((40, 16)) < 0.3] = np.inf
    rows = rows_of([Ways(**values)], KNOBS[:1])
    best = row_of(rows, 'by the outcome itself')
    for row in rows:
        shares = [row[f'excess_share_{count}'] for count in REFINED]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] >= best['excess_share_1']


def test_all_settings_of_the_knobs_are_held_against_the_best_answer_of_any():
    plain, asked = ways([2.0, 4.0]), ways([4.0, 1.0], expected=[2, 1])
    rows = rows_of([plain, asked], KNOBS[:2])
    assert row_of(rows, 'by the outcome itself')['excess_share_1'] == pytest.approx(0.5)
    assert row_of(rows, SERVED, KNOBS[1])['excess_share_1'] == 0.0


def test_a_problem_that_nobody_solves_is_left_out():
    values = {name: np.ones((2, 2)) for name in FIELDS}
    values['cost'] = np.array([[1.0, 1.0], [np.inf, np.inf]])
    rows = rows_of([Ways(**values)], KNOBS[:1])
    assert {(row['n'], row['infeasible_1']) for row in rows} == {(1, 0.0)}


def test_candidates_of_the_served_model_are_refined(models):
    rows = np.asarray(try_scenes(str(models), range(900_000, 900_002)))
    assert rows.shape == (2, len(KNOBS), len(FIELDS), 16)
    found = Ways(*rows.transpose(1, 2, 0, 3)[0])
    assert np.all(found.iterations >= 1)
    # an iteration that is accepted lowers the merit, and one that is not leaves it
    assert np.all(found.one <= found.merit + 1e-6)
    assert np.all(found.cost > 0.0)


def test_the_command_writes_a_row_for_each_order_and_setting(models, tmp_path, capsys):
    out = tmp_path / 'ranks.json'
    status = main(['--models', str(models), '--n', '1', '--workers', '1', '--out', str(out)])
    assert status == 0
    rows = json.loads(out.read_text())['rows']
    assert len(rows) == len(ORDERS) + len(KNOBS) - 1
    assert table(rows) in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(['--n', '0'], '--n is 0'), (['--models', 'nowhere'], 'nowhere')],
)
def test_what_cannot_be_measured_is_refused(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
