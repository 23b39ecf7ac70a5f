# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings that all tests share, and builders of small planning problems."""

import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem, PoseGoal, Trajectory
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

# A deadline per example would measure how busy the machine is; a fixed choice of examples makes a
# failure on one machine a failure on all. `brief` calls everything, but not often: to try other
# versions of the libraries.
settings.register_profile('repeatable', deadline=None, derandomize=True)
settings.register_profile('brief', settings.get_profile('repeatable'), max_examples=5)
settings.load_profile('repeatable')

ROOT = Path(__file__).resolve().parents[1]
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])


@pytest.fixture(scope='session')
def scp_folder():
    """Folder of the compiled SCP; a fresh clone generates it here, once."""
    from warmstart_planner.scp import library

    return library.generate(load_vehicle(), CostWeights(), Horizon())


@pytest.fixture(scope='session')
def guided_folder():
    """Folder of the compiled search of the guided starts; a fresh clone compiles it, once."""
    from warmstart_planner.proposals import guided_library

    return guided_library.generate()


@pytest.fixture(scope='session')
def planner_solvers(scp_folder, guided_folder):
    """Folders of all that a planner needs compiled; a fresh clone generates it here, once."""
    from warmstart_planner.verification.judge import compiled

    return scp_folder, guided_folder, compiled.generate()


@pytest.fixture(scope='session')
def observer():
    """Return what the default car sees; a fresh clone compiles its library here, once."""
    from warmstart_planner.learned.observation import library as observation_library
    from warmstart_planner.learned.observation.observer import Observer

    observation_library.generate(load_vehicle())
    return Observer(load_vehicle())


@pytest.fixture(scope='session')
def braking_folder(tmp_path_factory):
    """Folder that the example package of a source is installed in, as a user would install it."""
    for tool, least in (('pip', 21), ('setuptools', 64)):  # older ones read no pyproject.toml
        found = [each.version for each in metadata.distributions(name=tool)]
        if not found or int(found[0].split('.')[0]) < least:
            pytest.skip(f'{tool} is {found}: expected {least} or later')
    folder = tmp_path_factory.mktemp('braking')
    # a copy: building leaves files beside the sources
    shutil.copytree(ROOT / 'examples' / 'braking_source', folder / 'source')
    options = ['--quiet', '--no-deps', '--no-build-isolation', '--no-index']
    subprocess.run(
        [sys.executable, '-m', 'pip', 'install', *options, '--target', 'site', './source'],
        cwd=folder,
        check=True,
    )
    return folder / 'site'


@pytest.fixture
def braking(braking_folder, monkeypatch):
    """Put the example package on the path; return the name of its source."""
    monkeypatch.syspath_prepend(str(braking_folder))
    return 'braking'


