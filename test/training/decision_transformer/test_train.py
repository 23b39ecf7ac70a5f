# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The training of the Decision Transformer: that it can be trusted."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.dataset.reading import read_problems
from training.decision_transformer.train import (
    DEAREST,
    SMOKE,
    Configuration,
    EpochBatches,
    Place,
    Training,
    learning_rate,
    load_model,
    main,
    make_batch,
    mirrored,
    read_checkpoint,
)

ROOT = Path(__file__).resolve().parents[3]


# --- data ---


def test_the_best_answer_always_comes_first_and_is_a_way(batch):
    assert batch.is_way[:, 0].all()
    assert (batch.constraint[:, 0] == 0).all()


def test_a_mirror_image_of_a_mirror_image_is_the_original(batch):
    every = torch.ones(len(batch.state), dtype=torch.bool)
    twice = mirrored(mirrored(batch, every), every)
    for name in ('state', 'road', 'obstacles', 'states', 'controls'):
        assert torch.equal(getattr(twice, name), getattr(batch, name)), name


def test_a_mirrored_problem_is_the_transcription_of_the_mirrored_scene(mirror_problem, dataset):
    from warmstart_planner.learned.context import context_of
    from warmstart_planner.scenarios.generator import random_problem
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
        is_told=some.is_told[:1],
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


# --- configuration ---


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('width', 33),
        ('batch', 0),
        ('learning_rate', -1.0),
        ('answers', 1),
        ('epochs', 0),
        ('allowed_share', 1.5),
        ('dearer_share', -0.1),
        ('dearer_share', 1.5),
        ('dearer_share', float('nan')),
    ],
)
def test_a_configuration_that_cannot_be_trained_is_refused(field, value):
    with pytest.raises(ValueError, match=field):
        replace(Configuration(), **{field: value})


# --- training ---


def test_a_training_that_was_interrupted_ends_like_one_that_was_not(smoke, tmp_path):
    whole = replace(smoke, out=str(tmp_path / 'whole'), epochs=3, patience=9)
    parts = replace(whole, out=str(tmp_path / 'parts'))
    Training(whole, Place()).run()
    first = Training(parts, Place())
    _run_epochs(first, 1)
    second = Training(parts, Place())
    assert second.epoch == 1
    second.run()
    ends = [torch.load(Path(c.out) / 'checkpoint.pt', weights_only=True) for c in (whole, parts)]
    assert ends[0]['epoch'] == ends[1]['epoch'] == 3
    for name, value in ends[0]['model'].items():
        assert torch.equal(value, ends[1]['model'][name]), name
    rows = (tmp_path / 'parts' / 'log.csv').read_text().splitlines()
    assert len(rows) == 4
    assert list((tmp_path / 'parts' / 'tensorboard').iterdir())


def _run_epochs(training, count):
    """Train for some epochs, then stop as a killed process would: after its checkpoint."""
    import time

    for _ in range(count):
        parts = training._one_epoch(time.monotonic())
        training.epoch += 1
        training._keep(parts, training._validate())


def test_an_epoch_takes_every_problem_as_often_as_it_passes_over_them(smoke, problems):
    configuration = replace(smoke, batch=1, passes=3)
    batches = EpochBatches(problems, configuration, 0, Place())
    rows = np.concatenate(batches.rows)
    assert len(batches) == 3 * len(problems)
    assert np.all(np.bincount(rows) == 3)


def test_processes_share_each_batch(smoke, problems):
    whole, *shares = (
        EpochBatches(problems, replace(smoke, batch=4), 5, place)
        for place in (Place(), Place(0, 2), Place(1, 2))
    )
    for row, (all_rows, first, second) in enumerate(
        zip(whole.rows, shares[0].rows, shares[1].rows, strict=True)
    ):
        assert sorted([*first, *second]) == sorted(all_rows), row


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_a_gpu_learns_as_the_processor_does(smoke, tmp_path):
    ends = []
    for device in ('cpu', 'cuda'):
        configuration = replace(smoke, device=device, epochs=6, out=str(tmp_path / device))
        training = Training(configuration, Place())
        training.run()
        ends.append(training.best)
    assert ends[1] == pytest.approx(ends[0], rel=0.05)


def test_two_processes_train_together(smoke, tmp_path):
    """A run of torchrun, as README says."""
    out = tmp_path / 'pair'
    command = [
        *(sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2'),
        *('-m', 'training.decision_transformer.train', '--smoke', '--batch', '4', '--epochs', '2'),
        *('--dataset', smoke.dataset, '--out', str(out)),
    ]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('epoch   2') == 1
    assert read_checkpoint(out / 'best.pt')['epoch'] in (1, 2)


def test_training_stops_when_validation_gets_no_better(smoke, tmp_path):
    configuration = replace(
        smoke, out=str(tmp_path / 'stale'), epochs=50, patience=2, learning_rate=1e-9
    )
    training = Training(configuration, Place())
    training.best, training.best_epoch = 0.0, 0
    training.run()
    assert training.epoch == 2


def test_the_learning_rate_rises_then_falls(smoke):
    rates = [learning_rate(progress, smoke) for progress in np.linspace(0, 1, 200)]
    peak = int(np.argmax(rates))
    assert (np.diff(rates[:peak]) > 0).all()
    assert (np.diff(rates[peak:]) <= 0).all()
    assert max(rates) <= smoke.learning_rate


# --- what can be wrong with files ---


def test_a_checkpoint_of_another_configuration_is_not_gone_on_with(smoke, checkpoint, capsys):
    arguments = ['--smoke', '--batch', '3', '--dataset', smoke.dataset, '--out', smoke.out]
    assert main(arguments) == 2
    assert 'batch' in capsys.readouterr().err


def test_a_device_that_is_not_there_is_refused(smoke, tmp_path):
    configuration = replace(smoke, device='cuda:77', out=str(tmp_path / 'nowhere'))
    with pytest.raises(ValueError, match="device is 'cuda:77': expected one to compute on"):
        Training(configuration, Place())


def test_a_checkpoint_from_a_gpu_is_gone_on_with_here(smoke, tmp_path):
    configuration = replace(smoke, out=str(tmp_path / 'moved'), epochs=2)
    _run_epochs(Training(configuration, Place()), 1)
    path = tmp_path / 'moved' / 'checkpoint.pt'
    content = read_checkpoint(path)
    for group in content['optimiser']['param_groups']:
        group['capturable'] = True
    torch.save(content, path)
    assert np.isfinite(Training(configuration, Place()).run())


@pytest.mark.parametrize('content', [b'', b'not a checkpoint'])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / 'best.pt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        read_checkpoint(path)


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path):
    path = tmp_path / 'best.pt'
    torch.save({'version': 1, 'model': ROOT}, path)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        load_model(path)


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    path = tmp_path / 'best.pt'
    torch.save({'version': 99}, path)
    with pytest.raises(ValueError, match='version is 99'):
        read_checkpoint(path)


def test_a_missing_checkpoint_and_a_missing_dataset_say_so(tmp_path, capsys):
    with pytest.raises(ValueError, match='is missing'):
        read_checkpoint(tmp_path / 'best.pt')
    assert main(['--dataset', str(tmp_path / 'none'), '--out', str(tmp_path / 'o')]) == 2
    assert 'card.json is missing' in capsys.readouterr().err
