# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive all scenario files of a folder in closed loop without ROS, such as CommonRoad's.

Writes the driven path of each as a CSV, and a table as JSON. A file that cannot be read or driven
is a row as well: its outcome is `refused`, with the reason. Exit status: 0 when all drives came to
an end, whatever it was, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from warmstart_planner.generated import SolverMissingError
from warmstart_planner.measurement import write_measurement
from warmstart_planner.parallel import in_parallel, show_progress
from warmstart_planner.scenarios import ScenarioError, load_scenario
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.record import counts
from warmstart_planner.simulation.report import summary, text_table, write_csv
from warmstart_planner.vehicle import SPEED

SUFFIXES = ('.xml', '.yaml', '.yml')
REFUSED = 'refused'
Row = dict[str, Any]


def drive_file(
    path: Path, configuration: SimulationConfiguration, deadline: float, csv: Path
) -> Row:
    """
    Drive one file and return its row: the figures of `summary` and how it ended.

    Args:
        path: of the scenario.
        configuration: of the simulated world.
        deadline: that the planner is given for a plan [s].
        csv: where the driven path is written.

    """
    # a table needs neither compiled solvers nor what loads them
    from warmstart_planner.mpc.controller import Controller, ControllerSettings
    from warmstart_planner.planner import Planner
    from warmstart_planner.simulation.closed_loop import drive

    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        return _refused(path, str(error))
    planner = Planner(scenario.car)
    controller = Controller(ControllerSettings(), scenario.car)
    done = drive(scenario, planner, controller, configuration, deadline=deadline)
    write_csv(csv, done.record, scenario.car)
    limit = scenario.road.at('speed_limit', scenario.start_station)
    return {
        'scenario': path.stem,
        'outcome': done.outcome.value,
        **summary(done.record, done.verdict, done.missed, csv),
        'final_speed_mps': float(done.record.states[-1, SPEED]),
        'speed_limit_mps': float(limit),
        'message': '',
    }


def _refused(path: Path, reason: str) -> Row:
    return {
        'scenario': path.stem,
        'outcome': REFUSED,
        'goal_reached': False,
        'missed': ['place'],
        'collisions': 0,
        'off_road_m': 0.0,
        'rungs_planner': {},
        'driven_csv': '',
        'message': reason,
    }


def files_in(folder: Path) -> list[Path]:
    """
    Return the scenario files of a folder, sorted.

    Raises:
        ScenarioError: there is no such folder, or none in it.

    """
    found = sorted(path for path in folder.glob('*') if path.suffix in SUFFIXES)
    if not found:
        raise ScenarioError(
            f'folder is {str(folder)!r}: expected one with {", ".join(SUFFIXES)} files'
        )
    return found


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for the terminal, with a line of sums."""
    lines = [
        (
            row['scenario'],
            row['outcome'],
            ', '.join(row['missed']) or '-',
            str(row['collisions']),
            f'{row["off_road_m"]:.2f}',
            ' '.join(f'{name}:{count}' for name, count in row['rungs_planner'].items()),
        )
        for row in rows
    ]
    head = ('scenario', 'outcome', 'missed', 'coll.', 'off road [m]', 'planner rungs')
    return text_table(head, lines)


def sums(rows: Sequence[Row]) -> str:
    """Return in a line how many drives ended how, and all rungs."""
    rungs: dict[str, int] = {}
    for row in rows:
        for name, count in row['rungs_planner'].items():
            rungs[name] = rungs.get(name, 0) + count
    outcomes = counts([row['outcome'] for row in rows])
    return (
        f'{len(rows)} files: {_listed(outcomes)}; '
        f'{sum(row["goal_reached"] for row in rows)} at the goal; plans: {_listed(rungs)}'
    )


def _listed(numbers: dict[str, int]) -> str:
    return ', '.join(f'{name} {count}' for name, count in numbers.items()) or '-'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    options = _parse(arguments)
    try:
        configuration = read_configuration(options.configuration or default_configuration_path())
        if options.seed is not None:
            configuration = replace(configuration, seed=options.seed)
        files = files_in(options.folder)[: options.n]
    except ValueError as error:
        print(f'commonroad: {error}', file=sys.stderr)
        return 2
    driven = options.out.with_suffix('')
    jobs = [(path, configuration, options.deadline, driven / f'{path.stem}.csv') for path in files]
    rows: list[Row] = []
    try:
        for row in in_parallel(drive_file, jobs, options.workers):
            rows.append(row)
            show_progress(len(rows), len(jobs), 'drives')
    except SolverMissingError as error:
        print(f'commonroad: {error}', file=sys.stderr)
        return 2
    rows.sort(key=lambda row: row['scenario'])
    print(table(rows))
    print(sums(rows))
    write_measurement(options.out, configuration.seed, rows)
    print(f'written to {options.out} and {driven}/')
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='commonroad', description=(__doc__ or '').strip())
    add = parser.add_argument
    add('--folder', type=Path, required=True, help='with .xml or .yaml scenarios')
    add('--out', type=Path, default=Path('out/commonroad.json'))
    add('--workers', type=int, default=2, help='processes')
    add('--seed', type=int, help="of all noise; the configuration's by default")
    add('--n', type=int, help='only the first so many files')
    add('--configuration', help='YAML file; config/simulation.yaml by default')
    add('--deadline', type=float, default=0.05, help='for one plan [s]; inf is reproducible')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main())
