# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Compare the MPC's starts in closed loop, with disturbances: `make benchmark-mpc`.

Every start drives the same worlds, one after the other in turns, so that whatever else the machine
does hits all alike. The mode `converged` iterates to a fixed KKT residual: that is where a better
start can save time. `rti` does one iteration a step, whatever the start. Step times hold all from
state to command, roll-outs and judging included. The start `policy_only` is no MPC at all.

What was driven is kept world by world: `--resume` goes on with a stopped run.
"""

from __future__ import annotations

import training.one_thread  # noqa: F401

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from training.command_line import OptionError, at_least, run
from training.experiments.common.checklist import Check, as_text, noise_of
from training.experiments.mpc.policy_controller import PolicyController
from training.experiments.mpc.policy_start import PolicyStart
from training.experiments.mpc.worlds import (
    EVENTS,
    EventfulPlanner,
    World,
    after,
    make_world,
)
from training.progress import tracked
from training.table import Column, table
from warmstart_planner import objective
from warmstart_planner.files.journal import Journal, JournalError
from warmstart_planner.files.measurement import write_json, write_measurement
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.cards.card_format import CardError
from warmstart_planner.learned.policy import LoadedPolicy, load_policy
from warmstart_planner.mpc import Controller, ControllerSettings, Mode
from warmstart_planner.mpc.settings import StartChoice
from warmstart_planner.objective import CostWeights
from warmstart_planner.planning.with_proposals import PlannerWithProposals, planner_with
from warmstart_planner.proposals.registry import names_in, sources_help
from warmstart_planner.simulation.closed_loop import Drive, drive
from warmstart_planner.simulation.configuration import (
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import SPEED, STEERING, VehicleParameters, load_vehicle

ALL = 'all'
FORMAT = 1  # of the file of records
POLICY_ONLY = 'policy_only'
SHIFTED, POLICY, BEST = (choice.value for choice in StartChoice)
TOLERANCE = 1e-2  # KKT residual at which a problem counts as solved
ITERATIONS_MAX = 50
TIME_LIMIT = 1.0  # in the solver, so that none is cut off [s]
JUST_AFTER = 0.5  # how long after an event steps count as just after it [s]
PLAN_PERIOD, CONTROL_PERIOD = 0.1, 0.05  # [s]


COLUMNS = (
    Column('tier', 'tier'),
    Column('start', 'start'),
    Column('mode', 'mode'),
    Column('n', 'n', 'd'),
    *(Column(f'{share} [ms]', f'time_ms_{share}', '.2f') for share in ('mean', 'p50', 'p99')),
    Column('iterations', 'iterations_mean', '.2f'),
    Column('after events', lambda row: row['after_event']['iterations_mean'], '.2f'),
    Column('collisions', 'collisions', 'd'),
    Column('goal', 'goal_rate', '.1%'),
    Column('tracking [m]', 'tracking_rms_m', '.3f'),
    Column('cost', 'cost_mean', '.2f'),
    Column('from policy', 'from_policy_rate', '.0%'),
)


@dataclass(frozen=True)
class Variant:
    """Who drives: a start of the MPC in a mode, or the policy alone."""

    start: str
    mode: str = ''

    @property
    def name(self) -> str:
        """Name for people."""
        return f'{self.start} {self.mode}'.strip()


@dataclass(frozen=True)
class Steps:
    """Some steps of a controller: seconds, and iterations where there was a solve."""

    seconds: tuple[float, ...]
    iterations: tuple[int, ...]


@dataclass(frozen=True)
class Record:
    """
    One drive.

    `tracking_rms` [m] is that of the distance from the reference's place; `cost` is the
    objective's, per second, of what was really driven. `converged` is the share of solves within
    the tolerance, `from_policy` that of the steps that started from a roll-out; `events` holds
    the steps just after each kind of event.
    """

    index: int
    family: str
    start: str
    mode: str
    outcome: str
    goal_reached: bool
    collisions: int
    tracking_rms: float
    cost: float
    converged: float
    from_policy: float
    steps: Steps
    events: Mapping[str, Steps]

    @property
    def key(self) -> str:
        """What tells the drive from all others."""
        return f'{self.index} {self.start} {self.mode}'


@cache
def _policy(folder: str) -> LoadedPolicy:
    return load_policy(folder)


@cache
def _planner(sources: tuple[str, ...] | None, vehicle: VehicleParameters) -> PlannerWithProposals:
    # plans do not depend on how busy the machine is
    return planner_with(sources, vehicle, np.inf)


def drive_once(
    world: World, variant: Variant, models: str, sources: tuple[str, ...] | None
) -> Record:
    """
    Let one variant drive one world.

    Args:
        world: what is driven.
        variant: who drives.
        models: folder of the policy.
        sources: beside the planner, as `planner_with` takes them.

    """
    car = world.scenario.car
    settings = ControllerSettings(
        tolerance=TOLERANCE, iterations_max=ITERATIONS_MAX, time_limit=TIME_LIMIT
    )
    controller, listeners = _controller(variant, settings, car, models)
    planner = EventfulPlanner(_planner(sources, car), world, listeners)
    done = drive(
        world.scenario,
        planner,
        controller,
        world.configuration,
        plan_period=PLAN_PERIOD,
        control_period=CONTROL_PERIOD,
        deadline=np.inf,
    )
    return _record(world, variant, done, planner)


def _controller(
    variant: Variant, settings: ControllerSettings, car: VehicleParameters, models: str
) -> tuple[Controller | PolicyController, tuple[Any, ...]]:
    """Return a variant's controller, and who has to know the planning problems."""
    if variant.start == POLICY_ONLY:
        alone = PolicyController(_policy(models), settings, car)
        return alone, (alone,)
    settings = replace(settings, mode=variant.mode, warm_start=variant.start)
    sources = () if variant.start == SHIFTED else (PolicyStart(_policy(models), settings, car),)
    return Controller(settings, car, sources), sources


