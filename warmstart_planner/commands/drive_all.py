# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive every packaged scenario under many noise seeds, in closed loop without ROS.

Prints one row a scenario and writes the same figures as JSON. Exit status: 0 when every drive
reached its goal (or held the demanded stop) without a collision, 1 when one did not, 2 when it
could not be started.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.cards.card_format import CardError
from warmstart_planner.processes.parallel import in_parallel, positive, show_progress
from warmstart_planner.proposals.registry import names_in, sources_help
from warmstart_planner.proposals.spec import SourceError
from warmstart_planner.scenarios import load_scenario, packaged_scenarios
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.monitor import Outcome
from warmstart_planner.simulation.predictions import PREDICTIONS
from warmstart_planner.simulation.report import text_table


@dataclass(frozen=True)
class Result:
    """One drive, in figures small enough to travel between processes."""

    scenario: str
    seed: int
    outcome: str
    goal_reached: bool
    missed: tuple[str, ...]
    collisions: int
    min_clearance: float
    off_road: float
    tracking_rms: float
    duration: float
    plan_seconds: tuple[float, ...]
    control_seconds: tuple[float, ...]
    iterations: tuple[int, ...]
    planner_rungs: tuple[str, ...]
    controller_rungs: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the goal was reached without a collision, on the road."""
        return self.outcome == Outcome.GOAL.value


def drive_once(
    name: str,
    configuration: SimulationConfiguration,
    deadline: float,
    sources: Sequence[str] | None,
    vehicle: str = '',
) -> Result:
    """
    Drive one scenario with one seed.

    Args:
        name: of a packaged scenario, or a path.
        configuration: with the seed.
        deadline: that the planner is given for a plan [s].
        sources: as `planner_with` takes them.
        vehicle: name or path of the car; empty: the scenario's own.

    """
    # the planner and the controller load compiled solvers; a table needs neither
    from warmstart_planner.mpc.controller import Controller, ControllerSettings
    from warmstart_planner.planning.with_proposals import planner_with
    from warmstart_planner.simulation.closed_loop import drive

    scenario = load_scenario(name, vehicle)
    planner = planner_with(sources, scenario.car, deadline)
    controller = Controller(ControllerSettings(), scenario.car)
    done = drive(scenario, planner, controller, configuration, deadline=deadline)
    record = done.record
    errors = record.tracking_errors()
    errors = errors[np.isfinite(errors)]
    return Result(
        scenario=name,
        seed=configuration.seed,
        outcome=done.outcome.value,
        goal_reached=done.goal_reached,
        missed=done.missed,
        collisions=done.verdict.collisions,
        min_clearance=done.verdict.min_clearance,
        off_road=done.verdict.off_road,
        tracking_rms=float(np.sqrt(np.mean(errors**2))) if len(errors) else float('nan'),
        duration=float(record.times[-1]),
        plan_seconds=tuple(plan.seconds for plan in record.plans),
        control_seconds=tuple(control.seconds for control in record.controls),
        iterations=tuple(plan.iterations for plan in record.plans),
        planner_rungs=tuple(plan.rung for plan in record.plans),
        controller_rungs=tuple(control.rung for control in record.controls),
    )


def drive_many(
    names: Sequence[str],
    seeds: Sequence[int],
    configuration: SimulationConfiguration,
    workers: int,
    deadline: float,
    sources: Sequence[str] | None,
    vehicle: str = '',
) -> Iterator[Result]:
    """Yield the results of all scenarios under all seeds, as worker processes finish them."""
    jobs = [
        (name, replace(configuration, seed=seed), deadline, sources, vehicle)
        for name in names
        for seed in seeds
    ]
    yield from in_parallel(drive_once, jobs, workers)


def row(scenario: str, results: Sequence[Result]) -> dict[str, Any]:
    """Return a scenario's row: rates, worst cases and times over all its drives."""
    plans = [1e3 * value for result in results for value in result.plan_seconds]
    controls = [1e3 * value for result in results for value in result.control_seconds]
    iterations = [value for result in results for value in result.iterations]
    return {
        'scenario': scenario,
        'n': len(results),
        'goal_rate': float(np.mean([result.goal_reached for result in results])),
        'collisions': sum(result.collisions for result in results),
        'failed_seeds': sorted(result.seed for result in results if not result.passed),
        'outcomes': _sum(result.outcome for result in results),
        'missed': _sum(aspect for result in results for aspect in result.missed),
        'min_clearance_m': min(result.min_clearance for result in results),
        'off_road_m': max(result.off_road for result in results),
        'tracking_rms_m': float(np.nanmean([result.tracking_rms for result in results])),
        'duration_s': float(np.mean([result.duration for result in results])),
        'plan_ms_p50': float(np.percentile(plans, 50)),
        'plan_ms_p99': float(np.percentile(plans, 99)),
        'control_ms_p50': float(np.percentile(controls, 50)),
        'control_ms_p99': float(np.percentile(controls, 99)),
        'scp_iterations_mean': float(np.mean(iterations)),
        'rungs_planner': _sum(rung for result in results for rung in result.planner_rungs),
        'rungs_controller': _sum(rung for result in results for rung in result.controller_rungs),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a table for the terminal."""
    header = (
        'scenario', 'n', 'goal', 'coll.', 'clearance', 'tracking', 'plan p50', 'p99 [ms]',
        'control p50', 'p99 [ms]', 'iter.', 'planner rungs', 'controller rungs',
    )  # fmt: skip
    lines = [
        (
            r['scenario'],
            str(r['n']),
            f'{100 * r["goal_rate"]:.0f} %',
            str(r['collisions']),
            f'{r["min_clearance_m"]:.2f} m' if np.isfinite(r['min_clearance_m']) else '-',
            f'{r["tracking_rms_m"]:.2f} m',
            f'{r["plan_ms_p50"]:.1f}',
            f'{r["plan_ms_p99"]:.1f}',
            f'{r["control_ms_p50"]:.2f}',
            f'{r["control_ms_p99"]:.2f}',
            f'{r["scp_iterations_mean"]:.1f}',
            _rungs(r['rungs_planner']),
            _rungs(r['rungs_controller']),
        )
        for r in rows
    ]
    return text_table(header, lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    options = _parse(arguments)
    try:
        configuration = read_configuration(options.configuration or default_configuration_path())
        if options.prediction is not None:
            configuration = replace(configuration, prediction=options.prediction)
        names = options.scenarios or list(packaged_scenarios())
        sources = None if options.sources is None else names_in(options.sources)
        for name in names:
            load_scenario(name, options.vehicle)
    except ValueError as error:
        print(f'drive-all: {error}', file=sys.stderr)
        return 2
    seeds = range(configuration.seed, configuration.seed + options.seeds)
    results: list[Result] = []
    try:
        for result in drive_many(
            names,
            seeds,
            configuration,
            options.workers,
            options.deadline,
            sources,
            options.vehicle,
        ):
            results.append(result)
            _show(result, len(results), len(names) * len(seeds))
    except (CardError, SolverMissingError, SourceError) as error:
        print(f'drive-all: {error}', file=sys.stderr)
        return 2
    grouped = {name: [r for r in results if r.scenario == name] for name in names}
    rows = [row(name, grouped[name]) for name in names]
    print(table(rows))
    write_measurement(options.out, configuration.seed, rows)
    print(f'written to {options.out}')
    failed = [result for result in results if not result.passed]
    if failed:
        print(f'FAILED: {len(failed)} of {len(results)} drives')
    return 1 if failed else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='drive_all', description=(__doc__ or '').strip())
    parser.add_argument('--seeds', type=positive, default=20, help='noise seeds a scenario')
    parser.add_argument('--workers', type=positive, default=2, help='processes')
    parser.add_argument('--out', type=Path, default=Path('out/drive-all.json'))
    parser.add_argument(
        '--prediction', choices=PREDICTIONS, help="of traffic; the configuration's by default"
    )
    parser.add_argument('--configuration', help='YAML file; config/simulation.yaml by default')
    parser.add_argument(
        '--deadline', type=float, default=0.05, help='for one plan [s]; inf is reproducible'
    )
    parser.add_argument('--sources', help=sources_help())
    parser.add_argument(
        '--vehicle', default='', help="car by name, or its file's path; empty: the scenarios'"
    )
    parser.add_argument('--scenarios', nargs='+', help='names or paths; all packaged by default')
    return parser.parse_args(arguments)


def _show(result: Result, done: int, total: int) -> None:
    if result.passed:
        show_progress(done, total, 'drives')
        return
    print(
        f'{result.scenario}, seed {result.seed}: {result.outcome} after {result.duration:.1f} s, '
        f'{result.collisions} collisions, goal missed: {", ".join(result.missed) or "-"}',
        file=sys.stderr,
    )


def _sum(names: Iterable[str]) -> dict[str, int]:
    total: dict[str, int] = {}
    for name in names:
        total[name] = total.get(name, 0) + 1
    return total


def _rungs(numbers: dict[str, int]) -> str:
    return ' '.join(f'{name}:{count}' for name, count in numbers.items())


if __name__ == '__main__':
    sys.exit(main())
