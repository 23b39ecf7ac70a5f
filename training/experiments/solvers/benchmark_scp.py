# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Compare SCP with general solvers on the same problems: `make benchmark-scp`.

Every solver gets the same objective, constraints, penalties and rolled-out starts. The verifier
judges what comes back, whatever a solver says of itself; an infeasible answer is a failure, and
its time counts. The start `multi_start` refines the straight line and every candidate of the cold
bundle one after the other and keeps the cheapest verified answer; its time and its iterations are
sums. The best known cost of a problem is that of the cheapest verified answer of all.

With `--verdicts` the judges are compared: the times of `verify` and of the compiled one, and what
it takes to bind a problem for that, on the same starts. It is the thread's own time, without what
other programs take.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from training.command_line import at_least, run
from training.experiments.solvers import acados_sqp, nlp
from training.experiments.solvers.acados_sqp import AcadosSqp
from training.experiments.solvers.interior_point import InteriorPoint
from training.experiments.solvers.nlp import (
    Formulation,
    Task,
    capacity_for,
    make_task,
    obstacles_in_reach,
)
from training.experiments.solvers.scp import Scp
from training.experiments.solvers.solving import Solver
from training.figures import (
    gap_figures,
    iteration_figures,
    relative_gap,
    time_figures,
)
from training.progress import tracked
from training.table import Column, table
from warmstart_planner.files.measurement import write_json, write_measurement
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scenarios.generator import problem_family, random_problem
from warmstart_planner.scp import library as scp_library
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import Judge, verify
from warmstart_planner.verification.judge import compiled

Tier = Literal['easy', 'medium', 'hard']
TIERS: tuple[Tier, ...] = get_args(Tier)
Start = Literal['straight_line', 'multi_start']
STARTS: tuple[Start, ...] = get_args(Start)
STRAIGHT_LINE, MULTI_START = STARTS


COLUMNS = (
    Column('tier', 'tier'),
    Column('start', 'start'),
    Column('solver', 'solver'),
    Column('feasible', 'feasible_rate', '.1%'),
    Column('gap', 'cost_gap_mean', '.1%'),
    Column('dear*', 'share_infeasible_or_5_percent_above', '.0%'),
    Column('iterations', 'iterations_mean', '.1f'),
    Column('p90', 'iterations_p90', '.0f'),
    *(Column(f'{share} [ms]', f'time_ms_{share}', '.2f') for share in ('median', 'p95', 'p99')),
)
NOTE = '* infeasible, or more than 5 % above the best known cost'
VERDICT_COLUMNS = (
    Column('tier', 'tier'),
    Column('judge', 'judge'),
    Column('n', 'n', 'd'),
    *(Column(f'{share} [ms]', f'time_ms_{share}', '.3f') for share in ('median', 'p95', 'p99')),
    Column('times faster', 'times_faster', '.1f'),
)


@dataclass(frozen=True)
class Outcome:
    """A judged answer; cost and merit are infinite where there was no trajectory."""

    feasible: bool
    violation: float
    cost: float
    merit: float
    seconds: float
    iterations: int
    status: str


@dataclass(frozen=True)
class Record:
    """All answers to one problem: by solver, one outcome a start, the straight line first."""

    tier: str
    seed: int
    family: str
    outcomes: Mapping[str, tuple[Outcome, ...]]

    @property
    def best(self) -> float:
        """Cost of the cheapest verified answer, infinite where there is none."""
        return min((o.cost for o in self._all() if o.feasible), default=np.inf)

    def summary(self, solver: str, start: str) -> Outcome:
        """Return a solver's outcome from the straight line, or the best of all its starts."""
        outcomes = self.outcomes[solver]
        if start == STRAIGHT_LINE:
            return outcomes[0]
        best = min(outcomes, key=lambda o: (not o.feasible, o.cost if o.feasible else o.violation))
        return Outcome(
            best.feasible,
            best.violation,
            best.cost,
            best.merit,
            sum(o.seconds for o in outcomes),
            sum(o.iterations for o in outcomes),
            best.status,
        )

    def _all(self) -> Iterable[Outcome]:
        return (o for outcomes in self.outcomes.values() for o in outcomes)


