# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cars see along trajectories and drive on; what does not fit is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE
from warmstart_planner.learned.observation.observer import moving
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR = load_vehicle()
DT = 0.1


# --- along trajectories ---


def test_along_a_trajectory_each_node_sees_its_own_time(observer, scene):
    states, road, obstacles = scene
    along = observer.observe_along(states, road, obstacles)
    assert along.shape == (6, 61, OBSERVATION_SIZE)
    assert along.dtype == np.float32
    for k in range(61):
        now = observer.observe(states[:, k], road, obstacles[:, k])
        np.testing.assert_array_equal(along[:, k], now)


def test_the_order_of_numbers_in_memory_makes_no_difference(observer, scene):
    states, road, obstacles = scene
    wanted = observer.observe_along(states, road, obstacles)
    turned = observer.observe_along(np.asfortranarray(states), road, np.asfortranarray(obstacles))
    np.testing.assert_array_equal(turned, wanted)
    controls = np.full((6, 60, 2), [1.0, 0.05])
    np.testing.assert_array_equal(
        observer.roll_out(np.asfortranarray(states[:, 0]), np.asfortranarray(controls), DT)[0],
        observer.roll_out(states[:, 0], controls, DT)[0],
    )


def test_velocities_are_those_of_the_predictions(constant_velocity):
    obstacles = np.zeros((2, 61, 7))
    obstacles[..., :2] = constant_velocity(3.0, 1.0, 0.4, 7.0)[:, :2]
    with_velocity = moving(obstacles, DT)
    np.testing.assert_array_equal(with_velocity[..., :7], obstacles)
    speed = np.broadcast_to([7.0 * np.cos(0.4), 7.0 * np.sin(0.4)], (2, 61, 2))
    np.testing.assert_allclose(with_velocity[..., 7:], speed)
    assert moving(obstacles[:0], DT).shape == (0, 61, 9)


# --- driving on ---


