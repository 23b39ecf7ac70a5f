# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How records become rows, a checklist and pictures; and how they are kept."""

import json

import numpy as np
import pytest

from training.experiments.journal import JournalError
from training.experiments.warmstart_candidates import KNOB_VALUES, KnobSample, RawCandidates
from training.experiments.warmstart_plots import draw_deadlines, draw_knobs
from training.experiments.warmstart_records import Record, open_journal
from training.experiments.warmstart_report import (
    ALL,
    BEST_SINGLE,
    BUDGETS,
    Method,
    Results,
    rows_of,
    tables,
)
from training.experiments.warmstart_strategies import (
    BEST,
    BUNDLE_BEST,
    LEARNED,
    MULTI_START,
    SINGLES,
    STRAIGHT_LINE,
    Refinement,
    Run,
)
from training.experiments.warmstart_targets import as_text, checklist

ALWAYS = (*BUDGETS, np.inf)


def runs(cost, iterations=10, at=0.002, inference=np.nan):
    """Return one run a budget, all of one refinement; infinite cost: infeasible."""
    one = Refinement('x', bool(np.isfinite(cost)), 0.0, min(cost, 1e3), iterations, at)
    return tuple(Run(budget, (one,), at, inference, True) for budget in ALWAYS)


def record(name='1', tier='hard', family='slalom', raw=None, knobs=(), **costs):
    """Return a record in which every start has the cost given, 10 where none is."""
    found = {start: runs(10.0) for start in (*SINGLES, MULTI_START)}
    for start, given in costs.items():
        found[start] = given if isinstance(given, tuple) else runs(given)
    return Record(tier, family, name, found, raw, knobs)


def rows_where(rows, **wanted):
    return [r for r in rows if all(r.get(key) == value for key, value in wanted.items())]


def test_failures_stay_in_every_statistic():
    records = [record('1'), record('2', straight_line=np.inf)]
    row = Results(records).row(records, Method(STRAIGHT_LINE))
    assert (row['n'], row['feasible_rate'], row['infeasible']) == (2, 0.5, 1)
    assert row['cost_gap_mean'] == 0.0  # of the feasible one
    assert row['excess_share_mean'] == 0.5  # of both
    assert row['share_infeasible_or_5_percent_above'] == 0.5
    assert row['iterations_mean'] == 10.0


def test_the_best_known_is_of_runs_to_the_end_unless_there_is_none():
    stopped = Run(0.01, (Refinement('x', True, 0.0, 1.0, 1, 0.005),), 0.006, np.nan, False)
    finished = Run(np.inf, (Refinement('x', True, 0.0, 4.0, 9, 0.05),), 0.05, np.nan, True)
    failed = Run(np.inf, (Refinement('x', False, 1.0, 2.0, 9, 0.05),), 0.05, np.nan, True)
    assert Record('hard', 'f', '1', {'a': (stopped, finished)}).best_known == 4.0
    assert Record('hard', 'f', '1', {'a': (stopped, failed)}).best_known == 1.0
    assert np.isinf(Record('hard', 'f', '1', {'a': (failed,)}).best_known)


def test_an_iterate_below_the_best_known_has_no_negative_gap():
    stopped = Run(0.01, (Refinement('x', True, 0.0, 9.0, 1, 0.005),), 0.006, np.nan, False)
    records = [record(straight_line=(stopped, runs(10.0)[-1]))]
    assert Results(records).gaps(records, Method(STRAIGHT_LINE, budget=0.01))[0] == 0.0


def test_the_best_single_start_is_the_most_feasible_one_then_the_cheapest_by_tier():
    records = [
        record('1', zero_control=np.inf, straight_line=20.0, bundle_best=15.0),
        record('2', tier='easy', zero_control=12.0, straight_line=11.0, bundle_best=np.inf),
    ]
    results = Results(records)
    assert results.best_single('hard') == BUNDLE_BEST
    assert results.best_single('easy') == STRAIGHT_LINE
    assert results.answer(records[0], Method(BEST_SINGLE)).cost == 15.0


