# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds of aggregation: the model drives, the optimiser answers, training goes on."""

import json

import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('distributed', reason='dask is not installed')

from training.dataset.schema import read_card, read_shard, shard_path
from training.decision_transformer.aggregate import COLUMNS, HELD_OUT, ROUND_INDICES, main
from training.table import table


@pytest.fixture(scope='module')
def done(checkpoint, tmp_path_factory):
    """One round from the tiny model, on one worker."""
    out = tmp_path_factory.mktemp('aggregate')
    arguments = ['--checkpoint', str(checkpoint), '--out', str(out), '--rounds', '1']
    arguments += ['--problems', '2', '--variants', '1', '--epochs', '1', '--held-out', '2']
    arguments += ['--scenes', '4']
    assert main([*arguments, '--workers', '1']) == 0
    return out, arguments


def test_a_round_solves_problems_that_the_models_own_driving_leads_to(done):
    out, _ = done
    folder = out / 'round-1' / 'dataset'
    card = read_card(folder)
    assert card.model == str((out / 'round-0' / 'models').resolve())
    rows = read_shard(shard_path(folder, 0)).to_pylist()
    assert {row['kind'] for row in rows} == {'base', 'aggregated'}
    assert all(row['index'] >= ROUND_INDICES for row in rows)


def test_the_gain_is_measured_round_by_round_on_scenes_no_round_trains_on(done):
    out, _ = done
    rows = json.loads((out / 'aggregate.json').read_text())['rows']
    assert [(row['round'], row['state']) for row in rows] == [
        (0, 'first'),
        (0, 'visited'),
        (1, 'first'),
        (1, 'visited'),
    ]
    # what so small a model drives to may have no solution at all
    assert all(row['n'] > 0 for row in rows if row['state'] == 'first')
    assert all(0.0 <= row['feasible_rate'] <= 1.0 for row in rows if row['n'])
    assert all(row['feasible_rate'] is None for row in rows if not row['n'])
    assert HELD_OUT + 2 < ROUND_INDICES
    assert len(table(COLUMNS, rows).splitlines()) == 2 + len(rows)


def test_a_run_that_is_done_is_not_done_again(done):
    out, arguments = done
    files = [out / 'round-1' / name for name in ('figures.json', 'training/best.pt')]
    before = [file.stat().st_mtime_ns for file in files]
    assert main([*arguments, '--workers', '1']) == 0
    assert [file.stat().st_mtime_ns for file in files] == before


@pytest.mark.parametrize(
    ('option', 'value', 'named'),
    [
        ('--rounds', '0', 'rounds is 0'),
        ('--problems', '200000', 'problems is 200000'),
        ('--loaders', '-1', 'loaders is -1'),
        ('--device', 'abacus', "device is 'abacus'"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, capsys, option, value, named):
    assert main(['--out', str(tmp_path), option, value]) == 2
    assert named in capsys.readouterr().err


def test_a_missing_checkpoint_is_named(tmp_path, capsys):
    arguments = ['--checkpoint', str(tmp_path / 'none.pt'), '--out', str(tmp_path), '--workers']
    assert main([*arguments, '1']) == 2
    assert 'none.pt is missing' in capsys.readouterr().err
