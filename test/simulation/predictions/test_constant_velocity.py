# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Constant velocity: exact where it is, and what is not constant fades."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.simulation.predictions import all_observed, constant_velocity
from warmstart_planner.simulation.predictions.constant_velocity import FADING

rates = st.floats(-0.5, 0.5)


@given(st.floats(0.2, 25.0), st.floats(-3.0, 3.0), st.integers(2, 80))
def test_what_keeps_its_velocity_is_where_it_is_said_to_be(
    participant, on_arc, horizon, speed, yaw, instant
):
    other = participant(on_arc(speed, 0.0, (3.0, -2.0, yaw)))
    t = 0.1 * instant
    (found,) = constant_velocity(all_observed([other], t), horizon)
    np.testing.assert_allclose(found.poses, other.poses_over(t + horizon.times), atol=1e-6)


@given(st.floats(1.0, 25.0), rates)
def test_a_turn_goes_on_at_first_and_fades(participant, on_arc, horizon, speed, turn_rate):
    other = participant(on_arc(speed, turn_rate))
    (found,) = constant_velocity(all_observed([other], 2.0), horizon)
    turned = np.diff(found.poses[:, 2]) / horizon.dt
    assert turned[0] == pytest.approx(turn_rate, rel=0.1, abs=1e-9)
    assert (np.diff(np.abs(turned)) <= 1e-9).all()
    assert abs(turned[-1]) < 1e-3
    total = found.poses[-1, 2] - found.poses[0, 2]
    assert total == pytest.approx(turn_rate * FADING, abs=1e-3)
    # it moves where it points
    moved = np.diff(found.poses[:, :2], axis=0)
    middle = (found.poses[1:, 2] + found.poses[:-1, 2]) / 2
    along = moved[:, 0] * np.cos(middle) + moved[:, 1] * np.sin(middle)
    np.testing.assert_allclose(along, np.hypot(*moved.T), atol=1e-9)
    np.testing.assert_allclose(along, speed * horizon.dt, rtol=1e-3)


@given(st.floats(8.0, 25.0), st.floats(-4.0, 3.0))
def test_an_acceleration_goes_on_at_first_and_fades(
    participant, speeding_up, horizon, speed, acceleration
):
    other = participant(speeding_up(speed, acceleration))
    (found,) = constant_velocity(all_observed([other], 1.0), horizon)
    speeds = np.hypot(*np.diff(found.poses[:, :2], axis=0).T) / horizon.dt
    now = speed + acceleration
    assert speeds[0] == pytest.approx(now + acceleration * horizon.dt / 2, abs=0.05)
    assert speeds[-1] == pytest.approx(now + acceleration * FADING, abs=0.05)
    assert (np.diff(speeds) * np.sign(acceleration) >= -1e-9).all()


def test_who_brakes_to_a_stand_neither_goes_back_nor_turns_there(
    participant, speeding_up, horizon
):
    (found,) = constant_velocity(
        all_observed([participant(speeding_up(4.0, -3.0, turn_rate=0.3))], 1.0), horizon
    )
    steps = np.diff(found.poses, axis=0)
    along = steps[:, 0] * np.cos(found.poses[:-1, 2]) + steps[:, 1] * np.sin(found.poses[:-1, 2])
    assert (along >= -1e-9).all()
    np.testing.assert_allclose(steps[-20:], 0.0, atol=1e-9)


def test_it_goes_backwards_where_the_past_did(participant, on_arc, horizon):
    other = participant(on_arc(3.0, 0.0, slip=np.pi))
    (found,) = constant_velocity(all_observed([other], 2.0), horizon)
    np.testing.assert_allclose(found.poses[-1], [-6.0 - 18.0, 0.0, 0.0], atol=1e-6)


@given(rates)
def test_a_pedestrian_who_turns_goes_straight_on(participant, on_arc, horizon, turn_rate):
    walker = participant(on_arc(1.4, turn_rate), kind='pedestrian')
    (found,) = constant_velocity(all_observed([walker], 2.0), horizon)
    steps = np.diff(found.poses, axis=0)
    np.testing.assert_allclose(steps, np.repeat(steps[:1], 60, axis=0), atol=1e-9)
    assert np.hypot(*steps[0, :2]) == pytest.approx(0.14)
