# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The inputs in test/cases come out as its table says, and the comparison can fail."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from warmstart_planner.commands.cases import (
    Expected,
    compare,
    drive_cases,
    main,
    read_expected,
)
from warmstart_planner.evaluation.scenes import TABLE, files_in
from warmstart_planner.simulation.configuration import (
    default_configuration_path,
    read_configuration,
)

FOLDER = Path(__file__).resolve().parents[1] / 'cases'
EXPECTED = read_expected(FOLDER / TABLE)
REFUSED = """
description: the goal lies beyond the road
duration: 5.0
road:
  speed_limit: 9.0
  segments: [{length: 40.0, curvature: 0.0}]
  left_width: 2.0
  right_width: 2.0
start: {station: 3.0, speed: 4.0}
goal: {station: {station: 41.0, speed: 4.0}}
"""
DRIVEN = {
    'outcome': 'goal', 'message': '', 'goal_reached': True, 'collisions': 0, 'off_road_m': 0.0,
    'off_corridor_m': 0.0, 'final_speed_mps': 6.0, 'speed_limit_mps': 8.333, 'distance_m': 52.0,
}  # fmt: skip


WORKERS = 2  # processes that drive the inputs

CASES = [
    pytest.param(name, marks=[] if expected.refused else [pytest.mark.slow])
    for name, expected in EXPECTED.items()
]


@pytest.fixture(scope='module')
def rows(tmp_path_factory):
    """Drive all inputs side by side; their rows by file."""
    configuration = replace(read_configuration(default_configuration_path()), seed=1)
    files = [FOLDER / name for name in EXPECTED]
    driven = tmp_path_factory.mktemp('driven')
    return drive_cases(files, configuration, driven, WORKERS)


class TestInputs:
    def test_every_input_is_in_the_table_and_every_entry_has_its_input(self):
        assert {path.name for path in files_in(FOLDER)} == set(EXPECTED)

    @pytest.mark.parametrize('name', CASES)
    def test_input_comes_out_as_it_should(self, rows, name):
        assert EXPECTED[name].differences(rows[name]) == []

    @pytest.mark.parametrize(
        ('name', 'words'),
        [
            ('unknown_element.xml', 'elements are not read: windmill'),
            ('left_bound_backwards.xml', 'lanelet 71: the left bound runs backwards, turned'),
        ],
    )
    def test_what_is_mended_or_not_read_is_said(self, rows, name, words):
        assert rows[name]['warnings'] == [words]


class TestDifferences:
    @pytest.mark.parametrize(
        'expected',
        [
            {'goal': True},
            {'stands': False},
            {'on_road': True},
            {'limit': 8.33},
            {'distance': [50, 52]},
            {'goal': True, 'on_road': True, 'limit': 8.33},
        ],
    )
    def test_a_drive_that_is_right_has_none(self, expected):
        assert Expected(**expected).differences(DRIVEN) == []

    @pytest.mark.parametrize(
        'expected, words',
        [
            ({'goal': False}, 'goal is true: expected false'),
            ({'stands': True}, 'stands is false: expected true'),
            ({'on_road': False}, 'on_road is true: expected false'),
            ({'limit': 36.0}, 'limit is 8.33: expected 36.0'),
            ({'distance': (90.0, 99.0)}, 'distance is 52.0: expected in [90.0, 99.0]'),
            ({'refused': 'behind'}, "driven: expected to be refused ('behind')"),
        ],
    )
    def test_a_wrong_drive_is_told_with_both_values(self, expected, words):
        assert Expected(**expected).differences(DRIVEN) == [words]

    @pytest.mark.parametrize('field', ['off_road_m', 'off_corridor_m'])
    def test_leaving_road_or_corridor_is_leaving_the_road(self, field):
        assert Expected(on_road=True).differences({**DRIVEN, field: 0.04}) == []
        assert Expected(on_road=True).differences({**DRIVEN, field: 0.2}) != []

    def test_a_collision_differs_whatever_is_asked(self):
        (words,) = Expected(goal=True).differences({**DRIVEN, 'collisions': 2})
        assert words == 'collisions is 2: expected 0'

    def test_every_difference_is_told(self):
        assert len(Expected(goal=False, stands=True, limit=5).differences(DRIVEN)) == 3

    def test_a_refusal_has_to_be_for_the_reason_that_is_expected(self):
        row = {'outcome': 'refused', 'message': 'goal is behind the car'}
        assert Expected(refused='behind').differences(row) == []
        assert 'goal is behind' in Expected(refused='twice').differences(row)[0]
        assert 'goal is behind' in Expected(goal=False).differences(row)[0]

    def test_a_drive_that_broke_off_is_never_right(self):
        row = {'outcome': 'error', 'message': 'ValueError: behind'}
        for expected in (Expected(refused='behind'), Expected(goal=False)):
            assert expected.differences(row) == ['broke off: ValueError: behind']

    def test_a_missing_file_differs_and_one_beyond_the_table_does_not(self):
        found = compare({'a.xml': DRIVEN}, {'b.xml': Expected(goal=True)})
        assert found == {'a.xml': [], 'b.xml': ['there is no such file']}


