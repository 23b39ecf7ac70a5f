# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the disagreement of an ensemble's members says of how they really drive.

Members that learned the same from other samples drive apart where what they saw does not decide.
Whether that is also where they drive badly is measured, on scenes that none of them learned from:
a disagreement counts as uncertain from where on roll-outs fail clearly more often than usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from training.figures import auroc
from training.iql_lstm.logs.transitions import judged, returns_of
from warmstart_planner.learned.observation.observer import Observer, moving
from warmstart_planner.learned.policy import load_policy, roll_out
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.transcription import transcribe

Array = NDArray[np.float64]

RISK = 2.0  # times the usual rate of failures that make uncertain
LEAST_SCENES = 8  # that a rate is taken of
USUAL_SHARE = 0.95  # of scenes, whose disagreement is no more, where it tells nothing of failures
LEAST_THRESHOLD = 1e-3  # where members do not differ [m]


@dataclass(frozen=True)
class RollOutOutcomes:
    """
    What came of the roll-outs in S scenes, all of shape (S,).

    How far the members drove `apart` [m]; what they `lost`, minus their mean return; whether at
    least half of them `failed`, by the verifier.
    """

    apart: Array
    lost: Array
    failed: NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """
    Above which disagreement an ensemble is uncertain, and how much that tells.

    `threshold` [m]; `auroc` of telling scenes that failed from others, NaN where all are alike;
    `rank_correlation` of disagreement and loss (Spearman); rates of failure on the whole and
    above the threshold, NaN where nothing is above; `scenes`, their number.
    """

    threshold: float
    auroc: float
    rank_correlation: float
    failure_rate: float
    failure_rate_above: float
    scenes: int


def realised(folder: Path, problems: Sequence[PlanningProblem]) -> RollOutOutcomes:
    """
    Roll an exported ensemble out over the horizon of problems, and judge it.

    Raises:
        CardError: the ensemble cannot be used.
        SolverMissingError: the library of its observations is not generated.

    """
    policy = load_policy(folder)
    observer = Observer(policy.card.vehicle)
    rows = []
    for problem in problems:
        numbers, horizon = transcribe(problem, policy.card.margins), problem.horizon
        seen = moving(numbers.obstacles, horizon.dt)
        done = roll_out(
            policy,
            observer,
            numbers.initial_state,
            numbers.road,
            seen,
            horizon.steps,
            horizon.dt,
        )
        costs, verdicts = judged(problem, done.states, done.controls)
        lost = -returns_of(costs, verdicts, horizon.dt).mean()
        failed = np.mean([not verdict.feasible for verdict in verdicts]) >= 0.5
        rows.append((done.disagreement, lost, failed))
    apart, lost, failed = np.array(rows, dtype=float).T
    return RollOutOutcomes(apart, lost, failed > 0.5)


def calibrated(found: RollOutOutcomes) -> Calibration:
    """Return the least threshold above which roll-outs fail RISK times as often as usual."""
    apart, failed = found.apart, found.failed
    threshold = max(_risky_from(apart, failed), LEAST_THRESHOLD)
    above = failed[apart > threshold]
    differ = failed.any() and not failed.all()
    return Calibration(
        threshold,
        auroc(apart[~failed], apart[failed]) if differ else float('nan'),
        float(stats.spearmanr(apart, found.lost).statistic) if np.ptp(apart) else float('nan'),
        float(failed.mean()),
        float(above.mean()) if len(above) else float('nan'),
        len(apart),
    )


def _risky_from(apart: Array, failed: NDArray[np.bool_]) -> float:
    farthest_first = np.argsort(-apart, kind='stable')
    rate = np.cumsum(failed[farthest_first]) / np.arange(1, len(apart) + 1)
    risky = (rate >= RISK * failed.mean()) & failed.any()
    risky[: LEAST_SCENES - 1] = False
    if not risky[:-1].any():
        return float(np.quantile(apart, USUAL_SHARE))
    last = np.flatnonzero(risky[:-1])[-1]
    return float(apart[farthest_first[last + 1]])