def _record(world: World, variant: Variant, done: Drive, planner: EventfulPlanner) -> Record:
    errors = done.record.tracking_errors()
    errors = errors[np.isfinite(errors)]
    stamps = [control.stamp for control in done.record.controls]
    kinds = [set(after(world.events, stamp, JUST_AFTER)) for stamp in stamps]
    solves = [output for output in done.outputs if output.iterations > 0]
    return Record(
        index=world.index,
        family=world.family,
        start=variant.start,
        mode=variant.mode,
        outcome=done.outcome.value,
        goal_reached=done.goal_reached,
        collisions=done.verdict.collisions,
        tracking_rms=float(np.sqrt(np.mean(errors**2))) if len(errors) else np.nan,
        cost=driven_cost(done, planner),
        converged=_share([output.kkt_residual < TOLERANCE for output in solves]),
        from_policy=_share([output.start_source == POLICY for output in done.outputs]),
        steps=_steps(done.outputs),
        events={
            kind: _steps(
                [o for o, found in zip(done.outputs, kinds, strict=True) if kind in found]
            )
            for kind in EVENTS
        },
    )


def _steps(outputs: Sequence[Any]) -> Steps:
    return Steps(
        tuple(output.step_time for output in outputs),
        tuple(output.iterations for output in outputs if output.iterations > 0),
    )


def _share(found: Sequence[bool]) -> float:
    return float(np.mean(found)) if found else np.nan


def driven_cost(done: Drive, planner: EventfulPlanner) -> float:
    """Return the objective's cost per second of what was really driven, without penalties."""
    times, states = done.record.times, done.record.states
    weights, vehicle = CostWeights(), done.scenario.car
    costs = []
    for plan, problem in zip(done.record.plans, planner.problems, strict=True):
        here = int(np.searchsorted(times, plan.stamp - 1e-9))
        there = min(here + round(PLAN_PERIOD / CONTROL_PERIOD), len(times) - 1)
        if there == here:
            continue
        change = (states[there] - states[here]) / (times[there] - times[here])
        numbers = transcribe(problem, Margins())
        x = numbers.frame.localise(states[here])
        on_road = objective.road_coordinates(*objective.box_centre(x, vehicle), numbers.road)
        rows = objective.stage_residuals(x, change[[SPEED, STEERING]], on_road, vehicle, weights)
        costs.append(sum(row**2 for row in rows))
    return float(np.mean(costs)) if costs else np.nan


def drive_world(
    index: int,
    seed: int,
    variants: Sequence[Variant],
    models: str,
    sources: tuple[str, ...] | None,
) -> list[Record]:
    """Let all variants drive one world, each time another one first."""
    world = make_world(index, seed, read_configuration(default_configuration_path()))
    turn = index % len(variants)
    by_turns = (*variants[turn:], *variants[:turn])
    return [drive_once(world, variant, models, sources) for variant in by_turns]


