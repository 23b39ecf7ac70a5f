# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The demo refuses what it cannot drive, with one clear line, before it starts anything."""

import pytest

from warmstart_planner.commands import demo

BROKEN = {
    'missing.yaml': None,
    'empty.yaml': '',
    'list.yaml': '- 1\n- 2\n',
    'broken.yaml': 'road: [',
    'broken.xml': '<commonRoad',
    'foreign.xml': '<html></html>',
}


@pytest.mark.parametrize('name', BROKEN)
def test_a_scenario_that_cannot_be_read_is_refused_by_name(tmp_path, capsys, name):
    path = tmp_path / name
    if BROKEN[name] is not None:
        path.write_text(BROKEN[name])
    assert demo.main(['--scenario', str(path), '--out', str(tmp_path / 'out')]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith('demo: ')
    assert name in errors[0]
    assert not (tmp_path / 'out').exists()


def test_an_unknown_scenario_is_refused_with_the_known_ones(tmp_path, capsys):
    assert demo.main(['--scenario', 'moon', '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert 'moon' in error
    assert 'free_road' in error


def test_a_missing_parameter_file_is_refused_by_name(tmp_path, capsys):
    arguments = ['--out', str(tmp_path), '--params-file', str(tmp_path / 'none.yaml')]
    assert demo.main(arguments) == 2
    assert 'none.yaml' in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path, capsys):
    (tmp_path / 'file').write_text('')
    assert demo.main(['--out', str(tmp_path / 'file' / 'out')]) == 2
    assert 'file' in capsys.readouterr().err
