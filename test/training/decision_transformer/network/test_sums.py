# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sums of named columns are what they say."""

import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.network.sums import ONE, Sums

COLUMNS = torch.tensor([[1.0, 10.0], [2.0, 20.0]])


def test_each_sum_adds_its_columns_times_their_factors():
    sums = Sums(('a', 'b'), ('b', {'a': 2.0, 'b': -1.0}, {}))
    assert sums(COLUMNS).tolist() == [[10.0, -8.0, 0.0], [20.0, -16.0, 0.0]]


def test_a_sum_may_have_a_constant():
    sums = Sums(('a', 'b'), ({'a': 1.0, ONE: 0.5}, ONE))
    assert sums(COLUMNS).tolist() == [[1.5, 1.0], [2.5, 1.0]]


def test_they_are_as_exact_as_the_columns():
    third = Sums(('a',), ({'a': 1 / 3},))
    assert float(third(torch.ones(1, 1, dtype=torch.float64))) == 1 / 3
    assert third(torch.ones(1, 1)).dtype is torch.float32


@pytest.mark.parametrize('sums', [('c',), ({'a': 1.0, 'c': 1.0},)])
def test_a_sum_of_unknown_columns_is_refused(sums):
    with pytest.raises(ValueError, match=r"c.*expected columns of \['a', 'b'\]"):
        Sums(('a', 'b'), sums)


def test_names_that_are_not_unique_are_refused():
    with pytest.raises(ValueError, match='expected columns of'):
        Sums(('a', 'a'), ('a',))
