# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The plain rule's numbers; what it does is said by the tests of who drives by it."""

from dataclasses import replace

import pytest

from warmstart_planner.driver_model.plain_rule import PlainSettings


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r'settings.time_gap is 0.0'):
        replace(PlainSettings(), time_gap=0.0)
