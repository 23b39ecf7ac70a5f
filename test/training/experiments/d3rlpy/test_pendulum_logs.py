# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Logs of Pendulum-v1: of mixed quality, the same for the same seed."""

import numpy as np
import pytest

from training.experiments.d3rlpy.pendulum_logs import (
    EVALUATION_SEED,
    STEPS,
    TORQUE,
    drive,
    good_torque,
    make_logs,
    returns_of,
    starts,
)


@pytest.fixture(scope='module')
def logs():
    return make_logs(episodes=24, seed=3)


def mean_returns(logs):
    returns = logs.returns(1.0)
    return {name: returns[logs.source == i].mean() for i, name in enumerate(logs.sources)}


def test_the_good_controller_swings_up_and_stays_there():
    observations, _, _ = drive(good_torque, starts(20, seed=5))
    cosine = observations[:, STEPS // 2 :, 0]
    assert cosine.min() > 0.99


def test_qualities_differ_by_far(logs):
    returns = mean_returns(logs)
    assert returns['good'] > returns['fair'] + 200.0
    assert returns['fair'] > returns['random']
    assert returns['fair'] > returns['poor']


def test_no_quality_is_as_good_as_the_undisturbed_controller(logs):
    assert returns_of(good_torque, 20).mean() > max(mean_returns(logs).values())


def test_logs_are_the_same_for_the_same_seed_only(logs):
    again, other = make_logs(24, seed=3), make_logs(24, seed=4)
    np.testing.assert_array_equal(again.observations, logs.observations)
    np.testing.assert_array_equal(again.actions, logs.actions)
    assert not np.array_equal(other.actions, logs.actions)


def test_episodes_are_cut_off_not_ended(logs):
    assert not logs.terminal.any()
    assert (logs.lengths == STEPS).all()


def test_in_the_same_region_of_states_some_logs_push_one_way_and_some_the_other(logs):
    """What a cloned average makes of it is no good, and there is something to choose from."""
    agreement = np.sign(logs.actions[..., 0]) * np.sign(
        good_torque(logs.observations[:, :-1].reshape(-1, 3)).reshape(logs.rewards.shape)
    )
    assert 0.2 < (agreement < 0.0).mean() < 0.6
    assert np.abs(logs.actions).max() <= TORQUE


def test_evaluation_starts_are_in_no_log(logs):
    first = logs.observations[:, 0]
    driven = drive(good_torque, starts(5, EVALUATION_SEED))[0][:, 0]
    assert np.linalg.norm(first[:, None] - driven[None], axis=-1).min() > 0.0
