# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A served model holds all that training needs in order to go on from it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.batches import ProcessRank
from training.decision_transformer.loading import first_weights, load_model
from training.decision_transformer.onnx_weights import read_weights
from training.decision_transformer.train import Training
from warmstart_planner.learned.cards.card_format import write_card
from warmstart_planner.learned.cards.model_card import CARD_FILE, ONNX_FILE, load_card


@pytest.fixture(scope='module')
def model(checkpoint):
    return load_model(checkpoint)


def test_what_is_read_from_a_served_model_is_what_was_exported(models, model):
    found = first_weights(models, model)
    assert found.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(found[name], value), name


def test_a_training_begins_with_the_weights_of_a_served_model(smoke, models, model, tmp_path):
    configuration = replace(
        smoke, initial=str(models), out=str(tmp_path), epochs=1, time_limit=0.0
    )
    begun = Training(configuration, ProcessRank()).model.state_dict()
    assert all(torch.equal(begun[name], value) for name, value in model.state_dict().items())


def test_a_model_of_another_size_is_refused_by_the_name_of_a_weight(models, model):
    wider = type(model)(
        replace(model.sizes, width=model.sizes.width + 32),
        model.merit.vehicle,
        model.merit.horizon,
    )
    with pytest.raises(ValueError, match=r'place is .*: expected'):
        read_weights(models / ONNX_FILE, wider, 'model.')


@pytest.mark.parametrize('content', [None, b'', b'no graph'])
def test_a_file_that_is_missing_or_damaged_is_named(model, tmp_path, content):
    path = tmp_path / ONNX_FILE
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=ONNX_FILE):
        read_weights(path, model, 'model.')


def test_a_card_that_does_not_tell_the_network_s_sizes_is_refused(models, tmp_path):
    folder = Path(shutil.copytree(models, tmp_path / 'models'))
    card = load_card(folder / CARD_FILE)
    write_card(folder / CARD_FILE, replace(card, provenance={'configuration': {'width': 8}}))
    with pytest.raises(ValueError, match=r'provenance\.configuration has no heads'):
        load_model(folder)
