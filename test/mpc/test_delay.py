# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where the car will be when a new command takes effect."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.mpc.delay import Actuators, CommandHistory, lag_inverted
from warmstart_planner.supervision import Actuation
from warmstart_planner.vehicle import SPEED, STEERING, load_vehicle, step

VEHICLE = load_vehicle()
START = np.array([3.0, -2.0, 0.4, 12.0, 0.05])


def simulated(commands, actuators, state, stamp, until, h=1e-4):
    """Drive the same by brute force: small steps of a car with lagging actuators."""
    time, acceleration = commands[0][0] + actuators.delay, 0.0
    current = list(state)
    while time < until - 1e-9:
        active = [c for sent, c in commands if sent + actuators.delay <= time + 1e-9][-1]
        if actuators.acceleration_lag:
            acceleration += h * (active.acceleration - acceleration) / actuators.acceleration_lag
        else:
            acceleration = active.acceleration
        if time >= stamp - 1e-9:
            rate = (active.steering_angle - current[STEERING]) / actuators.steering_lag
            current = step(current, (acceleration, rate), h, VEHICLE.wheelbase)
        time += h
    return np.array(current)


def test_it_agrees_with_a_simulation_of_the_actuators():
    actuators = Actuators(delay=0.06, acceleration_lag=0.2, steering_lag=0.1)
    commands = [
        (0.05 * i, Actuation(1.5 * np.sin(i), 0.05 + 0.01 * np.cos(2 * i))) for i in range(20)
    ]
    history = CommandHistory(actuators)
    for stamp, command in commands:
        history.add(stamp, command)
    predicted = history.predict(START, 0.83, 1.06, VEHICLE)
    expected = simulated(commands, actuators, START, 0.83, 1.06)
    np.testing.assert_allclose(predicted[:2], expected[:2], atol=2e-3)
    np.testing.assert_allclose(predicted[2:], expected[2:], atol=2e-3)


@pytest.mark.parametrize('delay', [0.0, 0.05, 0.2])
def test_commands_taken_over_take_effect_by_the_new_delay(delay):
    one, other, fresh = (
        CommandHistory(Actuators(each, 0.1, 0.1)) for each in (0.05, delay, delay)
    )
    for stamp in (0.0, 0.05, 0.1):
        for history in (one, fresh):
            history.add(stamp, Actuation(10.0 * stamp, stamp))
    other.take_over(one)
    assert other.last[0] == pytest.approx(0.1) and other.last[1] == one.last[1]
    np.testing.assert_allclose(
        other.predict(START, 0.12, 0.4, VEHICLE), fresh.predict(START, 0.12, 0.4, VEHICLE)
    )
    one.clear()
    assert other.last is not None


def test_without_commands_speed_and_steering_are_held():
    history = CommandHistory(Actuators(0.05, 0.1, 0.1))
    predicted = history.predict(START, 0.0, 0.3, VEHICLE)
    expected = np.array(step(START, (0.0, 0.0), 0.3, VEHICLE.wheelbase))
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_commands_that_are_still_on_their_way_change_nothing():
    history = CommandHistory(Actuators(0.5, 0.1, 0.1))
    history.add(0.0, Actuation(3.0, 0.3))
    predicted = history.predict(START, 0.0, 0.4, VEHICLE)
    assert predicted[SPEED] == START[SPEED]
    assert predicted[STEERING] == START[STEERING]


def test_nothing_is_predicted_into_the_past():
    history = CommandHistory(Actuators(0.0, 0.1, 0.1))
    np.testing.assert_array_equal(history.predict(START, 1.0, 0.9, VEHICLE), START)


def test_braking_ends_at_standstill():
    history = CommandHistory(Actuators(0.0, 0.0, 0.0))
    history.add(0.0, Actuation(-8.0, 0.0))
    slow = START * np.array([1.0, 1.0, 1.0, 0.0, 1.0]) + np.array([0.0, 0.0, 0.0, 0.5, 0.0])
    assert history.predict(slow, 0.0, 0.4, VEHICLE)[SPEED] == pytest.approx(0.0, abs=1e-12)


def test_a_clock_that_jumps_back_forgets_what_was_sent_later():
    history = CommandHistory(Actuators(0.0, 0.1, 0.1))
    history.add(100.0, Actuation(-5.0, 0.0))
    history.add(1.0, Actuation(0.0, START[STEERING]))
    predicted = history.predict(START, 1.0, 1.2, VEHICLE)
    assert predicted[SPEED] == pytest.approx(START[SPEED])
    assert history.last == (1.0, Actuation(0.0, START[STEERING]))


@given(st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(0.0, 0.5), st.floats(0.01, 0.2))
def test_the_inverted_lag_gets_where_it_should(value, rate, lag, period):
    target = lag_inverted(value, rate, lag, period)
    reached = target + (value - target) * (np.exp(-period / lag) if lag > 1e-6 else 0.0)
    assert reached == pytest.approx(value + rate * period, abs=1e-9)
