# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Figures that several experiments report, each defined once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

DEAR = 0.05  # excess over the best known cost from which on the start is said to decide
LEAST_COST = 0.1  # smaller costs count as this much: they differ by the solver's tolerance only


def relative_gap(cost: ArrayLike, best: ArrayLike) -> NDArray[np.float64]:
    """
    Return the excess of costs over the best known ones, as a share of those.

    Args:
        cost: of the answers, infinite where there is none that is feasible.
        best: best known cost of each problem, infinite where nobody has an answer.

    Returns:
        Of the shape of both, broadcast; infinite where the cost is.

    """
    cost, best = np.broadcast_arrays(np.asarray(cost, float), np.asarray(best, float))
    solved = np.isfinite(cost)
    gap = np.full(cost.shape, np.inf)
    gap[solved] = (cost[solved] - best[solved]) / np.maximum(best[solved], LEAST_COST)
    return gap


def excess_share(gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return the share of answers' costs that is in excess of the best known, in [0, 1].

    With a relative gap g it is g / (1 + g); infeasible answers, whose gap is infinite, have 1. So
    a mean over it holds failures and cannot be carried by a few dear answers.
    """
    with np.errstate(invalid='ignore'):
        return np.where(np.isfinite(gap), gap / (1.0 + gap), 1.0)


def gap_figures(gap: NDArray[np.float64]) -> dict[str, float]:
    """
    Return feasible rate, mean gap and share of dear answers of gaps, shape (n,).

    `cost_gap_mean` is over the feasible ones, NaN without any.
    """
    feasible = np.isfinite(gap)
    return {
        'feasible_rate': float(feasible.mean()),
        'cost_gap_mean': float(gap[feasible].mean()) if feasible.any() else np.nan,
        'share_infeasible_or_5_percent_above': float((gap > DEAR).mean()),
    }


def time_figures(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 95th and 99th percentile of times [s] in milliseconds."""
    milliseconds = 1e3 * np.asarray(seconds, float)
    return {
        'time_ms_median': float(np.median(milliseconds)),
        'time_ms_p95': float(np.percentile(milliseconds, 95)),
        'time_ms_p99': float(np.percentile(milliseconds, 99)),
    }


def iteration_figures(iterations: Sequence[int]) -> dict[str, float]:
    """Return mean and 90th percentile of numbers of iterations."""
    return {
        'iterations_mean': float(np.mean(iterations)),
        'iterations_p90': float(np.percentile(iterations, 90)),
    }


def auroc(negative: ArrayLike, positive: ArrayLike) -> float:
    """
    Return the area under the receiver operating characteristic of a score, by its rank formula.

    It is the probability that a positive has the larger score, equal ones counted half.

    Args:
        negative: scores of what should have small ones, shape (n,).
        positive: scores of what should have large ones, shape (m,).

    Raises:
        ValueError: one of them is empty or holds NaN.

    """
    low, high = (np.asarray(values, float).ravel() for values in (negative, positive))
    for name, values in (('negative', low), ('positive', high)):
        if len(values) == 0 or np.isnan(values).any():
            raise ValueError(f'{name} has {len(values)} scores or NaN: expected numbers')
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side='left')
    equal = np.searchsorted(ordered, high, side='right') - below
    return float((below + equal / 2).mean() / len(low))
