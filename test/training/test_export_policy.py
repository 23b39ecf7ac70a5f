# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The ensemble that is served is the policies that were trained."""

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

import onnxruntime as ort
import torch

from training.export_policy import Ensemble, onnx_bytes
from training.iql_lstm import Actor, Trained
from warmstart_planner.learned.observation_fields import OBSERVATION_SIZE
from warmstart_planner.vehicle import load_vehicle

STEPS = 60
OUTPUTS = ['action', 'hidden_out', 'cell_out']


def make_actor(seed, size=OBSERVATION_SIZE, hidden=24):
    """Return a policy of random weights that are large enough to matter."""
    torch.manual_seed(seed)
    car = load_vehicle()
    bounds = torch.tensor(np.stack([car.control_lower, car.control_upper])).float()
    mean, spread = torch.randn(size), 0.5 + torch.rand(size)
    actor = Actor(torch.stack([mean, spread, mean - 3, mean + 3]), bounds, hidden)
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
    session = ort.InferenceSession(onnx_bytes(Ensemble(actors), inputs, OUTPUTS))
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
    for odd in (make_actor(9, hidden=16), make_actor(9, size=7), other):
        with pytest.raises(ValueError, match='member 1 has other sizes or bounds'):
            Ensemble([actors[0], odd])
    with pytest.raises(ValueError, match='members is empty'):
        Ensemble([])
