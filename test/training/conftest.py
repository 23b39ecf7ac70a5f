# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A small dataset, a model trained on it for a moment, and its export: made once a session."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('pyarrow', reason='pyarrow is not installed')


@pytest.fixture(scope='session')
def dataset(tmp_path_factory, scp_folder):
    """Six base problems, one of them for validation, each with two further ones."""
    from training.dataset.generate import make_shard
    from training.dataset.schema import Card, write_card
    from warmstart_planner.problem import Horizon

    folder = tmp_path_factory.mktemp('dataset')
    horizon = Horizon()
    # indices 17 to 22 hold one of the validation side, 20
    card = Card('test', 17, 6, 2, 3, 'commonroad_2', horizon.dt, horizon.steps)
    write_card(folder, card, {})
    for shard in range(card.shards):
        make_shard(str(folder), card, shard)
    return folder


@pytest.fixture(scope='session')
def smoke(dataset, tmp_path_factory):
    """Return the configuration of a tiny training on the small dataset."""
    from training.decision_transformer.settings import SMOKE

    out = tmp_path_factory.mktemp('training')
    return replace(SMOKE, dataset=str(dataset), out=str(out / 'model'), batch=4)


@pytest.fixture(scope='session')
def problems(dataset):
    """Return the small dataset's problems to learn from."""
    from training.dataset.reading import read_problems

    return read_problems([dataset], validation=False)


@pytest.fixture
def batch(problems):
    """Return all of them as a batch."""
    from training.decision_transformer.batches import make_batch
    from training.decision_transformer.settings import SMOKE

    return make_batch(problems, SMOKE, np.random.default_rng(0))


@pytest.fixture
def free_batch(batch):
    """Return variations of them that nobody has solved."""
    from training.decision_transformer.batches import make_free_batch
    from training.decision_transformer.settings import SMOKE

    return make_free_batch(batch, replace(SMOKE, dearer_share=0.5), np.random.default_rng(0))


@pytest.fixture
def untrained(smoke):
    """Return the tiny model before its training."""
    import torch

    from training.decision_transformer.network.transformer import DecisionTransformer
    from warmstart_planner.problem import Horizon
    from warmstart_planner.vehicle import load_vehicle

    torch.manual_seed(0)
    return DecisionTransformer(smoke, load_vehicle(), Horizon()).eval()


@pytest.fixture(scope='session')
def checkpoint(smoke):
    """Return the best checkpoint of the tiny training, with its head beside it."""
    from pathlib import Path

    from training.decision_transformer.batches import ProcessRank
    from training.decision_transformer.loading import load_model
    from training.decision_transformer.outcome_head import (
        HEAD_FILE,
        Outcomes,
        fit_head,
        write_head,
    )
    from training.decision_transformer.outcomes import FIRST_INDEX, refine_scenes, stacked
    from training.decision_transformer.train import Training

    Training(smoke, ProcessRank()).run()
    path = Path(smoke.out) / 'best.pt'
    indices = range(FIRST_INDEX, FIRST_INDEX + 4)
    outcomes = Outcomes(**stacked(refine_scenes(str(path), indices)))
    write_head(path.with_name(HEAD_FILE), fit_head(load_model(path), outcomes))
    return path


@pytest.fixture(scope='session')
def models(checkpoint, tmp_path_factory):
    """Return the folder with the tiny model and its card, as served."""
    from training.decision_transformer.export import export
    from warmstart_planner.learned.cards.model_card import Defaults

    folder = tmp_path_factory.mktemp('models')
    export(checkpoint, folder, Defaults())
    return folder


@pytest.fixture(scope='session')
def random_episodes():
    """Return what makes logged episodes without sense, of all lengths."""
    from training.iql_lstm.logs.episodes import Episodes

    def make(count=12, steps=20, seed=0, size=4, suggested=(2, 1)):
        rng = np.random.default_rng(seed)
        lengths = rng.integers(1, steps + 1, count)
        there = (np.arange(steps) < lengths[:, None])[..., None]
        before = (np.arange(steps + 1) <= lengths[:, None])[..., None]
        return Episodes(
            observations=(rng.normal(2.0, 3.0, (count, steps + 1, size)) * before).astype(
                np.float32
            ),
            actions=(rng.uniform([-3.0, -0.4], [2.0, 0.4], (count, steps, 2)) * there).astype(
                np.float32
            ),
            rewards=(rng.normal(size=(count, steps)) * there[..., 0]).astype(np.float32),
            lengths=lengths,
            terminal=rng.random(count) < 0.5,
            source=np.zeros(count, dtype=np.int64),
            sources=('noise',),
            action_low=np.float32([-3.0, -0.4]),
            action_high=np.float32([2.0, 0.4]),
            action_suggested=np.array(suggested, np.int64),
            group=np.arange(count),
        )

    return make


@pytest.fixture(scope='session')
def chain():
    """
    Return what makes walks of two steps with a reward of 1 each.

    They are terminal or cut off, and go on from there.
    """
    from training.iql_lstm.logs.episodes import Episodes

    def make(terminal):
        count = 64
        observations = np.zeros((count, 3, 3), np.float32)
        observations[:, np.arange(3), np.arange(3)] = 1.0
        return Episodes(
            observations=observations,
            actions=np.random.default_rng(0).uniform(-1, 1, (count, 2, 1)).astype(np.float32),
            rewards=np.ones((count, 2), np.float32),
            lengths=np.full(count, 2),
            terminal=np.full(count, terminal),
            source=np.zeros(count, dtype=np.int64),
            sources=('walk',),
            action_low=np.float32([-1.0]),
            action_high=np.float32([1.0]),
            action_suggested=np.array([], np.int64),
            group=np.arange(count),
        )

    return make


@pytest.fixture(scope='session')
def learner_of():
    """Return what makes a learner of a policy that has learned nothing."""
    import torch

    from training.iql_lstm.learner import Learner

    def make(configuration, episodes):
        torch.manual_seed(0)
        return Learner(configuration, episodes).eval()

    return make


@pytest.fixture(scope='session')
def batch_of():
    """Return what makes a learner's batch of all chunks of episodes."""
    from training.iql_lstm.data import chunk_table

    def make(learner, episodes):
        configuration, data = learner.configuration, learner.data(episodes)
        data.store(learner.encoders)
        data.estimate(learner.critic, configuration.discount)
        return data.chunks(
            chunk_table(episodes.lengths, configuration.burn_in, configuration.learn)
        )

    return make
