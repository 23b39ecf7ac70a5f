# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The ensemble that is served is the policies that were trained."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

import onnxruntime as ort
import torch

from training.iql_lstm.disagreement import calibrated, realised
from training.iql_lstm.export import (
    Ensemble,
    export,
    golden_inputs,
    main,
    member_files,
    onnx_bytes,
    training_range,
    validation_scenes,
)
from training.iql_lstm.logs.episodes import Episodes
from training.iql_lstm.networks import Actor
from training.iql_lstm.settings import SMOKE
from training.iql_lstm.train import train_member
from training.iql_lstm.trained import Trained, load_trained
from warmstart_planner.learned.cards.policy_card import CARD_FILE, ONNX_FILE, output_shapes
from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE, RULE_PLACES
from warmstart_planner.learned.policy import load_policy
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import load_vehicle

STEPS = 60
HORIZON = Horizon()
OUTPUTS = list(output_shapes(1, 1))


def make_actor(seed, size=OBSERVATION_SIZE, hidden=24, suggested=(5, 2)):
    """Return a policy of random weights that are large enough to matter."""
    torch.manual_seed(seed)
    car = load_vehicle()
    bounds = torch.tensor(np.stack([car.control_lower, car.control_upper])).float()
    mean, spread = torch.randn(size), 0.5 + torch.rand(size)
    statistics = torch.stack([mean, spread, mean - 3, mean + 3])
    actor = Actor(statistics, bounds, torch.tensor(suggested), hidden)
    with torch.no_grad():
        for parameter in actor.parameters():
            parameter.mul_(2.0)
    return actor.eval()


@pytest.fixture(scope='module')
def actors():
    return [make_actor(seed) for seed in range(4)]


def empty_inputs(actors):
    hidden = actors[0].encoder.hidden
    shapes = {'observation': OBSERVATION_SIZE, 'hidden': hidden, 'cell': hidden}
    return {name: np.zeros((len(actors), n), np.float32) for name, n in shapes.items()}


def test_sequences_of_the_served_ensemble_are_those_of_its_members(actors):
    inputs = empty_inputs(actors)
    session = ort.InferenceSession(onnx_bytes(Ensemble(actors), inputs))
    members = [Trained(actor, 0.0, 0) for actor in actors]
    rng = np.random.default_rng(0)
    half = 0.5 * (actors[0].bounds[1] - actors[0].bounds[0]).numpy()
    for scale in (1.0, 20.0):
        inputs = empty_inputs(actors)
        memories = [member.start() for member in members]
        worst = 0.0
        for _ in range(STEPS):
            inputs['observation'] = rng.normal(0.0, scale, inputs['observation'].shape).astype(
                np.float32
            )
            action, inputs['hidden'], inputs['cell'] = session.run(OUTPUTS, inputs)
            for row, member in enumerate(members):
                wanted, memories[row] = member.act(inputs['observation'][row], memories[row])
                for found, known, unit in (
                    (action[row], wanted, half),
                    (inputs['hidden'][row], memories[row][0], 1.0),
                    (inputs['cell'][row], memories[row][1], 1.0),
                ):
                    worst = max(worst, float(np.abs((found - known) / unit).max()))
        assert worst < 1e-5, scale


def test_members_do_not_see_each_other(actors):
    ensemble = Ensemble(actors)
    inputs = [torch.from_numpy(value) for value in empty_inputs(actors).values()]
    changed = [value.clone() for value in inputs]
    for value in changed:
        value[2] += 0.5
    for one, two in zip(ensemble(*inputs), ensemble(*changed), strict=True):
        assert not torch.equal(one[2], two[2])
        assert torch.equal(one[[0, 1, 3]], two[[0, 1, 3]])


def test_members_of_different_sizes_or_bounds_are_no_ensemble(actors):
    other = make_actor(9)
    other.bounds[1] += 1.0
    for odd in (
        make_actor(9, hidden=16),
        make_actor(9, size=7),
        make_actor(9, suggested=(5, 3)),
        other,
    ):
        with pytest.raises(ValueError, match='member 1 has other sizes, bounds or suggestions'):
            Ensemble([actors[0], odd])
    with pytest.raises(ValueError, match='members is empty'):
        Ensemble([])


# --- files ---


