# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Measure what learned starts are worth: `make benchmark-warmstart`.

One process and one thread measure; problems are made before, on all cores. Every time runs from
the problem to the verdict and holds inference; every failure counts; what a strategy found is
what the verifier accepts within the budget. Where a model is missing, the rows without it remain.
What was measured is kept problem by problem: `--resume` goes on with a stopped run. With
`--workers` several processes measure, one thread each: sooner done, but times hold what they take
from each other.
"""

from __future__ import annotations

import os

# before numpy loads its threads: one thread for everybody
for _variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[_variable] = '1'

import argparse
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from itertools import count, zip_longest
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from training.experiments.journal import Journal, JournalError
from training.experiments.warmstart_candidates import CandidateStudy
from training.experiments.warmstart_coherence import CoherenceStudy
from training.experiments.warmstart_plots import draw_coherence, draw_deadlines, draw_knobs
from training.experiments.warmstart_policy_report import (
    policy_checklist,
    policy_rows,
    policy_tables,
)
from training.experiments.warmstart_problems import (
    FIRST_SEED,
    FIRST_TRAINING_SEED,
    SHIFTED,
    TIERS,
    Case,
    Factory,
    key_of,
)
from training.experiments.warmstart_records import Record, open_journal
from training.experiments.warmstart_report import BUDGETS, Results, rows_of, tables
from training.experiments.warmstart_roll_outs import RollOutClock
from training.experiments.warmstart_strategies import (
    BEST,
    GUIDED_LEARNED,
    IQL_LSTM,
    LEARNED,
    NOISE,
    Clockwork,
    Learned,
    LearnedSource,
    Pooled,
    RandomSource,
    Run,
    Shared,
    Strategy,
    cold_strategies,
    guided_strategies,
)
from training.experiments.warmstart_targets import Check, as_text, checklist
from warmstart_planner.learned import card, observation_library, policy_card
from warmstart_planner.learned.card_format import CardError
from warmstart_planner.learned.policy import LoadedPolicy, PolicyPurpose, load_policy
from warmstart_planner.learned.session import LoadedModel, Purpose, load_model
from warmstart_planner.measurement import plain, write_json, write_measurement
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.proposals import guided_library
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.guided import Guided
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.proposals.selection import judge
from warmstart_planner.scp import library as scp_library
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

SCENARIOS = Path(__file__).resolve().parents[2].parent / 'shared' / 'scenarios'
FORMAT = 3  # of the file of records
# One problem of so many has knobs turned and noise refined. No number of families shares a factor
# with it, so that all families are among them.
STUDY_STRIDE = 7
WARM_UP_SEEDS = range(2)
WARM_UP_ROUNDS = 15
# Medians of a time that are set aside for what it takes: a verdict that is late is none, a
# refinement that begins late is only shorter.
VERIFICATION_ALLOWANCE, INFERENCE_ALLOWANCE = 1.5, 1.2
NOISE_COUNT = 16
SAID_EVERY = 50  # problems, where progress is not shown in place


@dataclass(frozen=True)
class Timing:
    """
    What things take on this machine [s].

    `verification` and `inference` with something to spare, as both have to be in time; `bundle`
    for the cold bundle to be judged and one of it to be refined.
    """

    verification: float
    inference: float
    bundle: float


@dataclass(frozen=True)
class Models:
    """What was learned; None for what there is not."""

    transformer: LoadedModel | None
    policy: LoadedPolicy | None


class Bench:
    """
    Everything that is measured on a problem.

    Args:
        horizon: of all problems.
        models: the learned ones.
        budgets: that each strategy has once, beside none at all [s].

    """

    def __init__(self, horizon: Horizon, models: Models, budgets: Sequence[float]) -> None:
        vehicle, weights = load_vehicle(), CostWeights()
        scp_library.generate(vehicle, weights, horizon)
        guided_library.generate()
        self._budgets = budgets
        self._solver = ScpSolver(vehicle, horizon, weights)
        self._sources: dict[str, LearnedSource] = {}
        self._study = self._clock = None
        self._count = NOISE_COUNT
        if models.transformer is not None:
            self._sources[LEARNED] = DecisionTransformer(models.transformer)
            self._study = CandidateStudy(models.transformer, self._solver)
            self._count = models.transformer.card.candidates
        if models.policy is not None:
            observation_library.generate(vehicle)
            self._sources[IQL_LSTM] = IqlLstm(models.policy)
            self._clock = RollOutClock(models.policy)
        self._coherence = CoherenceStudy(self._solver, self._sources)
        self._strategies: tuple[Strategy, ...] = ()

    def warm_up(self, problems: Sequence[PlanningProblem]) -> Timing:
        """Page in what is loaded lazily, and find out how long verdict and inference take."""
        for problem in problems:
            self._coherence.look(problem)
        return _timing(self._solver, self._sources.get(LEARNED), problems)

    def set_timing(self, timing: Timing) -> None:
        """Make the strategies, which set so much time aside."""
        clockwork = Clockwork(self._solver, timing.verification)
        self._strategies = (
            *cold_strategies(clockwork, timing.bundle),
            *guided_strategies(clockwork),
            # noise is asked whenever the learned source would be
            Pooled(clockwork, RandomSource(self._count), timing.inference, timing.bundle, NOISE),
            *(Learned(clockwork, source, name) for name, source in self._sources.items()),
        )
        if LEARNED in self._sources:
            source = self._sources[LEARNED]
            self._strategies += (
                Shared(clockwork, GUIDED_LEARNED, Guided(), source),
                Pooled(clockwork, source, timing.inference, timing.bundle),
            )

    def measure(self, case: Case, index: int) -> Record:
        """Measure a problem; strategies take turns in who comes first."""
        problem = case.problem
        self._solver.bind(replace(problem))  # the road's own tables: a planner has them too
        studied = index % STUDY_STRIDE == 0
        turn = index % len(self._strategies)
        runs = {}
        for strategy in (*self._strategies[turn:], *self._strategies[:turn]):
            if studied or strategy.name != NOISE:
                runs[strategy.name] = _runs(strategy, problem, self._budgets)
        return Record(
            case.tier,
            case.family,
            case.name,
            runs,
            self._study.raw(problem) if self._study else None,
            self._study.knobs(problem) if self._study and studied else (),
            self._coherence.look(problem),
            self._clock.times(problem) if self._clock else (),
        )


@cache
def _ready_bench(
    folder: Path, horizon: Horizon, budgets: tuple[float, ...], timing: Timing
) -> Bench:
    """Return a process's own bench, warm."""
    bench = Bench(horizon, _open_models(folder, horizon), budgets)
    bench.warm_up(_warm_up_problems(horizon))
    bench.set_timing(timing)
    return bench


