# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of scenario files is driven to a table, once."""

import json

import pytest
from commonroad_document import interval, whole_document
from road_files import BEHIND, ROAD, write_road_files

from warmstart_planner.commands.drive_files import main
from warmstart_planner.evaluation.judge import is_installed

COLUMNS = {
    'scenario', 'outcome', 'goal_reached', 'missed', 'collisions', 'off_road_m', 'rungs_planner',
    'sources', 'plan_ms', 'driven_csv', 'solution', 'costs',
}  # fmt: skip


# where neither who proposes nor how many drive makes a difference: one process, without a model
PLAIN = ['--sources', '', '--workers', '1']


@pytest.fixture
def folder(tmp_path):
    return write_road_files(tmp_path / 'inputs')


class TestFolder:
    @pytest.mark.parametrize('name', ['nowhere', 'empty'])
    def test_without_files_nothing_is_started(self, name, tmp_path, capsys):
        (tmp_path / 'empty').mkdir()
        out = tmp_path / 'out.json'
        assert main(['--folder', str(tmp_path / name), '--out', str(out)]) == 2
        assert f"folder is '{tmp_path / name}'" in capsys.readouterr().err
        assert not out.exists()

    def test_all_files_are_driven_and_their_rows_written(self, folder, tmp_path, capsys):
        out = tmp_path / 'new' / 'out.json'
        assert main(['--folder', str(folder), '--out', str(out), '--deadline', 'inf']) == 0
        ahead, behind = json.loads(out.read_text())['rows']
        assert ahead.keys() & behind.keys() >= COLUMNS
        assert (ahead['outcome'], behind['outcome']) == ('goal', 'refused')
        assert ahead['driven_csv'] == str(tmp_path / 'new' / 'out' / 'ahead.csv')
        printed = capsys.readouterr().out
        assert '2 files: ' in printed
        assert '1 at the goal' in printed
        assert f'refused: {folder / "behind.yml"}: goal is at station' in printed
        assert (out.with_suffix('') / 'ahead.png').is_file()
        assert json.loads(out.read_text())['summary']['driven'] == 1

    def test_what_is_driven_is_not_driven_again_unless_asked_or_changed(
        self, folder, tmp_path, capsys
    ):
        out = tmp_path / 'out.json'
        command = ['--folder', str(folder), '--out', str(out), *PLAIN]

        def rows_again(*more):
            capsys.readouterr()
            assert main([*command, *more]) == 0
            return json.loads(out.read_text())['rows'], capsys.readouterr().err

        rows, said = rows_again()
        assert 'already' not in said
        again, said = rows_again()
        assert again == rows
        assert '2 of 2 files are driven already' in said
        (folder / 'behind.yml').write_text(ROAD)
        changed, said = rows_again()
        assert '1 of 2 files are driven already' in said
        assert [row['outcome'] for row in changed] == ['goal', 'goal']
        _, said = rows_again('--anew')
        assert 'already' not in said

    def test_rows_that_were_driven_otherwise_are_not_mixed_in(self, folder, tmp_path, capsys):
        command = ['--folder', str(folder), '--out', str(tmp_path / 'out.json'), *PLAIN]
        assert main(command) == 0
        assert main([*command, '--prediction', 'lane_following']) == 2
        assert 'begun anew' in capsys.readouterr().err
        assert main([*command, '--model', 'kinematic']) == 2
        assert 'begun anew' in capsys.readouterr().err

    def test_inputs_are_not_written_over(self, folder, capsys):
        out = folder.with_suffix('.json')
        assert main(['--folder', str(folder), '--out', str(out)]) == 2
        assert 'expected another name than the folder' in capsys.readouterr().err

    @pytest.mark.skipif(not is_installed(), reason='no .venv-judge: make judge')
    def test_a_benchmark_is_judged(self, tmp_path, capsys):
        made = tmp_path / 'benchmarks'
        made.mkdir()
        near = '<position><lanelet ref="10"/></position>' + interval('time', 8, 30)
        text = whole_document(obstacles='', goal=near)
        (made / 'ZAM_Test-1_1.xml').write_text(text)
        out = tmp_path / 'out.json'
        command = ['--folder', str(made), '--out', str(out), '--model', 'kinematic']
        assert main([*command, '--deadline', 'inf']) == 0
        (row,) = json.loads(out.read_text())['rows']
        assert all(row['judge']['checks'].values())
        printed = capsys.readouterr().out
        assert 'ours and the judge differ in 0 of 1' in printed
        assert '1 judged: safe 1' in printed

    def test_files_that_share_a_name_do_not_share_a_driven_path(self, tmp_path):
        made = tmp_path / 'inputs'
        made.mkdir()
        for suffix in ('yaml', 'yml'):
            (made / f'ahead.{suffix}').write_text(ROAD)
        out = tmp_path / 'out.json'
        assert main(['--folder', str(made), '--out', str(out), *PLAIN]) == 0
        rows = json.loads(out.read_text())['rows']
        assert [row['file'] for row in rows] == ['ahead.yaml', 'ahead.yml']
        assert len({row['driven_csv'] for row in rows}) == 2

    def test_only_the_first_files_are_driven_where_asked(self, folder, tmp_path):
        (folder / 'ahead.yaml').write_text(BEHIND)
        out = tmp_path / 'out.json'
        assert main(['--folder', str(folder), '--out', str(out), '--n', '1', *PLAIN]) == 0
        (row,) = json.loads(out.read_text())['rows']
        assert row['file'] == 'ahead.yaml'

    def test_a_missing_configuration_is_one_clear_error(self, folder, capsys):
        assert main(['--folder', str(folder), '--configuration', '/nowhere.yaml']) == 2
        assert '/nowhere.yaml' in capsys.readouterr().err

    @pytest.mark.parametrize(
        'option',
        [
            ('--n', '0'),
            ('--workers', '0'),
            ('--out', 'folder'),
            ('--seed', 'many'),
            ('--prediction', 'psychic'),
        ],
    )
    def test_a_wrong_option_is_named(self, option, folder, capsys):
        with pytest.raises(SystemExit):
            main(['--folder', str(folder), *option])
        assert f'argument {option[0]}' in capsys.readouterr().err
