# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The model sees cars and obstacles by where they are on the road."""

import math

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch
from random_problems import random_problem

from training.decision_transformer.network.features import context_features, step_features
from training.decision_transformer.network.road_frame import RoadFrame
from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.transformer.architecture import STEP_FEATURES
from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, SCALAR_FIELDS, road_coordinates
from warmstart_planner.transcription import Margins, transcribe

CASES = [('easy', 1), ('medium', 2), ('hard', 3)]
TURN, SHIFT = 0.4, torch.tensor([3.0, -2.0], dtype=torch.float64)


def of(tier, seed):
    """Return state, road and obstacles of a problem, with a batch axis, and how many there are."""
    context = context_of(transcribe(random_problem(tier, seed), Margins()))
    state, road, obstacles = (
        torch.from_numpy(each)[None].double()
        for each in (context.state, context.road, context.obstacles)
    )
    return state, road, obstacles, int(context.present.sum())


def turned(vectors):
    cos, sin = math.cos(TURN), math.sin(TURN)
    return vectors @ torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64)


def moved(state, road, obstacles):
    """Turn and shift a whole scene."""
    at = [ANCHOR_FIELDS.index(name) for name in ('x', 'y', 'cos', 'sin')]
    anchors = road[:, len(SCALAR_FIELDS) :].reshape(-1, ANCHORS, len(ANCHOR_FIELDS)).clone()
    anchors[..., at[:2]] = turned(anchors[..., at[:2]]) + SHIFT
    anchors[..., at[2:]] = turned(anchors[..., at[2:]])
    state, obstacles = state.clone(), obstacles.clone()
    state[:, :2] = turned(state[:, :2]) + SHIFT
    state[:, 2] += TURN
    obstacles[..., :2] = turned(obstacles[..., :2]) + SHIFT
    obstacles[..., 2:4] = turned(obstacles[..., 2:4])
    return state, torch.cat([road[:, : len(SCALAR_FIELDS)], anchors.flatten(1)], dim=1), obstacles


@pytest.mark.parametrize(('tier', 'seed'), CASES)
def test_where_on_the_map_a_scene_lies_does_not_matter(tier, seed):
    state, road, obstacles, count = of(tier, seed)
    last, to_go = torch.rand(2, 1, 2, dtype=torch.float64)
    seen = []
    for scene in ((state, road, obstacles), moved(state, road, obstacles)):
        frame = RoadFrame(scene[1])
        *_, others = context_features(scene[0], scene[2], frame)
        seen.append((step_features(scene[0], last, to_go, frame), others[:, :count]))
    for one, other in zip(*seen, strict=True):
        assert torch.allclose(one, other, atol=1e-8)


@pytest.mark.parametrize(('tier', 'seed'), CASES)
def test_a_step_is_seen_in_road_coordinates_and_by_its_heading_to_the_road(tier, seed):
    state, road, *_ = of(tier, seed)
    state[0, 2] = 0.3
    last, to_go = torch.tensor([[1.0, 0.1]]).double(), torch.tensor([[0.5, 0.2]]).double()
    found = step_features(state, last, to_go, RoadFrame(road))[0].numpy()
    at = road_coordinates(state[0, :1].numpy(), state[0, 1:2].numpy(), road[0].numpy())
    gap = 0.3 - np.arctan2(at.heading_sin, at.heading_cos)
    length = np.hypot(at.heading_sin, at.heading_cos)
    assert found.shape == (STEP_FEATURES,)
    assert found[0] == pytest.approx(at.station[0] / 50)
    assert found[1] == pytest.approx(at.offset[0] / 3)
    assert found[11:13] == pytest.approx([*(length * np.cos(gap)), *(5 * length * np.sin(gap))])
    assert found[13:15] == pytest.approx([0.3, 0.5])
    assert found[15:] == pytest.approx([0.5, 0.2, 1.0])


def test_whether_anything_is_allowed_is_a_feature_of_its_own():
    state, road, *_ = of('easy', 1)
    none, little = (
        step_features(state, torch.zeros(1, 2).double(), to_go, RoadFrame(road))[0, -1]
        for to_go in (torch.zeros(1, 2).double(), torch.full((1, 2), 0.1).double())
    )
    assert float(none) == 0.0
    assert float(little) == 1.0


@pytest.mark.parametrize(('tier', 'seed'), CASES)
def test_the_ego_s_rooms_to_both_sides_add_up_to_the_road_s_width(tier, seed):
    state, road, obstacles, _ = of(tier, seed)
    ego, *_ = context_features(state, obstacles, RoadFrame(road))
    at = road_coordinates(state[0, :1].numpy(), state[0, 1:2].numpy(), road[0].numpy())
    assert float(3 * (ego[0, 7] + ego[0, 8])) == pytest.approx(float(at.left[0] + at.right[0]))
    assert float(10 * ego[0, 0]) == pytest.approx(float(state[0, 3]))
