# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Measure what learned starts are worth: `make benchmark-warmstart`.

One process and one thread measure; problems are made before, on all cores. Every time runs from
the problem to the verdict and holds inference; every failure counts; what a strategy found is
what the verifier accepts within the budget. Where there is no model, the rows without learning
remain. What was measured is kept problem by problem: `--resume` goes on with a stopped run.
"""

from __future__ import annotations

import os

# before numpy loads its threads: one thread for everybody
for _variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[_variable] = '1'

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.experiments.warmstart_candidates import CandidateStudy
from training.experiments.warmstart_plots import draw_deadlines, draw_knobs
from training.experiments.warmstart_problems import FIRST_SEED, TIERS, Case, Factory
from training.experiments.warmstart_records import Journal, JournalError, Record
from training.experiments.warmstart_report import BUDGETS, Results, rows_of, tables
from training.experiments.warmstart_strategies import (
    NOISE,
    Clockwork,
    Learned,
    LearnedSource,
    Pooled,
    RandomSource,
    Run,
    Strategy,
    cold_strategies,
)
from training.experiments.warmstart_targets import as_text, checklist
from warmstart_planner.learned.card import CARD_FILE, CardError
from warmstart_planner.learned.session import LoadedModel, Purpose, load_model
from warmstart_planner.measurement import plain, write_json, write_measurement
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scp import library as scp_library
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

SCENARIOS = Path(__file__).resolve().parents[2].parent / 'shared' / 'scenarios'
FORMAT = 1  # of the file of records
STUDY_STRIDE = 5  # one problem of so many has knobs turned and noise refined without a budget
WARM_UP_SEEDS = range(4)
WARM_UP_ROUNDS = 10
SURE = 95  # percentile of a time that counts as what it takes
NOISE_COUNT = 16
SAID_EVERY = 50  # problems, where progress is not shown in place


@dataclass(frozen=True)
class Timing:
    """What verification and inference take on this machine [s]."""

    verification: float
    inference: float


class Bench:
    """
    Everything that is measured on a problem.

    Args:
        horizon: of all problems.
        model: the learned one, None without.

    """

    def __init__(self, horizon: Horizon, model: LoadedModel | None) -> None:
        vehicle, weights = load_vehicle(), CostWeights()
        scp_library.generate(vehicle, weights, horizon)
        self._solver = ScpSolver(vehicle, horizon, weights)
        self._source = None if model is None else DecisionTransformer(model)
        self._study = None if model is None else CandidateStudy(model, self._solver)
        self._count = NOISE_COUNT if model is None else model.card.candidates
        self.timing = Timing(0.0, 0.0)
        self._strategies: tuple[Strategy, ...] = ()

    def warm_up(self, problems: Sequence[PlanningProblem]) -> None:
        """Page in what is loaded lazily, and find out how long verdict and inference take."""
        self.timing = _timing(self._solver, self._source, problems)
        clockwork = Clockwork(self._solver, self.timing.verification)
        self._strategies = cold_strategies(clockwork)
        noise = RandomSource(self._count)
        # noise is asked whenever the learned source would be
        self._strategies += (Pooled(clockwork, noise, self.timing.inference, NOISE),)
        if self._source is not None:
            self._strategies += (
                Learned(clockwork, self._source),
                Pooled(clockwork, self._source, self.timing.inference),
            )

    def measure(self, case: Case, index: int) -> Record:
        """Measure a problem; strategies take turns in who comes first."""
        problem = case.problem
        self._solver.bind(replace(problem))  # the road's own tables: a planner has them too
        runs = {}
        for strategy in np.roll(np.array(self._strategies, object), index):
            runs[strategy.name] = _runs(strategy, problem, _without_limit(strategy, index))
        if self._study is None:
            return Record(case.tier, case.family, case.name, runs)
        knobs = self._study.knobs(problem) if index % STUDY_STRIDE == 0 else ()
        raw = self._study.raw(problem)
        return Record(case.tier, case.family, case.name, runs, raw, knobs)


def _without_limit(strategy: Strategy, index: int) -> bool:
    """
    Tell whether a strategy is run to its end too.

    The pooled one would refine again what its parts have refined; noise is only looked at.
    """
    if strategy.name == NOISE:
        return index % STUDY_STRIDE == 0
    return not isinstance(strategy, Pooled)


def _runs(strategy: Strategy, problem: PlanningProblem, to_its_end: bool) -> tuple[Run, ...]:
    """
    Run a strategy with each budget.

    Once it has ended of itself, a larger budget changes nothing, and the run counts for it too.
    """
    runs: list[Run] = []
    for budget in BUDGETS:
        if runs and runs[-1].exhausted:
            runs.append(replace(runs[-1], budget=budget))
        else:
            runs.append(strategy.run(problem, budget))
    if to_its_end:
        runs.append(strategy.run(problem))
    return tuple(runs)


def _timing(
    solver: ScpSolver, source: LearnedSource | None, problems: Sequence[PlanningProblem]
) -> Timing:
    verification, inference = [], [0.0]
    for problem in [*problems] * WARM_UP_ROUNDS:
        bound = solver.bind(replace(problem))
        start = solver.roll_out(bound, StraightLine().propose(problem)[0].trajectory)
        result = solver.solve(bound, start)
        begin = time.perf_counter()
        verify(problem, result.trajectory)
        verification.append(time.perf_counter() - begin)
        if source is not None:
            begin = time.perf_counter()
            source.propose_for(problem, bound.numbers)
            inference.append(time.perf_counter() - begin)
    return Timing(*(float(np.percentile(times, SURE)) for times in (verification, inference)))


def _open_model(folder: Path, horizon: Horizon) -> LoadedModel | None:
    """
    Return a folder's model, None where it has none.

    Raises:
        CardError: there is one, and it is damaged or for something else.

    """
    if not (folder / CARD_FILE).exists():
        return None
    return load_model(folder, Purpose(load_vehicle().name, horizon, Margins(), CostWeights()))


def _cases(options: argparse.Namespace, factory: Factory) -> list[Case]:
    """Make all problems, and say what is left out."""
    first = options.seed
    cases = []
    for tier in TIERS:
        cases += _shown(tier, options.n, factory.random(tier, range(first, first + options.n)))
    shifted = _shown('shifted', options.shifted, factory.shifted(range(options.shifted)))
    if len(shifted) < options.shifted:
        _say(f'{options.shifted - len(shifted)} shifted seeds leave no way through: left out')
    if not options.scenarios.is_dir():
        _say(f'{options.scenarios} is not there: no recorded traffic')
        return cases + shifted
    _say('cutting problems from recorded traffic ...')
    return cases + shifted + factory.recorded(options.scenarios, options.recorded)


def _shown(name: str, count: int, cases: Iterable[Case]) -> list[Case]:
    made = []
    for case in cases:
        made.append(case)
        _progress(f'making {name} problems {len(made)}/{count}')
    return made


def _measure_all(bench: Bench, cases: Sequence[Case], journal: Journal) -> list[Record]:
    """Measure what the journal does not have; return the records of all cases."""
    keys = [f'{case.tier}/{case.name}' for case in cases]
    begin, done = time.monotonic(), 0
    for index, (key, case) in enumerate(zip(keys, cases, strict=True)):
        if key not in journal.records:
            journal.add(bench.measure(case, index))
            done += 1
            rate = (time.monotonic() - begin) / done
            left = rate * (len(cases) - index - 1) / 60.0
            shown = f'{index + 1}/{len(cases)} {key}, about {left:.0f} min left'
            _progress(shown)
            if done % SAID_EVERY == 0 and not sys.stderr.isatty():
                _say(shown)
    _progress('')
    return [journal.records[key] for key in keys]


def _say(text: str) -> None:
    _progress('')
    print(text, file=sys.stderr, flush=True)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f'\r{text:70}\r', end='', file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--n', type=int, default=340, help='held-out random problems a tier')
    parser.add_argument('--shifted', type=int, help='shifted problems, 200 at most by default')
    parser.add_argument('--recorded', type=int, help='recorded ones, 240 at most by default')
    parser.add_argument('--seed', type=int, default=FIRST_SEED, help='of the first problem')
    parser.add_argument('--model', type=Path, default=Path('models'), help='folder of the model')
    parser.add_argument('--scenarios', type=Path, default=SCENARIOS, help='CommonRoad files')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='to make problems')
    parser.add_argument('--resume', action='store_true', help='go on with a stopped run')
    parser.add_argument(
        '--images', type=Path, help='folder of the pictures, by default that of --out'
    )
    parser.add_argument('--out', type=Path, default=Path('out/benchmark-warmstart.json'))
    return parser


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.shifted is None:
        options.shifted = min(options.n, 200)
    if options.recorded is None:
        options.recorded = min(options.n, 240)
    for name, least in (('n', 1), ('shifted', 0), ('recorded', 0), ('seed', 0), ('jobs', 1)):
        value = getattr(options, name)
        if value < least:
            parser.error(f'--{name} is {value}: expected at least {least}')
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; print tables and checklist, write figures, details and pictures."""
    options = _options(arguments)
    horizon = Horizon()
    try:
        model = _open_model(options.model, horizon)
        about = {'format': FORMAT, 'model': None if model is None else model.card.sha256}
        lines = options.out.with_name(f'{options.out.stem}-records.jsonl')
        journal = Journal(lines, about, options.resume)
        cases = _cases(options, Factory(horizon, options.jobs))
    except (CardError, JournalError, ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    if model is None:
        _say(f'{options.model} has no model: only the rows without learning are measured')
    bench = Bench(horizon, model)
    warm_up = Factory(horizon).random('hard', WARM_UP_SEEDS)
    bench.warm_up([case.problem for case in warm_up])
    results = Results(_measure_all(bench, cases, journal))
    _report(options, results, bench.timing)
    return 0


def _report(options: argparse.Namespace, results: Results, timing: Timing) -> None:
    rows = rows_of(results)
    checks = checklist(results, rows)
    print(tables(rows))
    if checks:
        print('\n' + as_text(checks))
    write_measurement(options.out, options.seed, rows)
    details = options.out.with_name(f'{options.out.stem}-problems.json')
    write_json(details, _details(results, checks, timing))
    images = options.images or options.out.parent
    drawn = [
        path
        for path, draw in (
            (images / 'deadline.png', draw_deadlines),
            (images / 'knobs.png', draw_knobs),
        )
        if draw(path, rows)
    ]
    print(', '.join(map(str, (options.out, details, *drawn))))


def _details(results: Results, checks: Sequence[Any], timing: Timing) -> dict[str, Any]:
    return {
        'reserve_for_the_verdict_s': timing.verification,
        'inference_allowed_for_s': timing.inference,
        'checks': [asdict(check) for check in checks],
        'records': [plain(asdict(record)) for record in results.records],
    }


if __name__ == '__main__':
    sys.exit(main())
