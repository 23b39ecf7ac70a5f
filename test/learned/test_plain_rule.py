# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The plain rule's numbers; what it does is said by the tests of who drives by it."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.learned.plain_rule import HABIT_RANGE, PlainSettings


def test_other_drivers_gains_and_distances_are_within_a_factor_of_its_own():
    own = np.array(list(vars(PlainSettings()).values()))
    rng = np.random.default_rng(1)
    ratios = [np.array(list(vars(PlainSettings().varied(rng)).values())) / own for _ in range(50)]
    assert np.min(ratios) >= 1.0 / HABIT_RANGE
    assert np.max(ratios) <= HABIT_RANGE
    assert np.std(ratios, axis=0).min() > 0.2


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r'settings.time_gap is 0.0'):
        replace(PlainSettings(), time_gap=0.0)
