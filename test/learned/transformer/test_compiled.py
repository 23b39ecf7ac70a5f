# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled network answers as the graph does, or does not answer at all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_problems import random_problem

from warmstart_planner.learned.cards.model_card import CARD_FILE, ONNX_FILE, load_card
from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.session import load_model
from warmstart_planner.learned.transformer import library as transformer_library
from warmstart_planner.learned.transformer.compiled import CompiledTransformer, possible_heads
from warmstart_planner.learned.transformer.weights import UnknownArchitectureError
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle

MODELS = Path(__file__).parents[3] / 'models'
ESTIMATES, STEP = ('predicted_return', 'failure_probability'), 0.02
TOLERANCE = 1e-3  # of single precision, relative or of numbers below 1: a horizon adds it up
SENSITIVE = 0.05  # of one candidate, where small changes at first become large ones


@pytest.fixture(scope='module')
def model():
    transformer_library.generate(load_vehicle(), CostWeights(), Horizon.dt)
    return load_model(MODELS)


def inputs_for(problem, relative_return=0.0, constraint_to_go=0.0):
    context = context_of(transcribe(problem, Margins()))
    wishes = {'relative_return': relative_return, 'constraint_to_go': constraint_to_go}
    return vars(context) | {n: np.full(16, wish, np.float32) for n, wish in wishes.items()}


def assert_alike(found, wanted, tolerance=TOLERANCE):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        off = np.abs(found[name] - value) / np.maximum(np.abs(value), 1.0)
        if name in ESTIMATES:
            # the head counts nodes that violate: one at the very step counts or does not
            assert np.sum(off > tolerance) <= 1, name
            assert off.max() <= STEP, name
        else:
            worst = off.reshape(off.shape[0] if off.ndim else 1, -1).max(axis=1)
            assert np.sum(worst > tolerance) <= 1, name
            assert worst.max() <= (SENSITIVE if tolerance else 0.0), name


@pytest.mark.parametrize('tier', ['easy', 'medium', 'hard'])
def test_it_answers_as_the_graph_does(model, tier):
    for seed in range(12):
        inputs = inputs_for(random_problem(tier, 700 + seed))
        assert_alike(model.compiled.run(inputs), model.by_graph(inputs))


@pytest.mark.parametrize(('wish', 'allowed'), [(0.4, 0.0), (-0.5, 0.2), (0.0, 2.0), (3.0, 0.05)])
def test_it_heeds_wishes_as_the_graph_does(model, wish, allowed):
    inputs = inputs_for(random_problem('medium', 3), wish, allowed)
    assert_alike(model.compiled.run(inputs), model.by_graph(inputs))
    each = inputs | {'relative_return': np.linspace(-1.0, 1.0, 16).astype(np.float32)}
    assert_alike(model.compiled.run(each), model.by_graph(each))


@pytest.mark.parametrize('count', range(13))
def test_any_number_of_obstacles_may_be_there_in_any_places(model, count):
    inputs = inputs_for(random_problem('hard', 4))
    present = np.zeros(12, bool)
    present[np.random.default_rng(count).permutation(12)[:count]] = True
    obstacles = np.where(present[:, None, None], inputs['obstacles'][[0] * 12], np.float32(0))
    inputs |= {'present': present, 'obstacles': obstacles}
    assert_alike(model.compiled.run(inputs), model.by_graph(inputs))


def test_answers_do_not_depend_on_what_was_asked_before(model):
    many, none = (inputs_for(random_problem(*which)) for which in (('hard', 4), ('easy', 1)))
    first = model.compiled.run(none)
    model.compiled.run(many)
    again = model.compiled.run(none)
    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value)


def test_threads_do_not_get_in_each_other_s_way(model):
    inputs = [inputs_for(random_problem('medium', seed)) for seed in range(8)]
    wanted = [model.compiled.run(each) for each in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model.compiled.run, inputs * 4))
    for one, other in zip(found, wanted * 4, strict=True):
        assert_alike(one, other, 0.0)


def test_it_is_what_a_loaded_model_answers_with(model):
    context = context_of(transcribe(random_problem('medium', 5), Margins()))
    inputs = vars(context) | {
        name: np.zeros(16, np.float32) for name in ('relative_return', 'constraint_to_go')
    }
    output = model.run(context)
    np.testing.assert_array_equal(output.states, model.compiled.run(inputs)['states'])


# --- what it does not take ---


def test_the_weights_of_another_network_are_left_to_onnxruntime(write_model, tmp_path):
    folder = write_model(tmp_path)
    assert load_model(folder).compiled is None
    assert possible_heads((folder / ONNX_FILE).read_bytes()) == []


def test_what_answers_otherwise_is_left_to_onnxruntime(model):
    content = (MODELS / ONNX_FILE).read_bytes()
    for heads in possible_heads(content):
        agrees = model._agrees(CompiledTransformer(model.card, content, heads))
        assert agrees == (heads == 4)


def test_a_horizon_of_other_steps_is_refused():
    card = load_card(MODELS / CARD_FILE)
    content = (MODELS / ONNX_FILE).read_bytes()
    other = object.__new__(type(card))
    other.__dict__.update(vars(card) | {'horizon': replace(card.horizon, steps=48)})
    with pytest.raises(UnknownArchitectureError, match='does not take'):
        CompiledTransformer(other, content, 4)


def test_nothing_generated_leaves_the_model_to_onnxruntime(model, monkeypatch, tmp_path):
    monkeypatch.setenv('WARMSTART_PLANNER_SOLVERS', str(tmp_path))
    transformer_library.load.cache_clear()
    assert load_model(MODELS).compiled is None
    transformer_library.load.cache_clear()
