# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the warm-start benchmark finds out about a problem, and the file it is kept in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from training.experiments.common.journal import Journal
from training.experiments.common.problems import key_of
from training.experiments.warmstart.candidates import KnobSample, RawCandidates
from training.experiments.warmstart.coherence import Coherence, SourceCoherence
from training.experiments.warmstart.roll_outs import RollOutTime
from training.experiments.warmstart.strategies import Run, Spent

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


def _cheapest(runs: Iterable[Run]) -> float:
    return min((run.cost for run in runs), default=np.inf)


def open_journal(path: Path, about: Mapping[str, Any], resume: bool) -> Journal[Record]:
    """
    Open the file of a benchmark's records; see `Journal`.

    Raises:
        JournalError: the file to go on with is about something else or cannot be read.

    """
    return Journal(path, about, resume, _record, lambda record: record.key)


def _record(content: Mapping[str, Any]) -> Record:
    """Return a record from its JSON form, in which null stands for what is not finite."""
    runs = {name: tuple(map(_run, runs)) for name, runs in content['runs'].items()}
    raw = content['raw'] and RawCandidates(**_with_infinity(content['raw']))
    knobs = tuple(KnobSample(**each) for each in content['knobs'])
    return Record(
        content['tier'],
        content['family'],
        content['name'],
        content['slowness'],
        runs,
        raw,
        knobs,
        {name: _source_coherence(each) for name, each in content['coherence'].items()},
        tuple(RollOutTime(**each) for each in content['roll_outs']),
    )


def _source_coherence(content: Mapping[str, Any]) -> SourceCoherence:
    best, mean = (Coherence(**content[name]) for name in ('best', 'mean'))
    return SourceCoherence(content['count'], best, mean)


def _run(content: Mapping[str, Any]) -> Run:
    return Run(
        **{
            **content,
            'budget': _or(content['budget'], UNLIMITED),
            'cost': _or(content['cost'], np.inf),
            'spent': Spent(**content['spent']),
        }
    )


def _with_infinity(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _or(value, np.inf) for name, value in content.items()}


def _or(value: Any, instead: float) -> Any:
    return instead if value is None else value
