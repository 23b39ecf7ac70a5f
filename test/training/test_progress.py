# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far a work is."""

from training import progress
from training.progress import tracked


def test_all_items_come_and_a_short_work_writes_nothing_to_a_file(capsys):
    assert list(tracked(range(5), 'working')) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == ''


def test_a_long_work_writes_lines_to_a_file(capsys, monkeypatch):
    monkeypatch.setattr(progress, 'A_LINE', progress.A_LINE | {'delay': 0, 'mininterval': 0})
    list(tracked(iter(range(3)), 'working', 3))
    said = capsys.readouterr().err
    assert 'working: 2/3, ' in said
    assert said.count('\n') >= 3
