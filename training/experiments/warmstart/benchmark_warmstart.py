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

import training.one_thread  # noqa: F401

import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import count, zip_longest
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from training.command_line import OptionError, at_least, run
from training.experiments.common.checklist import Check, as_text
from training.experiments.common.driven import driven_cases
from training.experiments.common.problems import (
    FIRST_SEED,
    FIRST_TRAINING_SEED,
    SHIFTED,
    TIERS,
    Case,
    Factory,
    key_of,
)
from training.experiments.warmstart.bench import (
    REFERENCE_LOOP,
    Bench,
    Models,
    open_models,
    slowness_of_this_machine,
)
from training.experiments.warmstart.plots import (
    draw_coherence,
    draw_deadlines,
    draw_knobs,
    draw_parts,
)
from training.experiments.warmstart.policy_report import (
    policy_checklist,
    policy_rows,
    policy_tables,
)
from training.experiments.warmstart.records import Record
from training.experiments.warmstart.report import BUDGETS, Results, rows_of, tables
from training.experiments.warmstart.strategies import (
    IQL_LSTM,
    LEARNED,
)
from training.experiments.warmstart.targets import checklist
from training.progress import tracked
from warmstart_planner.files.journal import Journal, JournalError
from warmstart_planner.files.measurement import plain, write_json, write_measurement
from warmstart_planner.learned.cards.card_format import CardError
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.guided import library as guided_library
from warmstart_planner.proposals.registry import BUILT_IN, find, load_sources, names_in
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.spec import LoadOptions, SourceError
from warmstart_planner.scp import library as scp_library
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification.judge import compiled

SCENARIOS = Path(__file__).resolve().parents[4] / 'shared' / 'scenarios'
FORMAT = 5  # of the file of records
SHIFTED_MOST, RECORDED_MOST = 200, 240  # problems, where nobody asks for another number


@dataclass(frozen=True)
class Options:
    """Which problems are measured, with what models, and how."""

    n: int = 340  # held-out random problems a tier
    shifted: int | None = None  # shifted problems, 200 at most by default
    recorded: int | None = None  # recorded ones, 240 at most by default
    driven: int = 0  # problems that drives through the recorded traffic meet
    seed: int = FIRST_SEED  # of the first problem
    model: Path = Path('models')  # folder of the models
    sources: str = ''
    """of other packages, separated by commas: each enters the tables, alone and beside the guided
    search"""
    scenarios: Path = SCENARIOS  # folder of CommonRoad files
    jobs: int = os.cpu_count() or 1  # processes that make problems
    workers: int = 1  # processes that measure; more than 1 spoil times
    slowness: float | None = None  # times of this machine over those of the reference machine
    to_the_end: bool = False
    """only what starts are worth when all are refined: no budgets, curves and targets"""
    resume: bool = False  # go on with a stopped run
    images: Path | None = None  # folder of the pictures, by default that of --out
    out: Path = Path('out/benchmark-warmstart.json')  # file of the figures

    def __post_init__(self) -> None:
        """Check the numbers and the names."""
        at_least(self, n=0, shifted=0, recorded=0, driven=0, seed=0, jobs=1, workers=1)
        if self.n + self.shifted_count + self.recorded_count + self.driven == 0:
            raise OptionError('--n is 0: expected 1 or more, or other problems')
        if self.driven and not self.scenarios.is_dir():
            raise OptionError(
                f'--scenarios is {str(self.scenarios)!r}: expected a folder to drive through'
            )
        if self.slowness is not None and not 0.0 < self.slowness < np.inf:
            raise OptionError(f'--slowness is {self.slowness}: expected a positive number')
        if self.seed + self.n > FIRST_TRAINING_SEED:
            raise OptionError(
                f'--seed {self.seed} with --n {self.n} goes beyond {FIRST_TRAINING_SEED}, '
                'where the seeds of training begin'
            )
        try:
            built_in = [name for name in self.source_names if find(name) in BUILT_IN]
        except ValueError as error:
            raise OptionError(f'--{error}') from None
        if built_in:
            raise OptionError(f'--sources has {built_in[0]!r}: expected sources of other packages')

    @property
    def source_names(self) -> tuple[str, ...]:
        """Names of the sources of other packages."""
        return names_in(self.sources)

    @property
    def budgets(self) -> tuple[float, ...]:
        """Budgets that each start has once, beside none at all [s]."""
        return () if self.to_the_end else BUDGETS

    @property
    def plan(self) -> dict[str, Any]:
        """What a file of records must agree in to be gone on with."""
        return {
            'format': FORMAT,
            'n': self.n,
            'shifted': self.shifted_count,
            'recorded': self.recorded_count,
            'driven': self.driven,
            'seed': self.seed,
            'sources': self.source_names,
            'workers': self.workers,
            'to_the_end': self.to_the_end,
        }

    @property
    def shifted_count(self) -> int:
        """Number of shifted problems."""
        return min(self.n, SHIFTED_MOST) if self.shifted is None else self.shifted

    @property
    def recorded_count(self) -> int:
        """Number of problems from recorded traffic, at most."""
        return min(self.n, RECORDED_MOST) if self.recorded is None else self.recorded


