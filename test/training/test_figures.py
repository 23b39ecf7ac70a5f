# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Figures that several experiments share, on cases that can be counted by hand."""

import numpy as np
import pytest

from training.figures import auroc, excess_share, gap_figures, relative_gap


def test_the_gap_is_the_excess_as_a_share_of_the_best_known():
    np.testing.assert_allclose(relative_gap([12.0, 10.0], [10.0, 10.0]), [0.2, 0.0])


def test_what_is_infeasible_or_solved_by_nobody_has_an_infinite_gap():
    assert np.isinf(relative_gap([np.inf, np.inf], [10.0, np.inf])).all()


def test_a_problem_without_anything_to_do_has_no_gap_of_thousands():
    assert relative_gap([3e-4], [1e-10])[0] < 0.01


def test_the_excess_share_is_bounded_and_a_failure_is_all_excess():
    np.testing.assert_allclose(excess_share(np.array([0.0, 1.0, 3.0, np.inf])), [0, 0.5, 0.75, 1])


def test_failures_count_as_infeasible_and_dear_but_not_in_the_mean_gap():
    figures = gap_figures(np.array([0.0, 0.04, 0.5, np.inf]))
    assert figures['feasible_rate'] == 0.75
    assert figures['cost_gap_mean'] == pytest.approx(0.18)
    assert figures['share_infeasible_or_5_percent_above'] == 0.5


def test_without_any_feasible_answer_there_is_no_mean_gap():
    assert np.isnan(gap_figures(np.array([np.inf]))['cost_gap_mean'])


@pytest.mark.parametrize(
    ('negative', 'positive', 'area'),
    [
        ([1, 2, 3], [4, 5], 1.0),
        ([4, 5], [1, 2, 3], 0.0),
        ([1, 3], [2], 0.5),
        ([1, 1, 1], [1, 1], 0.5),  # equal scores tell nothing
        ([1, 2], [2, 3], 0.875),  # of four pairs three are right and one is equal
        ([1.0], [np.inf], 1.0),
    ],
)
def test_auroc_is_the_share_of_pairs_in_the_right_order(negative, positive, area):
    assert auroc(negative, positive) == pytest.approx(area)


def test_auroc_does_not_depend_on_the_scale_of_the_scores():
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, 50), rng.normal(1, 1, 70)
    pairs = np.mean([[h > score for score in low] for h in high])
    assert auroc(low, high) == pytest.approx(pairs)
    assert auroc(np.exp(low), np.exp(high)) == pytest.approx(pairs)


@pytest.mark.parametrize('bad', [[], [np.nan, 1.0]])
def test_auroc_refuses_what_has_no_order(bad):
    with pytest.raises(ValueError, match='positive has'):
        auroc([1.0], bad)
    with pytest.raises(ValueError, match='negative has'):
        auroc(bad, [1.0])
