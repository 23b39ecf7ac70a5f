# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A trajectory at any time: within, before and beyond."""

import numpy as np
import pytest

from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import SPEED, load_vehicle, roll_out, step

VEHICLE = load_vehicle()


@pytest.fixture
def trajectory():
    rng = np.random.default_rng(1)
    controls = rng.uniform(-1.0, 1.0, (30, 2)) * np.array([3.0, 0.2])
    states, applied = roll_out(np.array([5.0, 2.0, 3.0, 10.0, 0.1]), controls, 0.1, VEHICLE)
    return Trajectory(7.0, 0.1, states, applied)


def test_nodes_are_met_exactly(trajectory):
    states, controls = Sampler(trajectory, VEHICLE.wheelbase, -2.0).sample(trajectory.times)
    np.testing.assert_allclose(states, trajectory.states, atol=1e-9)
    np.testing.assert_allclose(controls[:-1], trajectory.controls)


@pytest.mark.parametrize('part', [0.2, 0.5, 0.9])
def test_between_nodes_it_follows_the_model(trajectory, part):
    sampler = Sampler(trajectory, VEHICLE.wheelbase, -2.0)
    states, _ = sampler.sample(trajectory.times[:-1] + part * 0.1)
    expected = np.stack(
        step(trajectory.states[:-1].T, trajectory.controls.T, part * 0.1, VEHICLE.wheelbase), -1
    )
    np.testing.assert_allclose(states, expected, atol=3e-3)


def test_beyond_the_end_it_brakes_on_the_last_arc_and_stands(trajectory):
    sampler = Sampler(trajectory, VEHICLE.wheelbase, -2.0)
    end = trajectory.times[-1]
    speed = trajectory.states[-1, SPEED]
    states, controls = sampler.sample(end + np.array([0.5, 1.0, 60.0, 90.0]))
    expected, _ = roll_out(trajectory.states[-1], np.tile([-2.0, 0.0], (100, 1)), 0.01, VEHICLE)
    np.testing.assert_allclose(states[0], expected[50], atol=1e-6)
    np.testing.assert_allclose(states[1], expected[100], atol=1e-6)
    np.testing.assert_array_equal(states[2], states[3])
    assert states[2, SPEED] == pytest.approx(0.0, abs=1e-12)
    assert np.hypot(*(states[2] - trajectory.states[-1])[:2]) < speed**2 / 4 + 1e-9
    np.testing.assert_allclose(controls[[0, 2]], [[-2.0, 0.0], [0.0, 0.0]])


def test_before_the_start_it_comes_from_where_the_first_state_points(trajectory):
    states, _ = Sampler(trajectory, VEHICLE.wheelbase, -2.0).sample(np.array([6.8]))
    back = step(states[0], (0.0, 0.0), 0.2, VEHICLE.wheelbase)
    np.testing.assert_allclose(back, trajectory.states[0], atol=1e-6)


def test_a_single_state_is_enough():
    alone = Trajectory(0.0, 0.1, np.array([[0.0, 0.0, 0.0, 4.0, 0.0]]), np.empty((0, 2)))
    states, _ = Sampler(alone, VEHICLE.wheelbase, -2.0).sample(np.array([0.0, 1.0, 5.0]))
    np.testing.assert_allclose(states[:, 0], [0.0, 3.0, 4.0])