def _measure(
    folder: Path,
    horizon: Horizon,
    budgets: tuple[float, ...],
    timing: Timing,
    case: Case,
    index: int,
) -> Record:
    return _ready_bench(folder, horizon, budgets, timing).measure(case, index)


def _warm_up_problems(horizon: Horizon) -> list[PlanningProblem]:
    return [case.problem for case in Factory(horizon).random('hard', WARM_UP_SEEDS)]


@contextmanager
def _measuring(
    options: argparse.Namespace, bench: Bench, horizon: Horizon, timing: Timing
) -> Iterator[Callable[..., Iterable[Record]]]:
    """Lend what maps cases and their places to records: this process's bench, or several."""
    if options.workers == 1:
        bench.set_timing(timing)
        yield partial(map, bench.measure)
        return
    # not forked: threads of onnxruntime do not survive that
    with ProcessPoolExecutor(options.workers, mp_context=get_context('spawn')) as pool:
        try:
            work = partial(_measure, options.model, horizon, _budgets(options), timing)
            yield partial(pool.map, work)
        finally:
            pool.shutdown(cancel_futures=True)  # a stopped run does not wait for the rest


def _budgets(options: argparse.Namespace) -> tuple[float, ...]:
    return () if options.to_the_end else BUDGETS


def _runs(
    strategy: Strategy, problem: PlanningProblem, budgets: Sequence[float]
) -> tuple[Run, ...]:
    """
    Run a strategy with each budget, and but for the pooled one without any.

    Once it has ended of itself, a larger budget changes nothing, and the run counts for it too.
    Without a budget the pooled one would refine again what its two parts have refined.
    """
    runs: list[Run] = []
    for budget in budgets:
        if runs and runs[-1].exhausted:
            runs.append(replace(runs[-1], budget=budget))
        else:
            runs.append(strategy.run(problem, budget))
    if strategy.name != BEST:
        runs.append(strategy.run(problem))
    return tuple(runs)