def drive_worlds(
    indices: Sequence[int],
    seed: int,
    variants: Sequence[Variant],
    models: str,
    sources: tuple[str, ...] | None,
    workers: int,
) -> Iterator[list[Record]]:
    """Yield the records of each world, as worker processes finish them."""
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(drive_world, i, seed, variants, models, sources) for i in indices]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            pool.shutdown(cancel_futures=True)


def rows_of(records: Sequence[Record], variants: Sequence[Variant]) -> list[dict[str, Any]]:
    """One row of figures for all worlds and each family, by variant."""
    rows = []
    for tier in (ALL, *sorted({record.family for record in records})):
        for variant in variants:
            found = _of(records, variant, tier)
            if found:
                rows.append(_row(found, tier, variant))
    return rows


def _of(records: Sequence[Record], variant: Variant, tier: str = ALL) -> list[Record]:
    """Return a variant's records in order of their worlds."""
    found = (r for r in records if (r.start, r.mode) == (variant.start, variant.mode))
    return sorted((r for r in found if tier in (ALL, r.family)), key=lambda r: r.index)


def _row(records: Sequence[Record], tier: str, variant: Variant) -> dict[str, Any]:
    by_kind = {kind: [r.events[kind] for r in records] for kind in EVENTS}
    return {
        'tier': tier,
        'start': variant.start,
        'mode': variant.mode,
        'n': len(records),
        **_figures([r.steps for r in records]),
        'converged_rate': _mean([r.converged for r in records]),
        'from_policy_rate': _mean([r.from_policy for r in records]),
        'collisions': sum(r.collisions for r in records),
        'goal_rate': float(np.mean([r.goal_reached for r in records])),
        'tracking_rms_m': _mean([r.tracking_rms for r in records]),
        'cost_mean': _mean([r.cost for r in records]),
        'after_event': _figures([steps for found in by_kind.values() for steps in found]),
        **{f'after_{kind}': _figures(found) for kind, found in by_kind.items()},
    }


def _figures(parts: Sequence[Steps]) -> dict[str, Any]:
    """Return times and iterations of all steps together."""
    milliseconds = 1e3 * np.array([value for part in parts for value in part.seconds])
    iterations = [value for part in parts for value in part.iterations]
    known = len(milliseconds) > 0
    return {
        'steps': len(milliseconds),
        'time_ms_mean': _mean(milliseconds),
        'time_ms_p50': float(np.percentile(milliseconds, 50)) if known else np.nan,
        'time_ms_p99': float(np.percentile(milliseconds, 99)) if known else np.nan,
        'iterations_mean': _mean(iterations),
    }


def _mean(values: Sequence[float]) -> float:
    """Mean of those that are numbers."""
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    return float(found.mean()) if len(found) else np.nan


