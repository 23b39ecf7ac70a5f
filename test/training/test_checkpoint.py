# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept of a training, and read again."""

from dataclasses import dataclass

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.checkpoint import log_epoch, read_checkpoint, require_same, save_checkpoint


@dataclass(frozen=True)
class Configuration:
    width: int = 4
    epochs: int = 2


def test_what_is_written_is_read(tmp_path):
    path, weights = tmp_path / 'best.pt', torch.arange(3.0)
    save_checkpoint(path, {'version': 1, 'weights': weights})
    assert torch.equal(read_checkpoint(path, version=1)['weights'], weights)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_version_or_none_at_all_is_refused(tmp_path):
    path = tmp_path / 'best.pt'
    with pytest.raises(ValueError, match='best.pt is missing: expected a checkpoint'):
        read_checkpoint(path)
    save_checkpoint(path, {'version': 2})
    with pytest.raises(ValueError, match='version is 2: expected 1'):
        read_checkpoint(path, version=1)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        read_checkpoint(path, kind='policy')
    path.write_bytes(b'nonsense')
    with pytest.raises(ValueError, match='no readable checkpoint'):
        read_checkpoint(path)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    path = tmp_path / 'best.pt'
    torch.save({'version': 1, 'code': Configuration}, path)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        read_checkpoint(path)


def test_only_what_may_change_may_differ(tmp_path):
    require_same(tmp_path, Configuration(epochs=2), Configuration(epochs=9), ('epochs',))
    with pytest.raises(ValueError, match='another configuration, in width: expected the same'):
        require_same(tmp_path, Configuration(width=4), Configuration(width=8), ('epochs',))


def test_a_log_has_a_line_an_epoch_under_its_names(tmp_path):
    for epoch in (1, 2):
        log_epoch(tmp_path, epoch, 10.0 * epoch, {'loss': 1.0 / epoch})
    lines = (tmp_path / 'log.csv').read_text().splitlines()
    assert lines == ['epoch,seconds,loss', '1,10,1.00000', '2,20,0.50000']
    assert list((tmp_path / 'tensorboard').iterdir())