def test_the_best_single_start_is_chosen_anew_at_every_budget():
    late = tuple(
        Run(b, (Refinement('x', True, 0.0, 10.0, 5, 0.03),), 0.03, np.nan, True) for b in ALWAYS
    )
    records = [record(straight_line=late, zero_control=14.0, bundle_best=15.0)]
    assert Results(records).best_single('hard') == STRAIGHT_LINE
    assert Results(records).best_single('hard', 0.01) == 'zero_control'


def test_the_hardest_tenth_is_the_one_that_costs_the_best_single_start_most():
    records = [
        record(str(i), straight_line=runs(10.0, iterations=i), multi_start=runs(10.0, 100 - i))
        for i in range(20)
    ]
    for each in records:  # the straight line is the best single start
        each.runs['zero_control'] = each.runs['bundle_best'] = runs(11.0)
    row = Results(records).row(records, Method(MULTI_START))
    assert row['iterations_hardest_tenth_mean'] == pytest.approx(100 - 18.5)


def test_late_runs_are_counted():
    slow = tuple(Run(b, (), 0.012, np.nan, False) for b in ALWAYS)
    records = [record('1', multi_start=slow), record('2')]
    row = Results(records).row(records, Method(MULTI_START, budget=0.01))
    assert row['late_rate'] == 0.5
    assert row['feasible_rate'] == 0.5


def learned_records(**changes):
    """Return records in which the learned start is better by all that is demanded."""
    fast = runs(10.0, iterations=3, inference=0.002)
    raw = RawCandidates(16, 15, True, 0.1, 0.5)
    knobs = tuple(
        KnobSample(knob, value, cost=20.0 - value, violation=value)
        for knob, values in KNOB_VALUES.items()
        for value in values
    )
    singles = {start: runs(20.0, iterations=20) for start in SINGLES}
    given = {**singles, MULTI_START: runs(12.0), LEARNED: fast, BEST: fast, 'noise': runs(12.0)}
    return [
        record(str(i), tier=tier, family=tier, raw=raw, knobs=knobs, **{**given, **changes})
        for tier in ('easy', 'hard', 'recorded')
        for i in range(3)
    ]


def test_a_start_that_is_better_by_everything_reaches_everything():
    results = Results(learned_records())
    checks = checklist(results, rows_of(results))
    missed = [check for check in checks if not check.reached]
    assert missed == []
    assert len(checks) >= 20
    assert 'NOT REACHED' not in as_text(checks)


@pytest.mark.parametrize(
    ('changes', 'demand'),
    [
        ({LEARNED: runs(np.inf, inference=0.002)}, 'infeasible, 1 learned refined'),
        ({LEARNED: runs(np.inf, inference=0.002)}, 'no family more often infeasible'),
        ({LEARNED: runs(12.5, 3, inference=0.002)}, 'mean gap, 1 learned refined'),
        ({LEARNED: runs(12.5, 3, inference=0.002)}, 'gap within 20 ms'),
        ({LEARNED: runs(10.0, 19, inference=0.002)}, 'iterations, mean:'),
        ({LEARNED: runs(10.0, 3, inference=0.007)}, 'all candidates over the whole horizon'),
        ({BEST: runs(13.0)}, 'hard: best above'),
        ({BEST: runs(13.0)}, 'easy: best nowhere below'),
        ({'noise': runs(12.1)}, 'noise in place of the learned candidates, no budget'),
    ],
)
def test_what_is_not_reached_is_said(changes, demand):
    results = Results(learned_records(**changes))
    missed = [c.demand for c in checklist(results, rows_of(results)) if not c.reached]
    assert any(each.startswith(demand) for each in missed), missed


def test_without_a_learned_source_there_is_no_checklist():
    results = Results([record()])
    assert checklist(results, rows_of(results)) == []


