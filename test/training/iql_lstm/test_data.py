# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Logged episodes in chunks: what gives loss, what is remembered, what was earned."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.iql_lstm.data import chunk_table, observation_statistics
from training.iql_lstm.settings import SMOKE


@pytest.fixture
def smoke(tmp_path):
    return replace(SMOKE, out=str(tmp_path / 'out'))


def test_the_last_step_of_a_terminal_episode_alone_ends_the_task(
    smoke, random_episodes, learner_of
):
    episodes = random_episodes()
    data = (learner := learner_of(smoke, episodes)).data(episodes)
    batch = data.whole(torch.arange(len(episodes)), learner.encoders)
    for row in range(len(episodes)):
        last = episodes.lengths[row] - 1
        wanted = [episodes.terminal[row] and step == last for step in range(20)]
        assert batch.ends[row].tolist() == wanted


@pytest.mark.parametrize('terminal', [True, False])
def test_what_was_earned_goes_on_with_the_value_of_where_a_drive_was_cut_off(
    smoke, terminal, chain, learner_of
):
    episodes = chain(terminal)
    data = (learner := learner_of(replace(smoke, discount=0.5), episodes)).data(episodes)
    data.estimate(learner.critic, 0.5)
    features = learner.critic.encoder(data.observations, learner.critic.encoder.empty(64))[0]
    beyond = 0.0 if terminal else learner.critic.value(features)[0, 2].item()
    reward = float(learner.reward_scale)
    wanted = [1.5 * reward + 0.25 * beyond, reward + 0.5 * beyond]
    assert data.returns[0].tolist() == pytest.approx(wanted, rel=1e-5)


def test_what_was_earned_ends_with_its_episode(smoke, random_episodes, learner_of):
    episodes = random_episodes(count=40)
    learner = learner_of(smoke, episodes)
    found, changed = (learner.data(episodes) for _ in range(2))
    unused = torch.from_numpy(~episodes.is_step)
    changed.rewards[unused] = 7.0
    for data in (found, changed):
        data.estimate(learner.critic, 0.9)
    used = torch.from_numpy(episodes.is_step)
    assert torch.equal(found.returns[used], changed.returns[used])


def test_each_step_is_learned_in_just_one_chunk(smoke, random_episodes, learner_of, batch_of):
    episodes = random_episodes(count=30)
    learner = learner_of(smoke, episodes)
    table = chunk_table(episodes.lengths, smoke.burn_in, smoke.learn)
    batch = batch_of(learner, episodes)
    times = np.zeros((30, 20 + smoke.burn_in + smoke.learn), dtype=int)
    for (row, begin), learned in zip(table, batch.learned.numpy(), strict=True):
        times[row, begin : begin + len(learned)] += learned.astype(int)
    assert np.array_equal(times[:, :20], episodes.is_step.astype(int))
    assert not times[:, 20:].any()


def test_stored_memories_are_those_of_a_whole_pass(smoke, random_episodes, learner_of):
    episodes = random_episodes()
    learner = learner_of(smoke, episodes)
    data = learner.data(episodes)
    data.store(learner.encoders)
    observations = torch.from_numpy(episodes.observations)
    for encoder, stored in zip(learner.encoders, data.memories, strict=True):
        for chunk in range(stored.shape[1]):
            part = observations[:, : chunk * smoke.learn]
            memory = encoder.empty(len(episodes))
            for step in range(part.shape[1]):
                memory = encoder(part[:, step : step + 1], memory)[1]
            assert torch.allclose(stored[:, chunk], torch.stack(memory, dim=1), atol=1e-6)


def test_chunks_see_what_whole_episodes_see(smoke, random_episodes, learner_of):
    episodes = random_episodes()
    learner = learner_of(smoke, episodes)
    table = chunk_table(episodes.lengths, smoke.burn_in, smoke.learn)
    data = learner.data(episodes)
    data.store(learner.encoders)
    batch = data.chunks(table)
    whole = data.whole(torch.arange(len(episodes)), learner.encoders)
    chunked = learner.actor(batch.observations[:, :-1], batch.memories[0])[0]
    at_once = learner.actor(whole.observations[:, :-1], whole.memories[0])[0]
    for (row, begin), means, learned in zip(table, chunked, batch.learned, strict=True):
        steps = torch.nonzero(learned)[:, 0]
        assert torch.allclose(means[steps], at_once[row, begin + steps], atol=1e-5)


def test_statistics_are_of_what_was_observed_and_of_nothing_else(random_episodes):
    episodes = random_episodes()
    seen = np.concatenate(
        [
            row[: length + 1]
            for row, length in zip(episodes.observations, episodes.lengths, strict=True)
        ]
    )
    mean, spread, low, high = observation_statistics(episodes).numpy()
    assert np.allclose(mean, seen.mean(axis=0), atol=1e-5)
    assert np.allclose(spread, seen.std(axis=0), atol=1e-5)
    assert np.array_equal(low, seen.min(axis=0))
    assert np.array_equal(high, seen.max(axis=0))
