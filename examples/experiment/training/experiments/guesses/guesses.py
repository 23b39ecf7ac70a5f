# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
How often a car may simply go on as it is, without control: `make guesses`.

A template of an experiment; docs/extending.md goes through it.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.command_line import at_least, run
from training.experiments.common.problems import FIRST_SEED, TIERS, Factory
from training.progress import tracked
from training.table import Column, table
from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.verification import Verdict, verify

COLUMNS = (
    Column('tier', 'tier'),
    Column('n', 'n', 'd'),
    Column('feasible', 'feasible_rate', '.0%'),
    Column('without collision', 'collision_free_rate', '.0%'),
)


@dataclass(frozen=True)
class Options:
    """Which problems are looked at."""

    n: int = 20  # problems a tier
    seed: int = FIRST_SEED  # of the first problem
    out: Path = Path('out/guesses.json')  # file of the figures

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, n=1, seed=0)


def main(arguments: list[str] | None = None) -> int:
    """Run the experiment; print the table and write the figures."""
    return run(_measure, Options, 'guesses', __doc__, arguments)


def row_of(tier: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the figures of a tier."""
    return {
        'tier': tier,
        'n': len(verdicts),
        'feasible_rate': float(np.mean([each.feasible for each in verdicts])),
        'collision_free_rate': float(np.mean([each.collision <= 0.0 for each in verdicts])),
    }


def _measure(options: Options) -> None:
    factory, source = Factory(Horizon()), ZeroControl()
    seeds = range(options.seed, options.seed + options.n)
    rows = []
    for tier in TIERS:
        problems = [case.problem for case in factory.random(tier, seeds)]
        verdicts = [
            verify(problem, source.propose(problem)[0].trajectory)
            for problem in tracked(problems, tier)
        ]
        rows.append(row_of(tier, verdicts))
    print(table(COLUMNS, rows))
    write_measurement(options.out, options.seed, rows)
    print(options.out)


if __name__ == '__main__':
    sys.exit(main())
