# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import json
import re

import numpy as np

from warmstart_planner.files.measurement import commit, header, write_measurement


def test_a_measurement_says_on_what_it_was_made(tmp_path):
    path = tmp_path / 'new' / 'measured.json'
    write_measurement(path, 3, [{'tier': 'easy', 'n': np.int64(4), 'time_ms_median': 1.5}])
    content = json.loads(path.read_text())
    assert list(content) == ['machine', 'versions', 'commit', 'seed', 'rows']
    assert content['seed'] == 3
    assert content['rows'] == [{'tier': 'easy', 'n': 4, 'time_ms_median': 1.5}]
    assert content['machine']['cpu']
    assert content['machine']['cores'] >= 1
    assert content['versions']['numpy'] == np.__version__


def test_numbers_that_json_lacks_become_null(tmp_path):
    path = tmp_path / 'measured.json'
    write_measurement(path, 0, [{'a': float('inf'), 'b': np.array([1.0, np.nan])}])
    assert json.loads(path.read_text())['rows'] == [{'a': None, 'b': [1.0, None]}]


def test_a_measurement_replaces_the_old_one_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / 'measured.json'
    write_measurement(path, 0, [])
    write_measurement(path, 1, [])
    assert json.loads(path.read_text())['seed'] == 1
    assert [item.name for item in tmp_path.iterdir()] == ['measured.json']


def test_the_commit_is_a_hash_or_said_to_be_unknown():
    assert re.fullmatch(r'[0-9a-f]{7,40}(-dirty)?|unknown', commit())
    assert header()['commit'] == commit()
