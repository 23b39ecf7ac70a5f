# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of policies: what is none is refused."""

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.iql_lstm.trained import load_trained


@pytest.mark.parametrize('content', [b'', b'not a checkpoint'])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / 'best.pt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        load_trained(path)


def test_a_checkpoint_with_code_in_it_or_of_something_else_is_refused(tmp_path):
    path = tmp_path / 'best.pt'
    torch.save({'version': 2, 'kind': 'iql_lstm', 'actor': tmp_path}, path)
    with pytest.raises(ValueError, match='no readable checkpoint'):
        load_trained(path)
    torch.save({'version': 99, 'kind': 'iql_lstm'}, path)
    with pytest.raises(ValueError, match='99'):
        load_trained(path)
    torch.save({'version': 2, 'kind': 'iql_lstm'}, path)
    with pytest.raises(ValueError, match='holds no actor'):
        load_trained(path)