@pytest.fixture
def install_source(tmp_path_factory, monkeypatch):
    """Install packages that declare a source, whatever their code is; return their folders."""

    def install(code, name='mine', package='mine-package', attribute='SPEC'):
        folder = tmp_path_factory.mktemp('outside')
        module = f'module_in_{folder.name}'  # none that an earlier test has imported
        (folder / f'{module}.py').write_text(code)
        about = folder / f'{package.replace("-", "_")}-1.0.dist-info'
        about.mkdir()
        (about / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {package}\nVersion: 1\n')
        points = f'[warmstart_planner.sources]\n{name} = {module}:{attribute}\n'
        (about / 'entry_points.txt').write_text(points)
        monkeypatch.syspath_prepend(str(folder))
        return folder

    return install


@pytest.fixture(scope='session')
def make_problem():
    """Build a problem: a straight road of 300 m, the car at station 20, unless told otherwise."""

    def make(start=(20.0, 0.0, 0.0, 8.0, 0.0), road=None, **rest):
        given = {'goal': KeepSpeed(8.0), **rest}
        road = road or road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
        return PlanningProblem(initial_state=np.array(start, dtype=float), road=road, **given)

    return make


@pytest.fixture(scope='session')
def loops():
    """
    Return roads that come by the same places more than once, by name.

    `circle`: 1.3 laps; `cloverleaf`: a ramp that crosses the road it left; `eight`: two loops,
    after which it lies on its own beginning; `hairpin`: back beside itself.
    """
    radius = 20.0
    bend = 1.5 * np.pi * radius
    left, right = (bend, 1 / radius, 1 / radius), (bend, -1 / radius, -1 / radius)
    straight = (60.0, 0.0, 0.0)
    segments = {
        'circle': [(1.3 * 2 * np.pi * 30.0, 1 / 30.0, 1 / 30.0)],
        'cloverleaf': [straight, left, straight],
        'eight': [straight, left, (2 * radius, 0.0, 0.0), right, straight],
        'hairpin': [straight, (np.pi * 6.0, 1 / 6.0, 1 / 6.0), straight],
    }
    return {name: road_from_segments(each, 3.0, 3.0, 10.0) for name, each in segments.items()}


@pytest.fixture(scope='session')
def straight_line():
    """Return the straight-line start of a problem."""
    return lambda problem: StraightLine().propose(problem)[0].trajectory


@pytest.fixture(scope='session')
def move_problem():
    """Put a problem elsewhere in the map: turn the world by yaw about 0, then shift it."""

    def moved(problem, x, y, yaw):
        place = rigid_motion(x, y, yaw)
        road = problem.road
        pose = place(np.stack([road.x, road.y, road.heading], axis=-1))
        goal = problem.goal
        if isinstance(goal, PoseGoal):
            goal = PoseGoal(*place(np.array([goal.x, goal.y, goal.yaw])), goal.speed, goal.station)
        return replace(
            problem,
            initial_state=place(problem.initial_state),
            road=replace(road, x=pose[:, 0], y=pose[:, 1], heading=pose[:, 2]),
            obstacles=tuple(replace(o, poses=place(o.poses)) for o in problem.obstacles),
            goal=goal,
        )

    return moved


@pytest.fixture(scope='session')
def move_trajectory():
    """Put a trajectory elsewhere, as `move_problem` does."""

    def moved(trajectory, x, y, yaw):
        return replace(trajectory, states=rigid_motion(x, y, yaw)(trajectory.states))

    return moved


@pytest.fixture(scope='session')
def mirror_problem():
    """Mirror a problem at the x axis: left becomes right."""

    def mirrored(problem):
        road = problem.road
        return replace(
            problem,
            initial_state=MIRROR * problem.initial_state,
            road=replace(
                road,
                y=-road.y,
                heading=-road.heading,
                curvature=-road.curvature,
                left_width=road.right_width,
                right_width=road.left_width,
            ),
            obstacles=tuple(replace(o, poses=MIRROR[:3] * o.poses) for o in problem.obstacles),
        )

    return mirrored


@pytest.fixture(scope='session')
def mirror_trajectory():
    """Mirror a trajectory at the x axis."""

    def mirrored(trajectory):
        controls = trajectory.controls * [1.0, -1.0]
        return Trajectory(trajectory.stamp, trajectory.dt, MIRROR * trajectory.states, controls)

    return mirrored


def rigid_motion(x, y, yaw):
    """Return the motion as a function of arrays that start with x, y, yaw."""

    def place(poses):
        c, s = np.cos(yaw), np.sin(yaw)
        result = np.array(poses, dtype=float)
        result[..., 0] = x + c * poses[..., 0] - s * poses[..., 1]
        result[..., 1] = y + s * poses[..., 0] + c * poses[..., 1]
        result[..., 2] = poses[..., 2] + yaw
        return result

    return place


# --- a model file that is not learned ---


@pytest.fixture(scope='session')
def write_model():
    """Return `write_braking_model`, where onnx is installed."""
    pytest.importorskip('onnx', reason='onnx is not installed: requirements/training.txt')
    return write_braking_model


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


@pytest.fixture(scope='session')
def write_policy():
    """Return `write_steady_policy`, where onnx is installed."""
    pytest.importorskip('onnx', reason='onnx is not installed: requirements/training.txt')
    return write_steady_policy


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
