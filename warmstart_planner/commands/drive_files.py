# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive all scenario files of a folder in closed loop without ROS, such as CommonRoad's.

Writes the driven path of each as a CSV, and a table as JSON. A file that cannot be read is a row
as well: its outcome is `refused`, with the reason. Exit status: 0 when all drives came to an end,
whatever it was, 1 when one broke off with an error, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.measurement import write_measurement
from warmstart_planner.processes.parallel import in_parallel, positive, show_progress
from warmstart_planner.proposals.registry import names_in, sources_help
from warmstart_planner.scenarios import Scenario, ScenarioError, load_scenario
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.record import counts
from warmstart_planner.simulation.report import summary, text_table, write_csv
from warmstart_planner.vehicle import SPEED

SUFFIXES = ('.xml', '.yaml', '.yml')
TABLE = 'expected.yaml'  # of a folder: what is right, no scenario
REFUSED = 'refused'
BROKEN_OFF = 'error'
Row = dict[str, Any]

_log = logging.getLogger(__name__)


def drive_files(
    files: Sequence[Path],
    configuration: SimulationConfiguration,
    deadline: float,
    driven: Path,
    workers: int,
    sources: Sequence[str] | None = None,
    vehicle: str = '',
) -> list[Row]:
    """
    Drive files side by side, and return their rows in the order of the files.

    Progress and what the reader warned of go to standard error.

    Args:
        files: of scenarios.
        configuration: of the simulated world.
        deadline: that the planner is given for a plan [s].
        driven: folder for the driven paths.
        workers: processes.
        sources: as `planner_with` takes them.
        vehicle: name or path of the car; empty: the scenarios' own.

    Raises:
        SolverMissingError: the solvers have to be generated first.
        OSError: a driven path cannot be written.

    """
    shared = Counter(path.stem for path in files)
    jobs = []
    for path in files:
        name = path.stem if shared[path.stem] == 1 else path.name
        jobs.append((path, configuration, deadline, driven / f'{name}.csv', sources, vehicle))
    rows: dict[str, Row] = {}
    for row in in_parallel(drive_file, jobs, workers):
        rows[row['file']] = row
        for warning in row['warnings']:
            print(f'{row["file"]}: {warning}', file=sys.stderr)
        show_progress(len(rows), len(jobs), 'drives')
    return [rows[path.name] for path in files]


def drive_file(
    path: Path,
    configuration: SimulationConfiguration,
    deadline: float,
    csv: Path,
    sources: Sequence[str] | None = None,
    vehicle: str = '',
) -> Row:
    """
    Drive one file and return its row: the figures of `summary` and how it ended.

    `message` holds the reason where the file was refused, or the drive broke off with an error.
    `warnings` holds what was logged of the file.

    Args:
        path: of the scenario.
        configuration: of the simulated world.
        deadline: that the planner is given for a plan [s].
        csv: where the driven path is written.
        sources: as `planner_with` takes them.
        vehicle: name or path of the car; empty: the scenario's own.

    Raises:
        SolverMissingError: the solvers have to be generated first.
        OSError: the driven path cannot be written.

    """
    with _collected_warnings() as warnings:
        row = _row_of(path, configuration, deadline, csv, sources, vehicle)
    said = dict.fromkeys(each.removeprefix(f'{path}: ') for each in warnings)
    return {'file': path.name, **row, 'warnings': list(said)}


def _row_of(
    path: Path,
    configuration: SimulationConfiguration,
    deadline: float,
    csv: Path,
    sources: Sequence[str] | None,
    vehicle: str,
) -> Row:
    try:
        scenario = load_scenario(path, vehicle)
    except ScenarioError as error:
        return _undriven(path, REFUSED, str(error))
    try:
        return _driven(scenario, configuration, deadline, csv, sources)
    except (SolverMissingError, OSError):
        raise
    except Exception as error:  # one defect shall not cost the other files their rows
        _log.exception('%s: the drive broke off', path)
        return _undriven(path, BROKEN_OFF, f'{type(error).__name__}: {error}')


