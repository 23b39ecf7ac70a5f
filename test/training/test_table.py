# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of figures as text."""

import math

from training.table import Column, table

COLUMNS = (
    Column('tier', 'tier'),
    Column('time [ms]', 'time', '.1f'),
    Column('twice', lambda row: 2 * row['time'], '.0f'),
)
ROWS = [{'tier': 'easy', 'time': 1.25}, {'tier': 'a much longer name', 'time': 1234.5}]


def test_a_row_a_line_under_headings_and_a_rule():
    lines = table(COLUMNS, ROWS).splitlines()
    assert len(lines) == 2 + len(ROWS)
    assert lines[0].split() == ['tier', 'time', '[ms]', 'twice']
    assert lines[2].split() == ['easy', '1.2', '2']


def test_names_are_to_the_left_and_numbers_to_the_right():
    lines = table(COLUMNS, ROWS).splitlines()
    assert all(line.startswith(row['tier']) for line, row in zip(lines[2:], ROWS, strict=True))
    assert len({len(line) for line in (lines[0], *lines[2:])}) == 1


def test_what_is_not_known_is_a_dash():
    columns = (Column('name', 'name'), Column('value', 'value', '.1f'))
    for row in ({'name': 'x'}, {'name': 'x', 'value': None}, {'name': 'x', 'value': math.nan}):
        assert table(columns, [row]).splitlines()[-1].split() == ['x', '-']


def test_brackets_are_text_and_wide_tables_are_not_folded():
    columns = [Column(f'[bold]{number}', 'value') for number in range(30)]
    lines = table(columns, [{'value': '[red]'}]).splitlines()
    assert len(lines) == 3
    assert lines[0].count('[bold]') == lines[2].count('[red]') == 30


def test_title_and_note_are_lines_of_their_own():
    lines = table(COLUMNS, ROWS, 'what it is', '* what that is').splitlines()
    assert (lines[0], lines[-1]) == ('what it is', '* what that is')
