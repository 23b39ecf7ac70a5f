# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How records become rows, a checklist and pictures; and how they are kept."""

import numpy as np
import pytest

from training.experiments.common.checklist import as_text
from training.experiments.warmstart.candidates import KNOB_VALUES, KnobSample, RawCandidates
from training.experiments.warmstart.plots import draw_deadlines, draw_knobs, draw_parts
from training.experiments.warmstart.records import Record
from training.experiments.warmstart.report import (
    ALL,
    BUDGETS,
    STARTS,
    Method,
    Results,
    rows_of,
    tables,
)
from training.experiments.warmstart.strategies import (
    BESIDE_GUIDED,
    COLD_MANY,
    GUIDED_FAST,
    GUIDED_LESS,
    IQL_LSTM,
    LEARNED,
    MIX,
    NOISE,
    PLAIN,
    SEQUENTIAL,
    STRAIGHT_LINE,
    PlanningTimes,
    Run,
)
from training.experiments.warmstart.targets import checklist
from warmstart_planner.files.journal import Journal

ALWAYS = (*BUDGETS, np.inf)


def run(budget, cost=10.0, iterations=10, seconds=0.002, proposing=(), inference=0.0, late=None):
    """Return a run; infinite cost: infeasible."""
    late = seconds > budget if late is None else late
    feasible = bool(np.isfinite(cost)) and not late
    spent = PlanningTimes(0.0002, dict(proposing), inference, 0.001, 0.0001)
    found = cost if feasible else np.inf
    return Run(budget, feasible, late, found, seconds, 16, iterations, False, spent)


def runs(cost, **of_all):
    """Return a run a budget, all of a cost."""
    return tuple(run(budget, cost, **of_all) for budget in ALWAYS)


def curve(before, since, cost, **of_all):
    """Return runs of a cost with budgets from one on, of another one before."""
    return tuple(run(b, cost if b >= since else before, **of_all) for b in ALWAYS)


def record(name='1', tier='hard', family='slalom', raw=None, knobs=(), **costs):
    """Return a record in which every plain start has the cost given, 10 where none is."""
    found = {start: runs(10.0, seconds=0.0005) for start in PLAIN}
    for start, given in costs.items():
        found[start] = given if isinstance(given, tuple) else runs(given, seconds=0.0005)
    return Record(tier, family, name, 2.0, found, raw, knobs)


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
    stopped, finished, failed = run(0.01, 1.0), run(np.inf, 4.0), run(np.inf, np.inf)
    assert record(x=(stopped, finished)).best_known == 4.0

    def only(*found):
        return Record('hard', 'f', '1', 1.0, {'a': found}).best_known

    assert only(stopped, finished) == 4.0
    assert only(stopped, failed) == 1.0
    assert np.isinf(only(failed))


def test_an_iterate_below_the_best_known_has_no_negative_gap():
    records = [record(straight_line=(run(0.01, 9.0), run(np.inf, 10.0)))]
    assert Results(records).gaps(records, Method(STRAIGHT_LINE, 0.01))[0] == 0.0


def test_a_late_plan_counts_as_none_and_is_counted():
    slow = runs(10.0, seconds=0.012)
    records = [record('1', sequential=slow), record('2')]
    results = Results(records)
    row = results.row(records, Method(SEQUENTIAL, 0.01))
    assert (row['late_rate'], row['feasible_rate'], row['excess_share_mean']) == (0.5, 0.5, 0.5)
    row = results.row(records, Method(SEQUENTIAL, 0.02))
    assert (row['late_rate'], row['feasible_rate'], row['excess_share_mean']) == (0.0, 1.0, 0.0)
    assert 'late_rate' not in results.row(records, Method(SEQUENTIAL))


def test_rows_say_where_the_time_goes_and_nothing_is_counted_twice():
    given = runs(10.0, seconds=0.01, proposing={'guided': 0.002, LEARNED: 0.004}, inference=0.003)
    records = [record(all=given)]
    row = Results(records).row(records, Method(MIX))
    parts = row['time_ms_parts']
    assert sum(parts.values()) == pytest.approx(10.0)
    assert (parts['guided'], parts['inference']) == (pytest.approx(2.0), pytest.approx(3.0))
    assert parts[LEARNED] == pytest.approx(1.0)  # transcription and checks
    # as a source it takes both
    assert (row['inference_ms_median'], row['inference_rate']) == (pytest.approx(4.0), 1.0)


