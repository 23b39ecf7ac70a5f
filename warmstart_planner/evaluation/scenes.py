# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Scenario files driven in closed loop without ROS: what becomes of each is a row of a table."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmstart_planner.evaluation.benchmark import BenchmarkError, read_benchmark
from warmstart_planner.evaluation.costs import costs
from warmstart_planner.evaluation.driven import driven_at
from warmstart_planner.evaluation.solution import VEHICLE_TYPES, write_solution
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.processes.parallel import in_parallel
from warmstart_planner.scenarios import Scenario, ScenarioError, load_scenario
from warmstart_planner.simulation.closed_loop import Drive
from warmstart_planner.simulation.configuration import SimulationConfiguration
from warmstart_planner.simulation.report import summary, write_csv
from warmstart_planner.vehicle import SPEED

SUFFIXES = ('.xml', '.yaml', '.yml')
TABLE = 'expected.yaml'  # of a folder: what is right, no scenario
REFUSED = 'refused'
BROKEN_OFF = 'error'
SOLUTION_MODELS = {'tyres': 'ST', 'kinematic': 'KS'}  # by the plant that was driven
MAIN_COST = 'SM1'  # that solutions are written for
SHORTEST = 3  # states of a solution: fewer have no jerk
Row = dict[str, Any]

_log = logging.getLogger(__name__)


class NotDrivenError(RuntimeError):
    """A file that was read, but not driven: why, and the `outcome` that its row has."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True)
class Setup:
    """
    How scenes are driven, the same for all of them.

    `deadline` is what the planner is given for a plan [s], `sources` as `planner_with` takes
    them. `vehicle` is a car by name or its file's path; empty: the scenarios' own. `drawings` are
    made of each drive: 'picture', 'animation'.
    """

    configuration: SimulationConfiguration
    deadline: float
    sources: tuple[str, ...] | None = None
    vehicle: str = ''
    drawings: tuple[str, ...] = ()


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


def names_of(files: Sequence[Path]) -> dict[Path, str]:
    """Return for each file a name that no other one has: without its suffix, where that does."""
    shared = Counter(path.stem for path in files)
    return {path: path.stem if shared[path.stem] == 1 else path.name for path in files}


def drive_scenes(
    names: Mapping[Path, str], setup: Setup, folder: Path, workers: int
) -> Iterator[Row]:
    """
    Drive files side by side, and yield their rows as they are done.

    Args:
        names: of the files, under which what is written of each lies in the folder.
        setup: how they are driven.
        folder: for what is written.
        workers: processes.

    Raises:
        SolverMissingError: the solvers have to be generated first.
        OSError: a file cannot be written.

    """
    jobs = [(path, setup, folder / name) for path, name in names.items()]
    yield from in_parallel(drive_scene, jobs, workers)


def drive_scene(path: Path, setup: Setup, target: Path) -> Row:
    """
    Drive one file and return its row: the figures of `summary` and how it ended.

    `message` holds the reason where the file was refused, or the drive broke off with an error.
    `warnings` holds what was logged of the file. Of a CommonRoad file `solution` is the path of
    the solution, and `costs` are those of each function.

    Args:
        path: of the scenario.
        setup: how it is driven.
        target: path of what is written, without its suffixes.

    Raises:
        SolverMissingError: the solvers have to be generated first.
        OSError: a file cannot be written.

    """
    return row_of(
        path, lambda: _driven(load_scenario(path, setup.vehicle), setup), setup.drawings, target
    )


def row_of(path: Path, drive: Callable[[], Drive], drawings: Sequence[str], target: Path) -> Row:
    """
    Return the row of a file, as `drive_scene` does, whoever drives it.

    Args:
        path: of the scenario.
        drive: reads and drives it; raises ScenarioError or NotDrivenError where it does not.
        drawings: as in `Setup`.
        target: path of what is written, without its suffixes.

    Raises:
        SolverMissingError: the solvers have to be generated first.
        OSError: a file cannot be written.

    """
    with _collected_warnings() as warnings:
        row = _row_of(path, drive, drawings, target)
    said = dict.fromkeys(each.removeprefix(f'{path}: ') for each in warnings)
    return {'file': path.name, **row, 'warnings': list(said)}


def _row_of(path: Path, drive: Callable[[], Drive], drawings: Sequence[str], target: Path) -> Row:
    try:
        done = drive()
        row = {**_figures(done, target), **_solution(path, done, target)}
        _draw(done, drawings, target)
        return row
    except ScenarioError as error:
        return _undriven(path, REFUSED, str(error))
    except NotDrivenError as error:
        return _undriven(path, error.outcome, str(error))
    except (SolverMissingError, OSError):
        raise
    except Exception as error:  # one defect shall not cost the other files their rows
        _log.exception('%s: the drive broke off', path)
        return _undriven(path, BROKEN_OFF, f'{type(error).__name__}: {error}')


def _driven(scenario: Scenario, setup: Setup) -> Drive:
    # a table needs neither compiled solvers nor what loads them
    from warmstart_planner.mpc.controller import Controller, ControllerSettings
    from warmstart_planner.planning.with_proposals import planner_with
    from warmstart_planner.simulation.closed_loop import drive

    planner = planner_with(setup.sources, scenario.car, setup.deadline)
    controller = Controller(ControllerSettings(), scenario.car)
    return drive(
        scenario,
        planner,
        controller,
        setup.configuration,
        deadline=setup.deadline,
        candidates=lambda: [each.result.trajectory for each in planner.planner.last_refined],
    )


def _figures(done: Drive, target: Path) -> Row:
    """Write the driven path; return the row's figures that every scenario has."""
    scenario, record = done.scenario, done.record
    csv = Path(f'{target}.csv')
    write_csv(csv, record, scenario.car)
    return {
        'scenario': scenario.name,
        'outcome': done.outcome.value,
        **summary(record, done.verdict, done.missed, csv),
        'plan_ms': [round(1e3 * plan.seconds, 2) for plan in record.plans],
        'final_speed_mps': float(record.states[-1, SPEED]),
        'speed_limit_mps': float(scenario.road.at('speed_limit', scenario.start_station)),
        'message': '',
    }


