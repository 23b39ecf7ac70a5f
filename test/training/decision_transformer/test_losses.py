# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the loss: what they teach, and whom."""

from dataclasses import replace

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.losses import free_losses, losses
from training.decision_transformer.settings import SMOKE
from training.decision_transformer.train import total_loss


def test_only_the_winning_mode_learns_a_way(untrained, batch):
    untrained.mode.grad = None
    parts = losses(untrained, batch)
    parts['way'].backward()
    assert torch.isfinite(untrained.mode.grad).all()
    assert float(untrained.mode.grad.abs().sum()) > 0.0


def test_a_few_steps_on_one_batch_lower_the_loss(smoke, untrained, batch, free_batch):
    model = untrained.train()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    values = []
    for _ in range(40):
        loss = total_loss(losses(model, batch) | free_losses(model, free_batch), smoke)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.6 * values[0]


def test_merit_alone_teaches_free_modes_to_violate_less(untrained, free_batch):
    model = untrained.train()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    nothing = torch.zeros_like(free_batch.allowed)
    free = replace(free_batch, allowed=nothing, conceded=nothing)
    first = free_losses(model, free)
    for _ in range(40):
        parts = free_losses(model, free)
        optimiser.zero_grad()
        parts['merit'].backward()
        optimiser.step()
    assert float(parts['merit']) < 0.9 * float(first['merit'])
    assert float(parts['free_violation']) < 0.7 * float(first['free_violation'])


def test_a_drive_is_judged_by_what_exceeds_what_it_may(untrained, free_batch):
    """Where any cost is conceded and any violation allowed, nothing is left to learn."""
    anything = torch.full_like(free_batch.allowed, 20.0)
    costly = free_losses(untrained, replace(free_batch, conceded=anything))
    may = free_losses(untrained, replace(free_batch, conceded=anything, allowed=1e4 * anything))
    assert float(costly['merit']) > 0.0
    assert float(may['merit']) == 0.0
    assert float(may['own_cost']) == float(may['own_way']) == 0.0


def test_a_step_needs_nothing_of_another_device(untrained, batch, free_batch):
    """What a GPU computes may not mix with the processor's tensors; `meta` stands for any."""
    model = untrained.to('meta')
    moved = (
        replace(each, **{name: value.to('meta') for name, value in vars(each).items()})
        for each in (batch, free_batch)
    )
    parts = losses(model, next(moved)) | free_losses(model, next(moved))
    total_loss(parts, SMOKE).backward()
    assert all(value.device.type == 'meta' for value in parts.values())