class Bench:
    """
    The solvers to compare, and what judges them.

    Args:
        tiers: of the random problems.
        seeds: of the problems of each tier.

    """

    def __init__(self, tiers: Sequence[str], seeds: Iterable[int]) -> None:
        """Generate, compile and load whatever these problems need and is missing."""
        self.car, self.weights, self.horizon = load_vehicle(), CostWeights(), Horizon()
        scp_library.generate(self.car, self.weights, self.horizon)
        self._judge = ScpSolver(self.car, self.horizon, self.weights)
        self.problems = {
            (tier, seed): random_problem(tier, seed, self.horizon)
            for tier, seed in product(tiers, seeds)
        }
        counts = (len(obstacles_in_reach(self._judge.bind(p))) for p in self.problems.values())
        capacities = sorted(set(map(capacity_for, counts)))
        forms = {c: Formulation(self.car, self.weights, self.horizon, c) for c in capacities}
        _compile_all(forms.values())
        self.solvers: tuple[Solver, ...] = (
            Scp(ScpSolver(self.car, self.horizon, self.weights)),
            AcadosSqp(forms),
            InteriorPoint('fatrop', forms),
            InteriorPoint('ipopt', forms),
        )

    def tasks(self, problem: PlanningProblem, starts: Sequence[str]) -> list[Task]:
        """Return the straight line and, where asked for, the bundle, all rolled out."""
        bound = self._judge.bind(problem)
        proposals = [*StraightLine().propose(problem)]
        if MULTI_START in starts:
            proposals += ColdBundle().propose(problem)
        return [
            make_task(bound, p.trajectory, self._judge.roll_out(bound, p.trajectory))
            for p in proposals
        ]

    def run(self, solver: Solver, task: Task) -> Outcome:
        """Solve and judge."""
        attempt = solver.solve(task)
        if attempt.trajectory is None:
            return Outcome(
                False, np.inf, np.inf, np.inf, attempt.seconds, attempt.iterations, attempt.status
            )
        verdict = verify(task.bound.problem, attempt.trajectory)
        score = self._judge.score(task.bound, attempt.trajectory)
        return Outcome(
            verdict.feasible,
            verdict.violation,
            score.cost,
            score.merit,
            attempt.seconds,
            attempt.iterations,
            attempt.status,
        )

    def record(self, tier: str, seed: int, starts: Sequence[str]) -> Record:
        """Run all solvers from all starts on one of the problems."""
        tasks = self.tasks(self.problems[tier, seed], starts)
        outcomes = {s.name: tuple(self.run(s, task) for task in tasks) for s in self.solvers}
        return Record(tier, seed, problem_family(tier, seed), outcomes)


def rows_of(records: Sequence[Record], starts: Sequence[str]) -> list[dict[str, Any]]:
    """One row of figures for each tier, solver and start."""
    rows = []
    for tier in TIERS:
        of_tier = [r for r in records if r.tier == tier]
        for start in starts:
            for solver in of_tier[0].outcomes if of_tier else ():
                rows.append(_row(of_tier, tier, solver, start))
    return rows


def _row(records: Sequence[Record], tier: str, solver: str, start: str) -> dict[str, Any]:
    outcomes = [record.summary(solver, start) for record in records]
    best = [record.best for record in records]
    gap = relative_gap([o.cost if o.feasible else np.inf for o in outcomes], best)
    return {
        'tier': tier,
        'solver': solver,
        'start': start,
        'n': len(records),
        **gap_figures(gap),
        **iteration_figures([o.iterations for o in outcomes]),
        **time_figures([o.seconds for o in outcomes]),
        'unsolved_by_all': int((~np.isfinite(best)).sum()),
    }