def _timing(
    solver: ScpSolver, source: LearnedSource | None, problems: Sequence[PlanningProblem]
) -> Timing:
    verification: list[float] = []
    inference: list[float] = []
    bundle: list[float] = []
    for problem in [*problems] * WARM_UP_ROUNDS:
        bound = solver.bind(replace(problem))
        begin = time.perf_counter()
        start = judge(solver, bound, ColdBundle().propose(problem))[0].proposal.trajectory
        result = solver.solve(bound, start)
        refined = time.perf_counter()
        bundle.append(refined - begin)
        verify(problem, result.trajectory)
        verification.append(time.perf_counter() - refined)
        if source is not None:
            begin = time.perf_counter()
            source.propose_for(problem, bound.numbers)
            inference.append(time.perf_counter() - begin)
    medians = [float(np.median(times or [0.0])) for times in (verification, inference, bundle)]
    return Timing(
        VERIFICATION_ALLOWANCE * medians[0], INFERENCE_ALLOWANCE * medians[1], medians[2]
    )


def _open_models(folder: Path, horizon: Horizon) -> Models:
    """
    Return a folder's models, None for those it does not have.

    Raises:
        CardError: there is one, and it is damaged or for something else.

    """
    vehicle, margins = load_vehicle().name, Margins()
    transformer = policy = None
    if (folder / card.CARD_FILE).exists():
        transformer = load_model(folder, Purpose(vehicle, horizon, margins, CostWeights()))
    if (folder / policy_card.CARD_FILE).exists():
        policy = load_policy(folder, PolicyPurpose(vehicle, horizon.dt, margins))
    return Models(transformer, policy)


def _keep_measuring(
    options: argparse.Namespace,
    measured: Callable[..., Iterable[Record]],
    factory: Factory,
    journal: Journal[Record],
) -> list[Record]:
    """Make the problems that the journal has no record of, measure them, return all records."""
    cases = _cases(options, factory, journal.records)
    begin = time.monotonic()
    # the place in the whole plan, not in what is left of it: a resumed run is the same run
    places = count(len(journal.records))
    for done, record in enumerate(measured(cases, places), start=1):
        journal.add(record)
        rate = (time.monotonic() - begin) / done / 60.0
        shown = (
            f'{done}/{len(cases)} {record.key}, about {rate * (len(cases) - done):.0f} min left'
        )
        _progress(shown)
        if done % SAID_EVERY == 0 and not sys.stderr.isatty():
            _say(shown)
    _progress('')
    return list(journal.records.values())


def _cases(options: argparse.Namespace, factory: Factory, known: Container[str]) -> list[Case]:
    """Make all problems but the known ones, tiers mixed; say what is left out."""
    by_tier: list[list[Case]] = []
    for tier in TIERS:
        seeds = _unknown(tier, range(options.seed, options.seed + options.n), known)
        by_tier.append(_shown(tier, len(seeds), factory.random(tier, seeds)))
    seeds = _unknown(SHIFTED, range(options.shifted), known)
    by_tier.append(_shown(SHIFTED, len(seeds), factory.shifted(seeds)))
    if len(by_tier[-1]) < len(seeds):
        _say(f'{len(seeds) - len(by_tier[-1])} shifted seeds leave no way through: left out')
    if not options.scenarios.is_dir():
        _say(f'{options.scenarios} is not there: no recorded traffic')
    elif options.recorded:
        _say('cutting problems from recorded traffic ...')
        recorded = factory.recorded(options.scenarios, options.recorded)
        by_tier.append([case for case in recorded if case.key not in known])
    return [case for layer in zip_longest(*by_tier) for case in layer if case is not None]


def _unknown(tier: str, seeds: Iterable[int], known: Container[str]) -> list[int]:
    return [seed for seed in seeds if key_of(tier, str(seed)) not in known]