def test_rows_have_the_knobs_the_raw_candidates_and_the_unfamiliarity():
    results = Results(learned_records())
    rows = rows_of(results)
    knob = rows_where(rows, tier=ALL, knob='constraint_to_go')
    assert [row['realised_violation_mean'] for row in knob] == [0.0, 0.5, 2.0, 5.0, 10.0]
    (raw,) = rows_where(rows, tier=ALL, refined=0)
    assert raw['collision_free_rate'] == pytest.approx(15 / 16)
    (unfamiliar,) = [row for row in rows_where(rows, tier='recorded') if 'auroc' in row]
    assert unfamiliar['auroc'] == 0.5
    assert 'collision-free' in tables(rows)


def test_pictures_are_drawn_where_there_is_something_to_draw(tmp_path):
    rows = rows_of(Results(learned_records()))
    for name, draw in (('deadline', draw_deadlines), ('knobs', draw_knobs)):
        path = tmp_path / 'images' / f'{name}.png'
        assert not draw(path, [])
        assert not path.exists()
        assert draw(path, rows)
        assert path.read_bytes().startswith(b'\x89PNG')


ABOUT = {'format': 1, 'model': None}


def test_a_journal_gives_back_what_it_was_given(tmp_path):
    journal = open_journal(tmp_path / 'sub' / 'records.jsonl', ABOUT, resume=False)
    given = [*learned_records()[:2], record('x', straight_line=np.inf)]
    for each in given:
        journal.add(each)
    again = open_journal(tmp_path / 'sub' / 'records.jsonl', ABOUT, resume=True)
    assert list(again.records) == [each.key for each in given]
    for each in given:
        found = again.records[each.key]
        assert (found.raw, found.knobs, found.best_known) == (
            each.raw,
            each.knobs,
            each.best_known,
        )
        for start in each.runs:
            answers = [(r.answer(start, b)) for r in (found, each) for b in ALWAYS]
            assert answers[: len(ALWAYS)] == answers[len(ALWAYS) :]


def test_a_line_that_a_stopped_run_left_unfinished_is_dropped(tmp_path):
    path = tmp_path / 'records.jsonl'
    journal = open_journal(path, ABOUT, resume=False)
    journal.add(record('1'))
    journal.add(record('2'))
    path.write_text(path.read_text()[:-40])
    again = open_journal(path, ABOUT, resume=True)
    assert list(again.records) == ['hard/1']
    again.add(record('2'))
    assert list(open_journal(path, ABOUT, resume=True).records) == ['hard/1', 'hard/2']


def test_without_resume_a_journal_begins_anew(tmp_path):
    path = tmp_path / 'records.jsonl'
    open_journal(path, ABOUT, resume=False).add(record('1'))
    assert open_journal(path, ABOUT, resume=False).records == {}
    assert json.loads(path.read_text()) == ABOUT


def test_a_journal_about_something_else_is_refused(tmp_path):
    path = tmp_path / 'records.jsonl'
    open_journal(path, ABOUT, resume=False)
    with pytest.raises(JournalError, match=r"model is None: expected 'abc'"):
        open_journal(path, {**ABOUT, 'model': 'abc'}, resume=True)


@pytest.mark.parametrize('content', ['', 'rubbish\n', '[]\n'])
def test_a_damaged_journal_is_refused(tmp_path, content):
    path = tmp_path / 'records.jsonl'
    path.write_text(content)
    with pytest.raises(JournalError, match=r'records\.jsonl, line 1'):
        open_journal(path, ABOUT, resume=True)


def test_a_journal_damaged_in_its_middle_is_refused(tmp_path):
    path = tmp_path / 'records.jsonl'
    journal = open_journal(path, ABOUT, resume=False)
    journal.add(record('1'))
    path.write_text(path.read_text().replace('"family"', 'family') + '{}\n')
    with pytest.raises(JournalError, match='line 2: is not JSON'):
        open_journal(path, ABOUT, resume=True)
