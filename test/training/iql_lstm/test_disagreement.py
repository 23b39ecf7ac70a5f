# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the disagreement of an ensemble says of how it drives."""

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

from random_problems import random_problem

from training.experiments.models.evaluate_policy import exported_driver
from training.iql_lstm.disagreement import (
    LEAST_THRESHOLD,
    RISK,
    USUAL_SHARE,
    RollOutOutcomes,
    calibrated,
    realised,
)
from warmstart_planner.learned.policy import load_policy
from warmstart_planner.problem import Horizon, Trajectory
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.verification import verify


def found(apart, failed, lost=None):
    apart = np.asarray(apart, dtype=float)
    return RollOutOutcomes(apart, apart if lost is None else lost, np.asarray(failed, dtype=bool))


def test_what_drives_apart_and_fails_is_uncertain_and_nothing_else():
    apart = np.linspace(0.1, 10.0, 100)
    reported = calibrated(found(apart, apart > 8.0))
    assert reported.auroc == 1.0
    # above it they fail RISK times as often as usual, and not much more often
    assert reported.failure_rate_above >= RISK * reported.failure_rate
    assert reported.failure_rate_above < 1.1 * RISK * reported.failure_rate
    assert reported.threshold < 8.0


@pytest.mark.parametrize('failed', [np.zeros(100), np.ones(100)])
def test_where_all_end_alike_the_unusual_is_uncertain(failed):
    apart = np.linspace(0.1, 10.0, 100)
    reported = calibrated(found(apart, failed))
    assert np.isnan(reported.auroc)
    assert reported.threshold == pytest.approx(np.quantile(apart, USUAL_SHARE))


def test_a_disagreement_that_tells_nothing_marks_only_the_unusual():
    apart = np.linspace(0.1, 10.0, 1000)
    reported = calibrated(found(apart, np.arange(1000) % 5 == 0))
    assert reported.auroc == pytest.approx(0.5, abs=0.01)
    assert (apart > reported.threshold).mean() == pytest.approx(1.0 - USUAL_SHARE, abs=0.01)


def test_the_rank_correlation_has_the_sign_of_what_disagreement_costs():
    apart = np.linspace(0.1, 10.0, 50)
    for sign in (1.0, -1.0):
        reported = calibrated(found(apart, apart > 9.0, lost=sign * apart**3))
        assert reported.rank_correlation == pytest.approx(sign)


def test_members_that_never_differ_have_a_threshold_above_nothing():
    reported = calibrated(found(np.zeros(20), np.arange(20) < 4))
    assert reported.threshold == LEAST_THRESHOLD
    assert np.isnan(reported.rank_correlation)


def test_roll_outs_are_judged_by_the_verifier_and_the_objective(write_policy, observer, tmp_path):
    folder = write_policy(tmp_path)
    problems = [random_problem('easy', seed, Horizon()) for seed in (50_000, 50_001)]
    reported = realised(folder, problems)
    assert reported.apart.shape == reported.lost.shape == reported.failed.shape == (2,)
    assert (reported.apart > 0.0).all()
    drive = exported_driver(load_policy(folder), observer)
    for problem, lost, failed in zip(problems, reported.lost, reported.failed, strict=True):
        numbers = transcribe(problem, Margins())
        driven = [
            verify(problem, Trajectory(problem.stamp, 0.1, numbers.frame.globalise(x), u))
            for x, u in zip(*drive(numbers, 0.1), strict=True)
        ]
        assert failed == (2 * sum(not verdict.feasible for verdict in driven) >= len(driven))
        assert lost > 0.0