def checklist(records: Sequence[Record], rows: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Return what the learned starts have to reach, and whether they do."""
    converged = Mode.CONVERGED.value
    row = {(r['start'], r['mode']): r for r in rows if r['tier'] == ALL}
    checks = []
    for mode in Mode:
        if (BEST, mode.value) in row and (SHIFTED, mode.value) in row:
            checks.append(_never_worse(records, mode.value))
    for start in (POLICY, BEST):
        if (start, converged) in row and (SHIFTED, converged) in row:
            checks += _faster(start, row[start, converged], row[SHIFTED, converged])
            for name, unit in (('tracking_rms', ' m'), ('cost', '')):
                checks.append(_no_dearer(records, start, name, unit))
    return checks


def _never_worse(records: Sequence[Record], mode: str) -> Check:
    """Check that `best` has no more collisions and missed goals than `shifted`."""
    ours, theirs = (_of(records, Variant(start, mode)) for start in (BEST, SHIFTED))
    collisions = [sum(r.collisions for r in each) for each in (ours, theirs)]
    misses = [sum(not r.goal_reached for r in each) for each in (ours, theirs)]
    worse = [
        f'{our.family} ({our.index})'
        for our, their in zip(ours, theirs, strict=True)
        if our.collisions > their.collisions or our.goal_reached < their.goal_reached
    ]
    return Check(
        f'{mode}: {BEST} never has more collisions or goal misses than {SHIFTED}',
        f'collisions {collisions[0]} against {collisions[1]}, misses {misses[0]} against '
        f'{misses[1]}; worse in {", ".join(worse) or "none"}',
        not worse,
    )


def _faster(start: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Check]:
    """Compare a start's times and iterations with those of the shifted one."""
    demands = [
        ('mean step time', ours, theirs, 'time_ms_mean', 0.8, ' (aim 0.6)'),
        ('p99 of the step time', ours, theirs, 'time_ms_p99', 0.7, ' (aim 0.4)'),
    ]
    for kind in ('event', *EVENTS):
        parts = ours[f'after_{kind}'], theirs[f'after_{kind}']
        if min(part['steps'] for part in parts):
            demands.append((f'iterations just after: {kind}', *parts, 'iterations_mean', 0.6, ''))
    for name, our, their, key, most, aim in demands:
        ratio = our[key] / their[key]
        yield Check(
            f'{start}: {name}, at most {most} of {SHIFTED}{aim}',
            f'{our[key]:.3g} / {their[key]:.3g} = {ratio:.2f}',
            bool(ratio <= most),
        )


def _no_dearer(records: Sequence[Record], start: str, name: str, unit: str) -> Check:
    """Check that a figure of the drives is not larger than with `shifted`, beyond noise."""
    ours, theirs = (
        np.array([getattr(r, name) for r in _of(records, Variant(each, Mode.CONVERGED.value))])
        for each in (start, SHIFTED)
    )
    more = ours - theirs
    more = more[np.isfinite(more)]
    noise = noise_of(more)
    return Check(
        f'{start}: {name} not above that of {SHIFTED}',
        f'{np.nanmean(ours):.3f} against {np.nanmean(theirs):.3f}{unit}, '
        f'difference {more.mean():+.4f} (noise {noise:.4f})',
        bool(more.mean() <= noise),
    )


@dataclass(frozen=True)
class Options:
    """Which worlds are driven, in what modes."""

    n: int = 200  # worlds that every start drives
    seed: int = 0  # of the worlds
    workers: int = 2  # processes, one thread each
    models: str = 'models'  # folder of the policy
    sources: Annotated[str | None, tyro.conf.arg(help=sources_help())] = None
    modes: tuple[Mode, ...] = (Mode.CONVERGED, Mode.RTI)  # of the controller
    out: Path = Path('out/benchmark-mpc.json')  # file of the figures
    resume: bool = False  # go on with a stopped run

    def __post_init__(self) -> None:
        """Check the numbers and the names."""
        at_least(self, n=1, seed=0, workers=1)
        try:
            _ = self.source_names
        except ValueError as error:
            raise OptionError(str(error)) from None

    @property
    def source_names(self) -> tuple[str, ...] | None:
        """What proposes beside the planner; None: what does by default."""
        return None if self.sources is None else names_in(self.sources)

    @property
    def variants(self) -> list[Variant]:
        """Who drives each world."""
        starts = (SHIFTED, POLICY, BEST)
        of_mpc = [Variant(start, mode.value) for mode in self.modes for start in starts]
        return [*of_mpc, Variant(POLICY_ONLY)]


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; print table and targets and write the figures."""
    refusals = (CardError, SolverMissingError, JournalError)
    return run(_compare, Options, 'benchmark-mpc', __doc__, arguments, refusals)


def _compare(options: Options) -> None:
    about = {
        'format': FORMAT,
        'seed': options.seed,
        'variants': [each.name for each in options.variants],
        'policy': _policy(options.models).card.sha256,
        'sources': options.source_names,
    }
    Controller(ControllerSettings(), load_vehicle())
    lines = options.out.with_name(f'{options.out.stem}-records.jsonl')
    records = _keep_driving(options, Journal(lines, Record, about, options.resume))
    rows = rows_of(records, options.variants)
    print(table(COLUMNS, rows))
    print(as_text(checklist(records, rows)))
    write_measurement(options.out, options.seed, rows)
    details = options.out.with_name(f'{options.out.stem}-drives.json')
    write_json(details, {'records': [_summary(record) for record in records]})
    print(f'{options.out}, {details}')


def _keep_driving(options: Options, journal: Journal[Record]) -> list[Record]:
    """Drive the worlds that the journal does not have whole; return all records."""
    variants = options.variants
    driven = Counter(record.index for record in journal.records.values())
    left = [index for index in range(options.n) if driven[index] < len(variants)]
    jobs = drive_worlds(
        left, options.seed, variants, options.models, options.source_names, options.workers
    )
    for found in tracked(jobs, 'driving', len(left)):
        for record in found:
            journal.add(record)
    return [record for record in journal.records.values() if record.index < options.n]


def _summary(record: Record) -> dict[str, Any]:
    """Return a record without its single steps."""
    kept = asdict(record)
    return {**kept, 'steps': _figures([record.steps]), 'events': None}


if __name__ == '__main__':
    sys.exit(main())
