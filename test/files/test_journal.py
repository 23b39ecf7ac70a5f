# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A stopped measurement goes on with what it has found."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from warmstart_planner.files.journal import Journal, JournalError

ABOUT = {'format': 1, 'model': None}


@dataclass(frozen=True)
class Part:
    seconds: tuple[float, ...]
    best: float = math.inf


@dataclass(frozen=True)
class Record:
    name: str
    value: float = 0.0
    parts: Mapping[str, Part] = field(default_factory=dict)
    worst: Part | None = None

    @property
    def key(self):
        return f'record {self.name}'


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'sub' / 'records.jsonl'


def begun(path, **about):
    return Journal(path, Record, ABOUT | about, resume=False)


def gone_on_with(path, **about):
    return Journal(path, Record, ABOUT | about, resume=True)


def test_records_come_back_as_they_were_with_all_their_parts(path):
    journal = begun(path)
    given = [
        Record('1', math.inf, {'x': Part((0.1, 0.2), -math.inf), 'y': Part(())}, Part((1.0,))),
        Record('2'),
    ]
    for each in given:
        journal.add(each)
    assert gone_on_with(path).records == {each.key: each for each in given}


def test_numbers_of_numpy_come_back_as_numbers(path):
    given = Record('1', np.float64(0.25), {'x': Part((np.float32(0.5), np.int64(2)), np.nan)})
    begun(path).add(given)
    found = gone_on_with(path).records['record 1']
    assert (found.value, found.parts['x'].seconds) == (0.25, (0.5, 2.0))
    assert math.isnan(found.parts['x'].best)


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
        ('{"colour": "red"}', 'line 2: colour is unknown'),
        ('{"value": 1.0}', 'line 2: name is missing'),
        ('{"name": "1", "worst": {"seconds": ["x"]}}', r'line 2: worst\.seconds\[0\] is'),
    ],
)
def test_a_journal_damaged_in_its_middle_is_refused(path, line, message):
    begun(path).add(Record('2'))
    first, second = path.read_text().splitlines()
    path.write_text('\n'.join([first, line, second]) + '\n')
    with pytest.raises(JournalError, match=message):
        gone_on_with(path)
