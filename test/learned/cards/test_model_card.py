# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Model cards: what is written is read again, and what is no card is refused by name."""

import json
from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.learned.cards.card_format import CardError, Range, file_sha256, write_card
from warmstart_planner.learned.cards.model_card import CARD_FILE, ONNX_FILE, load_card
from warmstart_planner.problem import Horizon
from warmstart_planner.transcription import Margins


@pytest.fixture
def path(write_model, tmp_path):
    return write_model(tmp_path) / CARD_FILE


@pytest.fixture
def card(path):
    return load_card(path)


def set_in(content, name, value):
    """Set, or delete where the value is None, a member by its dotted name."""
    *outer, last = name.split('.')
    for each in outer:
        content = content[each]
    if value is None:
        del content[last]
    else:
        content[last] = value


def test_a_card_is_read_as_it_was_written(path, card, tmp_path):
    copy = tmp_path / 'copy.json'
    write_card(copy, card)
    assert copy.read_text() == path.read_text()
    assert (card.horizon, card.margins, card.candidates) == (Horizon(), Margins(), 4)
    assert card.outputs['states'] == (4, 61, 5)
    assert card.golden.inputs['state'][3] == 9.0
    assert card.golden.inputs['present'].dtype == np.bool_
    assert card.golden.outputs['states'].dtype == np.float32
    assert card.sha256 == file_sha256(path.with_name(ONNX_FILE))


def test_a_card_may_tell_of_its_making_with_numpy_s_numbers(card, tmp_path):
    made = replace(card, provenance={'loss': np.float32(0.5), 'curve': np.arange(3)})
    write_card(tmp_path / 'made.json', made)
    assert load_card(tmp_path / 'made.json').provenance == {'loss': 0.5, 'curve': [0, 1, 2]}


def test_a_card_with_a_number_that_is_none_is_not_written(card, tmp_path):
    with pytest.raises(CardError, match='expected finite numbers'):
        write_card(tmp_path / 'bad.json', replace(card, provenance={'loss': float('nan')}))
    assert not (tmp_path / 'bad.json').exists()


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('schema_version', 2, 'schema_version is 2: expected 3'),
        ('schema_version', True, 'schema_version is True: expected 3'),
        ('schema_version', None, 'schema_version is None: expected 3'),
        ('kind', 'iql_lstm', "kind is 'iql_lstm': expected 'decision_transformer'"),
        ('context_version', 7, 'context_version is 7: expected 1'),
        ('model_id', '', "model_id is '': expected a text"),
        ('model_id', 3, 'model_id is 3: expected a text'),
        ('model_id', None, 'model_id is missing'),
        ('extra', 1, 'extra is unknown'),
        ('onnx', '../other.onnx', "onnx is '../other.onnx': expected the name of a file beside"),
        ('sha256', 'abc', "sha256 is 'abc': expected 64 digits"),
        ('horizon', [0.1, 60], 'horizon is .*: expected a mapping'),
        ('horizon.dt', None, 'horizon.dt is missing'),
        ('horizon.dt', -0.1, r'horizon.dt is -0.1: expected a number in \[0.001, 1.0\]'),
        ('horizon.steps', '60', "horizon.steps is '60': expected a whole number"),
        ('margins.grip', 7.0, 'margins.grip is 7.0: expected a number in'),
        ('margins.width', 1.0, 'margins.width is unknown: expected'),
        ('weights.speed', None, 'weights.speed is missing'),
        ('candidates', 0, 'candidates is 0: expected a whole number of at least 1'),
        ('candidates', 4.0, 'candidates is 4.0: expected a whole number'),
        ('candidates', 5, r'inputs.relative_return is \[4\]: expected \[5\]'),
        ('inputs.road', None, 'inputs is .*: expected .*road'),
        ('inputs.road', [170], r'inputs.road is \[170\]: expected \[171\]'),
        ('inputs.road', 171, 'inputs.road is 171: expected a list'),
        ('outputs.states', [4, 60, 5], r'outputs.states is \[4, 60, 5\]: expected \[4, 61, 5\]'),
        ('horizon.steps', 50, r'outputs.states is \[4, 61, 5\]: expected \[4, 51, 5\]'),
        ('training_range.state.low', [0.0], 'training_range.state.high has shape'),
        ('training_range.road.low', [], 'training_range.road.high has shape'),
        ('training_range.obstacles', None, 'training_range.obstacles is missing'),
        ('training_range.state.low', [9e9] * 5, 'training_range.state.low is 9000000000.0 at 0'),
        ('training_range.state', {'low': [0], 'high': [1]}, r'training_range.state has shape'),
        ('unfamiliarity_threshold', 0.0, 'unfamiliarity_threshold is 0.0: expected a finite'),
        ('unfamiliarity_threshold', 'high', "unfamiliarity_threshold is 'high'"),
        ('defaults.constraint_to_go', -1.0, 'defaults.constraint_to_go is -1.0'),
        ('golden.outputs.controls', None, 'golden.outputs is .*: expected .*controls'),
        ('golden.inputs.state', [0.0, 0.0], r'golden.inputs.state is \[2\]: expected \[5\]'),
        (
            'golden.inputs.state',
            'fast',
            "golden.inputs.state is 'fast': expected an array",
        ),
        ('provenance', 'a server', "provenance is 'a server': expected a mapping"),
    ],
)
def test_a_field_that_is_not_what_it_has_to_be_is_named_with_its_file(path, name, value, reason):
    content = json.loads(path.read_text())
    set_in(content, name, value)
    path.write_text(json.dumps(content))
    with pytest.raises(CardError, match=f'{path}: {reason}'):
        load_card(path)


@pytest.mark.parametrize('text', ['', '{"schema_version": 1', '\x00\x01', '[' * 100_000])
def test_what_is_not_json_is_no_card(path, text):
    path.write_text(text)
    with pytest.raises(CardError, match=f'{path} is not JSON'):
        load_card(path)


def test_bytes_that_are_no_text_are_no_card(path):
    path.write_bytes(b'\xff\xfe\x00\x80')
    with pytest.raises(CardError, match=f'{path} is not JSON'):
        load_card(path)


@pytest.mark.parametrize('text', ['[]', '"card"', 'null', '{}'])
def test_other_json_is_no_card(path, text):
    path.write_text(text)
    with pytest.raises(CardError, match=f'{path}: (card is|kind is None)'):
        load_card(path)


@pytest.mark.parametrize('word', ['NaN', 'Infinity', '-Infinity'])
def test_a_card_holds_finite_numbers_only(path, word):
    path.write_text(path.read_text().replace('"dt": 0.1', f'"dt": {word}'))
    with pytest.raises(CardError, match=f'{path}: the card holds {word}'):
        load_card(path)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(CardError, match='nowhere.json: expected a readable model card'):
        load_card(tmp_path / 'nowhere.json')


def test_a_range_has_its_least_values_below_its_greatest():
    with pytest.raises(ValueError, match=r'low is 2.0 at 1: expected at most high \(1.0\)'):
        Range([0.0, 2.0], [0.0, 1.0])
