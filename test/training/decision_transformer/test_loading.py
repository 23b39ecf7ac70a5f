# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: what is none is refused."""

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.loading import load_model, read_checkpoint


@pytest.mark.parametrize('content', [b'', b'not a checkpoint'])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / 'best.pt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        read_checkpoint(path)


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path):
    path = tmp_path / 'best.pt'
    torch.save({'version': 1, 'model': tmp_path}, path)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        load_model(path)


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    path = tmp_path / 'best.pt'
    torch.save({'version': 99}, path)
    with pytest.raises(ValueError, match='version is 99'):
        read_checkpoint(path)
