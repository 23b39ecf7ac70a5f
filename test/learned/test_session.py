# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Models open only if file, graph, card and requirements agree and the golden pair comes out."""

import json
from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.learned.cards.card_format import CardError, Golden, model_sha256, write_card
from warmstart_planner.learned.cards.model_card import CARD_FILE, ONNX_FILE, load_card
from warmstart_planner.learned.context import Context, context_of
from warmstart_planner.learned.session import (
    GOLDEN_TOLERANCE,
    InferenceError,
    ModelRequirements,
    load_model,
)
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle


@pytest.fixture
def folder(write_model, tmp_path):
    return write_model(tmp_path)


@pytest.fixture
def context(make_problem):
    return context_of(transcribe(make_problem(), Margins()))


def change_card(folder, **changes):
    write_card(folder / CARD_FILE, replace(load_card(folder / CARD_FILE), **changes))


def replace_model(folder, content):
    """Put other bytes in the model's place, with a card that expects them."""
    (folder / ONNX_FILE).write_bytes(content)
    change_card(folder, sha256=model_sha256(content))


def edit_graph(folder, edit):
    import onnx

    model = onnx.load(folder / ONNX_FILE)
    edit(model.graph)
    replace_model(folder, model.SerializeToString())


# --- what a model answers ---


def test_a_model_answers_with_one_way_a_candidate(folder, context):
    output = load_model(folder).run(context)
    assert output.states.shape == (4, 61, 5)
    assert output.controls.shape == (4, 60, 2)
    np.testing.assert_allclose(output.predicted_return, [-0.5, -1.0, -2.0, -4.0])
    np.testing.assert_allclose(output.controls[:, 0, 0], [-0.5, -1.0, -2.0, -4.0], atol=1e-5)
    assert output.unfamiliarity == pytest.approx(0.8)


@pytest.mark.parametrize('wish', [np.log(2.0), np.full(4, np.log(2.0))])
def test_the_wishes_are_for_all_candidates_or_for_each(folder, context, wish):
    output = load_model(folder).run(context, relative_return=wish, constraint_to_go=[0, 1, 2, 3])
    np.testing.assert_allclose(output.predicted_return, [-0.25, -0.5, -1.0, -2.0], rtol=1e-5)
    np.testing.assert_allclose(output.log_probability, [0, -1, -2, -3])


def test_an_input_that_the_graph_cannot_take_is_an_inference_error(folder, context):
    short = Context(context.state[:4], context.road, context.obstacles, context.present)
    with pytest.raises(InferenceError, match="model 'braking': .*state"):
        load_model(folder).run(short)


def test_one_thread_serves_a_model(folder):
    options = load_model(folder)._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry('session.intra_op.allow_spinning') == '0'


# --- what is wanted of it ---


def test_a_model_that_is_what_is_wanted_is_opened(folder):
    requirements = ModelRequirements(load_vehicle(), Horizon(), Margins(), CostWeights())
    assert load_model(folder, requirements).card.model_id == 'braking'


@pytest.mark.parametrize(
    'wanted',
    [
        {'vehicle': load_vehicle('commonroad_3')},
        {'horizon': Horizon(0.1, 80)},
        {'horizon': Horizon(0.2, 60)},
        {'margins': Margins(obstacle=0.5)},
        {'weights': CostWeights(speed=0.5)},
    ],
)
def test_a_model_for_something_else_is_refused(folder, wanted):
    name = next(iter(wanted))
    with pytest.raises(CardError, match=f'{CARD_FILE}: {name} is .*: (expected|model .* is for) '):
        load_model(folder, ModelRequirements(**wanted))


def test_an_execution_provider_that_is_not_there_is_refused_with_those_that_are(folder):
    with pytest.raises(CardError, match="'MagicProvider': expected one of .*CPUExecution"):
        load_model(folder, provider='MagicProvider')


# --- damaged files ---


def test_a_folder_without_a_card_is_refused(tmp_path):
    with pytest.raises(CardError, match=f'{CARD_FILE}: expected a readable model card'):
        load_model(tmp_path)


def test_a_card_without_its_model_is_refused(folder):
    (folder / ONNX_FILE).unlink()
    with pytest.raises(CardError, match=f'{ONNX_FILE}: expected a readable model'):
        load_model(folder)


def test_one_changed_byte_is_found(folder):
    file = folder / ONNX_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CardError, match=f'{ONNX_FILE}: sha256 is .*: the card expects'):
        load_model(folder)


