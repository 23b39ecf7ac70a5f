# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Time what lies around the solver: `make benchmark-inference`.

Transcription of a problem and the model's candidates, each beside its reference, in one run and
problem by problem, so that a noisy machine is as noisy for both. Between calls an array as large
as no cache is walked through: on a vehicle other work comes between two cycles, too.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from warmstart_planner import compiled_transcription
from warmstart_planner.learned import transformer_library
from warmstart_planner.learned.context import Context, context_of
from warmstart_planner.learned.session import LoadedModel, load_model
from warmstart_planner.measurement import write_measurement
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


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the figures as text."""
    lines = [f'{"step":26} {"caches":6} {"p10":>8} {"p50":>8} {"p99":>8} ms']
    lines += [
        f'{row["step"]:26} {row["caches"]:6} {row["time_ms_p10"]:8.3f} {row["time_ms_p50"]:8.3f} '
        f'{row["time_ms_p99"]:8.3f}'
        for row in rows
    ]
    return '\n'.join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure; print the table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--n', type=int, default=20, help='problems a tier')
    parser.add_argument('--seed', type=int, default=FIRST_SEED, help='seed of the first problem')
    parser.add_argument('--models', type=Path, default=Path('models'))
    parser.add_argument('--out', type=Path, default=Path('out/benchmark-inference.json'))
    options = parser.parse_args(arguments)
    if options.n < 1:
        parser.error(f'--n is {options.n}: expected at least 1')
    compiled_transcription.generate()
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
    print(table(rows))
    write_measurement(options.out, options.seed, rows)
    print(options.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
