# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The model in the network's loop drives the same car as the planner's."""

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.decision_transformer.network.motion import BlockMotion
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR = load_vehicle()


def drive(state, controls, blocks=6):
    """Drive a state (5,) with controls (N, 2) block by block."""
    motion = BlockMotion(CAR, 0.1, len(controls) // blocks)
    now = torch.tensor(state, dtype=torch.float32)[:, None]
    states, applied = [], []
    for part in np.split(controls, blocks):
        moved, used = motion(now, torch.tensor(part.T, dtype=torch.float32))
        states.append(moved.numpy().T)
        applied.append(used.numpy().T)
        now = moved[:, -1:]
    return np.concatenate(states), np.concatenate(applied)


@pytest.mark.parametrize('seed', range(8))
def test_it_agrees_with_the_runge_kutta_steps_within_the_bounds(seed):
    rng = np.random.default_rng(seed)
    state = np.array([3.0, -1.0, rng.uniform(-3, 3), rng.uniform(6, 16), rng.uniform(-0.05, 0.05)])
    knots = rng.normal(0.0, [1.0, 0.05], (7, 2))
    at = np.linspace(0, 6, 60)
    controls = np.stack([np.interp(at, np.arange(7), knots[:, i]) for i in range(2)], axis=-1)
    expected, _ = roll_out(state, controls, 0.1, CAR)
    states, applied = drive(state, controls)
    assert np.abs(states[:, :2] - expected[1:, :2]).max() < 2e-3
    assert np.abs(states[:, 2:] - expected[1:, 2:]).max() < 1e-4
    assert np.abs(applied - controls).max() < 1e-4


def test_a_car_that_brakes_on_and_on_stands():
    states, applied = drive(np.array([0.0, 0, 0, 8.0, 0.1]), np.tile([-4.0, 0.0], (60, 1)))
    assert states[-1, 3] == 0.0
    assert (np.diff(states[:, 3]) <= 1e-5).all()
    assert np.abs(applied[30:]).max() < 1e-5
    assert np.abs(np.diff(states[30:, :3], axis=0)).max() < 1e-5


def test_speed_and_steering_keep_to_the_bounds_and_so_do_the_controls():
    states, applied = drive(np.array([0.0, 0, 0, 45.0, 0.9]), np.tile([9.0, 1.0], (60, 1)))
    assert states[:, 3].max() <= CAR.speed_max + 1e-4
    assert states[:, 4].max() <= CAR.steering_max + 1e-5
    assert (applied <= CAR.control_upper + 1e-3).all()


def test_a_start_beyond_the_bounds_may_come_back():
    beyond = CAR.steering_max + 0.1
    states, _ = drive(np.array([0.0, 0, 0, 5.0, beyond]), np.tile([0.0, -0.2], (60, 1)))
    assert states[0, 4] < beyond
    assert states[-1, 4] < CAR.steering_max


def test_left_and_right_are_alike():
    state, controls = np.array([0.0, 0, 0, 9.0, 0.02]), np.tile([0.5, 0.03], (60, 1))
    mirror = np.array([1.0, -1, -1, 1, -1])
    left, _ = drive(state, controls)
    right, _ = drive(state * mirror, controls * [1.0, -1.0])
    assert np.allclose(left * mirror, right, atol=1e-4)
