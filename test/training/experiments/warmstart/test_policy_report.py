# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How roll-outs of policies come into rows, a comparison, a checklist and a picture."""

from dataclasses import fields

import numpy as np
import pytest

from training.experiments.warmstart.coherence import Coherence, SourceCoherence
from training.experiments.warmstart.plots import draw_coherence
from training.experiments.warmstart.policy_report import (
    policy_checklist,
    policy_rows,
    policy_tables,
)
from training.experiments.warmstart.records import Record
from training.experiments.warmstart.report import ALL, BUDGETS, Results, rows_of
from training.experiments.warmstart.roll_outs import RollOutTime
from training.experiments.warmstart.strategies import (
    IQL_LSTM,
    LEARNED,
    PLAIN,
    PlanningTimes,
    Run,
)
from warmstart_planner.files.journal import Journal

NAMES = [field.name for field in fields(Coherence)]


def runs(iterations, start=''):
    proposing = {start: 0.001} if start else {}
    spent = PlanningTimes(0.0001, proposing, 0.0005, 0.001, 0.0001)
    return tuple(
        Run(budget, True, False, 5.0, 0.002, 4, iterations, False, spent)
        for budget in (*BUDGETS, np.inf)
    )


def source(best, mean):
    return SourceCoherence(4, *(Coherence(*np.full(len(NAMES), v)) for v in (best, mean)))


def record(index, policy=True, seconds=0.001):
    """Return a record in which all figures of the policy are larger by one, and by the index."""
    found = {**{start: runs(10) for start in PLAIN}, LEARNED: runs(10, LEARNED)}
    coherence = {LEARNED: source(1.0, 2.0)}
    if policy:
        found[IQL_LSTM] = runs(11 + index, IQL_LSTM)
        coherence[IQL_LSTM] = source(2.0 + index, 3.0 + index)
    times = tuple(RollOutTime(steps, 4, seconds * steps / 30) for steps in (30, 60))
    return Record(
        'hard', 'x', str(index), 1.0, found, coherence=coherence, roll_outs=times if policy else ()
    )


def rows_where(rows, **wanted):
    return [r for r in rows if all(r.get(key) == value for key, value in wanted.items())]


def test_rows_say_what_raw_candidates_of_both_are_like():
    rows = policy_rows(Results([record(0), record(2)]))
    for start, candidates, value in (
        (LEARNED, 'best', 1.0),
        (LEARNED, 'mean', 2.0),
        (IQL_LSTM, 'best', 3.0),
        (IQL_LSTM, 'mean', 4.0),
    ):
        (row,) = rows_where(
            rows, kind='coherence', tier='hard', start=start, candidates=candidates
        )
        assert row['n'] == 2
        assert [row[name] for name in NAMES] == [value] * len(NAMES)


def test_both_are_compared_problem_by_problem():
    rows = policy_rows(Results([record(0), record(2)]))
    compared = rows_where(rows, kind='comparison', tier=ALL)
    (iterations,) = rows_where(compared, figure='iterations', refined=None)
    assert (iterations[LEARNED], iterations[IQL_LSTM], iterations['n']) == (10.0, 12.0, 2)
    # differences of 1 and 3: deviation 1, two standard errors of the mean of two
    assert (iterations['difference'], iterations['noise']) == (2.0, pytest.approx(np.sqrt(2)))
    for candidates in ('best', 'mean'):
        raw = rows_where(compared, refined=0, candidates=candidates)
        assert [row['figure'] for row in raw] == NAMES
        assert {row['difference'] for row in raw} == {2.0}


def test_problems_for_which_one_has_no_candidates_are_not_compared():
    empty = record(5)
    del empty.coherence[IQL_LSTM]
    rows = policy_rows(Results([record(0), empty]))
    assert {r['n'] for r in rows_where(rows, kind='comparison', refined=0)} == {1}
    assert {r['n'] for r in rows_where(rows, kind='comparison', refined=None)} == {2}
    assert {r['n'] for r in rows_where(rows, kind='coherence', start=LEARNED)} == {2}


def test_without_a_policy_the_other_ways_are_told_alone():
    rows = policy_rows(Results([record(0, policy=False)]))
    assert {row['kind'] for row in rows} == {'coherence'}
    assert {row['start'] for row in rows} == {LEARNED}
    assert IQL_LSTM not in policy_tables(rows)
    assert policy_checklist(rows) == []


def test_without_anything_learned_there_is_nothing_to_tell():
    nothing = Record('hard', 'x', '0', 1.0, {start: runs(10) for start in PLAIN})
    rows = policy_rows(Results([nothing]))
    assert rows == []
    assert policy_tables(rows) == ''


@pytest.mark.parametrize(('seconds', 'reached'), [(0.0015, True), (0.0025, False)])
def test_roll_outs_have_their_targets(seconds, reached):
    checks = policy_checklist(policy_rows(Results([record(i, seconds=seconds) for i in range(3)])))
    assert [check.reached for check in checks] == [reached] * 2
    assert f'median {1e3 * seconds:.2f} ms' in checks[0].found
    assert [c.demand.split(',')[0] for c in checks] == [
        'roll-out of 30 steps',
        'roll-out of 60 steps',
    ]


def test_the_policy_s_starts_have_rows_beside_the_other_learned_ones():
    rows = rows_of(Results([record(0), record(1)]))
    for start in (LEARNED, IQL_LSTM):
        found = rows_where(rows, tier=ALL, start=start)
        assert {row['refined'] for row in found} == {None}
        assert [r['budget_ms'] for r in found if r['budget_ms']] == [1e3 * b for b in BUDGETS]
        assert all(row['inference_ms_median'] == pytest.approx(1.0) for row in found)


def test_tables_and_picture_show_both(tmp_path):
    rows = policy_rows(Results([record(0), record(2)]))
    text = policy_tables(rows)
    assert f'{IQL_LSTM} against {LEARNED}' in text
    assert 'raw best' in text
    path = tmp_path / 'coherence.png'
    assert not draw_coherence(path, [])
    assert not path.exists()
    assert draw_coherence(path, rows)
    assert path.read_bytes().startswith(b'\x89PNG')


def test_a_journal_gives_back_coherence_and_roll_outs(tmp_path):
    path, given = tmp_path / 'records.jsonl', record(1)
    Journal(path, Record, {}, resume=False).add(given)
    found = Journal(path, Record, {}, resume=True).records[given.key]
    assert (found.coherence, found.roll_outs) == (given.coherence, given.roll_outs)
