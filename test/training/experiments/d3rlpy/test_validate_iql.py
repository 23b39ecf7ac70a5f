# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison with d3rlpy: its statistics, and a small one from end to end."""

import json

import numpy as np
import pytest

from training.experiments.d3rlpy import process, validate_iql
from training.experiments.d3rlpy.validate_iql import (
    BC,
    D3RLPY,
    IQL,
    OURS,
    as_good,
    better,
    comparisons_of,
    job_of,
    rows_of,
    settings_for,
    similar,
)

NEAR = [-200.0, -190.0, -210.0, -205.0, -195.0]
FAR = [-900.0, -950.0, -870.0, -920.0, -880.0]


def shifted(values, by):
    return [value + by for value in values]


def test_better_needs_a_difference_in_the_right_direction():
    assert better('', NEAR, FAR).holds is True
    assert better('', FAR, NEAR).holds is False
    assert better('', NEAR, NEAR).holds is False


def test_a_clear_difference_in_either_direction_refutes_as_good():
    assert as_good('', NEAR, shifted(NEAR, 3.0)).holds is True
    assert as_good('', NEAR, FAR).holds is False
    assert as_good('', FAR, NEAR).holds is False


def test_what_scatters_too_much_to_say_is_as_good_but_not_similar():
    wild = [-200.0, -1500.0, -100.0, -1300.0, -150.0]
    other = shifted(wild, 200.0)
    assert as_good('', wild, other).holds is True
    assert similar('', wild, other, 100.0).holds is False
    assert similar('', NEAR, shifted(NEAR, 3.0), 100.0).holds is True


def test_similar_asks_for_the_whole_interval_on_both_sides():
    comparison = similar('', shifted(NEAR, 50.0), NEAR, 100.0)
    assert comparison.low < 50.0 < comparison.high
    assert similar('', shifted(NEAR, 50.0), NEAR, 0.99 * comparison.high).holds is False
    assert similar('', NEAR, shifted(NEAR, 50.0), 0.99 * comparison.high).holds is False


@pytest.mark.parametrize('seeds', [1, 2, 3])
def test_a_few_seeds_decide_nothing(seeds):
    assert better('', NEAR[:seeds], FAR[:seeds]).holds is None
    assert as_good('', NEAR[:seeds], FAR[:seeds]).holds is None


def test_the_two_are_compared_only_where_both_were_trained():
    ours = {IQL: NEAR, BC: FAR}
    assert len(comparisons_of({OURS: ours})) == 1
    both = comparisons_of({OURS: ours, D3RLPY: {IQL: shifted(NEAR, 2.0), BC: FAR}})
    assert [comparison.holds for comparison in both] == [True] * 4
    assert [comparison.required for comparison in both] == [True, True, True, False]


def test_both_make_as_many_updates_with_as_many_transitions(tmp_path):
    settings = settings_for(1000)
    job = job_of(settings, tmp_path / 'episodes.npz', [3, 4])
    assert job.updates == 1000
    assert job.seeds == (3, 4)
    assert job.transitions == settings.batch * settings.learn
    assert job.least_rate < job.learning_rate


def test_one_seed_of_ours_from_end_to_end(tmp_path, capsys):
    out = tmp_path / 'validate-iql.json'
    options = '--n 1 --updates 4 --episodes 12 --implementations ours --out'.split()
    assert validate_iql.main([*options, str(out)]) == 0
    content = json.loads(out.read_text())
    rows = [row for row in content['rows'] if row['implementation'] == OURS]
    assert [row['algorithm'] for row in rows] == [IQL, BC]
    assert all(np.isfinite(row['return_mean']) and row['n'] == 1 for row in rows)
    assert content['comparisons'][0]['holds'] is None
    assert 'too few seeds' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not process.is_ready(), reason='no .venv-d3rlpy: make validate-iql makes it')
def test_d3rlpy_learns_from_the_same_logs(tmp_path):
    out = tmp_path / 'validate-iql.json'
    options = '--n 1 --updates 4 --episodes 12 --implementations d3rlpy --out'.split()
    assert validate_iql.main([*options, str(out)]) == 0
    content = json.loads(out.read_text())
    assert content['versions']['d3rlpy'] != 'absent'
    rows = [row for row in content['rows'] if row['implementation'] == D3RLPY]
    assert all(np.isfinite(row['return_mean']) for row in rows)


@pytest.mark.slow
def test_a_failing_process_says_why(tmp_path, monkeypatch, capsys):
    missing = tmp_path / 'requirements.txt'
    missing.write_text('no-such-package-of-this-name==0.0\n')
    monkeypatch.setattr(process, 'REQUIREMENTS', missing)
    monkeypatch.setattr(process, 'ENVIRONMENT', tmp_path / 'environment')
    monkeypatch.setattr(process, 'PYTHON', tmp_path / 'environment' / 'bin' / 'python')
    monkeypatch.setattr(process, 'STAMP', tmp_path / 'environment' / '.stamp')
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    options = '--n 1 --updates 4 --episodes 12 --implementations d3rlpy --out'.split()
    assert validate_iql.main([*options, str(tmp_path / 'out.json')]) == 2
    assert 'no-such-package' in capsys.readouterr().err
    assert not process.is_ready()


def test_rows_name_what_the_logs_are_worth():
    logs = validate_iql.make_logs(12)
    rows = rows_of({OURS: {IQL: NEAR, BC: FAR}}, logs)
    named = {row['algorithm']: row for row in rows}
    assert named['good']['return_mean'] > named['poor']['return_mean']
    assert named[IQL]['return_least'] == min(NEAR)
    assert named[IQL]['returns'] == NEAR