def _driven(
    scenario: Scenario,
    configuration: SimulationConfiguration,
    deadline: float,
    csv: Path,
    sources: Sequence[str] | None,
) -> Row:
    # a table needs neither compiled solvers nor what loads them
    from warmstart_planner.mpc.controller import Controller, ControllerSettings
    from warmstart_planner.planning.with_proposals import planner_with
    from warmstart_planner.simulation.closed_loop import drive

    planner = planner_with(sources, scenario.car, deadline)
    controller = Controller(ControllerSettings(), scenario.car)
    done = drive(scenario, planner, controller, configuration, deadline=deadline)
    write_csv(csv, done.record, scenario.car)
    limit = scenario.road.at('speed_limit', scenario.start_station)
    return {
        'scenario': scenario.name,
        'outcome': done.outcome.value,
        **summary(done.record, done.verdict, done.missed, csv),
        'final_speed_mps': float(done.record.states[-1, SPEED]),
        'speed_limit_mps': float(limit),
        'message': '',
    }


def _undriven(path: Path, outcome: str, reason: str) -> Row:
    return {
        'scenario': path.stem,
        'outcome': outcome,
        'goal_reached': False,
        'missed': ['place'],
        'collisions': 0,
        'off_road_m': 0.0,
        'rungs_planner': {},
        'driven_csv': '',
        'message': reason,
    }


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """Collect the warnings of the package, which do not name the file that they are about."""
    logger = logging.getLogger('warmstart_planner')
    collector = _Collector()
    logger.addHandler(collector)
    try:
        yield collector.texts
    finally:
        logger.removeHandler(collector)


def files_in(folder: Path) -> list[Path]:
    """
    Return the scenario files of a folder, sorted.

    Raises:
        ScenarioError: there is no such folder, or none in it.

    """
    found = sorted(
        path
        for path in folder.glob('*')
        if path.suffix in SUFFIXES and path.name != TABLE and path.is_file()
    )
    if not found:
        raise ScenarioError(
            f'folder is {str(folder)!r}: expected one with {", ".join(SUFFIXES)} scenarios'
        )
    return found


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for the terminal."""
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


def reasons(rows: Sequence[Row]) -> str:
    """Return a line for each file that was not driven to an end, with the reason."""
    return '\n'.join(f'{row["outcome"]}: {row["message"]}' for row in rows if row['message'])


def sums(rows: Sequence[Row]) -> str:
    """Return in a line how many drives ended how, and all rungs."""
    rungs: Counter[str] = Counter()
    for row in rows:
        rungs.update(row['rungs_planner'])
    outcomes = counts([row['outcome'] for row in rows])
    return (
        f'{len(rows)} files: {_listed(outcomes)}; '
        f'{sum(row["goal_reached"] for row in rows)} at the goal; plans: {_listed(rungs)}'
    )


def _listed(numbers: dict[str, int]) -> str:
    return ', '.join(f'{name} {count}' for name, count in numbers.items()) or '-'


def json_path(text: str) -> Path:
    """Return an option's text as the path of a JSON file; argparse reports any other."""
    if Path(text).suffix != '.json':
        raise argparse.ArgumentTypeError(f'is {text!r}: expected a .json file')
    return Path(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog='commonroad', description=(__doc__ or '').strip())
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Drive the files; return the exit status."""
    driven = options.out.with_suffix('')
    try:
        configuration = read_configuration(options.configuration or default_configuration_path())
        if options.seed is not None:
            configuration = replace(configuration, seed=options.seed)
        files = files_in(options.folder)[: options.n]
        sources = None if options.sources is None else names_in(options.sources)
        rows = drive_files(
            files,
            configuration,
            options.deadline,
            driven,
            options.workers,
            sources,
            options.vehicle,
        )
        write_measurement(options.out, configuration.seed, rows)
    except (ValueError, OSError, SolverMissingError) as error:
        print(f'commonroad: {error}', file=sys.stderr)
        return 2
    print(table(rows))
    print(reasons(rows), end='\n' if reasons(rows) else '')
    print(sums(rows))
    print(f'written to {options.out} and {driven}/')
    return 1 if any(row['outcome'] == BROKEN_OFF for row in rows) else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder, what is written, and how the files are driven."""
    add = parser.add_argument
    add('--folder', type=Path, required=True, help='with .xml or .yaml scenarios')
    add('--out', type=json_path, default=Path('out/commonroad.json'))
    add('--workers', type=positive, default=2, help='processes')
    add('--seed', type=int, help="of all noise; the configuration's by default")
    add('--n', type=positive, help='only the first so many files')
    add('--configuration', help='YAML file; config/simulation.yaml by default')
    add('--deadline', type=float, default=0.05, help='for one plan [s]; inf is reproducible')
    add('--sources', help=sources_help())
    add('--vehicle', default='', help="car by name, or its file's path; empty: the scenarios'")


if __name__ == '__main__':
    sys.exit(main())
