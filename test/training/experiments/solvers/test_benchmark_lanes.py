# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The lanes' benchmark: its figures, and a small run from end to end."""

import json

import numpy as np
import pytest

from training.experiments.solvers import benchmark_lanes
from training.experiments.solvers.benchmark_lanes import (
    ALL,
    DATASET_LANES,
    DATASET_LOOP,
    ONE,
    Record,
    agreement,
    rows_of,
)
from training.experiments.solvers.hpipm_loop import LoopResult
from warmstart_planner.problem import Trajectory
from warmstart_planner.scp.solver import Score

NOWHERE = Trajectory(0.0, 0.1, np.zeros((2, 5)), np.zeros((1, 2)))


def result(merit, within=True):
    """Return a result of which only merit and feasibility count."""
    return LoopResult(NOWHERE, within, Score(merit, merit, 0.0, 0.0), 1)


def test_ratios_are_to_the_mean_time_of_one_by_the_loop():
    records = [Record({ONE: one, ALL: one * 3}, [], []) for one in (1e-3, 3e-3)]
    rows = {row['way']: row for row in rows_of(records)}
    assert rows[ONE]['time_ms_mean'] == pytest.approx(2.0)
    assert rows[ALL]['mean_over_one'] == pytest.approx(3.0)
    assert rows[ALL]['p90_over_mean_of_one'] == pytest.approx(8.4e-3 / 2e-3)


def test_only_what_is_feasible_in_both_is_compared_and_the_best_of_all_is_known():
    loop = [result(10.0), result(8.0), result(1.0, within=False)]
    lanes = [result(10.05), result(9.0), result(7.0)]
    agreed = agreement([Record({}, loop, lanes)])
    assert agreed['within_tolerance_loop'] == 2
    assert agreed['within_tolerance_lanes'] == 3
    assert agreed['merits_within_1_percent'] == 0.5
    assert agreed['merits_more_than_5_percent_worse'] == 0.5
    assert agreed['dear_with_one_by_loop'] == agreed['dear_with_all_by_loop'] == 1.0
    assert agreed['dear_with_all_in_lanes'] == 0.0


def test_a_small_run_writes_its_figures(planner_solvers, tmp_path, capsys):
    out = tmp_path / 'lanes.json'
    assert benchmark_lanes.main(['--n', '1', '--out', str(out)]) == 0
    assert 'of one by the loop' in capsys.readouterr().out
    rows = json.loads(out.read_text())['rows']
    assert {row.get('way') for row in rows} >= {ONE, ALL, DATASET_LOOP, DATASET_LANES}
    rates = [row['problems_per_second_and_core'] for row in rows if 'rate_over_loop' in row]
    assert rates[1] > rates[0] > 0.0