def unsolved(records: Sequence[Record]) -> str:
    """Say for which problems nobody has a verified answer."""
    left = [r for r in records if not np.isfinite(r.best)]
    if not left:
        return 'Every problem has a verified answer.'
    names = ', '.join(f'{r.tier} {r.seed} ({r.family})' for r in left)
    return f'No verified answer for {len(left)} of {len(records)} problems: {names}'


def verdict_rows(tiers: Iterable[str], seeds: range) -> list[dict[str, Any]]:
    """Return figures of the time of verdicts on all starts: a row for each tier and judge."""
    compiled.generate()
    return [row for tier in tiers for row in _verdict_rows(tier, seeds)]


def _verdict_rows(tier: str, seeds: range) -> list[dict[str, Any]]:
    seconds: dict[str, list[float]] = {'verify': [], 'compiled': [], 'binding': []}

    def timed(name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        begin = time.thread_time()
        result = call(*arguments)
        seconds[name].append(time.thread_time() - begin)
        return result

    for seed in seeds:
        problem = random_problem(tier, seed)
        proposals = [*StraightLine().propose(problem), *ColdBundle().propose(problem)]
        for proposal in proposals:
            timed('verify', verify, problem, proposal.trajectory)
        judge = timed('binding', Judge, problem)
        for proposal in proposals:
            timed('compiled', judge.verdict, proposal.trajectory)
    slow = np.median(seconds['verify'])
    return [
        {
            'tier': tier,
            'judge': name,
            'n': len(times),
            **time_figures(times),
            'times_faster': float(slow / np.median(times)),
        }
        for name, times in seconds.items()
    ]


def _compile_all(forms: Iterable[Formulation]) -> None:
    """Compile the baselines that are missing, on all cores, each in a process of its own."""
    context = get_context('spawn')
    with ProcessPoolExecutor(mp_context=context) as pool:
        jobs = [
            pool.submit(job, form)
            for form in sorted(forms, key=lambda f: -f.obstacles)
            for job in (nlp.compile_programme, acados_sqp.generate)
        ]
        for job in jobs:
            job.result()


@dataclass(frozen=True)
class Options:
    """Which problems are solved from which starts."""

    n: int = 100  # problems a tier
    seed: int = 0  # of the first problem
    tiers: tuple[Tier, ...] = TIERS  # of problems
    starts: tuple[Start, ...] = STARTS  # that all solvers have
    verdicts: bool = False  # compare the judges instead
    out: Path | None = None  # file; by default out/benchmark-scp or -verdicts.json

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, n=1, seed=0)

    @property
    def seeds(self) -> range:
        """Seeds of the problems of each tier."""
        return range(self.seed, self.seed + self.n)


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; print the table and write the figures."""
    return run(_compare, Options, 'benchmark-scp', __doc__, arguments)


def _compare(options: Options) -> None:
    work = _compare_judges if options.verdicts else _compare_solvers
    work(options)


def _compare_judges(options: Options) -> None:
    rows = verdict_rows(options.tiers, options.seeds)
    print(table(VERDICT_COLUMNS, rows))
    write_measurement(options.out or Path('out/benchmark-verdicts.json'), options.seed, rows)


def _compare_solvers(options: Options) -> None:
    out = options.out or Path('out/benchmark-scp.json')
    print('compiling the solvers that are not current ...', file=sys.stderr, flush=True)
    bench = Bench(options.tiers, options.seeds)
    problems = list(bench.problems)
    bench.record(*problems[0], options.starts)  # page in what is loaded lazily
    records = [
        bench.record(tier, seed, options.starts) for tier, seed in tracked(problems, 'solving')
    ]
    rows = rows_of(records, options.starts)
    print(table(COLUMNS, rows, note=NOTE))
    print(unsolved(records))
    write_measurement(out, options.seed, rows)
    details = out.with_name(f'{out.stem}-problems.json')
    write_json(details, {'records': [asdict(record) for record in records]})
    print(f'{out}, {details}')


if __name__ == '__main__':
    sys.exit(main())
