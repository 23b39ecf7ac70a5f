# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison's figures, and a small comparison from end to end."""

import json
from dataclasses import replace

import numpy as np
import pytest

from training.experiments.solvers import benchmark_scp
from training.experiments.solvers.benchmark_scp import (
    COLUMNS,
    MULTI_START,
    STRAIGHT_LINE,
    Outcome,
    Record,
    rows_of,
    unsolved,
)
from training.table import table

GOOD = Outcome(True, 0.0, 10.0, 10.0, 0.004, 5, 'converged')
BAD = Outcome(False, 0.4, 2.0, 90.0, 0.030, 40, 'iteration_limit')


def record(**outcomes):
    return Record('hard', 3, 'slalom', outcomes)


def test_an_infeasible_answer_is_a_failure_whose_time_counts():
    rows = rows_of([record(scp=(GOOD,)), record(scp=(BAD,))], [STRAIGHT_LINE])
    assert rows[0]['n'] == 2
    assert rows[0]['feasible_rate'] == 0.5
    assert rows[0]['time_ms_median'] == pytest.approx(17.0)
    assert rows[0]['cost_gap_mean'] == 0.0  # the cheap infeasible one is not the best known
    assert rows[0]['share_infeasible_or_5_percent_above'] == 0.5


def test_the_gap_is_relative_to_the_cheapest_verified_answer_of_all():
    cheaper = replace(GOOD, cost=8.0)
    row_of = {
        (row['solver'], row['start']): row
        for row in rows_of(
            [record(scp=(GOOD, BAD), other=(BAD, cheaper))], [STRAIGHT_LINE, MULTI_START]
        )
    }
    assert row_of['scp', STRAIGHT_LINE]['cost_gap_mean'] == pytest.approx(0.25)
    assert row_of['scp', STRAIGHT_LINE]['share_infeasible_or_5_percent_above'] == 1.0
    assert row_of['other', STRAIGHT_LINE]['feasible_rate'] == 0.0
    assert row_of['other', MULTI_START]['cost_gap_mean'] == 0.0


def test_each_tier_and_solver_has_its_row():
    records = [record(scp=(GOOD,), other=(BAD,)), replace(record(scp=(BAD,)), tier='easy')]
    rows = rows_of(records, [STRAIGHT_LINE])
    assert [(r['tier'], r['solver']) for r in rows] == [
        ('easy', 'scp'), ('hard', 'scp'), ('hard', 'other'),
    ]  # fmt: skip
    assert [r['n'] for r in rows] == [1, 1, 1]


def test_multi_start_pays_for_all_starts():
    summary = record(scp=(GOOD, BAD)).summary('scp', MULTI_START)
    assert summary.feasible
    assert summary.cost == GOOD.cost
    assert summary.seconds == pytest.approx(0.034)
    assert summary.iterations == 45


def test_problems_that_nobody_solves_are_named():
    assert unsolved([record(scp=(GOOD,))]) == 'Every problem has a verified answer.'
    assert 'hard 3 (slalom)' in unsolved([record(scp=(BAD,)), record(scp=(GOOD,))])


@pytest.mark.parametrize('arguments', [['--n', '0'], ['--seed', '-1']])
def test_absurd_numbers_are_refused(arguments, capsys):
    assert benchmark_scp.main(arguments) == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_tier_that_there_is_not_is_refused(capsys):
    with pytest.raises(SystemExit):
        benchmark_scp.main(['--tiers', 'absurd'])
    assert '--tiers' in capsys.readouterr().err


def test_the_judges_are_compared_on_the_same_starts(tmp_path, capsys):
    out = tmp_path / 'verdicts.json'
    arguments = ['--verdicts', '--n', '2', '--tiers', 'easy', '--out', str(out)]
    assert benchmark_scp.main(arguments) == 0
    rows = {row['judge']: row for row in json.loads(out.read_text())['rows']}
    assert rows['binding']['n'] == 2
    assert rows['verify']['n'] == rows['compiled']['n'] > 20
    assert rows['compiled']['times_faster'] > 3.0
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(rows)


@pytest.mark.slow
def test_a_small_comparison_prints_and_writes_the_same_figures(tmp_path, capsys):
    out = tmp_path / 'benchmark-scp.json'
    arguments = ['--n', '2', '--tiers', 'easy', '--starts', STRAIGHT_LINE, '--out', str(out)]
    assert benchmark_scp.main(arguments) == 0
    written = json.loads(out.read_text())
    rows = written['rows']
    assert written['seed'] == 0
    assert {'machine', 'versions', 'commit'} <= written.keys()
    assert [r['solver'] for r in rows] == ['scp', 'acados_sqp', 'fatrop', 'ipopt']
    plain = [{k: np.nan if v is None else v for k, v in row.items()} for row in rows]
    assert table(COLUMNS, plain) in capsys.readouterr().out
    assert all(row['n'] == 2 and row['feasible_rate'] == 1.0 for row in rows)
