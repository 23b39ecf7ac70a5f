# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of learned starts from end to end, with a real model file and without one."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import pytest
from commonroad_document import interval, whole_document

from training.experiments.warmstart import bench, benchmark_warmstart
from training.experiments.warmstart.report import BUDGETS, STARTS
from training.experiments.warmstart.strategies import GUIDED_LESS, NOISE, PLAIN
from warmstart_planner.problem import Horizon

FEW = ['--n', '1', '--shifted', '1', '--scenarios', 'absent', '--jobs', '1', '--slowness', '1']


def run(tmp_path, *arguments):
    out = tmp_path / 'benchmark-warmstart.json'
    code = benchmark_warmstart.main([*FEW, '--out', str(out), *map(str, arguments)])
    return code, out


@pytest.mark.parametrize(
    ('arguments', 'field'),
    [
        (['--n', '0'], '--n is 0'),
        (['--shifted', '-1'], '--shifted is -1'),
        (['--driven', '-1'], '--driven is -1'),
        (['--driven', '1', '--scenarios', 'absent'], "--scenarios is 'absent'"),
        (['--seed', '-1'], '--seed is -1'),
        (['--jobs', '0'], '--jobs is 0'),
        (['--workers', '0'], '--workers is 0'),
        (['--slowness', '-1'], '--slowness is -1'),
        (['--seed', '99999', '--n', '2'], 'the seeds of training begin'),
        (['--sources', 'nobodys'], "--sources has 'nobodys': expected some of"),
        (['--sources', 'multi_start'], "--sources has 'multi_start': expected sources of other"),
    ],
)
def test_absurd_arguments_are_refused(arguments, field, capsys):
    assert benchmark_warmstart.main(arguments) == 2
    assert field in capsys.readouterr().err


@pytest.mark.parametrize('card', ['decision_transformer.json', 'iql_lstm.json'])
def test_a_damaged_model_is_refused_before_anything_is_measured(tmp_path, card, capsys):
    (tmp_path / card).write_text('{}')
    code, out = run(tmp_path, '--model', tmp_path)
    assert code == 2
    assert card in capsys.readouterr().err
    assert not out.exists()


@pytest.fixture(scope='module')
def models(tmp_path_factory, observer, write_model, write_policy):
    """Folder with a small model and a small policy."""
    return write_policy(write_model(tmp_path_factory.mktemp('models')))


@pytest.fixture(scope='module')
def measured(tmp_path_factory, scp_folder, models):
    """Folder of a run in one process with all models, and what it said."""
    folder = tmp_path_factory.mktemp('measured')
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code, _ = run(folder, '--model', models, '--workers', 1)
    assert code == 0
    return folder, out.getvalue(), err.getvalue()


@pytest.mark.slow
def test_without_a_model_the_other_rows_are_measured(tmp_path, scp_folder, capsys):
    code, out = run(tmp_path, '--model', tmp_path / 'absent')
    assert code == 0
    said = capsys.readouterr()
    assert 'has no model decision_transformer' in said.err
    assert 'has no model iql_lstm' in said.err
    assert 'no recorded traffic' in said.err
    rows = json.loads(out.read_text())['rows']
    starts = {row['start'] for row in rows}
    assert starts == {*PLAIN, NOISE, GUIDED_LESS}
    assert {row['tier'] for row in rows} >= {'easy', 'medium', 'hard', 'shifted', 'all'}
    assert {'machine', 'versions', 'commit'} <= json.loads(out.read_text()).keys()
    assert (tmp_path / 'deadline.png').exists()
    assert (tmp_path / 'parts.png').exists()
    assert not (tmp_path / 'knobs.png').exists()
    assert not (tmp_path / 'coherence.png').exists()


@pytest.mark.slow
def test_what_drives_meet_is_measured_alone_without_targets(tmp_path, scp_folder, capsys):
    folder = tmp_path / 'scenarios'
    folder.mkdir()
    near = '<position><lanelet ref="10"/></position>' + interval('time', 15, 30)
    (folder / 'ZAM_Test-1_1.xml').write_text(whole_document(goal=near))
    arguments = ['--n', '0', '--shifted', '0', '--driven', '2', '--scenarios', folder]
    code, out = run(tmp_path, '--model', tmp_path / 'absent', *arguments)
    assert code == 0
    rows = json.loads(out.read_text())['rows']
    assert {row['tier'] for row in rows} == {'driven', 'all'}
    assert {row['n'] for row in rows if row['tier'] == 'driven' and not row['family']} == {2}
    said = capsys.readouterr()
    assert 'targets of' not in said.out
    assert 'recorded traffic' not in said.err.replace('driving through recorded traffic', '')


def test_a_source_that_cannot_be_loaded_is_refused_before_anything_is_measured(
    tmp_path, install_source, capsys
):
    install_source(
        'from warmstart_planner.proposals.spec import SourceSpec\n'
        "SPEC = SourceSpec('mine', lambda options: 1 / 0)\n"
    )
    code, out = run(tmp_path, '--model', tmp_path, '--sources', 'mine')
    assert code == 2
    reported = capsys.readouterr().err
    assert "source 'mine' of mine-package cannot be loaded: ZeroDivisionError" in reported
    assert not out.exists()


