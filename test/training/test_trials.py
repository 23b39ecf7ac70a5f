# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far from its training a model is of use."""

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

from training.outcome_head import HEAD_FILE
from training.trials import (
    LEAST,
    TRIALS_FILE,
    Trials,
    read_trials,
    trial_problem,
    trusted_up_to,
    try_problems,
)
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import SPEED


def trials(learned, plain):
    count = len(learned)
    context = (np.zeros((count, 1), np.float32) for _ in range(4))
    return Trials(*context, np.float32(learned), np.float32(plain))


def test_a_model_that_is_always_better_is_trusted_as_far_as_it_was_tried():
    distances = np.random.default_rng(0).permutation(np.linspace(1.0, 9.0, 100))
    assert trusted_up_to(distances, trials(np.zeros(100), np.ones(100)), 2.0) == 9.0


@pytest.mark.parametrize(('good_up_to', 'trusted'), [(4.0, 2.8), (8.0, 7.6)])
def test_trust_ends_where_what_lies_beyond_is_no_better(good_up_to, trusted):
    """A gain of 0.5 a trial up to a distance, and a loss of 0.1 from there to 10."""
    distances = np.linspace(0.0, 10.0, 1001)
    learned = np.where(distances < good_up_to, 0.0, 0.6)
    given = trials(learned, np.full(1001, 0.5))
    assert trusted_up_to(distances, given, 0.1) == pytest.approx(trusted, abs=0.05)


def test_a_model_of_no_use_is_trusted_with_what_is_like_its_training():
    distances = np.linspace(0.0, 10.0, 200)
    assert trusted_up_to(distances, trials(np.ones(200), np.zeros(200)), 1.5) == 1.5


def test_few_trials_withdraw_no_trust():
    distances = np.linspace(0.0, 3.0, LEAST - 1)
    given = trials(np.ones(LEAST - 1), np.zeros(LEAST - 1))
    assert trusted_up_to(distances, given, 1.5) == 3.0


def test_trial_problems_reach_beyond_the_speeds_of_training():
    speeds = []
    for index in range(12):
        try:
            speeds.append(trial_problem(index, Horizon()).initial_state[SPEED])
        except RuntimeError:
            continue
    assert min(speeds) < 7.0
    assert max(speeds) > 17.0


def test_trials_compare_the_refined_model_with_the_refined_best_plain_start(checkpoint):
    assert checkpoint.with_name(HEAD_FILE).exists()
    for row in try_problems(str(checkpoint), range(6)):
        assert min(row['learned'], row['plain']) == 0.0
        assert 0.0 <= max(row['learned'], row['plain']) <= 1.0


def test_missing_and_damaged_trials_are_named(tmp_path):
    with pytest.raises(ValueError, match='trials.npz is missing'):
        read_trials(tmp_path / 'best.pt')
    (tmp_path / TRIALS_FILE).write_bytes(b'no archive')
    with pytest.raises(ValueError, match='holds no trials'):
        read_trials(tmp_path / 'best.pt')