class TestTable:
    @pytest.mark.parametrize(
        'text, words',
        [
            ('a.xml: {gaol: true}', 'a.xml.gaol is unknown: expected one of refused, goal'),
            ('a.xml: true', 'a.xml is True: expected a mapping'),
            ('a.xml: {}', 'a.xml.asked is nothing: expected refused alone, or others'),
            ('a.xml: {refused: behind, goal: false}', 'a.xml.asked is refused, goal: expected'),
            ('a.xml: {refused: 3}', 'a.xml.refused is 3: expected a text'),
            ('a.xml: {refused: ""}', 'a.xml.refused is empty: expected words'),
            ('a.xml: {goal: "yes"}', "a.xml.goal is 'yes': expected true or false"),
            ('a.xml: {limit: fast}', "a.xml.limit is 'fast': expected a number"),
            ('a.xml: {distance: 50}', 'a.xml.distance is 50: expected a list'),
            ('a.xml: {distance: [60]}', 'a.xml.distance is [60]: expected 2 values'),
            ('a.xml: {distance: [60, 50]}', 'a.xml.distance is 50.0: expected a number in'),
            ('- a.xml', "holds ['a.xml']: expected for each file"),
            ('', 'holds None: expected for each file'),
            ('a.xml: {goal: true', 'is not YAML'),
            ('a.xml: {goal: true}\na.xml: {goal: false}', 'a.xml is given twice'),
        ],
    )
    def test_a_bad_table_is_one_clear_error(self, text, words, tmp_path):
        path = tmp_path / TABLE
        path.write_text(text)
        with pytest.raises(ValueError) as error:
            read_expected(path)
        assert str(error.value).startswith(f'{path}')
        assert words in str(error.value)

    def test_without_a_table_nothing_is_expected(self, tmp_path):
        assert read_expected(tmp_path / TABLE) == {}


class TestCommandLine:
    @pytest.fixture
    def run(self, tmp_path, capsys):
        """Compare a folder of one refused file with a table: exit status, output, rows."""

        def with_table(text):
            folder, out = tmp_path / 'inputs', tmp_path / 'out.json'
            folder.mkdir()
            (folder / 'beyond.yaml').write_text(REFUSED)
            if text is not None:
                (folder / TABLE).write_text(text)
            status = main(['--folder', str(folder), '--out', str(out), '--workers', '1'])
            rows = json.loads(out.read_text())['rows'] if out.exists() else None
            return status, capsys.readouterr(), rows

        return with_table

    def test_what_is_right_is_said_and_written(self, run):
        status, printed, rows = run("beyond.yaml: {refused: 'goal.station.station is 41'}")
        assert status == 0
        assert '1 of 1 as expected' in printed.out
        (row,) = rows
        assert (row['file'], row['outcome'], row['differences']) == ('beyond.yaml', 'refused', [])

    def test_a_wrong_expectation_fails_with_the_difference(self, run):
        status, printed, rows = run('beyond.yaml: {goal: true}')
        assert status == 1
        assert 'beyond.yaml: refused: ' in printed.out
        assert '0 of 1 as expected' in printed.out
        assert len(rows[0]['differences']) == 1

    def test_a_missing_file_fails(self, run):
        status, printed, _ = run("beyond.yaml: {refused: '41'}\nlost.xml: {goal: true}")
        assert status == 1
        assert 'lost.xml: there is no such file' in printed.out
        assert '1 of 2 as expected' in printed.out

    def test_without_a_table_it_is_said_that_nothing_is_compared(self, run):
        status, printed, _ = run(None)
        assert status == 0
        assert 'nothing is compared' in printed.out
        assert 'not in the table' in printed.out

    def test_a_bad_table_starts_nothing(self, run):
        status, printed, rows = run('beyond.yaml: {gaol: true}')
        assert status == 2
        assert printed.err.startswith('cases: ')
        assert 'gaol is unknown' in printed.err
        assert rows is None

    def test_a_folder_without_inputs_starts_nothing(self, tmp_path, capsys):
        assert main(['--folder', str(tmp_path)]) == 2
        assert f"folder is '{tmp_path}'" in capsys.readouterr().err
