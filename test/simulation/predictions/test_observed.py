# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of motion at a time comes from the present and the past alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.simulation.predictions import observed_at
from warmstart_planner.simulation.predictions.observed import ACCELERATION

speeds = st.floats(0.2, 30.0)
angles = st.floats(-3.0, 3.0)


@given(speeds, st.floats(-0.5, 0.5), angles, angles, st.integers(2, 150))
def test_motion_on_an_arc_is_known_exactly(
    participant, on_arc, speed, turn_rate, yaw, slip, instant
):
    """Wherever it points while it moves: a crab's gait and reversing are motions too."""
    observed = observed_at(
        participant(on_arc(speed, turn_rate, (3.0, -2.0, yaw), slip)), 0.1 * instant
    )
    assert observed.speed == pytest.approx(speed)
    assert observed.turn_rate == pytest.approx(turn_rate, abs=1e-9)
    course = yaw + slip + turn_rate * 0.1 * instant
    assert np.cos(observed.course - course) == pytest.approx(1.0)
    assert observed.acceleration == pytest.approx(0.0, abs=1e-6)


@given(st.floats(8.0, 25.0), st.floats(-4.0, 3.9), st.integers(8, 14))
def test_a_constant_acceleration_is_known_exactly(
    participant, speeding_up, speed, acceleration, instant
):
    t = 0.1 * instant
    observed = observed_at(participant(speeding_up(speed, acceleration)), t)
    assert observed.acceleration == pytest.approx(acceleration, abs=1e-6)
    assert observed.speed == pytest.approx(speed + acceleration * t)


def test_of_a_short_past_no_acceleration_is_told(participant, speeding_up):
    other = participant(speeding_up(10.0, 2.0))
    for t in (0.0, 0.1, 0.3):
        assert observed_at(other, t).acceleration == 0.0


def test_a_jump_of_place_is_no_braking_that_no_car_can_do(participant, on_arc):
    poses = on_arc(10.0)
    poses[19:, 0] -= 1.5
    assert observed_at(participant(poses), 2.0).acceleration == ACCELERATION[0]


def test_before_there_is_a_past_it_moves_as_it_starts(participant, on_arc):
    poses = on_arc(8.0, 0.0, (0.0, 0.0, 1.0))
    for start_speed, course in ((8.0, 1.0), (-8.0, 1.0 + np.pi)):
        observed = observed_at(participant(poses, start_speed=start_speed), 0.0)
        assert (observed.speed, observed.course, observed.turn_rate) == (8.0, course, 0.0)
    assert observed_at(participant(poses), 0.0).speed == 0.0
    assert observed_at(participant(poses), 0.05).speed == pytest.approx(8.0)


@pytest.mark.parametrize('poses', [[[5.0, 1.0, 0.3]], [[5.0, 1.0, 0.3]] * 100])
def test_what_stands_has_neither_speed_nor_turn_rate(participant, poses):
    observed = observed_at(participant(poses), 3.0)
    assert (observed.speed, observed.course, observed.turn_rate) == (0.0, 0.3, 0.0)
    np.testing.assert_array_equal(observed.pose, poses[0])


def test_noise_of_a_standing_thing_is_no_motion(participant):
    noise = np.random.default_rng(0).uniform(-0.005, 0.005, (100, 3))
    assert observed_at(participant([5.0, 1.0, 0.3] + noise), 3.0).speed == 0.0


def test_a_heading_that_is_turned_over_is_no_turn(participant, on_arc):
    poses = on_arc(1.5)
    poses[20:, 2] = np.pi
    observed = observed_at(participant(poses), 2.0)
    assert observed.turn_rate == 0.0
    assert observed.course == pytest.approx(0.0, abs=1e-12)


def test_nothing_is_known_of_what_is_not_there(participant, on_arc):
    other = participant(on_arc(8.0)[:20])
    assert observed_at(other, -0.1) is None
    assert observed_at(other, 2.0) is None


def test_the_size_is_that_of_now(participant, on_arc):
    growing = participant(on_arc(8.0), size=(2.0 + np.arange(151.0), 0.9, 0.0))
    np.testing.assert_allclose(observed_at(growing, 3.0).size, [32.0, 0.9, 0.0])
