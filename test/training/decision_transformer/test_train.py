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

from training.decision_transformer.batches import (
    ProcessRank,
)
from training.decision_transformer.loading import read_checkpoint
from training.decision_transformer.train import Training, learning_rate, main

ROOT = Path(__file__).resolve().parents[3]


def test_a_training_that_was_interrupted_ends_like_one_that_was_not(smoke, tmp_path):
    whole = replace(smoke, out=str(tmp_path / 'whole'), epochs=3, patience=9)
    parts = replace(whole, out=str(tmp_path / 'parts'))
    Training(whole, ProcessRank()).run()
    first = Training(parts, ProcessRank())
    _run_epochs(first, 1)
    second = Training(parts, ProcessRank())
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


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_a_gpu_learns_as_the_processor_does(smoke, tmp_path):
    ends = []
    for device in ('cpu', 'cuda'):
        configuration = replace(smoke, device=device, epochs=6, out=str(tmp_path / device))
        training = Training(configuration, ProcessRank())
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
    training = Training(configuration, ProcessRank())
    training.best, training.best_epoch = 0.0, 0
    training.run()
    assert training.epoch == 2


def test_the_learning_rate_rises_then_falls(smoke):
    rates = [learning_rate(progress, smoke) for progress in np.linspace(0, 1, 200)]
    peak = int(np.argmax(rates))
    assert (np.diff(rates[:peak]) > 0).all()
    assert (np.diff(rates[peak:]) <= 0).all()
    assert max(rates) <= smoke.learning_rate


def test_a_checkpoint_of_another_configuration_is_not_gone_on_with(smoke, checkpoint, capsys):
    arguments = ['--smoke', '--batch', '3', '--dataset', smoke.dataset, '--out', smoke.out]
    assert main(arguments) == 2
    assert 'batch' in capsys.readouterr().err


def test_a_device_that_is_not_there_is_refused(smoke, tmp_path):
    configuration = replace(smoke, device='cuda:77', out=str(tmp_path / 'nowhere'))
    with pytest.raises(ValueError, match="device is 'cuda:77': expected one to compute on"):
        Training(configuration, ProcessRank())


def test_a_checkpoint_from_a_gpu_is_gone_on_with_here(smoke, tmp_path):
    configuration = replace(smoke, out=str(tmp_path / 'moved'), epochs=2)
    _run_epochs(Training(configuration, ProcessRank()), 1)
    path = tmp_path / 'moved' / 'checkpoint.pt'
    content = read_checkpoint(path)
    for group in content['optimiser']['param_groups']:
        group['capturable'] = True
    torch.save(content, path)
    assert np.isfinite(Training(configuration, ProcessRank()).run())


def test_a_missing_checkpoint_and_a_missing_dataset_say_so(tmp_path, capsys):
    with pytest.raises(ValueError, match='is missing'):
        read_checkpoint(tmp_path / 'best.pt')
    assert main(['--dataset', str(tmp_path / 'none'), '--out', str(tmp_path / 'o')]) == 2
    assert 'card.json is missing' in capsys.readouterr().err