@pytest.mark.slow
def test_a_source_of_another_package_enters_the_tables_alone_and_beside_guided(
    tmp_path, scp_folder, braking, capsys
):
    arguments = ['--sources', braking, '--workers', 2, '--to-the-end']
    code, out = run(tmp_path, '--model', tmp_path / 'absent', *arguments)
    assert code == 0
    rows = json.loads(out.read_text())['rows']
    starts = {row['start']: row for row in rows if row['tier'] == 'all'}
    assert starts.keys() == {*PLAIN, NOISE, 'braking', 'guided_fast+braking'}
    assert starts['braking']['candidates_mean'] == 3.0
    assert {'braking', 'refinement'} <= starts['braking']['time_ms_parts'].keys()
    assert {'braking', 'guided'} <= starts['guided_fast+braking']['time_ms_parts'].keys()
    assert 'guided_fast+braking' in capsys.readouterr().out


@pytest.mark.slow
def test_with_models_everything_is_measured(measured):
    folder, said, warned = measured
    assert 'has no model' not in warned
    content = json.loads((folder / 'benchmark-warmstart.json').read_text())
    rows = content['rows']
    policy = [r for r in rows if r.get('start') == 'iql_lstm' and r['tier'] == 'all']
    assert {r['refined'] for r in policy if 'solver' in r} == {None}
    assert [r['steps'] for r in policy if r.get('kind') == 'roll_out'] == [30, 60]
    assert {r['start'] for r in rows if r.get('kind') == 'coherence'} == {
        'decision_transformer',
        'iql_lstm',
    }
    assert any(r.get('kind') == 'comparison' for r in rows)
    assert 'targets of starts' in said
    assert 'targets of iql_lstm\n' in said
    assert 'roll-out of 30 steps, 4 members' in said
    assert (folder / 'coherence.png').exists()
    learned = [
        r
        for r in rows
        if r.get('start') == 'decision_transformer' and r['tier'] == 'all' and 'kind' not in r
    ]
    assert {r.get('refined') for r in learned} == {0, None}
    curve = [r['budget_ms'] for r in learned if r.get('budget_ms') is not None]
    assert curve == [1e3 * budget for budget in BUDGETS]
    whole = next(r for r in learned if r.get('budget_ms', 0) is None)
    assert whole['n'] == 4
    assert 0.0 < whole['inference_ms_median'] < whole['time_ms_median']
    assert {r['start'] for r in rows if 'solver' in r} == {*STARTS, GUIDED_LESS}
    assert (content['slowness'], content['reference_loop_ms']) == (1.0, 1.9)
    details = json.loads((folder / 'benchmark-warmstart-problems.json').read_text())
    assert len(details['records']) == 4
    assert all(record['raw']['count'] == 4 for record in details['records'])
    assert len(details['checks']) >= 15
    assert (folder / 'knobs.png').exists()


@pytest.mark.slow
def test_a_resumed_run_measures_nothing_twice(measured, models, tmp_path):
    folder = Path(shutil.copytree(measured[0], tmp_path / 'resumed'))
    files = [folder / f'benchmark-warmstart{end}' for end in ('-records.jsonl', '.json')]
    records, figures = (file.read_text() for file in files)
    assert run(folder, '--model', models, '--resume', '--workers', 1)[0] == 0
    assert files[0].read_text() == records
    assert json.loads(files[1].read_text())['rows'] == json.loads(figures)['rows']


@pytest.mark.slow
def test_to_the_end_every_start_is_refined_once_without_a_budget(
    tmp_path, scp_folder, observer, write_model, capsys
):
    model = write_model(tmp_path / 'models')
    code, out = run(tmp_path, '--model', model, '--to-the-end')
    assert code == 0
    assert 'targets of' not in capsys.readouterr().out
    rows = [r for r in json.loads(out.read_text())['rows'] if r.get('budget_ms', '') is None]
    starts = {row['start'] for row in rows if row['tier'] == 'all'}
    assert starts == {*PLAIN, 'decision_transformer', 'all', NOISE}
    assert not any(row.get('budget_ms') for row in json.loads(out.read_text())['rows'])


@pytest.mark.slow
def test_several_processes_measure_the_same_problems_in_the_same_order(measured, models, tmp_path):
    assert run(tmp_path, '--model', models, '--workers', 2)[0] == 0
    found = {}
    for workers, folder in ((1, measured[0]), (2, tmp_path)):
        content = json.loads((folder / 'benchmark-warmstart-problems.json').read_text())
        assert content['workers'] == workers
        found[workers] = content['records']
    one, two = found[1], found[2]
    assert [r['name'] for r in one] == [r['name'] for r in two]
    # what no clock decides is the same
    assert [r['coherence'] for r in one] == [r['coherence'] for r in two]
    for a, b in zip(one, two, strict=True):
        assert a['runs'].keys() == b['runs'].keys()
        for start in a['runs']:
            ended = [r['runs'][start][-1] for r in (a, b)]
            for name in ('budget', 'cost', 'candidates', 'iterations'):
                assert ended[0][name] == ended[1][name]


def test_a_run_about_another_model_is_not_gone_on_with(tmp_path, write_model, capsys):
    lines = tmp_path / 'benchmark-warmstart-records.jsonl'
    about = '{"format": 4, "n": 1, "shifted": 1, "model": "other"}\n'
    lines.write_text(about)
    code, _ = run(tmp_path, '--model', write_model(tmp_path / 'models'), '--resume')
    assert code == 2
    assert 'expected' in capsys.readouterr().err
    assert lines.read_text() == about


@pytest.mark.slow
def test_how_slow_a_machine_is_tells_the_loop_on_the_packaged_model_s_candidates(
    scp_folder, monkeypatch
):
    monkeypatch.setattr(bench, 'PROBLEMS', 1)
    first, again = (bench.slowness_of_this_machine(Horizon()) for _ in '12')
    assert first >= 1.0
    assert again == pytest.approx(first, rel=0.7)
