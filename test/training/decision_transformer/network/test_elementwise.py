# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Formulas of numpy's functions give the same numbers on tensors, and gradients besides."""

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.network.elementwise import Elementwise, columns


def formula(a, b):
    return 2.0 * np.sqrt(a * a + 1.0) - np.cos(b) / (np.float64(3.0) + a) + (-b) ** 2 * np.tan(a)


def test_a_formula_gives_the_numbers_that_it_gives_on_arrays():
    a, b = np.random.default_rng(0).uniform(0.1, 1.0, (2, 7))
    found = formula(*(Elementwise(torch.tensor(each)) for each in (a, b)))
    np.testing.assert_allclose(found.tensor.numpy(), formula(a, b), rtol=1e-12)


def test_gradients_go_through():
    a = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([0.2, 0.1], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *values: formula(*map(Elementwise, values)).tensor, (a, b)
    )


def test_the_last_axis_becomes_a_list():
    states = torch.rand(2, 3, 5)
    found = columns(states)
    assert len(found) == 5
    assert torch.equal(found[3].tensor, states[..., 3])


def test_a_function_that_torch_is_not_asked_for_is_refused():
    with pytest.raises(TypeError):
        np.arctan2(Elementwise(torch.ones(2)), 1.0)