@given(
    st.tuples(*[st.floats(-1.3, 1.3)] * 2),
    st.lists(st.tuples(st.floats(-20, 20), st.floats(-2, 2)), min_size=1, max_size=25),
    st.sampled_from([0.05, 0.1, 0.2]),
)
def test_cars_drive_as_the_model_within_its_limits(observer, start, controls, dt):
    """Starts lie outside of the bounds of speed and steering too."""
    x = np.array([[1.0, -2.0, 0.3, start[0] * CAR.speed_max, start[1] * CAR.steering_max]])
    wanted = roll_out(x, np.array(controls)[None], dt, CAR)
    for found, each in zip(observer.roll_out(x, [controls], dt), wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-9)
    following, applied = observer.advance(x, [controls[0]], dt)
    np.testing.assert_allclose(following, wanted[0][:, 1], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(applied, wanted[1][:, 0], rtol=1e-12, atol=1e-9)


def test_a_stepped_roll_out_is_the_whole_one_and_what_is_seen_along_it(observer, scene):
    states, road, obstacles = scene
    controls = np.random.default_rng(5).normal(0, 1, (6, 60, 2)) * [9.0, 0.6]
    driven = observer.begin_roll_out(states[:, 7], road, obstacles, 60, DT)
    seen_here = [driven.observations.copy()]
    for k in range(60):
        driven.step(controls[:, k])
        seen_here.append(driven.observations.copy())
    wanted, applied = roll_out(states[:, 7], controls, DT, CAR)
    np.testing.assert_allclose(driven.states, wanted, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(driven.controls, applied, rtol=1e-12, atol=1e-9)
    along = observer.observe_along(wanted, road, obstacles)
    np.testing.assert_allclose(np.stack(seen_here, axis=1), along, rtol=1e-5, atol=1e-5)


def test_a_roll_out_ends_where_it_was_to_end(observer, scene):
    states, road, obstacles = scene
    driven = observer.begin_roll_out(states[:, 0], road, obstacles, 2, DT)
    driven.step(np.zeros((6, 2)))
    driven.step(np.zeros((6, 2)))
    with pytest.raises(IndexError):
        driven.step(np.zeros((6, 2)))


def test_a_roll_out_writes_where_it_is_told(observer, scene):
    states, road, obstacles = scene
    given = np.zeros((6, OBSERVATION_SIZE), np.float32)
    driven = observer.begin_roll_out(states[:, 0], road, obstacles, 2, DT, given)
    own = observer.begin_roll_out(states[:, 0], road, obstacles, 2, DT)
    driven.step(np.zeros((6, 2)))
    own.step(np.zeros((6, 2)))
    np.testing.assert_array_equal(given, own.observations)


@pytest.mark.parametrize(
    'change', [np.asfortranarray, lambda seen: seen.astype(float), lambda seen: seen[::2]]
)
def test_where_a_roll_out_could_not_write_is_refused(observer, scene, change):
    states, road, obstacles = scene
    seen = np.zeros((6, OBSERVATION_SIZE), np.float32)
    with pytest.raises(ValueError, match='observations (is of|has shape)'):
        observer.begin_roll_out(states[:, 0], road, obstacles, 2, DT, change(seen))


@pytest.mark.parametrize('cars', [1, 2, 3, 4, 5, 9])
def test_what_a_car_sees_does_not_depend_on_how_many_look(observer, scene, cars):
    states, road, obstacles = scene
    many = np.tile(states[:, 0], (2, 1))[:cars]
    together = observer.observe(many, road, obstacles[:, 0])
    alone = [observer.observe(each[None], road, obstacles[:, 0])[0] for each in many]
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


def test_a_roll_out_passes_on_what_is_not_a_number_to_its_car_only(observer, scene):
    states, road, obstacles = scene
    driven = observer.begin_roll_out(states[:, 0], road, obstacles, 2, DT)
    driven.step(np.array([[0.0, 0.0]] * 5 + [[np.nan, 0.0]]))
    assert np.isfinite(driven.states[:5, 1]).all()
    assert np.isnan(driven.states[5, 1, 3])
    assert np.isfinite(driven.observations[:5]).all()
    assert np.isnan(driven.observations[5]).any()


# --- bad input ---


@pytest.mark.parametrize('name', ['states', 'road', 'obstacles'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_name(observer, scene, name, value):
    along = dict(zip(('states', 'road', 'obstacles'), scene, strict=True))
    along[name] = along[name].copy()
    along[name].reshape(-1)[0] = value
    with pytest.raises(ValueError, match=f'{name} is {value} at .*: expected finite numbers'):
        observer.observe_along(**along)
    with pytest.raises(ValueError, match=f'{name} is {value} at .*: expected finite numbers'):
        observer.begin_roll_out(along['states'][:, 0], along['road'], along['obstacles'], 60, DT)


@pytest.mark.parametrize(
    ('name', 'cut'),
    [
        ('states', np.s_[..., :4]),
        ('states', np.s_[0]),
        ('road', np.s_[:-1]),
        ('obstacles', np.s_[..., :7]),
        ('obstacles', np.s_[:, :-1]),
    ],
)
def test_another_shape_is_refused_by_name(observer, scene, name, cut):
    along = dict(zip(('states', 'road', 'obstacles'), scene, strict=True))
    along[name] = along[name][cut]
    with pytest.raises(ValueError, match=f'{name} has shape .*: expected'):
        observer.observe_along(**along)


def test_controls_and_steps_that_do_not_fit_are_refused_by_name(observer, scene):
    states, road, obstacles = scene
    with pytest.raises(ValueError, match='controls is nan at'):
        observer.advance(states[:, 0], np.full((6, 2), np.nan), DT)
    with pytest.raises(ValueError, match='controls has shape'):
        observer.advance(states[:, 0], np.zeros((5, 2)), DT)
    with pytest.raises(ValueError, match='dt is 0.0: expected a number in'):
        observer.advance(states[:, 0], np.zeros((6, 2)), 0.0)
    with pytest.raises(ValueError, match='steps is 0: expected at least 1'):
        observer.begin_roll_out(states[:, 0], road, obstacles, 0, DT)
    with pytest.raises(ValueError, match='obstacles has 61 nodes: expected at least 62'):
        observer.begin_roll_out(states[:, 0], road, obstacles, 61, DT)
    with pytest.raises(ValueError, match='obstacles has 1 nodes: expected at least 2'):
        moving(np.zeros((1, 1, 7)), DT)
