# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A column added to a token is what the network reads.

Trained, exported and compiled it would take minutes, and the tests of these steps make no
difference between columns; what is checked is that the number is there, and that a network with
it drives and learns.
"""

import json

import pytest

pytest.importorskip('torch', reason='torch is not installed')

PROGRAM = """
import json

import numpy as np
import torch

from training.decision_transformer.network.features import context_features
from training.decision_transformer.network.road_frame import RoadFrame
from training.decision_transformer.network.transformer import DecisionTransformer
from training.decision_transformer.outcome_head import propose
from training.decision_transformer.settings import SMOKE
from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.transformer.architecture import EGO_FEATURES
from warmstart_planner.problem import Horizon
from warmstart_planner.scenarios.generator import random_problem
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle

problem, margins = random_problem('medium', 3), Margins()
context = context_of(transcribe(problem, margins))
inputs = [torch.from_numpy(np.asarray(value)[None]) for value in vars(context).values()]
state, road, obstacles, _ = inputs
torch.manual_seed(0)
network = DecisionTransformer(SMOKE, load_vehicle(), Horizon())
drive = propose(network, *inputs).drive
drive.states.square().sum().backward()
column = float(context_features(state, obstacles, RoadFrame(road))[0][0, -1])
sides = [problem.road.at(f'{side}_width', problem.here) for side in ('left', 'right')]
print(json.dumps({
    'features': EGO_FEATURES,
    'column': column,
    'corridor': float(sum(sides)) - 2 * margins.road,
    'inputs': network.ego_in.in_features,
    'states': list(drive.states.shape),
    'gradient': float(network.ego_in.weight.grad[:, -1].abs().sum()),
}))
"""


def test_a_column_of_one_s_own_is_what_the_network_reads_and_learns_from(changed_tree):
    from training.decision_transformer.settings import SMOKE
    from warmstart_planner.learned.transformer.architecture import EGO_FEATURES

    found = json.loads(changed_tree('token_layout').python('-c', PROGRAM).splitlines()[-1])
    assert found['column'] == pytest.approx(found['corridor'] / 6, rel=0.02)
    assert found['inputs'] == found['features'] == EGO_FEATURES + 1
    assert found['states'] == [SMOKE.candidates, 60, 5]
    assert found['gradient'] > 0.0
