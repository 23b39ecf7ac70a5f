# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The box of inputs that a model is known to be of use in.

What is the same quantity at each anchor of the road, such as its curvature, has one range for all
of them: of two hundred ranges, each from some thousand problems, a sound problem leaves one.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from training.dataset.reading import Problems
from training.decision_transformer.batches import mirror_context
from training.decision_transformer.outcome_head import Contexts
from warmstart_planner.learned.cards.card_format import Range
from warmstart_planner.learned.cards.model_card import TrainingRange
from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, SCALAR_FIELDS

POSED = ('x', 'y', 'cos', 'sin', 'station')  # that differ from anchor to anchor


def range_of(contexts: Problems | Contexts) -> TrainingRange:
    """Return the box about contexts, and about what they are in the mirror."""
    seen = [torch.from_numpy(getattr(contexts, name)) for name in ('state', 'road', 'obstacles')]
    state, road, obstacles = (
        torch.cat(pair).numpy() for pair in zip(seen, mirror_context(*seen), strict=True)
    )
    there = np.concatenate([contexts.present, contexts.present])
    present = obstacles[there].reshape(-1, obstacles.shape[-1])
    return TrainingRange(_box(state), _pooled(_box(road)), _box(present))


def joined(one: TrainingRange, other: TrainingRange) -> TrainingRange:
    """Return the box about two boxes."""
    state, road, obstacles = (
        Range(np.minimum(a.low, b.low), np.maximum(a.high, b.high))
        for a, b in (
            (one.state, other.state),
            (one.road, other.road),
            (one.obstacles, other.obstacles),
        )
    )
    return TrainingRange(state, _pooled(road), obstacles)


def _box(values: NDArray[np.float32]) -> Range:
    return Range(values.min(axis=0).astype(float), values.max(axis=0).astype(float))


def _pooled(road: Range) -> Range:
    """Give each quantity along the road its range over all anchors."""
    low, high = road.low.copy(), road.high.copy()
    shape = (ANCHORS, len(ANCHOR_FIELDS))
    lows, highs = (each[len(SCALAR_FIELDS) :].reshape(shape) for each in (low, high))
    for place, name in enumerate(ANCHOR_FIELDS):
        if name not in POSED:
            lows[:, place], highs[:, place] = lows[:, place].min(), highs[:, place].max()
    return Range(low, high)
