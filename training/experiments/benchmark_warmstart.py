# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Measure what learned starts are worth: `make benchmark-warmstart`.

One process and one thread measure; problems are made before, on all cores. Every time runs from
the problem to the verdict and holds inference; every failure counts; what a start led to is what
the verifier accepts within the budget. Budgets are those of a reference machine: how much slower
this one is is measured first, and budgets are as much longer here. Where a model is missing, the
rows without it remain. What was measured is kept problem by problem: `--resume` goes on with a
stopped run. With `--workers` several processes measure, one thread each: sooner done, but times
hold what they take from each other.
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

from training.experiments.benchmark_lanes import PROBLEMS, loop_seconds
from training.experiments.journal import Journal, JournalError
from training.experiments.warmstart_candidates import CandidateStudy
from training.experiments.warmstart_coherence import CoherenceStudy
from training.experiments.warmstart_plots import (
    draw_coherence,
    draw_deadlines,
    draw_knobs,
    draw_parts,
)
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
from training.experiments.warmstart_sequential import Allowance, Sequential
from training.experiments.warmstart_strategies import (
    GUIDED_FAST,
    GUIDED_LESS,
    IQL_LSTM,
    LEARNED,
    Noise,
    PlannerStart,
    Run,
    Start,
    sources_of,
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
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.proposals.registry import BUILT_IN, find, load_sources, names_in
from warmstart_planner.proposals.selection import judge
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.spec import LoadOptions, SourceError
from warmstart_planner.resources import share_folder
from warmstart_planner.scp import library as scp_library
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import Judge, compiled

SCENARIOS = Path(__file__).resolve().parents[2].parent / 'shared' / 'scenarios'
FORMAT = 4  # of the file of records
# One problem of so many has knobs turned. No number of families shares a factor with it, so that
# all families are among them.
STUDY_STRIDE = 7
REFERENCE_LOOP = (
    1.9e-3  # that the loop on HPIPM takes for a candidate on the reference machine [s]
)
WARM_UP_SEEDS = range(2)
WARM_UP_ROUNDS = 15
VERDICT_ALLOWANCE = 1.5  # medians of a verdict's time that are set aside for the last one
SAID_EVERY = 50  # problems, where progress is not shown in place


@dataclass(frozen=True)
class Timing:
    """
    What things take on this machine [s].

    `verdict`, with something to spare; `bundle` for the cold bundle to be judged and one of it to
    be refined; `inference` for the Decision Transformer to propose.
    """

    verdict: float
    bundle: float
    inference: float


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
        budgets: that each start has once, beside none at all, on the reference machine [s].
        slowness: this machine's times over the reference machine's.
        outside: sources of other packages.

    """

    def __init__(
        self,
        horizon: Horizon,
        models: Models,
        budgets: Sequence[float],
        slowness: float,
        outside: Sequence[ProposalSource] = (),
    ) -> None:
        vehicle = load_vehicle()
        self._budgets, self._slowness = budgets, slowness
        self._solver = ScpSolver(vehicle, horizon)
        sources: dict[str, ProposalSource] = {}
        self._study = self._clock = None
        if models.transformer is not None:
            sources[LEARNED] = DecisionTransformer(models.transformer)
            self._study = CandidateStudy(models.transformer, self._solver)
        if models.policy is not None:
            observation_library.generate(vehicle)
            sources[IQL_LSTM] = IqlLstm(models.policy)
            self._clock = RollOutClock(models.policy)
        self._coherence = CoherenceStudy(self._solver, sources)
        problems = [case.problem for case in Factory(horizon).random('hard', WARM_UP_SEEDS)]
        self._starts = self._warm_starts(sources, outside, problems)

    def _warm_starts(
        self,
        sources: Mapping[str, ProposalSource],
        outside: Sequence[ProposalSource],
        problems: Sequence[PlanningProblem],
    ) -> tuple[Start, ...]:
        """Page in what is loaded lazily, find out what things take, and make the starts."""
        timing = _timing(self._solver, sources.get(LEARNED), problems)
        self._noise = Noise(held_back=timing.inference)
        planned = sources_of(self._solver, sources, self._noise, outside)

        def start(name: str, of: str, less: float = 0.0) -> PlannerStart:
            made = PlannerStart(name, planned[of], self._solver, self._slowness, less)
            made.settle(problems)
            return made

        allowance = Allowance(timing.verdict, timing.bundle)
        starts: list[Start] = [start(name, name) for name in planned]
        starts += [
            start(GUIDED_LESS, GUIDED_FAST, timing.inference),
            Sequential(self._solver, allowance, self._slowness),
        ]
        for problem in problems:
            bound = self._solver.bind(problem)
            self._coherence.look(problem)
            for each in starts:
                _runs(each, bound, self._budgets)
        return tuple(starts)

    def measure(self, case: Case, index: int) -> Record:
        """Measure a problem; starts take turns in who comes first."""
        problem = case.problem
        bound = self._solver.bind(problem)  # the road's own tables: a planner has them too
        self._noise.propose(problem)  # outside the clock: drawing takes longer than inference
        turn = index % len(self._starts)
        order = (*self._starts[turn:], *self._starts[:turn])
        studied = index % STUDY_STRIDE == 0
        return Record(
            case.tier,
            case.family,
            case.name,
            self._slowness,
            {start.name: _runs(start, bound, self._budgets) for start in order},
            self._study.raw(problem) if self._study else None,
            self._study.knobs(problem) if self._study and studied else (),
            self._coherence.look(problem),
            self._clock.times(problem) if self._clock else (),
        )


def _runs(start: Start, bound: BoundProblem, budgets: Sequence[float]) -> tuple[Run, ...]:
    """
    Run a start to the end and with each budget.

    Once it has done within one all that it does without any, a larger one changes nothing, and
    the run counts for it too.
    """
    whole = start.run(bound, np.inf)
    runs: list[Run] = []
    for budget in budgets:
        if runs and runs[-1].does_all_of(whole):
            runs.append(replace(runs[-1], budget=budget))
        else:
            runs.append(start.run(bound, budget))
    return (*runs, whole)


def _timing(
    solver: ScpSolver, source: ProposalSource | None, problems: Sequence[PlanningProblem]
) -> Timing:
    times: dict[str, list[float]] = {name: [] for name in Timing.__dataclass_fields__}
    for problem in [*problems] * WARM_UP_ROUNDS:
        bound, judged_by = solver.bind(replace(problem)), Judge(problem)
        begin = time.perf_counter()
        start = judge(solver, bound, ColdBundle().propose(problem))[0].proposal.trajectory
        result = solver.solve(bound, start)
        refined = time.perf_counter()
        judged_by.verdict(result.trajectory)
        times['bundle'].append(refined - begin)
        times['verdict'].append(time.perf_counter() - refined)
        begin = time.perf_counter()
        if source is not None:
            source.propose(replace(problem))
        times['inference'].append(time.perf_counter() - begin)
    medians = {name: float(np.median(seconds)) for name, seconds in times.items()}
    medians['verdict'] *= VERDICT_ALLOWANCE
    return Timing(**medians)


def _slowness(horizon: Horizon) -> float:
    """Return this machine's times over the reference machine's; 1 where it is no slower."""
    models = _open_models(share_folder() / 'models', horizon)
    if models.transformer is None:
        _say('no packaged model: this machine is taken for the reference machine')
        return 1.0
    source, solver = DecisionTransformer(models.transformer), ScpSolver(load_vehicle(), horizon)
    return max(loop_seconds(source, solver, PROBLEMS) / REFERENCE_LOOP, 1.0)


def _bench(options: argparse.Namespace, horizon: Horizon) -> Bench:
    """Return a bench, warm; what it needs is generated."""
    vehicle, weights = load_vehicle(), CostWeights()
    scp_library.generate(vehicle, weights, horizon)
    for library in (guided_library, compiled):
        library.generate()
    _progress('timing the loop on HPIPM ...')
    slowness = options.slowness or _slowness(horizon)
    _say(f'budgets are {slowness:.2f} times as long as on the reference machine')
    models, outside = _open_models(options.model, horizon), _outside(options, horizon)
    return Bench(horizon, models, _budgets(options), slowness, outside)


@cache
def _ready_bench(horizon: Horizon, *options: tuple[str, Any]) -> Bench:
    """Return a process's own bench."""
    return _bench(argparse.Namespace(**dict(options)), horizon)


def _measure(
    horizon: Horizon, options: tuple[tuple[str, Any], ...], case: Case, index: int
) -> Record:
    return _ready_bench(horizon, *options).measure(case, index)


@contextmanager
def _measuring(
    options: argparse.Namespace, horizon: Horizon
) -> Iterator[Callable[..., Iterable[Record]]]:
    """Lend what maps cases and their places to records: this process's bench, or several."""
    if options.workers == 1:
        yield partial(map, _bench(options, horizon).measure)
        return
    # not forked: threads of onnxruntime do not survive that
    with ProcessPoolExecutor(options.workers, mp_context=get_context('spawn')) as pool:
        try:
            yield partial(pool.map, partial(_measure, horizon, tuple(vars(options).items())))
        finally:
            pool.shutdown(cancel_futures=True)  # a stopped run does not wait for the rest


def _budgets(options: argparse.Namespace) -> tuple[float, ...]:
    return () if options.to_the_end else BUDGETS


def _open_models(folder: Path, horizon: Horizon) -> Models:
    """
    Return a folder's models, None for those it does not have.

    Raises:
        CardError: there is one, and it is damaged or for something else.

    """
    vehicle, margins = load_vehicle(), Margins()
    transformer = policy = None
    if (folder / card.CARD_FILE).exists():
        transformer = load_model(folder, Purpose(vehicle, horizon, margins, CostWeights()))
    if (folder / policy_card.CARD_FILE).exists():
        policy = load_policy(folder, PolicyPurpose(vehicle, horizon.dt, margins))
    return Models(transformer, policy)


def _outside(options: argparse.Namespace, horizon: Horizon) -> tuple[ProposalSource, ...]:
    """
    Return the sources of other packages that are asked for.

    Raises:
        CardError: a model is missing, damaged or for something else.
        SourceError: one is at fault.

    """
    return load_sources(
        options.sources, LoadOptions(load_vehicle(), horizon, models=options.model)
    )


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
    parser.add_argument(
        '--sources',
        default='',
        help='of other packages, separated by commas: each enters the tables, alone and beside '
        'the guided search',
    )
    parser.add_argument('--scenarios', type=Path, default=SCENARIOS, help='CommonRoad files')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='to make problems')
    parser.add_argument(
        '--workers', type=int, default=1, help='processes that measure; more than 1 spoil times'
    )
    parser.add_argument(
        '--slowness', type=float, help='times of this machine over those of the reference machine'
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
    if options.slowness is not None and not 0.0 < options.slowness < np.inf:
        parser.error(f'--slowness is {options.slowness}: expected a positive number')
    try:
        options.sources = names_in(options.sources)
    except ValueError as error:
        parser.error(f'--{error}')
    for name in options.sources:
        if find(name) in BUILT_IN:
            parser.error(f'--sources has {name!r}: expected sources of other packages')
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
        _outside(options, horizon)  # what cannot be loaded is refused before anything is made
        lines = options.out.with_name(f'{options.out.stem}-records.jsonl')
        journal = open_journal(lines, {**_plan(options), **_hashes(models)}, options.resume)
    except (CardError, JournalError, SourceError) as error:
        print(error, file=sys.stderr)
        return 1
    for start, model in ((LEARNED, models.transformer), (IQL_LSTM, models.policy)):
        if model is None:
            _say(f'{options.model} has no model {start}: its rows are left out')
    factory = Factory(horizon, options.jobs)
    with _measuring(options, horizon) as measured:
        results = Results(_keep_measuring(options, measured, factory, journal))
    _report(options, results)
    return 0


def _plan(options: argparse.Namespace) -> dict[str, Any]:
    """Return what a file of records must agree in to be gone on with."""
    names = ('n', 'shifted', 'recorded', 'seed', 'sources', 'workers', 'to_the_end')
    return {'format': FORMAT, **{name: getattr(options, name) for name in names}}


def _hashes(models: Models) -> dict[str, str | None]:
    return {
        'model': models.transformer and models.transformer.card.sha256,
        'policy': models.policy and models.policy.card.sha256,
    }


def _report(options: argparse.Namespace, results: Results) -> None:
    rows, of_policies = rows_of(results), policy_rows(results)
    checks: dict[str, list[Check]] = {}
    if not options.to_the_end:
        checks = {'starts': checklist(results, rows), IQL_LSTM: policy_checklist(of_policies)}
    slowness = results.slowness
    parts = [
        f'All times are those of this machine; budgets are {slowness:.2f} times as long on it as '
        'they are called.',
        tables(rows),
        policy_tables(of_policies),
        *(f'targets of {name}\n{as_text(each)}' for name, each in checks.items() if each),
    ]
    print('\n\n'.join(part for part in parts if part))
    about = {'reference_loop_ms': 1e3 * REFERENCE_LOOP, 'slowness': slowness}
    write_measurement(options.out, options.seed, [*rows, *of_policies], about)
    details = options.out.with_name(f'{options.out.stem}-problems.json')
    write_json(
        details,
        {
            'workers': options.workers,
            **about,
            'checks': [{'of': of, **asdict(each)} for of, all_ in checks.items() for each in all_],
            'records': [plain(asdict(record)) for record in results.records],
        },
    )
    images = options.images or options.out.parent
    drawn = [
        path
        for path, draw, drawn_rows in (
            (images / 'deadline.png', draw_deadlines, rows),
            (images / 'parts.png', draw_parts, rows),
            (images / 'knobs.png', draw_knobs, rows),
            (images / 'coherence.png', draw_coherence, of_policies),
        )
        if draw(path, drawn_rows)
    ]
    print(', '.join(map(str, (options.out, details, *drawn))))


if __name__ == '__main__':
    sys.exit(main())