def test_the_times_of_inference_are_of_those_runs_that_asked():
    asked, left_out = (runs(10.0, proposing=each) for each in ({LEARNED: 0.001}, {}))
    records = [record('1', all=asked), record('2', all=left_out)]
    row = Results(records).row(records, Method(MIX, 0.01))
    assert (row['inference_rate'], row['inference_ms_median']) == (0.5, 1.0)


def learned_records(**changes):
    """Return records in which the learned start and the mix reach all that is demanded."""
    raw = RawCandidates(16, 15, True, 0.1, 0.5)
    knobs = tuple(
        KnobSample(knob, value, cost=20.0 - value, violation=value)
        for knob, values in KNOB_VALUES.items()
        for value in values
    )
    fast = {'seconds': 0.0005, 'proposing': {LEARNED: 0.0003}, 'inference': 0.0002}
    given = {
        **dict.fromkeys(PLAIN, runs(12.0, seconds=0.0005)),
        GUIDED_LESS: runs(12.0, seconds=0.0005),
        NOISE: runs(12.0, seconds=0.0005),
        IQL_LSTM: runs(13.0, seconds=0.0005),
        LEARNED: runs(10.0, **fast),
        MIX: runs(10.0, **fast),
    }
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


SLOW = {LEARNED: runs(10.0, seconds=0.0005, proposing={LEARNED: 0.007})}


@pytest.mark.parametrize(
    ('changes', 'demand'),
    [
        ({MIX: curve(12.0, 0.01, 10.0)}, 'all within 5 ms: excess'),
        ({MIX: curve(10.4, 0.02, 10.0)}, 'all within 10 ms: excess'),
        ({MIX: curve(10.2, 0.05, 10.0)}, 'all within 20 ms: excess'),
        ({MIX: curve(np.inf, 0.02, 10.0)}, 'all within 10 ms: feasible'),
        ({MIX: runs(10.11)}, 'all to the end: excess'),
        ({MIX: runs(10.6)}, 'all to the end: dear'),
        ({MIX: runs(np.inf)}, 'all to the end: solves whatever'),
        ({NOISE: curve(12.6, np.inf, 12.0)}, 'noise: nowhere worse'),
        ({NOISE: runs(12.2)}, 'noise to the end'),
        ({COLD_MANY: curve(12.0, 0.1, 10.0)}, 'decision_transformer within 100 ms'),
        ({COLD_MANY: curve(12.0, 0.1, 10.0)}, 'all within 100 ms: less excess'),
        (SLOW, 'all candidates over the whole horizon'),
    ],
)
def test_what_is_not_reached_is_said(changes, demand):
    results = Results(learned_records(**changes))
    missed = [c.demand for c in checklist(results, rows_of(results)) if not c.reached]
    assert any(each.startswith(demand) for each in missed), missed


def test_who_solves_what_the_mix_does_not_is_named():
    results = Results([*learned_records(), *learned_records(**{MIX: runs(np.inf)})[:1]])
    (check,) = [c for c in checklist(results, []) if 'solves whatever' in c.demand]
    assert check.found.startswith('not easy/0 (')
    assert GUIDED_FAST in check.found


def test_noise_may_cost_the_time_of_inference():
    """What plain starts have with that much less of a budget is what noise is held against."""
    later = curve(np.inf, 0.01, 12.0)
    changes = {NOISE: later, GUIDED_LESS: later}
    results = Results(learned_records(**changes))
    assert all(c.reached for c in checklist(results, []) if c.demand.startswith('noise'))


def test_the_strongest_plain_start_is_another_one_at_each_budget():
    changes = {SEQUENTIAL: curve(10.5, 0.01, 11.5), COLD_MANY: curve(14.0, 0.01, 11.0)}
    checks = checklist(Results(learned_records(**changes)), [])
    found = {c.demand.split(':')[0]: c.found for c in checks if 'strongest' in c.demand}
    assert 'of sequential' in found[f'{MIX} within 5 ms']
    assert 'of cold_many' in found[f'{MIX} within 10 ms']


