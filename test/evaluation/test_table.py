# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The table of driven scenes, its sums, and the judge's verdicts beside our own."""

import pytest

from warmstart_planner.evaluation.judge import CHECKS
from warmstart_planner.evaluation.table import (
    differences,
    reasons,
    summary_lines,
    summary_of,
    sums,
    table,
)


def verdict(**failed):
    checks = {name: name not in failed for name in CHECKS}
    return {'checks': checks, 'reasons': failed, 'costs': {}, 'error': ''}


def row(scenario, **rest):
    return {
        'scenario': scenario, 'outcome': 'goal', 'goal_reached': True, 'missed': [],
        'collisions': 0, 'off_road_m': 0.0, 'rungs_planner': {'optimised': 3},
        'sources': {'shifted': 2, 'guided': 1}, 'plan_ms': [10.0, 20.0, 30.0], 'message': '',
        'costs': {'SM1': 12.5, 'SA1': 3.0, 'JB1': 2.0, 'WX1': 1.0}, **rest,
    }  # fmt: skip


GOOD = row('good', judge=verdict())
LATE = row(
    'late', outcome='time_limit', goal_reached=False, missed=['speed', 'time'], off_road_m=0.126,
    rungs_planner={'optimised': 2, 'braking': 1}, judge=verdict(goal='too fast'),
)  # fmt: skip
REFUSED = row(
    'bad', outcome='refused', goal_reached=False, missed=['place'], rungs_planner={}, sources={},
    plan_ms=[], costs={}, message='bad.xml: no road',
)  # fmt: skip


def test_there_is_a_line_for_each_file_with_judge_costs_times_and_source():
    good, late, bad = table([GOOD, LATE, REFUSED]).splitlines()[2:]
    assert good.split() == [
        'good', 'goal', 'passed', '-', '0', '0.00', '12.5', '3', '2', '1', '20/30', 'shifted',
    ]  # fmt: skip
    assert late.split()[:7] == ['late', 'time_limit', 'not', 'goal', 'speed,', 'time', '0']
    assert bad.split() == ['bad', 'refused', '-', 'place', '0', '0.00', *'------']


def test_reasons_are_those_of_the_reader_and_of_the_judge():
    lines = reasons([GOOD, LATE, REFUSED]).splitlines()
    assert lines == ['refused: bad.xml: no road', 'late, judge: goal: too fast']
    broken = row('odd', judge={'checks': {}, 'reasons': {}, 'costs': {}, 'error': 'KeyError: x'})
    assert reasons([broken]) == 'odd, judge: error: KeyError: x'


def test_where_our_verdict_and_the_judge_s_differ_is_said():
    assert differences([GOOD]) == 'ours and the judge differ in 0 of 1: nothing'
    said = differences([GOOD, LATE])
    assert said == 'ours and the judge differ in 1 of 2: late (on_road: no, judge yes)'
    assert differences([row('alone')]) == ''


def test_sums_count_outcomes_and_rungs():
    said = sums([GOOD, LATE])
    assert said.startswith('2 files: goal 1, time_limit 1; 1 at the goal')
    assert 'optimised 5' in said and 'braking 1' in said


def test_the_summary_counts_what_is_safe_at_the_goal_and_passed():
    found = summary_of([GOOD, LATE, REFUSED])
    assert (found['files'], found['driven'], found['safe'], found['goal']) == (3, 2, 1, 1)
    assert found['judge'] == {
        'safe': 2, 'start': 2, 'collision_free': 2, 'on_road': 2, 'goal': 1, 'drivable': 2,
        'all': 1,
    }  # fmt: skip
    assert found['outcomes'] == {'goal': 1, 'time_limit': 1, 'refused': 1}
    assert found['plan_ms_p50'] == 20.0
    assert found['plan_ms_p95'] == pytest.approx(30.0)
    assert found['plan_ms_p99'] == pytest.approx(30.0)
    assert '2 judged: safe 2' in summary_lines(found)


def test_without_a_judge_the_summary_says_how_to_get_one():
    assert 'make judge' in summary_lines(summary_of([row('alone')]))
