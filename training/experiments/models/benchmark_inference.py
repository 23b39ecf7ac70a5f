# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Time what lies around the solver: `make benchmark-inference`.

Transcription of a problem and the model's candidates, each beside its reference, in one run and
problem by problem, so that a noisy machine is as noisy for both. Between calls an array as large
as no cache is walked through: on a vehicle other work comes between two cycles, too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.command_line import at_least, run
from training.table import Column, table
from warmstart_planner.compiled_problem import library as compiled_problem
from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.learned.context import Context, context_of
from warmstart_planner.learned.session import LoadedModel, load_model
from warmstart_planner.learned.transformer import library as transformer_library
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.scenarios.generator import random_problem
from warmstart_planner.scp.solver import BoundProblem
from warmstart_planner.transcription import Margins, Transcription, by_numpy, transcribe
from warmstart_planner.vehicle import load_vehicle

WALKED = 64  # between calls [MiB]
FIRST_SEED = 40_000
TIERS = ('easy', 'medium', 'hard')
PASSES = 4  # over all problems, of which the first does not count


COLUMNS = (
    Column('step', 'step'),
    Column('caches', 'caches'),
    *(Column(f'{share} [ms]', f'time_ms_{share}', '.3f') for share in ('p10', 'p50', 'p99')),
)


@dataclass(frozen=True)
class Case:
    """A problem and what is made of it on the way."""

    problem: PlanningProblem
    numbers: Transcription
    context: Context


Step = Callable[[Case], object]
Times = dict[str, list[float]]  # of each step [s]


def steps_of(model: LoadedModel, margins: Margins) -> dict[str, Step]:
    """Return what is timed, by name: each step and, after it, its reference."""
    wishes = {
        name: np.zeros(model.card.candidates, np.float32)
        for name in ('relative_return', 'constraint_to_go')
    }
    served, by_graph = DecisionTransformer(model), DecisionTransformer(model.without_compiled())
    steps: dict[str, Step] = {
        'transcription': lambda case: transcribe(case.problem, margins),
        'transcription, numpy': lambda case: by_numpy(case.problem, margins),
        'transcription, bound': lambda case: BoundProblem(case.problem, margins),
        'network': lambda case: model.run(case.context),
        'network, onnxruntime': lambda case: model.by_graph(vars(case.context) | wishes),
        'candidates': lambda case: served.propose_for(case.problem, case.numbers),
        'candidates, onnxruntime': lambda case: by_graph.propose_for(case.problem, case.numbers),
    }
    return steps


def measure(steps: dict[str, Step], cases: Sequence[Case], is_cold: bool) -> Times:
    """Return the times of each step [s], steps in turn for every problem."""
    walked = np.ones(WALKED * 2**20 // 8)
    times: Times = {name: [] for name in steps}
    for number in range(PASSES):
        for case in cases:
            for name, step in steps.items():
                # a problem keeps what was found of it
                fresh = replace(case, problem=replace(case.problem))
                if is_cold:
                    walked.sum()
                begin = time.perf_counter()
                step(fresh)
                elapsed = time.perf_counter() - begin
                if number:
                    times[name].append(elapsed)
    return times


def rows_of(times: Times, is_cold: bool) -> list[dict[str, Any]]:
    """Return the figures of each step."""
    return [
        {
            'step': name,
            'caches': 'cold' if is_cold else 'warm',
            'calls': len(each),
            **{
                f'time_ms_{label}': 1e3 * float(np.quantile(each, share))
                for label, share in (('p10', 0.1), ('p50', 0.5), ('p99', 0.99))
            },
        }
        for name, each in times.items()
    ]


@dataclass(frozen=True)
class Options:
    """Which model is timed on how many problems."""

    n: int = 20  # problems a tier
    seed: int = FIRST_SEED  # of the first problem
    models: Path = Path('models')  # folder of the model
    out: Path = Path('out/benchmark-inference.json')  # file of the figures

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, n=1, seed=0)


def main(arguments: list[str] | None = None) -> int:
    """Measure; print the table and write the figures."""
    return run(_measure, Options, 'benchmark-inference', __doc__, arguments)


def _measure(options: Options) -> None:
    compiled_problem.generate()
    transformer_library.generate(load_vehicle(), CostWeights(), Horizon.dt)
    model, margins = load_model(options.models), Margins()
    if not model.compiled:
        print(f'model {model.card.model_id!r} is no network that is compiled', file=sys.stderr)
    cases = []
    for seed in range(options.seed, options.seed + options.n):
        for tier in TIERS:
            problem = random_problem(tier, seed, Horizon())
            numbers = transcribe(problem, margins)
            cases.append(Case(problem, numbers, context_of(numbers)))
    rows = [
        row
        for is_cold in (False, True)
        for row in rows_of(measure(steps_of(model, margins), cases, is_cold), is_cold)
    ]
    print(table(COLUMNS, rows))
    write_measurement(options.out, options.seed, rows)
    print(options.out)


if __name__ == '__main__':
    sys.exit(main())
