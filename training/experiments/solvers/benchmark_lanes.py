# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Time SCP's lanes against its loop on HPIPM: `make benchmark-lanes`.

Sixteen learned candidates a problem. The loop refines the one that the model is surest of; the
lanes refine all to the end, and until STRAGGLERS are left. Times are the thread's own, the least
of REPETITIONS in turn, with all conversions between map and solver, so that ratios hold on a busy
machine too.
The loop refines all sixteen too, one after the other, for a comparison of what is found.

At last problems of the dataset are collected with either: their starts one after the other by the
loop and judged by the verifier in numpy, or in lanes and judged by the compiled judge.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from training.command_line import at_least, run
from training.dataset.collection import Collector, Search, Solved
from training.dataset.situations import base_situation
from training.experiments.solvers.hpipm_loop import HpipmLoop, LoopResult
from training.progress import tracked
from training.table import Column, table
from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.learned.session import load_model
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, Proposal, Trajectory
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.scenarios.generator import random_problem
from warmstart_planner.scp import library
from warmstart_planner.scp.solver import BoundProblem, ScpResult, ScpSolver
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

TIERS = ('medium', 'hard')
FIRST_SEED = 50_000  # below those that models are trained on
PROBLEMS = 60  # a tier
CANDIDATES, STRAGGLERS, REPETITIONS = 16, 3, 3
FAILURE = 20.0  # what it counts beside a cost, in natural logarithms, for who wants to be sure
ONE, ALL, SOME = 'one, loop', 'sixteen, lanes', f'sixteen, lanes, all but {STRAGGLERS}'
ONE_LANE = 'one, one lane of double'
FIRST_INDEX = 2  # of the dataset's problems
DATASET_LOOP, DATASET_LANES = 'dataset, loop', 'dataset, lanes'


COLUMNS = (
    Column('way', 'way'),
    Column('mean [ms]', 'time_ms_mean', '.2f'),
    Column('p90 [ms]', 'time_ms_p90', '.2f'),
    Column('mean of one by the loop', 'mean_over_one', '.2f'),
    Column('p90', 'p90_over_mean_of_one', '.2f'),
)
COLLECTING_COLUMNS = (
    Column('way', 'way'),
    Column('problems a second and core', 'problems_per_second_and_core', '.1f'),
    Column('times the loop', 'rate_over_loop', '.1f'),
)
AGREEMENT_COLUMNS = (Column('figure', 'figure'), Column('value', 'value', '.4g'))


@dataclass(frozen=True)
class Record:
    """One problem: seconds by way; results of loop and lanes by candidate."""

    seconds: Mapping[str, float]
    loop: Sequence[LoopResult]
    lanes: Sequence[ScpResult]


def measure(
    loop: HpipmLoop, solver: ScpSolver, bound: BoundProblem, starts: Sequence[Trajectory]
) -> Record:
    """Time all ways in turn; refine the rest by the loop for comparison."""
    ways: dict[str, Callable[[], Any]] = {
        ONE: partial(loop.solve, bound, starts[0]),
        ONE_LANE: partial(solver.solve, bound, starts[0]),
        ALL: partial(solver.solve_all, bound, starts),
        SOME: partial(solver.solve_all, bound, starts, stragglers=STRAGGLERS),
    }
    seconds = least_seconds(ways)
    return Record(seconds, [loop.solve(bound, s) for s in starts], ways[ALL]())


