# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Implicit Q-learning: its equations, suggestions and memory."""

from dataclasses import replace

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.iql_lstm.data import chunk_table
from training.iql_lstm.losses import EXTRACTIONS
from training.iql_lstm.settings import SMOKE


@pytest.fixture
def smoke(tmp_path):
    return replace(SMOKE, out=str(tmp_path / 'out'))


def test_values_of_a_chain_that_ends_are_its_returns(smoke, chain, learner_of, batch_of):
    configuration = replace(
        smoke, discount=0.5, target_rate=0.1, learning_rate=5e-3, recurrent_rate=5e-3
    )
    episodes = chain(terminal=True)
    learner = learner_of(configuration, episodes)
    learner.reward_scale.fill_(1.0)
    batch = batch_of(learner, episodes)
    for _ in range(300):
        learner.update(batch)
    features = learner.critic.encoder(batch.observations, batch.memories[1])[0]
    values = learner.critic.value(features).mean(dim=0)
    assert values[:2].tolist() == pytest.approx([1.5, 1.0], abs=0.1)


def test_values_of_a_chain_that_is_cut_off_go_on_beyond_its_end(
    smoke, chain, learner_of, batch_of
):
    """What the critic says of the last observation is part of the value of those before it."""
    configuration = replace(
        smoke, discount=0.5, target_rate=0.1, learning_rate=5e-3, recurrent_rate=5e-3
    )
    episodes = chain(terminal=False)
    learner = learner_of(configuration, episodes)
    learner.reward_scale.fill_(1.0)
    batch = batch_of(learner, episodes)
    for _ in range(300):
        learner.update(batch)
    features = learner.critic.encoder(batch.observations, batch.memories[1])[0]
    first, second, beyond = learner.critic.value(features).mean(dim=0)[:3].tolist()
    assert abs(beyond) > 0.2
    assert second == pytest.approx(1.0 + 0.5 * beyond, abs=0.15)
    assert first == pytest.approx(1.0 + 0.5 * second, abs=0.15)


def with_spreads(learner):
    """Return a learner that knows the spreads of advantages."""
    learner.advantage_spread.fill_(1.0)
    learner.realised_spread.fill_(1.0)
    return learner


def test_no_extraction_teaches_the_critic_through_the_actor(
    smoke, random_episodes, learner_of, batch_of
):
    episodes = random_episodes()
    for name in EXTRACTIONS:
        learner = with_spreads(learner_of(replace(smoke, extraction=name), episodes))
        learner.losses(batch_of(learner, episodes))['actor'].backward()
        assert all(p.grad is None for p in learner.critic.parameters()), name
        assert all(p.grad is None for p in learner.target.parameters()), name
        assert any(p.grad is not None for p in learner.actor.parameters()), name


def test_the_critic_sees_how_far_an_action_is_from_what_is_suggested(
    smoke, random_episodes, learner_of, batch_of
):
    """Suggestions that all differ by a constant, as do the actions, change nothing for it."""
    episodes = random_episodes()
    learner = with_spreads(learner_of(smoke, episodes))
    batch = batch_of(learner, episodes)
    found = learner.losses(batch)['action_value']
    with torch.no_grad():
        learner.actor.suggestion_offset += 0.25
    moved = replace(batch, actions=batch.actions + 0.25)
    assert torch.allclose(learner.losses(moved)['action_value'], found, rtol=1e-4)
    assert not torch.allclose(learner.losses(batch)['action_value'], found, rtol=1e-4)


def test_the_target_follows_the_critic_slowly(smoke, random_episodes, learner_of, batch_of):
    episodes = random_episodes()
    learner = learner_of(smoke, episodes)
    before = {name: value.clone() for name, value in learner.target.named_parameters()}
    learner.update(batch_of(learner, episodes))
    source = dict(learner.critic.named_parameters())
    for name, value in learner.target.named_parameters():
        wanted = torch.lerp(before[name], source[name], smoke.target_rate)
        assert torch.allclose(value, wanted, atol=1e-7), name


def test_actions_and_rewards_of_the_burn_in_give_no_loss(
    smoke, random_episodes, learner_of, batch_of
):
    episodes = random_episodes(count=30)
    learner = with_spreads(learner_of(smoke, episodes))
    batch = batch_of(learner, episodes)
    table = chunk_table(episodes.lengths, smoke.burn_in, smoke.learn)
    warming = torch.from_numpy(table[:, 1] > 0)[:, None] & (
        torch.arange(batch.actions.shape[1]) < smoke.burn_in
    )
    assert warming.any()
    noise = torch.rand_like(batch.actions)
    changed = replace(
        batch,
        actions=torch.where(warming[..., None], noise, batch.actions),
        rewards=torch.where(warming, 7.0, batch.rewards),
    )
    one, two = learner.losses(batch), learner.losses(changed)
    for name in one:
        assert torch.equal(one[name], two[name]), name
    other = learner.losses(replace(batch, actions=noise))
    assert not torch.equal(one['actor'], other['actor'])


def test_the_burn_in_warms_the_memory_up(smoke, random_episodes, learner_of, batch_of):
    episodes = random_episodes(count=30)
    learner = with_spreads(learner_of(smoke, episodes))
    batch = batch_of(learner, episodes)
    late = torch.from_numpy(chunk_table(episodes.lengths, smoke.burn_in, smoke.learn)[:, 1] > 0)
    observations = batch.observations.clone()
    observations[late, : smoke.burn_in] += 1.0
    changed = learner.losses(replace(batch, observations=observations))
    assert not torch.equal(learner.losses(batch)['actor'], changed['actor'])


def test_actor_and_critic_remember_apart(smoke, random_episodes, learner_of):
    learner = learner_of(smoke, random_episodes())
    actor = {id(parameter) for parameter in learner.actor.parameters()}
    assert not actor & {id(parameter) for parameter in learner.critic.parameters()}
    fast, slow = learner.optimiser.param_groups
    assert slow['lr'] < fast['lr']
    recurrent = [
        *learner.actor.encoder.lstm.parameters(),
        *learner.critic.encoder.lstm.parameters(),
    ]
    assert {id(p) for p in slow['params']} == {id(p) for p in recurrent}
