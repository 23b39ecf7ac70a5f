# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the warm-start benchmark finds out about a problem, and the file it is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from training.experiments.common.problems import key_of
from training.experiments.warmstart.candidates import KnobSample, RawCandidates
from training.experiments.warmstart.coherence import SourceCoherence
from training.experiments.warmstart.roll_outs import RollOutTime
from training.experiments.warmstart.strategies import Run

UNLIMITED = float('inf')


@dataclass(frozen=True)
class Record:
    """
    All that was measured on one problem.

    `runs` holds by start one run a budget, on a machine that is `slowness` times as slow as the
    reference machine. `raw` and `knobs` are about the Decision Transformer's candidates before
    refinement, `coherence` is about those of every learned source by its name, and `roll_outs`
    about the time of the policy's; None and empty where they were not looked at.
    """

    tier: str
    family: str
    name: str
    slowness: float
    runs: Mapping[str, tuple[Run, ...]]
    raw: RawCandidates | None = None
    knobs: tuple[KnobSample, ...] = ()
    coherence: Mapping[str, SourceCoherence] = field(default_factory=dict)
    roll_outs: tuple[RollOutTime, ...] = ()

    @property
    def key(self) -> str:
        """What tells the problem from all others."""
        return key_of(self.tier, self.name)

    @cached_property
    def best_known(self) -> float:
        """
        Cost of the cheapest verified answer of all runs without a budget; infinite without any.

        An iterate that a deadline stops may be cheaper at the expense of the planner's margins,
        which the verifier does not ask for: it counts only where there is nothing else.
        """
        runs = [run for of_start in self.runs.values() for run in of_start]
        to_the_end = min((r.cost for r in runs if r.budget == UNLIMITED), default=np.inf)
        return (
            to_the_end if np.isfinite(to_the_end) else min((r.cost for r in runs), default=np.inf)
        )

    def run(self, start: str, budget: float = UNLIMITED) -> Run | None:
        """Return a start's run with a budget [s], None where it was not run."""
        return next((r for r in self.runs.get(start, ()) if r.budget == budget), None)