def least_seconds(ways: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the thread's own time of each way, the least of REPETITIONS in turn [s]."""
    seconds = dict.fromkeys(ways, np.inf)
    for _ in range(REPETITIONS):
        for name, way in ways.items():
            begin = time.thread_time()
            way()
            seconds[name] = min(seconds[name], time.thread_time() - begin)
    return seconds


def started(
    source: DecisionTransformer, solver: ScpSolver, seeds: Sequence[int]
) -> Iterator[tuple[BoundProblem, list[Trajectory]]]:
    """Yield problems of both tiers with the driven candidates, the surest first."""
    for seed in seeds:
        for tier in TIERS:
            bound = solver.bind(random_problem(tier, seed, solver.horizon))
            proposals = sorted(source.propose_for(bound.problem, bound.numbers), key=_doubt)
            guesses = [proposal.trajectory for proposal in proposals[:CANDIDATES]]
            yield bound, solver.roll_out_all(bound, guesses)


def _doubt(proposal: Proposal) -> float:
    return -proposal.predicted_return * float(np.exp(FAILURE * proposal.failure_probability))


def loop_seconds(source: DecisionTransformer, solver: ScpSolver, problems: int) -> float:
    """Return the mean time of the loop for one candidate, of so many problems a tier [s]."""
    loop = HpipmLoop(solver.vehicle, solver.horizon)
    seeds = range(FIRST_SEED, FIRST_SEED + problems)
    times = [
        least_seconds({ONE: partial(loop.solve, bound, starts[0])})[ONE]
        for bound, starts in started(source, solver, seeds)
        if starts
    ]
    return float(np.mean(times))


def rows_of(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row of figures for each way; ratios are to the mean time of one by the loop."""
    base = np.mean([record.seconds[ONE] for record in records])
    rows = []
    for way in records[0].seconds:
        seconds = np.array([record.seconds[way] for record in records])
        rows.append(
            {
                'way': way,
                'n': len(records),
                'time_ms_mean': 1e3 * seconds.mean(),
                'time_ms_p90': 1e3 * np.quantile(seconds, 0.9),
                'mean_over_one': seconds.mean() / base,
                'p90_over_mean_of_one': np.quantile(seconds, 0.9) / base,
            }
        )
    return rows


def agreement(records: Sequence[Record]) -> dict[str, float]:
    """How lanes and loop differ: counts of candidates, and merits of those feasible in both."""
    pairs = [pair for record in records for pair in zip(record.loop, record.lanes, strict=True)]
    loop, lanes = np.array([[r.within_tolerance for r in pair] for pair in pairs]).T
    merit = np.array([[r.score.merit for r in pair] for pair in pairs])[loop & lanes]
    ratio = merit[:, 1] / merit[:, 0]
    best = np.array(
        [
            [
                min((r.score.merit for r in each if r.within_tolerance), default=np.inf)
                for each in (record.loop[:1], record.loop, record.lanes)
            ]
            for record in records
        ]
    )
    known = best.min(axis=1)
    solved = np.isfinite(known)
    dear = (best[solved] > 1.05 * known[solved, None]).mean(axis=0)
    return {
        'candidates': len(pairs),
        'within_tolerance_loop': int(loop.sum()),
        'within_tolerance_lanes': int(lanes.sum()),
        'merits_within_1_percent': float((np.abs(ratio - 1.0) < 0.01).mean()),
        'merits_more_than_5_percent_worse': float((ratio > 1.05).mean()),
        'merits_more_than_5_percent_better': float((ratio < 1 / 1.05).mean()),
        'dear_with_one_by_loop': float(dear[0]),
        'dear_with_all_by_loop': float(dear[1]),
        'dear_with_all_in_lanes': float(dear[2]),
    }


def search_by_loop(loop: HpipmLoop, solver: ScpSolver) -> Search:
    """Return what refines the starts of a problem one after the other, judged in numpy."""

    def search(bound: BoundProblem, starts: Sequence[Trajectory]) -> list[Solved]:
        results = [loop.solve(bound, solver.roll_out(bound, start)) for start in starts]
        return [
            Solved(each.trajectory, each.score.cost, verify(bound.problem, each.trajectory))
            for each in results
        ]

    return search


def collecting(loop: HpipmLoop, solver: ScpSolver, count: int) -> list[dict[str, Any]]:
    """Collect problems of the dataset in turn by loop and lanes; problems a second of a core."""
    collectors = {
        DATASET_LOOP: Collector(solver.vehicle, solver.horizon, search_by_loop(loop, solver)),
        DATASET_LANES: Collector(solver.vehicle, solver.horizon),
    }
    seconds = dict.fromkeys(collectors, 0.0)
    for index in range(FIRST_INDEX, FIRST_INDEX + count):
        situation = base_situation(index, solver.horizon)
        for way, collector in collectors.items():
            begin = time.thread_time()
            collector.collect(replace(situation, problem=replace(situation.problem)))
            seconds[way] += time.thread_time() - begin
    return [
        {
            'way': way,
            'n': count,
            'problems_per_second_and_core': count / taken,
            'rate_over_loop': seconds[DATASET_LOOP] / taken,
        }
        for way, taken in seconds.items()
    ]


def report(rows: Sequence[Mapping[str, Any]], agreed: Mapping[str, float]) -> str:
    """Return the figures as text."""
    timed = [row for row in rows if 'time_ms_mean' in row]
    collected = [row for row in rows if 'rate_over_loop' in row]
    agreement_rows = [{'figure': name, 'value': value} for name, value in agreed.items()]
    return '\n\n'.join(
        table(columns, each)
        for columns, each in (
            (COLUMNS, timed),
            (COLLECTING_COLUMNS, collected),
            (AGREEMENT_COLUMNS, agreement_rows),
        )
    )


@dataclass(frozen=True)
class Options:
    """Whose candidates are refined, of how many problems."""

    n: int = PROBLEMS  # problems a tier
    seed: int = FIRST_SEED  # of the first problem
    models: Path = Path('models')  # folder of the model
    out: Path = Path('out/benchmark-lanes.json')  # file of the figures

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, n=1, seed=0)


def main(arguments: list[str] | None = None) -> int:
    """Measure; print the table and write the figures."""
    return run(_measure, Options, 'benchmark-lanes', __doc__, arguments)


def _measure(options: Options) -> None:
    car, horizon = load_vehicle(), Horizon()
    library.generate(car, CostWeights(), horizon)
    loop, solver = HpipmLoop(car, horizon), ScpSolver(car, horizon)
    source = DecisionTransformer(load_model(options.models))
    seeds = range(options.seed, options.seed + options.n)
    problems = tracked(started(source, solver, seeds), 'refining', len(TIERS) * len(seeds))
    records = [measure(loop, solver, bound, starts) for bound, starts in problems]
    rows, agreed = rows_of(records), agreement(records)
    rows += collecting(loop, solver, options.n)
    print(report(rows, agreed))
    write_measurement(options.out, options.seed, [*rows, agreed])
    print(options.out)


if __name__ == '__main__':
    sys.exit(main())