def logged_noise(count=40, steps=12, vehicle=None):
    """Return episodes without sense, of a car's sizes and bounds."""
    rng = np.random.default_rng(0)
    car = vehicle or load_vehicle()
    low, high = (bound.astype(np.float32) for bound in (car.control_lower, car.control_upper))
    return Episodes(
        observations=rng.normal(2.0, 3.0, (count, steps + 1, OBSERVATION_SIZE)).astype(np.float32),
        actions=rng.uniform(low, high, (count, steps, 2)).astype(np.float32),
        rewards=rng.normal(size=(count, steps)).astype(np.float32),
        lengths=np.full(count, steps),
        terminal=np.zeros(count, dtype=bool),
        source=np.zeros(count, dtype=np.int64),
        sources=('noise',),
        action_low=low,
        action_high=high,
        action_suggested=np.array(RULE_PLACES),
        group=np.arange(count),
    )


def train_members(folder, count, **changes):
    episodes = logged_noise(**changes)
    for member in range(count):
        train_member(replace(SMOKE, out=str(folder)), member, episodes, episodes)


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp('members')
    train_members(folder, 3)
    return folder


@pytest.fixture(scope='module')
def scenes():
    return validation_scenes(3, HORIZON)


@pytest.fixture(scope='module')
def exported(checkpoints, scenes, observer, tmp_path_factory):
    """Return the folder of an exported ensemble, and its card."""
    folder = tmp_path_factory.mktemp('models')
    return folder, export(member_files(checkpoints), folder, load_vehicle(), scenes, HORIZON.dt)


def test_what_is_exported_is_what_is_served(exported, checkpoints):
    folder, card = exported
    assert sorted(path.name for path in folder.iterdir()) == [CARD_FILE, ONNX_FILE]
    policy = load_policy(folder)
    assert policy.card.members == card.members == 3
    members = [load_trained(file) for file in member_files(checkpoints)]
    observations = golden_inputs([member.actor for member in members])['observation']
    actions, _ = policy.act(observations, policy.start())
    for row, member in enumerate(members):
        wanted = member.act(observations[row], member.start())[0]
        assert np.allclose(actions[row], wanted, atol=1e-5)


def test_what_disagreement_tells_is_measured_on_the_scenes(exported, scenes):
    folder, card = exported
    wanted = calibrated(realised(folder, scenes))
    assert card.disagreement_threshold == wanted.threshold
    assert card.provenance['disagreement']['scenes'] == len(scenes)


def test_the_training_range_holds_what_any_member_saw(exported, checkpoints):
    actors = [load_trained(file).actor for file in member_files(checkpoints)]
    box = training_range(actors)
    for actor in actors:
        assert box.holds(actor.encoder.statistics[2:].numpy())
    seen = logged_noise().observations
    assert (box.low >= seen.min(axis=(0, 1))).all()
    assert (box.high <= seen.max(axis=(0, 1))).all()


def test_provenance_names_each_member_s_training(exported):
    members = exported[1].provenance['members']
    assert [each['configuration']['seed'] for each in members] == [0, 1, 2]
    assert len({each['episodes_sha256'] for each in members}) == 3


def test_scenes_are_of_the_validation_side_alone(scenes):
    first = validation_scenes(1, HORIZON)
    assert len(scenes) == 3
    assert np.array_equal(first[0].initial_state, scenes[0].initial_state)
    assert scenes[0].horizon == HORIZON


def test_members_come_in_their_order(tmp_path):
    for name in ('10', '2', '0', 'notes'):
        (tmp_path / name).mkdir()
    assert [file.parent.name for file in member_files(tmp_path)] == ['0', '2', '10']


def test_nothing_is_written_where_there_is_nothing_to_export(tmp_path, capsys):
    out = tmp_path / 'models'
    arguments = ['--checkpoints', str(tmp_path), '--out', str(out), '--scenes', '1']
    assert main(arguments) == 2
    assert 'holds no member' in capsys.readouterr().err
    (tmp_path / '0').mkdir()
    assert main(arguments) == 2
    assert 'best.pt is missing' in capsys.readouterr().err
    assert not out.exists()


def test_policies_for_another_car_or_other_observations_are_not_exported(
    tmp_path, checkpoints, scenes
):
    files, out = member_files(checkpoints), tmp_path / 'models'
    with pytest.raises(ValueError, match='commonroad_4 has'):
        export(files, out, load_vehicle('commonroad_4'), scenes, HORIZON.dt)
    with pytest.raises(ValueError, match='scenes is empty'):
        export(files, out, load_vehicle(), [], HORIZON.dt)
    assert not out.exists()
