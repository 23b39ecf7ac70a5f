# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Models whose answers are known: real ONNX files with their cards, made without learning."""

import numpy as np

from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import load_vehicle

# --- a model file that is not learned ---


def write_braking_model(folder, horizon=None, states_error=None, controls_error=None, **changes):
    """
    Write a real ONNX model and its card: each candidate brakes at a rate of its own.

    The rates are those of `BRAKING_RATES` times exp(-relative_return). Its unfamiliarity is the
    speed in tenths. Where the car is faster than FAULT_SPEED, errors (K,) are added to the x and
    the acceleration of each candidate: a fault that the golden pair does not show.
    """
    import onnx

    from warmstart_planner.learned.cards.card_format import write_card
    from warmstart_planner.learned.cards.model_card import ONNX_FILE

    folder.mkdir(parents=True, exist_ok=True)
    none = np.zeros(len(BRAKING_RATES))
    given = (none if error is None else error for error in (states_error, controls_error))
    content = braking_graph(horizon or Horizon(), *given).SerializeToString()
    onnx.checker.check_model(content)
    (folder / ONNX_FILE).write_bytes(content)
    write_card(folder / 'decision_transformer.json', braking_card(content, horizon, changes))
    return folder


BRAKING_RATES = (0.5, 1.0, 2.0, 4.0)
FAULT_SPEED = 15.0


