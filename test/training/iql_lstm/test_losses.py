# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What implicit Q-learning minimises: expectiles, returns along the data, weights of actions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.iql_lstm.losses import (
    EXTRACTIONS,
    Judged,
    advantage_weights,
    expectile_loss,
    robust_spread,
    temporal_target,
)
from training.iql_lstm.settings import Configuration


def expectile_of(values, share):
    estimate = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([estimate], max_iter=50)

    def closure():
        optimiser.zero_grad()
        loss = expectile_loss(values - estimate, share).mean()
        loss.backward()
        return loss

    for _ in range(5):
        optimiser.step(closure)
    return float(estimate.detach())


def test_expectile_regression_finds_expectiles():
    values = torch.from_numpy(np.random.default_rng(0).exponential(2.0, 2000)).float()
    found = [expectile_of(values, share) for share in (0.1, 0.5, 0.7, 0.9, 0.99)]
    assert found[1] == pytest.approx(float(values.mean()), rel=1e-3)
    assert (np.diff(found) > 0).all()
    assert found[-1] < float(values.max())
    for share, value in zip((0.1, 0.5, 0.7, 0.9, 0.99), found, strict=True):
        # its definition: shares of what lies above and below are in balance
        above, below = torch.relu(values - value).mean(), torch.relu(value - values).mean()
        assert float(share * above) == pytest.approx(float((1 - share) * below), rel=1e-2)


def test_only_the_end_of_a_task_takes_the_next_value_away():
    target = temporal_target(
        torch.tensor([[1.0, 1.0]]),
        torch.tensor([[5.0, 5.0]]),
        torch.tensor([[False, True]]),
        torch.tensor([[False, True]]),
        discount=0.9,
        trace=0.0,
    )
    assert target.tolist() == [[5.5, 1.0]]


@given(st.floats(0.0, 1.0), st.integers(0, 5), st.booleans())
def test_a_trace_is_between_what_is_expected_next_and_what_came_of_it(trace, last, terminal):
    """Beyond an episode's last step nothing of what lies in memory may be seen."""
    rng = np.random.default_rng(3)
    rewards, values = (torch.from_numpy(rng.normal(size=(1, 6))) for _ in range(2))
    lasts = torch.arange(6)[None] == last
    ends = lasts & terminal
    found = temporal_target(rewards, values, ends, lasts, 0.9, trace)[0]
    after = [
        0.0 if end else value
        for end, value in zip(ends[0].tolist(), values[0].tolist(), strict=True)
    ]
    wanted = rewards[0, last].item() + 0.9 * after[last]
    assert found[last].item() == pytest.approx(wanted)
    for step in reversed(range(last)):
        later = (1.0 - trace) * after[step] + trace * wanted
        wanted = rewards[0, step].item() + 0.9 * later
        assert found[step].item() == pytest.approx(wanted)


def test_a_few_failures_do_not_set_the_scale():
    values = torch.from_numpy(np.random.default_rng(0).normal(-3.0, 2.0, 5000)).float()
    assert float(robust_spread(values)) == pytest.approx(2.0, rel=0.05)
    failures = values.clone()
    failures[::20] = -1e4
    assert float(robust_spread(failures)) == pytest.approx(2.0, rel=0.2)
    # where most are equal, the others do
    assert float(robust_spread(torch.tensor([0.0] * 9 + [10.0]))) == pytest.approx(3.0)
    for equal in (torch.zeros(5), torch.full((5,), 0.1).cumsum(0) / torch.arange(1, 6)):
        assert float(robust_spread(equal)) == 1.0


def test_advantage_weights_grow_up_to_their_limit():
    advantage = torch.linspace(-50.0, 50.0, 101)
    weights = advantage_weights(advantage, Configuration(weight_limit=100.0))
    assert (weights[1:] >= weights[:-1]).all()
    assert float(weights.max()) == pytest.approx(100.0)
    assert float(weights[50]) == 1.0
    assert torch.isfinite(weights).all()


def test_extractions_differ_in_whom_they_ask():
    likelihood = torch.tensor([[-1.0, -2.0]])
    value = torch.tensor([[3.0, 5.0]], requires_grad=True)
    advantage, realised = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    judged = Judged(likelihood, advantage, realised, lambda: value)
    configuration = Configuration(temperature=3.0, weight_limit=100.0)
    loss = {
        name: each.loss(judged, each.weights(judged, configuration), configuration)
        for name, each in EXTRACTIONS.items()
    }
    much = np.exp(3.0)
    assert loss['bc'].tolist() == [[1.0, 2.0]]
    assert loss['awr'].tolist() == [[pytest.approx(much, rel=1e-4), 2.0]]
    assert loss['awr_returns'].tolist() == [[1.0, pytest.approx(2.0 * much, rel=1e-4)]]
    (slope,) = torch.autograd.grad(loss['ddpg_bc'].sum(), value)
    assert (slope < 0).all()
    assert not loss['awr'].requires_grad
