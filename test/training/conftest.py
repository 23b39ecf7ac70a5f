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
    from training.decision_transformer import SMOKE

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
    from training.decision_transformer import SMOKE, make_batch

    return make_batch(problems, SMOKE, np.random.default_rng(0))


@pytest.fixture
def free_batch(batch):
    """Return variations of them that nobody has solved."""
    from training.decision_transformer import SMOKE, make_free_batch

    return make_free_batch(batch, replace(SMOKE, dearer_share=0.5), np.random.default_rng(0))


@pytest.fixture
def untrained(smoke):
    """Return the tiny model before its training."""
    import torch

    from training.decision_transformer_model import DecisionTransformer
    from warmstart_planner.problem import Horizon
    from warmstart_planner.vehicle import load_vehicle

    torch.manual_seed(0)
    return DecisionTransformer(smoke, load_vehicle(), Horizon()).eval()


@pytest.fixture(scope='session')
def checkpoint(smoke):
    """Return the best checkpoint of the tiny training, with its head beside it."""
    from pathlib import Path

    from training.decision_transformer import Place, Training, load_model
    from training.outcome_head import HEAD_FILE, Outcomes, fit_head, write_head
    from training.outcomes import FIRST_INDEX, refine_scenes, stacked

    Training(smoke, Place()).run()
    path = Path(smoke.out) / 'best.pt'
    indices = range(FIRST_INDEX, FIRST_INDEX + 4)
    outcomes = Outcomes(**stacked(refine_scenes(str(path), indices)))
    write_head(path.with_name(HEAD_FILE), fit_head(load_model(path), outcomes))
    return path


@pytest.fixture(scope='session')
def models(checkpoint, tmp_path_factory):
    """Return the folder with the tiny model and its card, as served."""
    from training.export import export
    from warmstart_planner.learned.card import Defaults

    folder = tmp_path_factory.mktemp('models')
    export(checkpoint, folder, Defaults())
    return folder