def _bench(options: Options, horizon: Horizon) -> Bench:
    """Return a bench, warm; what it needs is generated."""
    vehicle, weights = load_vehicle(), CostWeights()
    scp_library.generate(vehicle, weights, horizon)
    for library in (guided_library, compiled):
        library.generate()
    _say('timing the loop on HPIPM ...')
    slowness = options.slowness or slowness_of_this_machine(horizon)
    _say(f'budgets are {slowness:.2f} times as long as on the reference machine')
    models, outside = open_models(options.model, horizon), _outside(options, horizon)
    return Bench(horizon, models, options.budgets, slowness, outside)


@cache
def _ready_bench(options: Options, horizon: Horizon) -> Bench:
    """Return a process's own bench."""
    return _bench(options, horizon)


def _measure(options: Options, horizon: Horizon, case: Case, index: int) -> Record:
    return _ready_bench(options, horizon).measure(case, index)


@contextmanager
def _measuring(options: Options, horizon: Horizon) -> Iterator[Callable[..., Iterable[Record]]]:
    """Lend what maps cases and their places to records: this process's bench, or several."""
    if options.workers == 1:
        yield partial(map, _bench(options, horizon).measure)
        return
    # not forked: threads of onnxruntime do not survive that
    with ProcessPoolExecutor(options.workers, mp_context=get_context('spawn')) as pool:
        try:
            yield partial(pool.map, partial(_measure, options, horizon))
        finally:
            pool.shutdown(cancel_futures=True)  # a stopped run does not wait for the rest


def _outside(options: Options, horizon: Horizon) -> tuple[ProposalSource, ...]:
    """
    Return the sources of other packages that are asked for.

    Raises:
        CardError: a model is missing, damaged or for something else.
        SourceError: one is at fault.

    """
    asked = LoadOptions(load_vehicle(), horizon, models=options.model)
    return load_sources(options.source_names, asked)


def _keep_measuring(
    options: Options,
    measured: Callable[..., Iterable[Record]],
    factory: Factory,
    journal: Journal[Record],
) -> list[Record]:
    """Make the problems that the journal has no record of, measure them, return all records."""
    cases = _cases(options, factory, journal.records)
    # the place in the whole plan, not in what is left of it: a resumed run is the same run
    places = count(len(journal.records))
    for record in tracked(measured(cases, places), 'measuring', len(cases)):
        journal.add(record)
    return list(journal.records.values())


def _cases(options: Options, factory: Factory, known: Container[str]) -> list[Case]:
    """Make all problems but the known ones, tiers mixed; say what is left out."""
    by_tier: list[list[Case]] = []
    for tier in TIERS:
        seeds = _unknown(tier, range(options.seed, options.seed + options.n), known)
        by_tier.append(_made(tier, len(seeds), factory.random(tier, seeds)))
    seeds = _unknown(SHIFTED, range(options.shifted_count), known)
    by_tier.append(_made(SHIFTED, len(seeds), factory.shifted(seeds)))
    if len(by_tier[-1]) < len(seeds):
        _say(f'{len(seeds) - len(by_tier[-1])} shifted seeds leave no way through: left out')
    if options.recorded_count and not options.scenarios.is_dir():
        _say(f'{options.scenarios} is not there: no recorded traffic')
    elif options.recorded_count:
        _say('cutting problems from recorded traffic ...')
        recorded = factory.recorded(options.scenarios, options.recorded_count)
        by_tier.append([case for case in recorded if case.key not in known])
    if options.driven:
        _say('driving through recorded traffic ...')
        met = driven_cases(factory, options.scenarios, options.driven, options.seed)
        by_tier.append([case for case in met if case.key not in known])
    return [case for layer in zip_longest(*by_tier) for case in layer if case is not None]


def _made(name: str, count: int, cases: Iterable[Case]) -> list[Case]:
    return list(tracked(cases, f'making {name} problems', count))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _unknown(tier: str, seeds: Iterable[int], known: Container[str]) -> list[int]:
    return [seed for seed in seeds if key_of(tier, str(seed)) not in known]


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; print tables and checklist, write figures, details and pictures."""
    refusals = (CardError, JournalError, SourceError)
    return run(_benchmark, Options, 'benchmark-warmstart', __doc__, arguments, refusals)


def _benchmark(options: Options) -> None:
    horizon = Horizon()
    models = open_models(options.model, horizon)
    _outside(options, horizon)  # what cannot be loaded is refused before anything is made
    lines = options.out.with_name(f'{options.out.stem}-records.jsonl')
    journal = Journal(lines, Record, {**options.plan, **_hashes(models)}, options.resume)
    for start, model in ((LEARNED, models.transformer), (IQL_LSTM, models.policy)):
        if model is None:
            _say(f'{options.model} has no model {start}: its rows are left out')
    factory = Factory(horizon, options.jobs)
    with _measuring(options, horizon) as measured:
        results = Results(_keep_measuring(options, measured, factory, journal))
    _report(options, results)


def _hashes(models: Models) -> dict[str, str | None]:
    return {
        'model': models.transformer and models.transformer.card.sha256,
        'policy': models.policy and models.policy.card.sha256,
    }


def _report(options: Options, results: Results) -> None:
    rows, of_policies = rows_of(results), policy_rows(results)
    checks: dict[str, list[Check]] = {}
    if options.n and not options.to_the_end:  # targets are about all kinds of problems
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
