# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The head that tells what SCP makes of candidates."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.loading import load_model
from training.decision_transformer.network.transformer import (
    DecisionTransformer,
    ModelSizes,
    scaled_cost,
)
from training.decision_transformer.outcome_head import (
    CHEAPEST,
    HEAD_FILE,
    SUREST,
    OutcomeHead,
    Outcomes,
    fit_head,
    load_head,
    propose,
    refinement_order,
    regret,
    shares_in_turn,
    write_head,
)
from training.decision_transformer.outcomes import FIRST_INDEX, refine_scenes, stacked
from warmstart_planner.learned.transformer.architecture import (
    CANDIDATE_FEATURES,
    CAUTION,
    CAUTIOUS,
    MERIT,
)
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import load_vehicle


@pytest.fixture(scope='module')
def model(checkpoint):
    return load_model(checkpoint)


@pytest.fixture(scope='module')
def outcomes(checkpoint):
    return Outcomes(**stacked(refine_scenes(str(checkpoint), range(FIRST_INDEX, FIRST_INDEX + 3))))


def test_the_head_learns_which_candidate_fails_and_which_is_cheap(model, outcomes):
    """Outcomes that follow from the mode alone are ranked as they are."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 3, 150)
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
        reported = [each.reshape(3, count).numpy() for each in head.predict(features)]
    works = known.feasible[0]
    for returns, failure in zip(*reported, strict=True):
        assert failure[~works].min() > failure[works].max()
        assert refinement_order(-returns, failure)[0] in (1, 2)
        assert np.corrcoef(returns[works], -known.cost[0][works])[0, 1] > 0.8


def test_what_is_told_is_a_return_and_a_probability():
    torch.manual_seed(0)
    head = OutcomeHead(8)
    features = torch.randn(50, 2 * 8 + CANDIDATE_FEATURES)
    with torch.no_grad():
        logit, cost = head(features)
        returns, failure = head.predict(features)
    np.testing.assert_allclose(scaled_cost(-returns), cost, atol=1e-5)
    assert ((failure > 0.0) & (failure <= 1.0)).all()
    assert (failure >= torch.sigmoid(-logit)).all()


def test_what_has_to_be_put_right_makes_a_failure_more_probable_and_never_less():
    worse = torch.linspace(-1.0, 30.0, 40)
    features = torch.zeros(len(worse), CANDIDATE_FEATURES)
    features[:, 0], features[:, 1] = 3.0, 0.5  # logit and scaled cost
    features[:, MERIT] = 0.5 + worse
    returns, failure = KnownHead().predict(features)
    assert (returns == returns[0]).all()
    none = worse <= 0.0
    torch.testing.assert_close(failure[none], torch.sigmoid(torch.tensor(-3.0)).expand(none.sum()))
    assert (failure[~none].diff() >= 0.0).all()
    assert failure[~none][0] > failure[0]
    assert failure.max() <= 1.0


class KnownHead(OutcomeHead):
    """A head whose first two features are the logit and the scaled cost themselves."""

    def __init__(self):
        super().__init__(1)

    def forward(self, features):
        return features[..., 0], features[..., 1]


def test_of_two_the_sure_one_is_first_and_a_failure_counts_twice():
    """A sure candidate of cost 15 beside one that costs 10 in three problems of four."""
    problems = 40
    feasible = np.ones((problems, 2), bool)
    feasible[::4, 0] = False
    cost = np.tile(np.float32([10.0, 15.0]), (problems, 1))
    nothing = [np.zeros((problems, 1), np.float32)] * 4
    outcomes = Outcomes(*nothing, feasible=feasible, cost=cost)
    rows = np.arange(problems)

    def reported(*logits):
        features = torch.zeros(problems, 2, CANDIDATE_FEATURES)
        features[..., 0] = torch.tensor(logits)
        features[..., 1] = features[..., MERIT] = scaled_cost(torch.from_numpy(cost))
        return features

    honest, careless = reported(1.0, 20.0), reported(20.0, 20.0)
    shares = shares_in_turn(KnownHead(), honest, outcomes, rows)
    np.testing.assert_allclose(shares.mean(axis=0), [0.75 / 3, 0.0], atol=1e-6)
    shares = shares_in_turn(KnownHead(), careless, outcomes, rows)
    np.testing.assert_allclose(shares.mean(axis=0), [0.25, 0.0], atol=1e-6)
    # the same excess, but failures in it
    assert regret(KnownHead(), honest, outcomes, rows) < regret(
        KnownHead(), careless, outcomes, rows
    )


@pytest.mark.parametrize(('candidates', 'cautious'), [(4, 0), (CAUTIOUS, 1), (2 * CAUTIOUS, 2)])
def test_the_first_modes_are_cautious_and_a_wish_takes_that_back(outcomes, candidates, cautious):
    """Cautious ones go elsewhere than where all want their best; all others do not."""
    torch.manual_seed(3)
    sizes = ModelSizes(width=16, heads=2, candidates=candidates)
    model = DecisionTransformer(sizes, load_vehicle(), Horizon()).eval()
    problem = outcomes.take(np.array([0])).tensors()
    wish = torch.zeros(candidates)
    wish[:cautious] = CAUTION
    with torch.no_grad():
        model.mode_out[-1].bias[-1] += 5.0  # costs that a wish does not bring below 0
        reported = propose(model, *problem)
        to_go = torch.stack([reported.modes.cost.flatten(), torch.zeros(candidates)], dim=1)
        best = model.drive(
            reported.context,
            reported.mask,
            problem[0],
            reported.frame,
            reported.modes.hidden,
            to_go,
        ).states
        wished = propose(model, *problem, relative_return=wish).drive.states
    torch.testing.assert_close(wished, best)
    moved = (reported.drive.states - best).abs().amax(dim=(1, 2)) > 1e-4
    assert moved.tolist() == [True] * cautious + [False] * (candidates - cautious)


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


def test_the_surest_and_the_cheapest_take_turns():
    cost, failure = [10.0, 12.0, 9.0, 40.0], [0.05, 0.0, 0.5, 0.0]
    assert refinement_order(cost, failure) == [1, 0, 3, 2]
    assert refinement_order(cost, [0.0] * 4) == [2, 0, 1, 3]  # nothing fails: the cheap ones
    assert refinement_order([10.0] * 4, failure) == [1, 3, 0, 2]  # equally cheap: the sure ones
    assert refinement_order([], []) == []


@given(
    st.lists(
        st.tuples(st.floats(0.1, 1e4), st.floats(0.0, 1.0)), min_size=2, max_size=16, unique=True
    )
)
def test_an_order_holds_each_way_once_and_the_best_by_both_prices_are_among_the_first_two(ways):
    cost, failure = np.array(ways).T
    order = refinement_order(cost, failure)
    assert sorted(order) == list(range(len(ways)))
    for price in (SUREST, CHEAPEST):
        priced = cost * np.exp(price * failure)
        assert priced[order[:2]].min() == priced.min()
