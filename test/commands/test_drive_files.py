# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of scenario files: what becomes of each is a row."""

import json
import logging
from pathlib import Path

import pytest

from warmstart_planner.commands import drive_files
from warmstart_planner.commands.drive_files import drive_file, files_in, main, sums, table
from warmstart_planner.simulation.configuration import (
    default_configuration_path,
    read_configuration,
)

COLUMNS = {
    'scenario', 'outcome', 'goal_reached', 'missed', 'collisions', 'off_road_m', 'rungs_planner',
    'driven_csv',
}  # fmt: skip
ROAD = """
description: a short drive straight ahead
duration: 8.0
road:
  speed_limit: 9.0
  segments: [{length: 80.0, curvature: 0.0}]
  left_width: 2.2
  right_width: 2.2
start: {station: 5.0, speed: 7.0}
goal: {station: {station: 16.0, speed: 7.0}}
"""
BEHIND = ROAD.replace('station: 16.0', 'station: 1.0')


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a file to drive, one to refuse, and things that are no scenarios."""
    made = tmp_path / 'inputs'
    (made / 'more.yaml').mkdir(parents=True)
    (made / 'ahead.yaml').write_text(ROAD)
    (made / 'behind.yml').write_text(BEHIND)
    (made / 'expected.yaml').write_text('ahead.yaml: {goal: true}\n')
    (made / 'notes.txt').write_text('no scenario\n')
    return made


@pytest.fixture(scope='session')
def configuration():
    return read_configuration(default_configuration_path())


def row_of(path, configuration, tmp_path):
    return drive_file(path, configuration, float('inf'), tmp_path / 'driven.csv')


class TestRow:
    def test_a_refused_file_is_a_row_with_the_reason(self, folder, configuration, tmp_path):
        row = row_of(folder / 'behind.yml', configuration, tmp_path)
        assert row.keys() >= COLUMNS
        assert (row['file'], row['scenario'], row['outcome']) == (
            'behind.yml', 'behind', 'refused',
        )  # fmt: skip
        assert 'behind the car' in row['message']
        assert not row['goal_reached']
        assert row['driven_csv'] == ''
        assert not (tmp_path / 'driven.csv').exists()

    def test_a_driven_file_is_a_row_with_its_figures(self, folder, configuration, tmp_path):
        row = row_of(folder / 'ahead.yaml', configuration, tmp_path)
        assert row.keys() >= COLUMNS
        assert (row['scenario'], row['outcome'], row['missed']) == ('ahead', 'goal', [])
        assert row['goal_reached']
        assert row['speed_limit_mps'] == 9.0
        assert row['distance_m'] == pytest.approx(11.0, abs=1.5)
        assert sum(row['rungs_planner'].values()) == row['plans'] > 0
        assert Path(row['driven_csv']).read_text().startswith('t,x,y,yaw,v,steering')

    def test_what_the_reader_warns_of_is_in_the_row_once(self, tmp_path, configuration):
        path = tmp_path / 'odd.xml'
        path.write_text(
            '<commonRoad commonRoadVersion="2020a" timeStepSize="0.1"><windmill/></commonRoad>'
        )
        row = row_of(path, configuration, tmp_path)
        assert row['warnings'] == ['elements are not read: windmill']
        assert logging.getLogger('warmstart_planner').handlers == []

    def test_a_defect_breaks_off_one_drive_and_says_so(
        self, folder, configuration, tmp_path, monkeypatch
    ):
        def break_down(*_):
            raise ZeroDivisionError('by nothing')

        monkeypatch.setattr(drive_files, 'write_csv', break_down)
        row = row_of(folder / 'ahead.yaml', configuration, tmp_path)
        assert row['outcome'] == 'error'
        assert row['message'] == 'ZeroDivisionError: by nothing'
        assert not row['goal_reached']


class TestFolder:
    def test_scenarios_are_found_in_order_and_nothing_else(self, folder):
        assert [path.name for path in files_in(folder)] == ['ahead.yaml', 'behind.yml']

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

    def test_files_that_share_a_name_do_not_share_a_driven_path(self, tmp_path):
        made = tmp_path / 'inputs'
        made.mkdir()
        for suffix in ('yaml', 'yml'):
            (made / f'ahead.{suffix}').write_text(ROAD)
        out = tmp_path / 'out.json'
        assert main(['--folder', str(made), '--out', str(out)]) == 0
        rows = json.loads(out.read_text())['rows']
        assert [row['file'] for row in rows] == ['ahead.yaml', 'ahead.yml']
        assert len({row['driven_csv'] for row in rows}) == 2

    def test_only_the_first_files_are_driven_where_asked(self, folder, tmp_path):
        (folder / 'ahead.yaml').write_text(BEHIND)
        out = tmp_path / 'out.json'
        assert main(['--folder', str(folder), '--out', str(out), '--n', '1']) == 0
        (row,) = json.loads(out.read_text())['rows']
        assert row['file'] == 'ahead.yaml'

    def test_a_missing_configuration_is_one_clear_error(self, folder, capsys):
        assert main(['--folder', str(folder), '--configuration', '/nowhere.yaml']) == 2
        assert '/nowhere.yaml' in capsys.readouterr().err

    @pytest.mark.parametrize(
        'option', [('--n', '0'), ('--workers', '0'), ('--out', 'folder'), ('--seed', 'many')]
    )
    def test_a_wrong_option_is_named(self, option, folder, capsys):
        with pytest.raises(SystemExit):
            main(['--folder', str(folder), *option])
        assert f'argument {option[0]}' in capsys.readouterr().err


class TestTable:
    ROWS = (
        {
            'scenario': 'a', 'outcome': 'goal', 'goal_reached': True, 'missed': [],
            'collisions': 0, 'off_road_m': 0.0, 'rungs_planner': {'optimised': 3, 'braking': 1},
        },
        {
            'scenario': 'b', 'outcome': 'time_limit', 'goal_reached': False, 'missed': ['speed'],
            'collisions': 0, 'off_road_m': 0.126, 'rungs_planner': {'optimised': 2},
        },
    )  # fmt: skip

    def test_there_is_a_line_for_each_file(self):
        first, second = table(self.ROWS).splitlines()[2:]
        assert first.split()[:3] == ['a', 'goal', '-']
        assert second.split()[:5] == ['b', 'time_limit', 'speed', '0', '0.13']

    def test_sums_count_outcomes_and_rungs(self):
        said = sums(self.ROWS)
        assert said.startswith('2 files: ')
        assert '1 at the goal' in said
        assert 'optimised 5' in said and 'braking 1' in said
