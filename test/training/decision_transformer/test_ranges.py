# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The box that a model is known to be of use in."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

from random_problems import random_problem

from training.decision_transformer.outcome_head import Contexts
from training.decision_transformer.ranges import joined, range_of
from warmstart_planner.learned.context import context_of
from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, SCALAR_FIELDS
from warmstart_planner.problem import Horizon
from warmstart_planner.transcription import Margins, transcribe

BOXES = ('state', 'road', 'obstacles')


def contexts_of(seeds):
    seen = [
        context_of(transcribe(random_problem('medium', seed, Horizon()), Margins()))
        for seed in seeds
    ]
    names = ('state', 'road', 'obstacles', 'present')
    return Contexts(**{name: np.stack([getattr(each, name) for each in seen]) for name in names})


@pytest.fixture(scope='module')
def contexts():
    return contexts_of(range(50_000, 50_006))


def along_road(values, name):
    """Return a field of the road at all anchors."""
    anchors = values[..., len(SCALAR_FIELDS) :].reshape(*values.shape[:-1], ANCHORS, -1)
    return anchors[..., ANCHOR_FIELDS.index(name)]


def test_what_was_seen_is_inside_and_so_is_its_mirror_image(contexts):
    box = range_of(contexts)
    assert box.state.holds(contexts.state)
    assert box.road.holds(contexts.road)
    assert box.obstacles.holds(contexts.obstacles[contexts.present])
    bend = along_road(box.road.low, 'curvature')
    assert np.array_equal(bend, -along_road(box.road.high, 'curvature'))
    assert np.array_equal(along_road(box.road.high, 'left'), along_road(box.road.high, 'right'))


def test_a_bend_that_was_seen_somewhere_ahead_is_known_everywhere_ahead(contexts):
    box = range_of(contexts)
    for name in ('curvature', 'left', 'left_slope', 'speed', 'speed_slope'):
        low, high = (along_road(each, name) for each in (box.road.low, box.road.high))
        assert np.ptp(low) == np.ptp(high) == 0.0
        seen = along_road(contexts.road, name)
        assert low[0] <= seen.min() < seen.max() <= high[0]


def test_places_along_the_road_keep_ranges_of_their_own(contexts):
    high = along_road(range_of(contexts).road.high, 'station')
    assert (np.diff(high) > 0.0).all()


def test_a_joined_box_holds_both(contexts):
    other = replace(contexts, state=contexts.state + np.float32(3.0))
    both = joined(range_of(contexts), range_of(other))
    for part in (contexts, other):
        assert both.state.holds(part.state)
    for name in BOXES:
        one, whole = getattr(range_of(contexts), name), getattr(both, name)
        assert (whole.low <= one.low).all()
        assert (whole.high >= one.high).all()
