# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Policies' cards: what is written is read again, and what is no card is refused by name."""

import json

import numpy as np
import pytest

from warmstart_planner.learned.cards.card_format import CardError, file_sha256, write_card
from warmstart_planner.learned.cards.policy_card import CARD_FILE, ONNX_FILE, load_policy_card
from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE
from warmstart_planner.transcription import Margins


@pytest.fixture
def path(write_policy, tmp_path):
    return write_policy(tmp_path) / CARD_FILE


def test_a_card_is_read_as_it_was_written(path, tmp_path):
    card = load_policy_card(path)
    copy = tmp_path / 'copy.json'
    write_card(copy, card)
    assert copy.read_text() == path.read_text()
    assert (card.kind, card.dt, card.margins, card.members) == ('iql_lstm', 0.1, Margins(), 4)
    assert card.inputs['observation'] == (4, OBSERVATION_SIZE)
    assert card.outputs['hidden_out'] == card.inputs['cell'] == (4, card.hidden_size)
    assert card.golden.outputs['action'].dtype == np.float32
    assert card.sha256 == file_sha256(path.with_name(ONNX_FILE))


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('schema_version', 1, 'schema_version is 1: expected 2'),
        ('kind', 'decision_transformer', "kind is 'decision_transformer': expected 'iql_lstm'"),
        ('observation_version', 1, 'observation_version is 1: expected 2'),
        ('observation_size', 81, f'observation_size is 81: expected {OBSERVATION_SIZE}'),
        ('model_id', '', "model_id is '': expected a text"),
        ('onnx', '../other.onnx', "onnx is '../other.onnx': expected the name of a file beside"),
        ('sha256', 'abc', "sha256 is 'abc': expected 64 digits"),
        ('vehicle', 'commonroad_2', "vehicle is 'commonroad_2': expected a mapping"),
        ('vehicle', {'name': 'mine'}, 'vehicle.length is missing'),
        ('extra', 1, 'extra is unknown'),
        ('dt', 0.0, 'dt is 0.0: expected a finite number above 0'),
        ('dt', '0.1', "dt is '0.1': expected a number"),
        ('dt', True, 'dt is True: expected a number'),
        ('margins', {'grip': 0.8}, 'margins.obstacle is missing'),
        ('members', 0, 'members is 0: expected a whole number of at least 1'),
        ('members', 5, r'golden.inputs.observation is \[4, .*\]: expected \[5, '),
        ('hidden_size', 1.5, 'hidden_size is 1.5: expected a whole number'),
        ('hidden_size', 4, r'golden.inputs.hidden is \[4, 3\]: expected \[4, 4\]'),
        ('disagreement_threshold', -1.0, 'disagreement_threshold is -1.0: expected a finite'),
        ('training_range', {'low': [0.0], 'high': [1.0]}, r'training_range is \[1\]: expected'),
        ('training_range', {'low': [2.0], 'high': [1.0]}, 'training_range.low is 2.0 at 0'),
        ('training_range', {'low': [0.0]}, 'training_range.high is missing'),
        ('golden', {'inputs': {}, 'outputs': {}}, r'golden.inputs is \[\]: expected .*cell'),
        ('provenance', 3, 'provenance is 3: expected a mapping'),
    ],
)
def test_a_field_that_is_not_what_it_has_to_be_is_named_with_its_file(path, name, value, reason):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {name: value}))
    with pytest.raises(CardError, match=f'{path}: {reason}'):
        load_policy_card(path)


@pytest.mark.parametrize(
    'name', ['dt', 'margins', 'members', 'training_range', 'golden', 'observation_size']
)
def test_a_missing_field_is_named(path, name):
    content = json.loads(path.read_text())
    del content[name]
    path.write_text(json.dumps(content))
    with pytest.raises(CardError, match=f'{path}: {name} is missing'):
        load_policy_card(path)


def test_another_kind_s_card_is_refused_by_its_kind(write_model, path, tmp_path):
    other = write_model(tmp_path) / 'decision_transformer.json'
    with pytest.raises(CardError, match="kind is 'decision_transformer': expected 'iql_lstm'"):
        load_policy_card(other)


@pytest.mark.parametrize('text', ['', '{"schema_version": 1', '\x00\x01'])
def test_what_is_not_json_is_no_card(path, text):
    path.write_text(text)
    with pytest.raises(CardError, match=f'{path} is not JSON'):
        load_policy_card(path)
