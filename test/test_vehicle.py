# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The car's model against an independent integrator, its symmetries, and its limits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from warmstart_planner.vehicle import (
    PX,
    PY,
    SPEED,
    STEERING,
    YAW,
    derivative,
    lateral_acceleration,
    load_vehicle,
    roll_out,
    step,
)

CAR = load_vehicle()
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


STATES = st.tuples(
    numbers(-50, 50), numbers(-50, 50), numbers(-7, 7), numbers(0, 30), numbers(-0.3, 0.3)
).map(np.array)
CONTROLS = st.tuples(numbers(-8, 4), numbers(-0.4, 0.4)).map(np.array)


def stepped(state, control, dt=0.1):
    return np.array(step(state, control, dt, CAR.wheelbase))


@given(STATES, CONTROLS)
def test_a_step_agrees_with_scipy(state, control):
    exact = solve_ivp(
        lambda _, x: derivative(x, control, CAR.wheelbase), (0, 0.1), state, rtol=1e-10, atol=1e-12
    ).y[:, -1]
    np.testing.assert_allclose(stepped(state, control), exact, atol=5e-5)


def test_the_step_is_of_order_four():
    state, control = np.array([0.0, 0.0, 0.3, 8.0, 0.2]), np.array([1.0, 0.4])
    exact = state
    for _ in range(256):
        exact = stepped(exact, control, 0.4 / 256)

    def error(parts):
        x = state
        for _ in range(parts):
            x = stepped(x, control, 0.4 / parts)
        return np.abs(x - exact).max()

    assert np.log2(error(1) / error(2)) == pytest.approx(4.0, abs=0.7)


@given(STATES, CONTROLS, numbers(-20, 20), numbers(-20, 20), numbers(-4, 4))
def test_the_model_does_not_know_where_north_is(state, control, dx, dy, turn):
    cos, sin = np.cos(turn), np.sin(turn)

    def moved(x):
        x, y = cos * x[PX] - sin * x[PY] + dx, sin * x[PX] + cos * x[PY] + dy
        return x, y

    start = np.array([*moved(state), state[YAW] + turn, *state[SPEED:]])
    after, plain = stepped(start, control), stepped(state, control)
    np.testing.assert_allclose(after[:2], moved(plain), atol=1e-9)
    np.testing.assert_allclose(after[YAW:] - [turn, 0, 0], plain[YAW:], atol=1e-9)


@given(STATES, CONTROLS)
def test_left_mirrors_right(state, control):
    mirrored = stepped(state * MIRROR, control * [1.0, -1.0])
    np.testing.assert_allclose(mirrored, stepped(state, control) * MIRROR, atol=1e-9)


@given(STATES, numbers(-8, 4), numbers(-0.4, 0.4), numbers(0, 1))
def test_speed_and_steering_are_linear_in_the_controls(state, acceleration, rate, share):
    whole = stepped(state, [acceleration, rate])
    part = stepped(state, [share * acceleration, share * rate])
    for i in (SPEED, STEERING):
        assert part[i] - state[i] == pytest.approx(share * (whole[i] - state[i]), abs=1e-9)


def test_the_rear_axle_drives_a_circle_of_radius_wheelbase_over_tangent():
    state = np.array([0.0, 0.0, 0.0, 5.0, 0.2])
    radius = CAR.wheelbase / np.tan(0.2)
    states, _ = roll_out(state, np.zeros((50, 2)), 0.1, CAR)
    distance = np.hypot(states[:, PX], states[:, PY] - radius)
    np.testing.assert_allclose(distance, radius, atol=1e-5)
    assert lateral_acceleration(state, CAR.wheelbase) == pytest.approx(25.0 / radius)


def test_a_batch_gives_what_each_alone_gives():
    generator = np.random.default_rng(1)
    starts = generator.normal(size=(4, 5)) * [9, 9, 2, 2, 0.1] + [0, 0, 0, 6, 0]
    controls = generator.normal(size=(4, 20, 2))
    states, applied = roll_out(starts, controls, 0.1, CAR)
    for k in range(4):
        alone, alone_applied = roll_out(starts[k], controls[k], 0.1, CAR)
        np.testing.assert_array_equal(states[k], alone)
        np.testing.assert_array_equal(applied[k], alone_applied)


@given(st.integers(0, 10_000), numbers(0.1, 30.0))
def test_a_roll_out_keeps_the_limits_whatever_is_asked(seed, size):
    controls = np.random.default_rng(seed).normal(size=(80, 2)) * size
    start = np.array([0.0, 0.0, 0.0, 3.0, 0.5])
    states, applied = roll_out(start, controls, 0.1, CAR)
    assert (states >= CAR.state_lower - 1e-9).all() and (states <= CAR.state_upper + 1e-9).all()
    assert (applied >= CAR.control_lower).all() and (applied <= CAR.control_upper).all()
    for k in range(80):
        np.testing.assert_allclose(stepped(states[k], applied[k]), states[k + 1], atol=1e-12)


@pytest.mark.parametrize(
    ('index', 'value'),
    [(SPEED, -0.8), (SPEED, 52.9), (STEERING, 1.2), (STEERING, -1.2)],
)
def test_a_start_outside_the_bounds_moves_inward_as_fast_as_the_car_can(index, value):
    start = np.zeros(5)
    start[index] = value
    states, applied = roll_out(start, np.tile([[0.0, 0.0]], (30, 1)), 0.1, CAR)
    bound = np.clip(value, CAR.state_lower[index], CAR.state_upper[index])
    distance = np.abs(states[:, index] - bound)
    control = 0 if index == SPEED else 1
    limit = CAR.control_upper if value < bound else CAR.control_lower
    fastest = np.maximum(distance[0] - np.abs(limit[control]) * 0.1 * np.arange(31), 0.0)
    np.testing.assert_allclose(distance, fastest, atol=1e-9)
    assert (applied >= CAR.control_lower).all() and (applied <= CAR.control_upper).all()


@pytest.mark.parametrize('name', [f'commonroad_{i}' for i in range(1, 5)])
def test_published_vehicles_load(name):
    car = load_vehicle(name)
    assert car.name == name
    assert car.front_reach + car.rear_reach == pytest.approx(car.length)
    assert 0.0 < car.rear_to_center < car.wheelbase < car.length


def test_a_car_is_its_numbers_whatever_it_is_called():
    other = replace(CAR, name='/home/me/mine.yaml')
    assert other == CAR and hash(other) == hash(CAR)
    assert other.numbers == CAR.numbers
    assert replace(CAR, width=1.7) != CAR


def test_nodes_tell_cars_apart_by_name_and_numbers():
    other = replace(CAR, name='/home/me/mine.yaml')
    name, numbers = CAR.label.split('-')
    assert name == 'commonroad_2'
    assert other.label == f'mine-{numbers}'
    assert replace(CAR, width=1.7).label.split('-')[1] != numbers


@pytest.mark.parametrize('value', [0.0, -1.0, np.nan, np.inf, 'long'])
def test_a_size_that_no_car_has_is_refused(value):
    with pytest.raises(ValueError, match='vehicle.wheelbase is'):
        replace(CAR, wheelbase=value)
