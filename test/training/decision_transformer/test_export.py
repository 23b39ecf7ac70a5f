# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is served is what was trained."""

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

import onnxruntime as ort
import torch

from training.dataset.reading import read_problems
from training.decision_transformer.export import (
    Answer,
    inputs_of,
    main,
    make_served,
    unfamiliarity,
)
from training.decision_transformer.loading import load_model
from training.decision_transformer.outcome_head import HEAD_FILE, load_head
from warmstart_planner.learned.cards.model_card import CARD_FILE, ONNX_FILE, load_card

COUNT = 100


@pytest.fixture(scope='module')
def train(dataset):
    return read_problems([dataset], validation=False)


def served_model(checkpoint, train):
    model = load_model(checkpoint)
    return make_served(model, load_head(checkpoint.with_name(HEAD_FILE), model), train)


def random_inputs(train, candidates, rng):
    """Return inputs near those of training, for each of COUNT problems."""
    inputs = inputs_of(train, int(rng.integers(len(train))), candidates, 0.0, 0.0)
    for name in ('state', 'road', 'obstacles'):
        size = 0.02 * (np.abs(inputs[name]) + 0.1)
        inputs[name] = (inputs[name] + rng.normal(0.0, size)).astype(np.float32)
    inputs['present'] = rng.random(len(inputs['present'])) < 0.7
    inputs['relative_return'] = rng.normal(0.0, 0.5, candidates).astype(np.float32)
    inputs['constraint_to_go'] = rng.exponential(1.0, candidates).astype(np.float32)
    return inputs


def test_a_hundred_answers_are_those_of_the_trained_model(checkpoint, models, train):
    served = served_model(checkpoint, train)
    session = ort.InferenceSession(models / ONNX_FILE, providers=['CPUExecutionProvider'])
    candidates = served.model.sizes.candidates
    rng = np.random.default_rng(1)
    worst = dict.fromkeys(Answer.__dataclass_fields__, 0.0)
    for _ in range(COUNT):
        inputs = random_inputs(train, candidates, rng)
        answers = session.run(None, inputs)
        with torch.no_grad():
            expected = served(*(torch.from_numpy(value) for value in inputs.values()))
        for name, found, wanted in zip(worst, answers, expected, strict=True):
            error = np.abs(found - wanted.numpy()) / np.maximum(1.0, np.abs(wanted.numpy()))
            worst[name] = max(worst[name], float(error.max()))
    assert max(worst.values()) < 1e-4, worst


def test_the_card_describes_the_file_and_its_golden_pair_is_what_it_answers(models):
    card = load_card(models / CARD_FILE)
    session = ort.InferenceSession(models / ONNX_FILE, providers=['CPUExecutionProvider'])
    assert {each.name for each in session.get_inputs()} == set(card.inputs)
    assert [each.name for each in session.get_outputs()] == list(Answer.__dataclass_fields__)
    answers = session.run(None, dict(card.golden.inputs))
    for name, answer in zip(Answer.__dataclass_fields__, answers, strict=True):
        assert np.allclose(answer, card.golden.outputs[name], rtol=1e-4, atol=1e-4), name


def test_what_is_far_from_training_is_less_familiar(checkpoint, train):
    from dataclasses import replace

    served = served_model(checkpoint, train)
    faster = replace(train, state=train.state + np.float32([0, 0, 0, 15.0, 0]))
    assert unfamiliarity(served, faster).min() > unfamiliarity(served, train).max()


def test_nothing_is_written_where_there_is_nothing_to_export(tmp_path, capsys):
    out = tmp_path / 'models'
    assert main(['--checkpoint', str(tmp_path / 'best.pt'), '--out', str(out)]) == 2
    assert 'best.pt is missing' in capsys.readouterr().err
    assert not out.exists()