def test_without_a_learned_source_there_is_no_checklist():
    results = Results([record()])
    assert checklist(results, rows_of(results)) == []


def test_rows_have_all_starts_the_knobs_the_raw_candidates_and_the_unfamiliarity():
    results = Results(learned_records())
    rows = rows_of(results)
    ended = [r['start'] for r in rows_where(rows, tier=ALL, budget_ms=None) if r.get('solver')]
    assert ended == list(STARTS)
    curve_of_all = [r for r in rows_where(rows, tier=ALL, start=MIX) if r.get('budget_ms')]
    assert [r['budget_ms'] for r in curve_of_all] == [1, 2, 3, 5, 10, 20, 50, 100]
    assert {r['start'] for r in rows_where(rows, family='hard')} == set(STARTS)
    knob = rows_where(rows, tier=ALL, knob='constraint_to_go')
    assert [row['realised_violation_mean'] for row in knob] == [0.0, 0.5, 2.0, 5.0, 10.0]
    (raw,) = rows_where(rows, tier=ALL, refined=0)
    assert raw['collision_free_rate'] == pytest.approx(15 / 16)
    (unfamiliar,) = [row for row in rows_where(rows, tier='recorded') if 'auroc' in row]
    assert unfamiliar['auroc'] == 0.5
    assert 'collision-free' in tables(rows)


def test_starts_of_other_packages_have_rows_times_and_curves_as_the_others_do(tmp_path):
    alone, beside = {'mine': 0.003}, {'guided': 0.002, 'mine': 0.003}
    records = [
        record(
            mine=runs(12.0, seconds=0.006, proposing=alone, inference=0.002),
            **{BESIDE_GUIDED + 'mine': runs(9.0, seconds=0.008, proposing=beside)},
        )
    ]
    rows = rows_of(Results(records))
    ended = {r['start']: r for r in rows_where(rows, tier=ALL, budget_ms=None)}
    assert list(ended) == [*PLAIN, 'mine', 'guided_fast+mine']
    assert ended['mine']['inference_ms_median'] == pytest.approx(3.0)
    parts = ended['mine']['time_ms_parts']
    assert (parts['mine'], parts['inference']) == pytest.approx((1.0, 2.0))
    assert sum(parts.values()) == pytest.approx(6.0)
    assert ended['guided_fast+mine']['time_ms_parts']['mine'] == pytest.approx(3.0)
    assert ended['mine']['excess_share_mean'] == pytest.approx(1 - 9 / 12)
    assert len([r for r in rows_where(rows, tier=ALL, start='mine') if r['budget_ms']]) == 8
    assert 'guided_fast+mine' in tables(rows)
    plain = rows_of(Results([record()]))
    for draw in (draw_deadlines, draw_parts):
        for name, given in (('more', rows), ('plain', plain)):
            assert draw(tmp_path / f'{name}.png', given)
        assert (tmp_path / 'more.png').read_bytes() != (tmp_path / 'plain.png').read_bytes()


def test_pictures_are_drawn_where_there_is_something_to_draw(tmp_path):
    rows = rows_of(Results(learned_records()))
    pictures = {'deadline': draw_deadlines, 'parts': draw_parts, 'knobs': draw_knobs}
    for name, draw in pictures.items():
        path = tmp_path / 'images' / f'{name}.png'
        assert not draw(path, [])
        assert not path.exists()
        assert draw(path, rows)
        assert path.read_bytes().startswith(b'\x89PNG')


ABOUT = {'format': 1, 'model': None}


def test_a_journal_gives_back_what_it_was_given(tmp_path):
    journal = Journal(tmp_path / 'sub' / 'records.jsonl', Record, ABOUT, resume=False)
    given = [*learned_records()[:2], record('x', straight_line=np.inf)]
    for each in given:
        journal.add(each)
    again = Journal(tmp_path / 'sub' / 'records.jsonl', Record, ABOUT, resume=True)
    assert list(again.records) == [each.key for each in given]
    for each in given:
        found = again.records[each.key]
        assert (found.raw, found.knobs, found.best_known) == (
            each.raw,
            each.knobs,
            each.best_known,
        )
        assert (found.runs, found.slowness) == (each.runs, each.slowness)
