# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The training of the IQL-LSTM policies: that it can be trusted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.iql_lstm.logs.episodes import Episodes
from training.iql_lstm.losses import EXTRACTIONS
from training.iql_lstm.settings import SMOKE, Configuration
from training.iql_lstm.train import Training, fit, main, resampled
from training.iql_lstm.trained import load_trained, read_checkpoint
from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE

DT = 0.1  # of the double integrator [s]


@pytest.fixture
def smoke(tmp_path):
    return replace(SMOKE, out=str(tmp_path / 'out'))


def test_a_suggestion_comes_with_the_checkpoint(smoke, random_episodes):
    episodes = random_episodes(count=30)
    trained = fit(episodes, episodes, smoke)
    loaded = load_trained(Path(smoke.out) / 'best.pt')
    assert torch.equal(loaded.actor.suggestion_weights, trained.actor.suggestion_weights)
    assert loaded.actor.suggestion_weights.any()


def test_actions_stay_within_their_bounds_whatever_is_observed(smoke, random_episodes):
    episodes = random_episodes()
    training = Training(smoke, episodes, random_episodes(seed=1))
    trained = training.run()
    memory = trained.start()
    for size in (1.0, 1e3, 1e9, -1e9):
        action, memory = trained.act(np.full(4, size, np.float32), memory)
        assert action.dtype == np.float32
        assert (action >= episodes.action_low).all()
        assert (action <= episodes.action_high).all()


def test_a_training_that_was_interrupted_ends_like_one_that_was_not(
    smoke, tmp_path, random_episodes
):
    sides = random_episodes(count=30), random_episodes(seed=1)
    whole = replace(smoke, out=str(tmp_path / 'whole'), epochs=3)
    parts = replace(whole, out=str(tmp_path / 'parts'))
    Training(whole, *sides).run()
    Training(parts, *sides).advance()
    second = Training(parts, *sides)
    assert second.epoch == 1
    second.run()
    ends = [read_checkpoint(Path(each.out) / 'checkpoint.pt') for each in (whole, parts)]
    for name in ('epoch', 'score', 'best_epoch'):
        assert ends[0][name] == ends[1][name], name
    for part in ('learner', 'best'):
        for name, value in ends[0][part].items():
            assert torch.equal(value, ends[1][part][name]), name
    assert len((tmp_path / 'parts' / 'log.csv').read_text().splitlines()) == 4
    assert list((tmp_path / 'parts' / 'tensorboard').iterdir())


def test_the_same_seed_gives_the_same_policy_and_another_one_another(
    smoke, tmp_path, random_episodes
):
    sides = random_episodes(), random_episodes(seed=1)
    actions = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        trained = fit(*sides, replace(smoke, seed=seed, out=str(tmp_path / name)))
        actions.append(trained.act(np.zeros(4, np.float32), trained.start())[0])
    assert np.array_equal(actions[0], actions[1])
    assert not np.array_equal(actions[0], actions[2])


def test_what_is_kept_is_the_best_actor(smoke, random_episodes):
    sides = random_episodes(), random_episodes(seed=1)
    trained = fit(*sides, smoke)
    loaded = load_trained(Path(smoke.out) / 'best.pt')
    observation = np.ones(4, np.float32)
    pairs = [each.act(observation, each.start()) for each in (trained, loaded)]
    assert np.array_equal(pairs[0][0], pairs[1][0])
    assert np.array_equal(pairs[0][1], pairs[1][1])
    assert loaded.epoch == trained.epoch


def test_training_stops_when_the_actor_gets_no_better(smoke, random_episodes):
    configuration = replace(
        smoke, epochs=50, patience=2, learning_rate=1e-12, recurrent_rate=1e-12
    )
    training = Training(configuration, random_episodes(), random_episodes(seed=1))
    training.run()
    assert training.epoch <= training.best_epoch + 2 < 50


def test_training_stops_in_time(smoke, random_episodes):
    configuration = replace(smoke, epochs=50, patience=50, time_limit=1e-6)
    training = Training(configuration, random_episodes(), random_episodes(seed=1))
    training.run()
    assert training.epoch == 1


