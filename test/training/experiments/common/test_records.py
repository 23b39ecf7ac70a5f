# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Records with parts come back from a journal as they were."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from training.experiments.common.records import structured
from warmstart_planner.journal import Journal, JournalError


@dataclass(frozen=True)
class Part:
    seconds: tuple[float, ...]
    best: float = math.inf


@dataclass(frozen=True)
class Record:
    name: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    worst: Part | None = None

    @property
    def key(self):
        return f'record {self.name}'


def journal(path, resume):
    return Journal(path, structured(Record), {}, resume)


def test_records_come_back_as_they_were_with_all_their_parts(tmp_path):
    path = tmp_path / 'records.jsonl'
    given = [
        Record('1', {'x': Part((0.1, 0.2), -math.inf), 'y': Part(())}, Part((1.0,), 2.0)),
        Record('2'),
    ]
    begun = journal(path, resume=False)
    for each in given:
        begun.add(each)
    assert journal(path, resume=True).records == {each.key: each for each in given}


def test_numbers_of_numpy_come_back_as_numbers(tmp_path):
    path = tmp_path / 'records.jsonl'
    given = Record('1', {'x': Part((np.float32(0.5), np.int64(2)), np.nan)})
    journal(path, resume=False).add(given)
    found = journal(path, resume=True).records['record 1'].parts['x']
    assert found.seconds == (0.5, 2.0)
    assert math.isnan(found.best)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{"parts": {}}', r'line 2: required field missing @ \$\.name'),
        ('{"name": "1", "worst": {"seconds": ["x"]}}', r'line 2: .* @ \$\.worst\.seconds\[0\]'),
    ],
)
def test_a_record_that_is_not_whole_is_refused_by_its_field(tmp_path, line, message):
    path = tmp_path / 'records.jsonl'
    journal(path, resume=False).add(Record('2'))
    first, second = path.read_text().splitlines()
    path.write_text('\n'.join([first, line, second]) + '\n')
    with pytest.raises(JournalError, match=message):
        journal(path, resume=True)
