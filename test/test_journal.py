# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A stopped measurement goes on with what it has found."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from warmstart_planner.journal import Journal, JournalError

ABOUT = {'format': 1, 'model': None}


@dataclass(frozen=True)
class Record:
    name: str
    value: float = 0.0

    @property
    def key(self):
        return f'record {self.name}'


def read(content):
    return Record(**content)


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'sub' / 'records.jsonl'


def begun(path, **about):
    return Journal(path, read, ABOUT | about, resume=False)


def gone_on_with(path, **about):
    return Journal(path, read, ABOUT | about, resume=True)


def test_records_come_back_as_they_were(path):
    journal = begun(path)
    for each in (Record('1', math.inf), Record('2', np.float64(0.5))):
        journal.add(each)
    assert gone_on_with(path).records == {
        'record 1': Record('1', math.inf), 'record 2': Record('2', 0.5),
    }  # fmt: skip


def test_a_line_that_a_stopped_run_left_unfinished_is_dropped(path):
    journal = begun(path)
    journal.add(Record('1'))
    journal.add(Record('2'))
    path.write_text(path.read_text()[:-10])
    again = gone_on_with(path)
    assert list(again.records) == ['record 1']
    again.add(Record('2'))
    assert list(gone_on_with(path).records) == ['record 1', 'record 2']


def test_without_resume_a_journal_begins_anew(path):
    begun(path).add(Record('1'))
    assert begun(path).records == {}
    assert json.loads(path.read_text()) == ABOUT


def test_a_journal_about_something_else_is_refused(path):
    begun(path)
    with pytest.raises(JournalError, match=r"model is None: expected 'abc'"):
        gone_on_with(path, model='abc')


@pytest.mark.parametrize('content', ['', 'rubbish\n', '[]\n'])
def test_a_damaged_journal_is_refused(tmp_path, content):
    path = tmp_path / 'records.jsonl'
    path.write_text(content)
    with pytest.raises(JournalError, match=r'records\.jsonl, line 1'):
        gone_on_with(path)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{name: 1}', 'line 2: is not JSON'),
        ('{"colour": "red"}', r"line 2: .*'colour'"),
    ],
)
def test_a_journal_damaged_in_its_middle_is_refused(path, line, message):
    begun(path).add(Record('2'))
    first, second = path.read_text().splitlines()
    path.write_text('\n'.join([first, line, second]) + '\n')
    with pytest.raises(JournalError, match=message):
        gone_on_with(path)
