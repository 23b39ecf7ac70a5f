# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Weights are read from a file, whole or not at all."""

import json
from dataclasses import fields, replace

import pytest

from warmstart_planner.files.cost_weights import WeightsError, file_of, read_weights, schema_path
from warmstart_planner.objective import CostWeights


def write(folder, text, name='weights.yaml'):
    path = folder / name
    path.write_text(text)
    return path


def test_what_a_file_leaves_out_keeps_its_default(tmp_path):
    read = read_weights(write(tmp_path, 'offset: 0.5\nsteering_rate: 8\n'))
    assert read == replace(CostWeights(), offset=0.5, steering_rate=8.0)


def test_the_schema_has_the_weights_of_the_cost():
    properties = json.loads(schema_path().read_text())['properties']
    assert list(properties) == [each.name for each in fields(CostWeights)]


def test_weights_are_known_by_their_file(tmp_path):
    path = write(tmp_path, 'speed: 0.777\n')
    assert file_of(read_weights(path)) == str(path)
    assert file_of(CostWeights()) == ''
    assert file_of(CostWeights(speed=0.7771)) == 'FILE'


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('offset: -1\n', 'offset is -1: expected at least 0'),
        ('offsett: 1\n', 'offsett is unknown: expected one of speed, offset'),
        ('offset: much\n', "offset is 'much': expected type number"),
        ('offset: .inf\n', 'offset is inf: expected at most 1000000'),
        ('violation: 0\n', 'violation is 0: expected more than 0'),
        ('', 'the file is None: expected type object'),
        ('offset: [\n', 'is not YAML'),
    ],
)
def test_a_bad_weight_is_one_clear_error(tmp_path, text, reason):
    path = write(tmp_path, text)
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert str(caught.value).startswith(f'weights {path}: {reason}')


def test_a_missing_file_is_refused_by_name():
    with pytest.raises(WeightsError, match=r'weights /nowhere.yaml: cannot be read \(No such'):
        read_weights('/nowhere.yaml')
