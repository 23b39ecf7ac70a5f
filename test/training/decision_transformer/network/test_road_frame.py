# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The network sees the road as the objective does."""

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch
from random_problems import random_problem

from training.decision_transformer.network.road_frame import RoadFrame
from warmstart_planner.learned.transformer.architecture import POINT_FIELDS
from warmstart_planner.objective import road_coordinates
from warmstart_planner.transcription import Margins, transcribe


@pytest.mark.parametrize(('tier', 'seed'), [('easy', 0), ('medium', 2), ('hard', 2), ('hard', 4)])
def test_coordinates_are_those_of_the_objective(tier, seed):
    road = transcribe(random_problem(tier, seed), Margins()).road
    rng = np.random.default_rng(seed)
    points = rng.uniform([0.0, -4.0], [60.0, 4.0], (40, 2))
    expected = road_coordinates(points[:, 0], points[:, 1], road)
    frame = RoadFrame(torch.tensor(road)[None])
    found = dict(zip(POINT_FIELDS, frame.project(torch.tensor(points)[None])[0].T, strict=True))
    names = {'cos': 'heading_cos', 'sin': 'heading_sin', 'speed': 'target_speed'}
    for name, value in found.items():
        wanted = getattr(expected, names.get(name, name))
        assert np.allclose(value.numpy(), wanted, atol=1e-9), name