def test_members_learn_from_samples_of_whole_groups(random_episodes):
    episodes = random_episodes(count=40)
    episodes = replace(episodes, group=np.arange(40) // 4)
    sample = resampled(episodes, seed=3)
    counts = np.bincount(sample.group, minlength=10)
    assert counts.sum() == 40
    assert (counts % 4 == 0).all()
    assert (counts == 0).any()
    assert not np.array_equal(sample.group, resampled(episodes, seed=4).group)


def test_the_command_line_trains_members(tmp_path, capsys, random_episodes):
    first, second = (random_episodes(40, seed=seed, size=OBSERVATION_SIZE) for seed in (0, 1))
    first.save(tmp_path / 'a.npz')
    replace(second, group=np.arange(40) + 40).save(tmp_path / 'b.npz')
    out = tmp_path / 'out'
    arguments = [
        *('--smoke', '--members', '2', '--out', str(out)),
        *('--episodes', f'{tmp_path / "a.npz"},{tmp_path / "b.npz"}'),
    ]
    assert main(arguments) == 0
    for member in ('0', '1'):
        assert load_trained(out / member / 'best.pt').epoch in (1, 2)
    one, two = (load_trained(out / member / 'best.pt') for member in ('0', '1'))
    observation = np.zeros(OBSERVATION_SIZE, np.float32)
    answers = [each.act(observation, each.start())[0] for each in (one, two)]
    assert not np.array_equal(*answers)
    assert '152 episodes, 4 for validation' in capsys.readouterr().out


def test_sides_that_do_not_fit_together_are_refused(smoke, random_episodes):
    train = random_episodes()
    for validation in (
        replace(train, observations=train.observations[..., :3]),
        replace(train, action_high=np.float32([2.0, 0.5])),
    ):
        with pytest.raises(ValueError, match='validation has'):
            Training(smoke, train, validation)


def test_a_checkpoint_of_another_configuration_or_of_other_episodes_is_not_gone_on_with(
    smoke, random_episodes
):
    train, validation = random_episodes(), random_episodes(seed=1)
    Training(smoke, train, validation).advance()
    with pytest.raises(ValueError, match='another configuration, in expectile'):
        Training(replace(smoke, expectile=0.9), train, validation)
    with pytest.raises(ValueError, match='of other episodes'):
        Training(smoke, random_episodes(seed=2), validation)


def test_a_loss_that_is_not_finite_stops_the_training(
    smoke, random_episodes, learner_of, batch_of
):
    episodes = random_episodes()
    learner = learner_of(smoke, episodes)
    with torch.no_grad():
        learner.actor.log_spread.fill_(float('nan'))
    with pytest.raises(FloatingPointError, match='the loss is nan'):
        learner.update(batch_of(learner, episodes))


def test_missing_files_say_so(tmp_path, capsys):
    with pytest.raises(ValueError, match='is missing'):
        read_checkpoint(tmp_path / 'best.pt')
    arguments = ['--episodes', str(tmp_path / 'e.npz'), '--out', str(tmp_path / 'o')]
    assert main(arguments) == 2
    assert 'e.npz is missing' in capsys.readouterr().err


def test_a_member_that_is_not_one_of_the_ensemble_is_refused(capsys):
    assert main(['--members', '2', '--member', '2']) == 2
    assert 'member is 2 of 2' in capsys.readouterr().err


def drive(policies, start, steps=40):
    """Drive double integrators (position [m], speed [m/s]) to 0; policies answer states (K, 2)."""
    states, rows = np.array(start), ([], [], [])
    rows[0].append(states.copy())
    for _ in range(steps):
        actions = np.clip(policies(states), -2.0, 2.0)
        position, speed = states.T
        reward = -(position**2 + 0.1 * speed**2 + 0.01 * actions**2)
        speed = speed + DT * actions
        states = np.stack([position + DT * speed, speed], axis=1)
        for row, value in zip(rows, (states.copy(), actions, reward), strict=True):
            row.append(value)
    return [np.stack(row, axis=1) for row in rows]


def mixed_logs(count, seed):
    """Return drives of controllers good and bad, all with noise, told apart by nothing."""
    rng = np.random.default_rng(seed)
    gain = rng.choice([[2.0, 2.5], [0.5, 0.2], [-0.5, 0.5]], size=count)

    def act(states):
        return -(gain * states).sum(axis=1) + rng.normal(0.0, 0.6, count)

    states, actions, rewards = drive(act, rng.uniform([-2.0, -1.0], [2.0, 1.0], (count, 2)))
    return Episodes(
        observations=states.astype(np.float32),
        actions=actions[..., None].astype(np.float32),
        rewards=rewards.astype(np.float32),
        lengths=np.full(count, actions.shape[1]),
        terminal=np.zeros(count, dtype=bool),
        source=np.zeros(count, dtype=np.int64),
        sources=('mixed',),
        action_low=np.float32([-2.0]),
        action_high=np.float32([2.0]),
        action_suggested=np.array([], np.int64),
        group=np.arange(count),
    )


def mean_return(trained, count=30):
    starts = np.random.default_rng(99).uniform([-2.0, -1.0], [2.0, 1.0], (count, 2))
    memories = [trained.start() for _ in starts]

    def act(states):
        answers = [
            trained.act(state.astype(np.float32), memory)
            for state, memory in zip(states, memories, strict=True)
        ]
        memories[:] = [memory for _, memory in answers]
        return np.array([action[0] for action, _ in answers])

    return float(drive(act, starts)[2].sum(axis=1).mean())


@pytest.mark.slow
def test_it_drives_better_than_the_logs_and_than_their_clone(tmp_path):
    train, validation = mixed_logs(300, 0), mixed_logs(30, 1)
    base = Configuration(
        hidden=32,
        batch=32,
        updates=100,
        epochs=3,
        burn_in=5,
        learn=20,
        learning_rate=3e-3,
        recurrent_rate=1e-3,
        target_rate=0.02,
        discount=0.95,
        trace=0.0,
        temperature=3.0,
        weight_limit=100.0,
        patience=20,
    )
    found = {
        name: mean_return(
            fit(train, validation, replace(base, extraction=name, out=str(tmp_path / name)))
        )
        for name in EXTRACTIONS
    }
    traced = replace(base, trace=0.9, out=str(tmp_path / 'trace'))
    found['trace'] = mean_return(fit(train, validation, traced))
    logged = float(train.returns(1.0).mean())
    # returns are negative: half the cost
    for name in ('awr', 'awr_returns', 'ddpg_bc', 'trace'):
        assert found[name] > 0.5 * max(found['bc'], logged), (found, logged)
