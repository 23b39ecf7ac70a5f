# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The network: what its tokens see of a problem and of each other."""

from dataclasses import replace

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.network.road_frame import RoadFrame
from training.decision_transformer.network.transformer import (
    DecisionTransformer,
    scaled_constraint,
    scaled_cost,
    unscaled_cost,
)
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import load_vehicle


def test_scales_are_inverse_and_keep_zero():
    cost = torch.tensor([0.0, 1.0, 1e4])
    assert torch.allclose(unscaled_cost(scaled_cost(cost)), cost, rtol=1e-4, atol=1e-6)
    assert float(scaled_constraint(torch.zeros(1))) == 0.0


def encoded(model, batch):
    return model.encode(batch.state, RoadFrame(batch.road), batch.obstacles, batch.present)


def test_each_mode_points_out_a_way_to_the_end_of_every_block(untrained, batch):
    modes = untrained.modes(*encoded(untrained, batch), batch.state)
    assert modes.ways.shape == (len(batch.state), untrained.sizes.candidates, untrained.blocks, 2)


def test_a_block_of_the_sequence_knows_nothing_of_what_comes_later(untrained, batch):
    context, mask = encoded(untrained, batch)
    modes = untrained.modes(context, mask, batch.state)
    count = len(batch.state)
    hidden = modes.hidden.reshape(count, -1, modes.hidden.shape[1])[:, 0]
    given = torch.rand(count, untrained.blocks, 2)
    other = given.clone()
    other[:, 3:] += 1.0
    start = torch.rand(count, 2)
    reported = torch.ones(count, 1, dtype=torch.bool)
    one, two = (
        untrained.drive(
            context, mask, batch.state, RoadFrame(batch.road), hidden, start, to_go, reported
        )
        for to_go in (given, other)
    )
    steps = 4 * untrained.sizes.block
    assert torch.equal(one.controls[:, :steps], two.controls[:, :steps])
    assert not torch.equal(one.controls[:, steps:], two.controls[:, steps:])


def test_the_order_of_obstacles_and_what_stands_in_empty_places_do_not_matter(untrained, batch):
    order = torch.randperm(batch.present.shape[1])
    shuffled = replace(batch, obstacles=batch.obstacles[:, order], present=batch.present[:, order])
    noise = torch.where(batch.present[..., None, None], batch.obstacles, 3.0)
    for changed in (shuffled, replace(batch, obstacles=noise)):
        ways = [untrained.modes(*encoded(untrained, b), b.state).ways for b in (batch, changed)]
        assert torch.allclose(*ways, atol=1e-4)


def test_both_knobs_are_inputs_that_change_what_is_driven(untrained, batch):
    context, mask = encoded(untrained, batch)
    hidden = untrained.modes(context, mask, batch.state).hidden[:: untrained.sizes.candidates]
    drives = [
        untrained.drive(context, mask, batch.state, RoadFrame(batch.road), hidden, to_go)
        for to_go in torch.tensor([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0]])[:, None].expand(
            -1, len(batch.state), -1
        )
    ]
    assert not torch.allclose(drives[0].controls, drives[1].controls)
    assert not torch.allclose(drives[0].controls, drives[2].controls)


def test_a_horizon_that_is_no_whole_number_of_blocks_is_refused(smoke):
    with pytest.raises(ValueError, match=f'block is {smoke.block}'):
        DecisionTransformer(smoke, load_vehicle(), Horizon(0.1, 65))
