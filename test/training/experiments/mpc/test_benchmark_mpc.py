# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Figures and targets of the comparison of starts, and a small one from end to end."""

import json
from dataclasses import replace

import numpy as np
import pytest

from training.experiments.mpc import benchmark_mpc
from training.experiments.mpc.benchmark_mpc import (
    ALL,
    BEST,
    COLUMNS,
    POLICY,
    POLICY_ONLY,
    SHIFTED,
    Record,
    Steps,
    Variant,
    checklist,
    drive_once,
    rows_of,
)
from training.experiments.mpc.worlds import make_world
from training.table import table
from warmstart_planner.files.journal import Journal, JournalError
from warmstart_planner.simulation.configuration import SimulationConfiguration

CONVERGED = [Variant(start, 'converged') for start in (SHIFTED, POLICY, BEST)]
STEPS = Steps((0.001, 0.003), (2, 4))
NONE = Steps((), ())


def record(start=SHIFTED, **changes):
    given = {
        'index': 0,
        'family': 'easy/free',
        'start': start,
        'mode': 'converged',
        'outcome': 'goal',
        'goal_reached': True,
        'collisions': 0,
        'tracking_rms': 0.1,
        'cost': 2.0,
        'converged': 1.0,
        'from_policy': 0.0,
        'steps': STEPS,
        'events': {'obstacle': NONE, 'goal': STEPS, 'push': NONE},
    }
    return Record(**given | changes)


def test_figures_are_over_all_steps_of_all_drives():
    records = [
        record(),
        record(index=1, family='hard/bend', steps=Steps((0.008,), (6,)), goal_reached=False),
    ]
    rows = {row['tier']: row for row in rows_of(records, CONVERGED)}
    assert set(rows) == {ALL, 'easy/free', 'hard/bend'}
    assert rows[ALL]['n'] == 2
    assert rows[ALL]['time_ms_mean'] == pytest.approx(4.0)
    assert rows[ALL]['iterations_mean'] == pytest.approx(4.0)
    assert rows[ALL]['goal_rate'] == 0.5
    assert rows[ALL]['after_event']['iterations_mean'] == pytest.approx(3.0)
    assert np.isnan(rows[ALL]['after_push']['iterations_mean'])
    assert len(table(COLUMNS, list(rows.values())).splitlines()) == 2 + len(rows)


def of(checks, words):
    (check,) = (check for check in checks if words in check.demand)
    return check


@pytest.mark.parametrize(
    ('changes', 'reached'),
    [({}, True), ({'collisions': 1}, False), ({'goal_reached': False}, False)],
)
def test_a_drive_that_best_spoils_is_named(changes, reached):
    records = [record(), record(BEST, family='hard/bend', **changes)]
    check = of(checklist(records, rows_of(records, CONVERGED)), 'goal misses')
    assert check.reached is reached
    assert ('hard/bend (0)' in check.found) is not reached


@pytest.mark.parametrize(('share', 'reached'), [(0.79, True), (0.81, False)])
def test_the_step_time_is_compared_with_the_shifted_starts(share, reached):
    faster = Steps(tuple(share * value for value in STEPS.seconds), STEPS.iterations)
    records = [record(), record(POLICY, steps=faster)]
    check = of(checklist(records, rows_of(records, CONVERGED)), 'policy: mean step time')
    assert check.reached is reached


@pytest.mark.parametrize(('more', 'reached'), [(-0.1, True), (0.0, True), (0.1, False)])
def test_a_dearer_drive_is_no_success(more, reached):
    records = [record(index=i, cost=2.0 + i) for i in range(4)]
    records += [replace(r, start=BEST, cost=r.cost + more) for r in records]
    check = of(checklist(records, rows_of(records, CONVERGED)), 'best: cost')
    assert check.reached is reached


def test_without_a_policy_it_says_so(tmp_path, capsys):
    assert benchmark_mpc.main(['--n', '1', '--models', str(tmp_path)]) == 2
    assert 'iql_lstm.json' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures('scp_folder')
def test_all_starts_drive_the_same_world(write_policy, tmp_path):
    from warmstart_planner.mpc import ControllerSettings
    from warmstart_planner.mpc.tracking.generate import generate
    from warmstart_planner.vehicle import load_vehicle

    generate(load_vehicle(), ControllerSettings())
    models = str(write_policy(tmp_path))
    world = make_world(0, 0, SimulationConfiguration())
    world = replace(world, scenario=replace(world.scenario, duration=1.5))
    variants = [*CONVERGED, Variant(SHIFTED, 'rti'), Variant(POLICY_ONLY)]
    found = {variant: drive_once(world, variant, models, None) for variant in variants}
    assert found[CONVERGED[0]].from_policy == 0.0
    assert found[CONVERGED[1]].from_policy > 0.9
    assert set(found[Variant(SHIFTED, 'rti')].steps.iterations) == {1}
    assert found[Variant(POLICY_ONLY)].steps.iterations == ()
    for each in found.values():
        assert each.cost > 0.0
        assert min(each.steps.seconds) > 0.0
    for each in CONVERGED:
        assert found[each].converged > 0.99
    again = drive_once(world, CONVERGED[0], models, None)
    assert again.steps.iterations == found[CONVERGED[0]].steps.iterations


@pytest.mark.usefixtures('scp_folder')
def test_it_prints_and_writes_what_it_measured(write_policy, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark_mpc, 'drive_worlds', lambda *_: iter([[record(), record(BEST)]]))
    out = tmp_path / 'figures.json'
    models = str(write_policy(tmp_path))
    assert benchmark_mpc.main(['--n', '1', '--models', models, '--out', str(out)]) == 0
    assert '[reached] converged: best never has more' in capsys.readouterr().out
    assert {row['start'] for row in json.loads(out.read_text())['rows']} == {SHIFTED, BEST}
    assert len(json.loads((tmp_path / 'figures-drives.json').read_text())['records']) == 2


def test_a_journal_gives_back_the_drives_that_were_kept(tmp_path):
    path = tmp_path / 'records.jsonl'
    nowhere = record(BEST, cost=np.nan, steps=NONE)
    journal = Journal(path, Record, {'seed': 0}, resume=False)
    for each in (record(), nowhere):
        journal.add(each)
    again = list(Journal(path, Record, {'seed': 0}, resume=True).records.values())
    assert again[0] == record()
    assert np.isnan(again[1].cost)
    assert replace(again[1], cost=0.0) == replace(nowhere, cost=0.0)
    with pytest.raises(JournalError, match='seed is 0: expected 1'):
        Journal(path, Record, {'seed': 1}, resume=True)


@pytest.mark.usefixtures('scp_folder')
def test_a_run_that_goes_on_drives_what_is_left_only(write_policy, tmp_path, monkeypatch):
    asked = []

    def drive_worlds(indices, seed, variants, *_):
        asked.append(list(indices))
        for index in indices:
            yield [replace(record(), index=index, start=v.start, mode=v.mode) for v in variants]

    monkeypatch.setattr(benchmark_mpc, 'drive_worlds', drive_worlds)
    arguments = ['--models', str(write_policy(tmp_path)), '--out', str(tmp_path / 'figures.json')]
    for more in (['--n', '2'], ['--n', '4', '--resume'], ['--n', '3', '--resume']):
        assert benchmark_mpc.main([*arguments, *more]) == 0
    assert asked == [[0, 1], [2, 3], []]
    rows = json.loads((tmp_path / 'figures.json').read_text())['rows']
    assert {row['n'] for row in rows} == {3}
