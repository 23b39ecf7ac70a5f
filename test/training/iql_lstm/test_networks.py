# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the networks of a policy answer before they have learned anything, and remember."""

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.iql_lstm.networks import OBSERVATION_LIMIT, Actor, Encoder

LOW, HIGH = [-3.0, -0.4], [2.0, 0.4]
SIZE = 4


def statistics():
    mean = torch.arange(SIZE).float()
    return torch.stack([mean, torch.full((SIZE,), 2.0), mean - 5.0, mean + 5.0])


def untaught(suggested):
    """Return an actor that adds nothing to what is suggested."""
    torch.manual_seed(0)
    actor = Actor(statistics(), torch.tensor([LOW, HIGH]), torch.tensor(suggested), hidden=8)
    with torch.no_grad():
        for parameter in actor.head[-1].parameters():
            parameter.zero_()
    return actor


def observations(count=6, steps=5):
    torch.manual_seed(1)
    return 3.0 * torch.randn(count, steps, SIZE)


def test_who_has_learned_nothing_does_what_is_suggested_within_the_bounds():
    actor, seen = untaught([2, 1]), observations()
    means, _ = actor(seen, actor.encoder.empty(len(seen)))
    wanted = torch.clamp(seen[..., [2, 1]], torch.tensor(LOW), torch.tensor(HIGH))
    assert torch.allclose(actor.physical(means), wanted, atol=1e-5)


def test_where_nothing_is_suggested_the_middle_of_the_bounds_is():
    actor, seen = untaught([]), observations()
    means, _ = actor(seen, actor.encoder.empty(len(seen)))
    assert torch.equal(means, torch.zeros_like(means))
    middle = 0.5 * (torch.tensor(LOW) + torch.tensor(HIGH))
    assert torch.allclose(actor.physical(means), middle.expand_as(means))


def test_scaled_and_physical_actions_are_inverse_within_the_bounds():
    actor = untaught([])
    actions = torch.tensor([LOW, HIGH, [0.5, 0.1]])
    assert torch.allclose(actor.physical(actor.scaled(actions)), actions, atol=1e-6)
    ends = actor.scaled(torch.tensor([LOW, HIGH])).tolist()
    assert ends == [pytest.approx([-1.0, -1.0]), pytest.approx([1.0, 1.0])]


def test_what_was_observed_in_parts_is_remembered_as_the_whole():
    torch.manual_seed(0)
    encoder, seen = Encoder(statistics(), hidden=8), observations()
    whole, memory = encoder(seen, encoder.empty(len(seen)))
    first, part = encoder(seen[:, :2], encoder.empty(len(seen)))
    rest, end = encoder(seen[:, 2:], part)
    assert torch.allclose(torch.cat([first, rest], dim=1), whole, atol=1e-6)
    for one, other in zip(memory, end, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_what_is_stranger_than_the_limit_looks_no_stranger():
    encoder = Encoder(statistics(), hidden=8)
    strange = statistics()[0] + 2.0 * (OBSERVATION_LIMIT + 1.0)
    assert torch.equal(encoder.normalised(strange), encoder.normalised(strange + 100.0))
