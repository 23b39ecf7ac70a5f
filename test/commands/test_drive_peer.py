# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The peer's folder of drives has the shape of ours, and says what it lacks."""

import json
from pathlib import Path

import pytest
from commonroad_document import interval, whole_document
from road_files import write_road_files

from warmstart_planner.commands import drive_files, drive_peer
from warmstart_planner.evaluation import peer

NEAR = '<position><lanelet ref="10"/></position>' + interval('time', 8, 30)


def test_without_its_environment_it_names_what_makes_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(peer, 'PYTHON', Path('/nowhere/python'))
    out = tmp_path / 'out.json'
    folder = write_road_files(tmp_path / 'inputs')
    assert drive_peer.main(['--folder', str(folder), '--out', str(out)]) == 2
    assert 'make peer' in capsys.readouterr().err
    assert not out.exists()


def test_how_the_peer_drives_decides_whether_rows_are_gone_on_with(monkeypatch, tmp_path):
    before = peer.version()
    changed = tmp_path / 'peer.txt'
    changed.write_text('commonroad-reactive-planner==2024.1\n')
    monkeypatch.setattr(peer, 'REQUIREMENTS', changed)
    assert peer.version() != before


@pytest.mark.skipif(not peer.is_installed(), reason='no .venv-peer: make peer')
def test_its_table_has_the_shape_of_ours_and_is_gone_on_with(tmp_path, capsys):
    folder = tmp_path / 'benchmarks'
    folder.mkdir()
    text = whole_document(obstacles='', goal=NEAR)
    (folder / 'ZAM_Test-1_1.xml').write_text(text)
    tables = {}
    for name, command in (('ours', drive_files), ('peer', drive_peer)):
        out = tmp_path / f'{name}.json'
        options = ['--model', 'kinematic'] if command is drive_files else []
        assert command.main(['--folder', str(folder), '--out', str(out), *options]) == 0
        tables[name] = json.loads(out.read_text())
    (ours,), (theirs,) = (tables[name]['rows'] for name in ('ours', 'peer'))
    assert theirs['file'] == ours['file']
    assert theirs.keys() == ours.keys()
    assert tables['peer']['summary'].keys() == tables['ours']['summary'].keys()
    assert tables['peer']['summary']['outcomes'] == {'goal': 1}
    capsys.readouterr()
    out = tmp_path / 'peer.json'
    assert drive_peer.main(['--folder', str(folder), '--out', str(out)]) == 0
    assert '1 of 1 files are driven already' in capsys.readouterr().err