def braking_graph(horizon, states_error, controls_error):
    """Return the ONNX model of `write_braking_model`."""
    from onnx import TensorProto, checker, helper, numpy_helper

    from warmstart_planner.learned.cards.model_card import input_shapes, output_shapes

    count, nodes, dt = len(BRAKING_RATES), horizon.steps + 1, horizon.dt
    # distance travelled by the trapezoidal rule, and acceleration, as products with the speeds
    travel = dt * (np.triu(np.ones((nodes, nodes)), 1) + np.eye(nodes) / 2)
    travel[0] -= dt / 2
    travel[:, 0] = 0.0
    slope = (np.eye(nodes, nodes - 1, -1) - np.eye(nodes, nodes - 1)) / dt
    constants = {
        'rates': np.reshape(BRAKING_RATES, (count, 1)),
        'times': horizon.times[None],
        'travel': travel,
        'slope': slope,
        'flat': np.zeros((count, nodes)),
        'still': np.zeros((count, nodes - 1)),
        'fault_speed': [FAULT_SPEED],
        'states_error': np.reshape(states_error, (count, 1)),
        'controls_error': np.reshape(controls_error, (count, 1)),
        'tenth': [0.1],
    }
    initializers = [
        numpy_helper.from_array(np.asarray(value, np.float32), name)
        for name, value in constants.items()
    ]
    whole = {'three': [3], 'four': [4], 'five': [5], 'one': [1], 'two': [2]}
    whole |= {'grid': [count, nodes], 'nothing': []}
    initializers += [
        numpy_helper.from_array(np.array(value, np.int64), name) for name, value in whole.items()
    ]

    def each(names, shapes):
        kinds = {'present': TensorProto.BOOL}
        return [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), shapes[name])
            for name in names
        ]

    operations = [
        ('Slice', ['state', 'three', 'four'], 'speed'),
        ('Slice', ['state', 'four', 'five'], 'steering'),
        ('Unsqueeze', ['relative_return', 'one'], 'wish'),
        ('Neg', ['wish'], 'less'),
        ('Exp', ['less'], 'share'),
        ('Mul', ['rates', 'share'], 'rate'),
        ('Mul', ['rate', 'times'], 'loss'),
        ('Sub', ['speed', 'loss'], 'ahead'),
        ('Relu', ['ahead'], 'speeds'),
        ('MatMul', ['speeds', 'travel'], 'sound_x'),
        ('MatMul', ['speeds', 'slope'], 'sound_acceleration'),
        ('Greater', ['speed', 'fault_speed'], 'faulty'),
        ('Add', ['sound_x', 'states_error'], 'faulty_x'),
        ('Where', ['faulty', 'faulty_x', 'sound_x'], 'x'),
        ('Add', ['sound_acceleration', 'controls_error'], 'faulty_acceleration'),
        ('Where', ['faulty', 'faulty_acceleration', 'sound_acceleration'], 'acceleration'),
        ('Expand', ['steering', 'grid'], 'held'),
        *(
            ('Unsqueeze', [name, 'two'], f'{name}_column')
            for name in ('x', 'flat', 'speeds', 'held', 'acceleration', 'still')
        ),
        ('Squeeze', ['rate', 'one'], 'braking'),
        ('Neg', ['braking'], 'predicted_return'),
        ('Sigmoid', ['predicted_return'], 'failure_probability'),
        ('Neg', ['constraint_to_go'], 'log_probability'),
        ('Mul', ['speed', 'tenth'], 'tenths'),
        ('Reshape', ['tenths', 'nothing'], 'unfamiliarity'),
    ]
    columns = [f'{name}_column' for name in ('x', 'flat', 'flat', 'speeds', 'held')]
    graph = helper.make_graph(
        [
            *(helper.make_node(kind, inputs, [output]) for kind, inputs, output in operations),
            helper.make_node('Concat', columns, ['states'], axis=2),
            helper.make_node(
                'Concat', ['acceleration_column', 'still_column'], ['controls'], axis=2
            ),
        ],
        'braking',
        each(input_shapes(count), input_shapes(count)),
        each(output_shapes(count, horizon), output_shapes(count, horizon)),
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    checker.check_model(model)
    return model


def braking_card(content, horizon, changes):
    """Return the card of `write_braking_model`, with some of its fields changed."""
    import onnxruntime

    from warmstart_planner.learned.cards.card_format import (
        Golden,
        Range,
        model_sha256,
        tensor_type,
    )
    from warmstart_planner.learned.cards.model_card import (
        ONNX_FILE,
        Defaults,
        ModelCard,
        TrainingRange,
        input_shapes,
        output_shapes,
    )
    from warmstart_planner.transcription import Margins

    horizon, count = horizon or Horizon(), len(BRAKING_RATES)
    shapes = input_shapes(count)
    inputs = {name: np.zeros(shape, tensor_type(name)) for name, shape in shapes.items()}
    inputs['state'][3] = 9.0
    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    wanted = output_shapes(count, horizon)
    outputs = dict(zip(wanted, session.run(list(wanted), inputs), strict=True))
    fields = {
        'model_id': 'braking',
        'onnx': ONNX_FILE,
        'sha256': model_sha256(content),
        'vehicle': load_vehicle(),
        'horizon': horizon,
        'margins': Margins(),
        'weights': CostWeights(),
        'candidates': count,
        'inputs': shapes,
        'outputs': wanted,
        'training_range': TrainingRange(
            Range([0, 0, 0, 0, -1], [0, 0, 0, 30, 1]),
            Range(np.full(shapes['road'], -1e3), np.full(shapes['road'], 1e3)),
            Range(np.full(7, -1e3), np.full(7, 1e3)),
        ),
        'unfamiliarity_threshold': 2.0,
        'defaults': Defaults(0.0, 0.0),
        'golden': Golden(inputs, outputs),
        'provenance': {'made_by': 'test/conftest.py'},
    }
    return ModelCard(**fields | changes)


# --- a policy file that is not learned ---


STEADY_RATES = (-1.0, -0.25, 0.0, 0.5)
STEADY_GROWTH = 0.02
STEADY_HIDDEN = 3


def write_steady_policy(folder, error=None, fault_speed=FAULT_SPEED, **changes):
    """
    Write a real ONNX policy and its card: each member accelerates at a rate of its own.

    The rates are `STEADY_RATES`, and STEADY_GROWTH more with every step that its memory knows of.
    Where the car is faster than `fault_speed`, errors (M, 2) are added to the actions of each
    member: a fault that the golden pair does not show.
    """
    import onnx

    from warmstart_planner.learned.cards.card_format import write_card
    from warmstart_planner.learned.cards.policy_card import CARD_FILE, ONNX_FILE

    folder.mkdir(parents=True, exist_ok=True)
    error = np.zeros((len(STEADY_RATES), 2)) if error is None else error
    content = steady_graph(error, fault_speed).SerializeToString()
    onnx.checker.check_model(content)
    (folder / ONNX_FILE).write_bytes(content)
    write_card(folder / CARD_FILE, steady_card(content, changes))
    return folder


def steady_graph(error, fault_speed):
    """Return the ONNX model of `write_steady_policy`."""
    from onnx import TensorProto, checker, helper, numpy_helper

    from warmstart_planner.learned.cards.policy_card import input_shapes, output_shapes
    from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE

    rates = np.zeros((len(STEADY_RATES), 2))
    rates[:, 0] = STEADY_RATES
    growth = np.zeros((STEADY_HIDDEN, 2))
    growth[0, 0] = STEADY_GROWTH
    constants = {
        'rates': rates,
        'growth': growth,
        'pick_speed': np.eye(OBSERVATION_SIZE, 1),
        'fault_speed': [fault_speed],
        'error': error,
        'one': [1.0],
    }
    operations = [
        ('MatMul', ['observation', 'pick_speed'], 'speed'),
        ('MatMul', ['hidden', 'growth'], 'grown'),
        ('Add', ['rates', 'grown'], 'sound'),
        ('Greater', ['speed', 'fault_speed'], 'faulty'),
        ('Add', ['sound', 'error'], 'wrong'),
        ('Where', ['faulty', 'wrong', 'sound'], 'action'),
        ('Add', ['hidden', 'one'], 'hidden_out'),
        ('Sub', ['cell', 'one'], 'cell_out'),
    ]

    def each(shapes):
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ]

    sizes = len(STEADY_RATES), STEADY_HIDDEN
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output]) for kind, inputs, output in operations],
        'steady',
        each(input_shapes(*sizes)),
        each(output_shapes(*sizes)),
        [
            numpy_helper.from_array(np.asarray(value, np.float32), name)
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    checker.check_model(model)
    return model


def steady_card(content, changes):
    """Return the card of `write_steady_policy`, with some of its fields changed."""
    import onnxruntime

    from warmstart_planner.learned.cards.card_format import Golden, Range, model_sha256
    from warmstart_planner.learned.cards.policy_card import (
        ONNX_FILE,
        PolicyCard,
        input_shapes,
        output_shapes,
    )
    from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE
    from warmstart_planner.transcription import Margins

    sizes = len(STEADY_RATES), STEADY_HIDDEN
    rng = np.random.default_rng(0)
    inputs = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in input_shapes(*sizes).items()
    }
    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    names = list(output_shapes(*sizes))
    outputs = dict(zip(names, session.run(names, inputs), strict=True))
    fields = {
        'model_id': 'steady',
        'onnx': ONNX_FILE,
        'sha256': model_sha256(content),
        'vehicle': load_vehicle(),
        'dt': 0.1,
        'margins': Margins(),
        'members': len(STEADY_RATES),
        'hidden_size': STEADY_HIDDEN,
        'training_range': Range(np.full(OBSERVATION_SIZE, -1e3), np.full(OBSERVATION_SIZE, 1e3)),
        'disagreement_threshold': 20.0,
        'golden': Golden(inputs, outputs),
        'provenance': {'made_by': 'test/conftest.py'},
    }
    return PolicyCard(**fields | changes)
