# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The head that ranks candidates by what SCP makes of them."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer import load_model
from training.decision_transformer_model import COST_SCALE, scaled_cost, unscaled_cost
from training.outcome_head import (
    CANDIDATE_FEATURES,
    HEAD_FILE,
    OutcomeHead,
    Outcomes,
    fair_price,
    fit_head,
    load_head,
    propose,
    write_head,
)
from training.outcomes import FIRST_INDEX, refine_scenes, stacked


@pytest.fixture(scope='module')
def model(checkpoint):
    return load_model(checkpoint)


@pytest.fixture(scope='module')
def outcomes(checkpoint):
    return Outcomes(**stacked(refine_scenes(str(checkpoint), range(FIRST_INDEX, FIRST_INDEX + 3))))


def test_the_head_learns_which_candidate_fails_and_which_is_cheap(model, outcomes):
    """Outcomes that follow from the mode alone are ranked as they are."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 3, 60)
    many = outcomes.take(rows)
    count = many.feasible.shape[1]
    order = np.arange(count)
    known = replace(
        many,
        obstacles=many.obstacles + rng.normal(0.0, 0.01, many.obstacles.shape).astype(np.float32),
        feasible=np.broadcast_to(order % 4 != 0, many.feasible.shape).copy(),
        cost=np.broadcast_to(10.0 + 5.0 * order, many.cost.shape).astype(np.float32),
    )
    head = fit_head(model, known)
    with torch.no_grad():
        features = propose(model, *known.take(np.arange(3)).tensors()).features
        expected = head.expected_return(features).reshape(3, count).numpy()
    for answer in expected:
        assert np.argmax(answer) in (1, 2)
        assert (
            np.corrcoef(answer[known.feasible[0]], -known.cost[0][known.feasible[0]])[0, 1] > 0.8
        )


def test_a_candidate_that_may_fail_promises_less():
    torch.manual_seed(0)
    head = OutcomeHead(8)
    features = torch.randn(50, 2 * 8 + CANDIDATE_FEATURES)
    with torch.no_grad():
        logit, cost = head(features)
        certain = -unscaled_cost(cost)
        expected = head.expected_return(features)
    assert (expected < certain).all()
    assert torch.isfinite(logit).all()


class Told(torch.nn.Module):
    """A head that is told the logit and the scaled cost instead of features."""

    def forward(self, features):
        return features.unbind(dim=-1)


@pytest.mark.parametrize('failing, careful', [(0.0, False), (0.5, True)])
def test_the_price_is_what_failures_turn_out_to_cost(failing, careful):
    """Cheap candidates of which half may fail, beside sure ones that are somewhat dearer."""
    problems, cheap, dear = 40, 10.0, 15.0
    feasible = np.ones((problems, 2), bool)
    feasible[: int(failing * problems), 0] = False
    cost = np.tile(np.float32([cheap, dear]), (problems, 1))
    nothing = [np.zeros((problems, 1), np.float32)] * 4
    outcomes = Outcomes(*nothing, feasible=feasible, cost=cost)
    logits = torch.tensor([0.0, 20.0]).expand(problems, -1)
    features = torch.stack([logits, scaled_cost(torch.from_numpy(cost))], dim=-1)
    price = fair_price(Told(), features, outcomes, np.arange(problems))
    risk = price * torch.sigmoid(-logits[0]) / COST_SCALE
    first = int((features[0, :, 1] + risk).argmin())
    assert first == int(careful)


def test_too_few_outcomes_are_refused(model, outcomes):
    with pytest.raises(ValueError, match='expected 10'):
        fit_head(model, outcomes)


def test_a_head_of_another_model_is_refused(tmp_path, model):
    path = tmp_path / HEAD_FILE
    write_head(path, OutcomeHead(model.sizes.width + 8))
    with pytest.raises(ValueError, match='no outcome head for this model'):
        load_head(path, model)
    with pytest.raises(ValueError, match='missing'):
        load_head(tmp_path / 'none.pt', model)


def test_arrays_of_outcomes_keep_together(outcomes):
    part = outcomes.take(np.array([2, 0]))
    assert isinstance(part, Outcomes)
    assert np.array_equal(part.cost[1], outcomes.cost[0])