def _shown(name: str, count: int, cases: Iterable[Case]) -> list[Case]:
    made = []
    for case in cases:
        made.append(case)
        _progress(f'making {name} problems {len(made)}/{count}')
    return made


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
    parser.add_argument('--model', type=Path, default=Path('models'), help='folder of the models')
    parser.add_argument('--scenarios', type=Path, default=SCENARIOS, help='CommonRoad files')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='to make problems')
    parser.add_argument(
        '--workers', type=int, default=1, help='processes that measure; more than 1 spoil times'
    )
    parser.add_argument(
        '--to-the-end',
        action='store_true',
        help='only what starts are worth when all are refined: no budgets, curves and targets',
    )
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
    limits = {'n': 1, 'shifted': 0, 'recorded': 0, 'seed': 0, 'jobs': 1, 'workers': 1}
    for name, least in limits.items():
        value = getattr(options, name)
        if value < least:
            parser.error(f'--{name} is {value}: expected at least {least}')
    if options.seed + options.n > FIRST_TRAINING_SEED:
        parser.error(
            f'--seed {options.seed} with --n {options.n} goes beyond {FIRST_TRAINING_SEED}, '
            'where the seeds of training begin'
        )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; print tables and checklist, write figures, details and pictures."""
    options = _options(arguments)
    horizon = Horizon()
    try:
        models = _open_models(options.model, horizon)
        lines = options.out.with_name(f'{options.out.stem}-records.jsonl')
        journal = open_journal(lines, {**_plan(options), **_hashes(models)}, options.resume)
    except (CardError, JournalError) as error:
        print(error, file=sys.stderr)
        return 1
    for start, model in ((LEARNED, models.transformer), (IQL_LSTM, models.policy)):
        if model is None:
            _say(f'{options.model} has no model {start}: its rows are left out')
    bench = Bench(horizon, models, _budgets(options))
    timing = bench.warm_up(_warm_up_problems(horizon))
    factory = Factory(horizon, options.jobs)
    with _measuring(options, bench, horizon, timing) as measured:
        results = Results(_keep_measuring(options, measured, factory, journal))
    _report(options, results, timing)
    return 0


def _plan(options: argparse.Namespace) -> dict[str, int | bool]:
    """Return what a file of records must agree in to be gone on with."""
    names = ('n', 'shifted', 'recorded', 'seed', 'workers', 'to_the_end')
    return {'format': FORMAT, **{name: getattr(options, name) for name in names}}


def _hashes(models: Models) -> dict[str, str | None]:
    return {
        'model': models.transformer and models.transformer.card.sha256,
        'policy': models.policy and models.policy.card.sha256,
    }


def _report(options: argparse.Namespace, results: Results, timing: Timing) -> None:
    rows, of_policies = rows_of(results), policy_rows(results)
    checks: dict[str, list[Check]] = {}
    if not options.to_the_end:
        checks = {LEARNED: checklist(results, rows), IQL_LSTM: policy_checklist(of_policies)}
    parts = [tables(rows), policy_tables(of_policies)]
    parts += [f'targets of {start}\n{as_text(c)}' for start, c in checks.items() if c]
    print('\n\n'.join(part for part in parts if part))
    write_measurement(options.out, options.seed, [*rows, *of_policies])
    details = options.out.with_name(f'{options.out.stem}-problems.json')
    write_json(details, _details(options, results, checks, timing))
    images = options.images or options.out.parent
    drawn = [
        path
        for path, draw, drawn_rows in (
            (images / 'deadline.png', draw_deadlines, rows),
            (images / 'knobs.png', draw_knobs, rows),
            (images / 'coherence.png', draw_coherence, of_policies),
        )
        if draw(path, drawn_rows)
    ]
    print(', '.join(map(str, (options.out, details, *drawn))))


def _details(
    options: argparse.Namespace,
    results: Results,
    checks: Mapping[str, Sequence[Check]],
    timing: Timing,
) -> dict[str, Any]:
    return {
        'workers': options.workers,
        'reserve_for_the_verdict_s': timing.verification,
        'inference_allowed_for_s': timing.inference,
        'bundle_and_one_refinement_s': timing.bundle,
        'checks': [
            {'of': start, **asdict(check)} for start, each in checks.items() for check in each
        ],
        'records': [plain(asdict(record)) for record in results.records],
    }


if __name__ == '__main__':
    sys.exit(main())