def _draw(done: Drive, drawings: Sequence[str], target: Path) -> None:
    if not drawings:  # a table needs no Matplotlib, which takes a second to load
        return
    from warmstart_planner.simulation.pictures.animation import write_animation
    from warmstart_planner.simulation.pictures.drive import draw_picture

    known = {'picture': ('.png', draw_picture), 'animation': ('.gif', write_animation)}
    for drawing in drawings:
        suffix, draw = known[drawing]
        draw(Path(f'{target}{suffix}'), done.scenario, done.record)


def _solution(path: Path, done: Drive, target: Path) -> Row:
    """Write the solution of a benchmark; return its path and costs, none of another scenario."""
    scenario, record = done.scenario, done.record
    nothing = {'solution': '', 'costs': {}}
    if path.suffix != '.xml' or scenario.vehicle not in VEHICLE_TYPES:
        return nothing
    try:
        benchmark = read_benchmark(path)
    except BenchmarkError as error:
        _log.warning('%s: no solution: %s', path, error)
        return nothing
    driven = driven_at(record, scenario.car, benchmark.dt)
    if len(driven.times) < SHORTEST:
        return nothing
    solution = Path(f'{target}.solution.xml')
    model = SOLUTION_MODELS[done.configuration.plant.model]
    seconds = sum(plan.seconds for plan in record.plans)
    write_solution(solution, benchmark, driven, scenario.vehicle, model, MAIN_COST, seconds)
    return {
        'solution': str(solution),
        'costs': costs(scenario, driven, benchmark.desired_speed),
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
        'sources': {},
        'plan_ms': [],
        'driven_csv': '',
        'solution': '',
        'costs': {},
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
