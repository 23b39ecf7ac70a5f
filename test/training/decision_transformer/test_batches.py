# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Batches: what is in them, and that mirrored problems are problems."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.dataset.reading import read_problems
from training.decision_transformer.batches import (
    DEAREST,
    EpochBatches,
    ProcessRank,
    make_batch,
    mirrored,
)
from training.decision_transformer.settings import SMOKE


def test_the_best_answer_always_comes_first_and_is_a_way(batch):
    assert batch.is_way[:, 0].all()
    assert (batch.constraint[:, 0] == 0).all()


def test_a_mirror_image_of_a_mirror_image_is_the_original(batch):
    every = torch.ones(len(batch.state), dtype=torch.bool)
    twice = mirrored(mirrored(batch, every), every)
    for name in ('state', 'road', 'obstacles', 'states', 'controls'):
        assert torch.equal(getattr(twice, name), getattr(batch, name)), name


def test_a_mirrored_problem_is_the_transcription_of_the_mirrored_scene(mirror_problem, dataset):
    from random_problems import random_problem

    from warmstart_planner.learned.context import context_of
    from warmstart_planner.transcription import Margins, transcribe

    problem = random_problem('medium', 1)
    plain, mirror = (
        context_of(transcribe(each, Margins())) for each in (problem, mirror_problem(problem))
    )
    some = make_batch(read_problems([dataset], validation=True), SMOKE, np.random.default_rng(0))
    batch = replace(
        some,
        state=torch.from_numpy(plain.state)[None],
        road=torch.from_numpy(plain.road)[None],
        obstacles=torch.from_numpy(plain.obstacles)[None],
        is_conditioned=some.is_conditioned[:1],
        states=some.states[:1],
        controls=some.controls[:1],
    )
    found = mirrored(batch, torch.tensor([True]))
    assert np.allclose(found.state[0], mirror.state, atol=1e-4)
    assert np.allclose(found.road[0], mirror.road, atol=1e-3)
    assert np.allclose(found.obstacles[0], mirror.obstacles, atol=1e-3)


def test_free_problems_are_variations_that_a_car_can_be_in(batch, free_batch):
    assert torch.equal(free_batch.road, batch.road)
    assert (free_batch.state[:, 3] >= 0.0).all()
    assert not torch.equal(free_batch.obstacles, batch.obstacles)
    assert not (free_batch.present & ~batch.present).any()
    assert (free_batch.allowed >= 0.0).all()
    assert (free_batch.allowed == 0.0).any()
    assert (free_batch.conceded >= 0.0).all() and (free_batch.conceded <= DEAREST).all()
    assert 0.0 < (free_batch.conceded > 0.0).float().mean() < 1.0
    for modes in free_batch.modes.tolist():
        assert len(set(modes)) == SMOKE.free_modes


def test_an_epoch_takes_every_problem_as_often_as_it_passes_over_them(smoke, problems):
    configuration = replace(smoke, batch=1, passes=3)
    batches = EpochBatches(problems, configuration, 0, ProcessRank())
    rows = np.concatenate(batches.rows)
    assert len(batches) == 3 * len(problems)
    assert np.all(np.bincount(rows) == 3)


def test_processes_share_each_batch(smoke, problems):
    whole, *shares = (
        EpochBatches(problems, replace(smoke, batch=4), 5, process)
        for process in (ProcessRank(), ProcessRank(0, 2), ProcessRank(1, 2))
    )
    for row, (all_rows, first, second) in enumerate(
        zip(whole.rows, shares[0].rows, shares[1].rows, strict=True)
    ):
        assert sorted([*first, *second]) == sorted(all_rows), row
