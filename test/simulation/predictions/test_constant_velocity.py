# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Constant velocity and turn rate: exact on arcs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.simulation.predictions import all_seen, constant_velocity

rates = st.floats(-0.5, 0.5)


@given(st.floats(0.2, 25.0), rates, st.floats(-3.0, 3.0), st.integers(2, 80))
def test_on_a_constant_arc_it_is_the_truth(
    participant, on_arc, horizon, speed, turn_rate, yaw, instant
):
    other = participant(on_arc(speed, turn_rate, (3.0, -2.0, yaw)))
    t = 0.1 * instant
    (found,) = constant_velocity(all_seen([other], t), horizon)
    np.testing.assert_allclose(found.poses, other.poses_over(t + horizon.times), atol=1e-6)


def test_it_goes_backwards_where_the_past_did(participant, on_arc, horizon):
    other = participant(on_arc(3.0, 0.0, slip=np.pi))
    (found,) = constant_velocity(all_seen([other], 2.0), horizon)
    np.testing.assert_allclose(found.poses[-1], [-6.0 - 18.0, 0.0, 0.0], atol=1e-6)


@given(rates)
def test_a_pedestrian_who_turns_goes_straight_on(participant, on_arc, horizon, turn_rate):
    walker = participant(on_arc(1.4, turn_rate), kind='pedestrian')
    (found,) = constant_velocity(all_seen([walker], 2.0), horizon)
    steps = np.diff(found.poses, axis=0)
    np.testing.assert_allclose(steps, np.repeat(steps[:1], 60, axis=0), atol=1e-9)
    assert np.hypot(*steps[0, :2]) == pytest.approx(0.14)