@pytest.mark.parametrize('left', [0.0, 0.5, 0.99])
def test_a_truncated_model_is_refused_even_if_its_card_expects_it(folder, left):
    content = (folder / ONNX_FILE).read_bytes()
    replace_model(folder, content[: int(left * len(content))])
    with pytest.raises(CardError, match=f'{ONNX_FILE}: expected an ONNX model'):
        load_model(folder)


def test_weights_outside_the_hashed_file_are_not_read(folder):
    import onnx

    model = onnx.load(folder / ONNX_FILE)
    onnx.save(
        model, folder / ONNX_FILE, save_as_external_data=True, location='w.bin', size_threshold=0
    )
    change_card(folder, sha256=model_sha256((folder / ONNX_FILE).read_bytes()))
    with pytest.raises(CardError, match='expected an ONNX model'):
        load_model(folder)


def test_a_card_of_another_version_is_refused(folder):
    content = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps(content | {'schema_version': 1}))
    with pytest.raises(CardError, match=f'{CARD_FILE}: schema_version is 1: expected 3'):
        load_model(folder)


# --- the graph against the card ---


def rename(graph):
    for node in graph.node:
        for i, name in enumerate(node.output):
            if name == 'unfamiliarity':
                node.output[i] = 'strangeness'
    graph.output[-1].name = 'strangeness'


def widen(graph):
    graph.input[1].type.tensor_type.shape.dim[0].dim_value = 172


def retype(graph):
    import onnx

    graph.input[1].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE


def drop_road(graph):
    del graph.input[1]


@pytest.mark.parametrize(
    ('edit', 'reason'),
    [
        (rename, 'the graph has outputs .*strangeness.*: expected .*unfamiliarity'),
        (drop_road, 'the graph has inputs .*: expected .*road'),
        (widen, r'inputs.road of the graph is \[172\]: expected \[171\]'),
        (retype, r'inputs.road of the graph is tensor\(double\): expected tensor\(float\)'),
    ],
)
def test_a_graph_that_is_not_as_its_card_says_is_refused(folder, edit, reason):
    edit_graph(folder, edit)
    with pytest.raises(CardError, match=f'{ONNX_FILE}: {reason}'):
        load_model(folder)


def test_a_graph_for_another_horizon_than_its_card_s_is_refused(write_model, folder, tmp_path):
    other = write_model(tmp_path / 'other', horizon=Horizon(0.1, 50))
    replace_model(folder, (other / ONNX_FILE).read_bytes())
    with pytest.raises(CardError, match=r'of the graph is \[4, .*\]: expected \[4, 6.*\]'):
        load_model(folder)


# --- the golden pair ---


@pytest.mark.parametrize('name', ['states', 'controls', 'predicted_return', 'unfamiliarity'])
def test_a_model_that_answers_otherwise_than_when_it_was_exported_is_refused(folder, name):
    golden = load_card(folder / CARD_FILE).golden
    off = np.array(golden.outputs[name])
    off.reshape(-1)[-1] += 10 * GOLDEN_TOLERANCE * max(1.0, abs(off.reshape(-1)[-1]))
    change_card(folder, golden=replace(golden, outputs={**golden.outputs, name: off}))
    with pytest.raises(CardError, match=f'{ONNX_FILE}: {name} is off its golden value by'):
        load_model(folder)


def test_rounding_of_another_processor_is_no_difference(folder):
    golden = load_card(folder / CARD_FILE).golden
    close = {
        name: (each * (1 + GOLDEN_TOLERANCE / 4)).astype(np.float32)
        for name, each in golden.outputs.items()
    }
    change_card(folder, golden=replace(golden, outputs=close))
    assert load_model(folder).card.model_id == 'braking'


def test_a_model_that_answers_its_golden_input_with_no_number_is_refused(
    write_model, tmp_path, make_problem
):
    good = load_model(write_model(tmp_path / 'good'))
    context = context_of(transcribe(make_problem((20, 0, 0, 20, 0)), Margins()))
    inputs = good.card.golden.inputs | vars(context)
    outputs = {
        name: np.asarray(value, np.float32) for name, value in vars(good.run(context)).items()
    }
    bad = tmp_path / 'bad'
    write_model(bad, states_error=[0, np.nan, 0, 0], golden=Golden(inputs, outputs))
    with pytest.raises(CardError, match='states is off its golden value by inf'):
        load_model(bad)


def test_onnxruntime_says_nothing_of_what_is_raised_anyway(folder, capfd):
    replace_model(folder, b'nothing')
    with pytest.raises(CardError):
        load_model(folder)
    assert capfd.readouterr().err == ''
