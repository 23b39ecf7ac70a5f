# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive a scenario with the four nodes and report on the drive.

Starts the processes of `system.py`, as `ros2 launch` would, on machines that have no `ros2
launch`; those that die are started again. Shows progress, ends all processes when the drive is
over or on Ctrl-C, then prints a table and writes `summary.json`, `drive.png`, `drive.gif` and
`driven.csv`. Exit status: 0 when the car drove to its goal without a collision, 1 when it did not,
2 when it could not be started.
"""

from __future__ import annotations

from warmstart_planner.processes.interruption import end_quietly_on_ctrl_c

if __name__ == '__main__':
    # The imports take a second, and so does the report.
    end_quietly_on_ctrl_c(130, 'demo: interrupted\n')

import argparse
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, TextIO

from honcho.manager import KILL_WAIT, Manager
from honcho.printer import Message
from honcho.process import Process

from warmstart_planner.processes.exit_status import BAD_START, end_of_all
from warmstart_planner.processes.system import (
    LOG_LEVELS,
    RESPAWN_DELAY,
    SystemArguments,
    missing_module,
    simulation_processes,
)
from warmstart_planner.scenarios import Scenario, load_scenario
from warmstart_planner.simulation.monitor import Outcome
from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.simulation.record_file import read_record
from warmstart_planner.simulation.report import summary_table

DEFAULT_SCENARIO = 'overtaking_oncoming'
RECORD_FILE = 'drive.npz'
MEMORY_MARK = 'peak memory [kB]: '
GOOD, UNSAFE, NOT_STARTED = 0, 1, 2
INTERRUPTED = (130, 143)


@dataclass(frozen=True)
class Arguments:
    """What the user asked for."""

    scenario: str
    out: Path
    system: SystemArguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog='demo', description=__doc__.strip().splitlines()[0])
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Run the demo; return the exit status."""
    try:
        chosen = _chosen(options)
        scenario = load_scenario(chosen.scenario, chosen.system.vehicle)
        _require_ros()
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / RECORD_FILE).unlink(missing_ok=True)
    except (ValueError, OSError) as error:
        print(f'demo: {error}', file=sys.stderr)
        return NOT_STARTED
    print(f'{scenario.name}: {scenario.description}')
    print(f'ROS domain: export ROS_DOMAIN_ID={_domain()}', flush=True)
    status, memory = _run(chosen, scenario)
    if status in INTERRUPTED:
        print('demo: interrupted, all processes have ended', file=sys.stderr)
        return status
    try:
        record, outcome = read_record(chosen.out / RECORD_FILE)
    except ValueError:
        print('demo: the drive did not come to an end, see the lines above', file=sys.stderr)
        return NOT_STARTED if status == BAD_START else UNSAFE
    return _report(chosen.out, scenario, record, outcome, memory)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the user may ask for."""
    add = parser.add_argument
    add('--scenario', default=DEFAULT_SCENARIO, help='packaged name, or path of .yaml or .xml')
    add('--vehicle', default='', help="car by name, or its file's path; empty: the scenario's")
    add('--weights', default='', help='YAML file of the cost weights; empty: as in the parameters')
    add('--out', type=Path, default=Path('out/demo'), help='folder for what is written')
    add('--params-file', default='', help='parameters that override the packaged ones')
    add('--mode', default='', choices=['', 'real_time', 'lockstep'], help='of simulated time')
    add('--use-sim-time', default='true', choices=['true', 'false'], help='take time from /clock')
    add('--seed', type=int, default=-1, help="of all noise; the configuration's if negative")
    add('--log-level', default='info', choices=LOG_LEVELS, help='of the nodes')


def _chosen(given: argparse.Namespace) -> Arguments:
    path = Path(given.scenario)
    return Arguments(
        scenario=given.scenario,
        out=given.out,
        system=SystemArguments(
            use_sim_time=given.use_sim_time == 'true',
            params_file=given.params_file,
            log_level=given.log_level,
            record=str(given.out.resolve()),
            scenario=str(path.resolve()) if path.suffix else given.scenario,
            vehicle=given.vehicle,
            weights=given.weights,
            mode=given.mode,
            seed=given.seed,
        ),
    )


def _require_ros() -> None:
    missing = missing_module()
    if missing:
        raise ValueError(
            f'the module {missing} is not found, and the demo runs ROS 2 nodes: run `make demo` '
            'in a checkout, or source ROS 2 and the workspace in which this package was built; '
            '`warmstart-planner drive` needs no ROS'
        )


# --- processes -----------------------------------------------------------------------------------


def _run(chosen: Arguments, scenario: Scenario) -> tuple[int, dict[str, float]]:
    """Run all processes until the drive is over; return the exit status and peak memory [MB]."""
    printer = _Printer(sys.stdout)
    manager = _Manager(printer)
    arguments = replace(chosen.system, vehicle=scenario.vehicle)
    for process in simulation_processes(arguments):
        environment = _environment(chosen.out, process.environment)
        manager.add_process(process.name, process.shell_command(), env=environment)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        manager.loop()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return manager.returncode or 0, printer.memory


def _domain() -> str:
    """Return the ROS domain of this run: the user's, or one of its own."""
    return os.environ.get('ROS_DOMAIN_ID') or str(os.getpid() % 101 + 1)


def _environment(out: Path, own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a node: this run's ROS domain, one thread, plain log lines."""
    environment = {
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        **os.environ,
        **own,
    }
    environment['ROS_DOMAIN_ID'] = _domain()
    environment['ROS_LOG_DIR'] = str((out / 'log').resolve())
    environment['RCUTILS_CONSOLE_OUTPUT_FORMAT'] = '{severity}: {message}'
    environment['RCUTILS_COLORIZED_OUTPUT'] = '0'
    environment['PYTHONUNBUFFERED'] = '1'
    return environment


class _Manager(Manager):
    """
    Ends processes that are just starting, too, and kills those that do not end.

    honcho itself knows a process only once it runs, and kills only after one has ended.
    """

    def __init__(self, printer: _Printer) -> None:
        super().__init__(printer)
        self._over = multiprocessing.Event()
        self._process_ctor = partial(_NodeProcess, over=self._over)
        self._asked_to_end: float | None = None

    def terminate(self) -> None:
        """End all processes as soon as all have started."""
        self._over.set()
        if self._asked_to_end is None:
            self._asked_to_end = time.monotonic()
        if super()._all_started():
            super().terminate()

    def _all_started(self) -> bool:
        # asked by honcho's loop at every turn
        started = super()._all_started()
        if started and self._asked_to_end is not None:
            super().terminate()
            if time.monotonic() - self._asked_to_end > KILL_WAIT:
                self.kill()
        return started


class _NodeProcess(Process):
    """
    A node that is started again when it dies, and tells its peak memory at its end.

    Args:
        over: set when all processes are to end.

    """

    def __init__(self, *arguments: Any, over: Event, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._over = over
        self._respawns = False

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Run the node, again and again if need be."""
        super().run(events, ignore_signals)
        while self._respawns:
            # what this process ignores its children would ignore, too
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            super().run(events, ignore_signals)

    def _send_message(self, data: Any, type: str = 'line') -> None:
        if type == 'stop':
            self._respawns = self._is_to_return(data['returncode'])
            if self._respawns:
                return
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            super()._send_message(f'{MEMORY_MARK}{used}\n'.encode())
        super()._send_message(data, type)

    def _is_to_return(self, status: int) -> bool:
        if self._over.is_set() or end_of_all(self.name, status, respawn=True):
            return False
        super()._send_message(f'died with exit status {status}, starts again\n'.encode())
        return not self._over.wait(RESPAWN_DELAY)


class _Printer:
    """Prints what the nodes say, and keeps their peak memory [MB]."""

    def __init__(self, output: TextIO) -> None:
        self.width = 0  # set by honcho
        self.memory: dict[str, float] = {}
        self._output = output

    def write(self, message: Message) -> None:
        """Take a line from a process, or from honcho itself."""
        data = message.data
        text = data.decode('utf-8', 'replace') if isinstance(data, bytes) else data
        for line in text.splitlines():
            self._line(message.name, line)

    def _line(self, name: str, line: str) -> None:
        if line.startswith(MEMORY_MARK):
            self.memory[name] = int(line.removeprefix(MEMORY_MARK)) / 1024
        elif name != 'system':
            shown = line.removeprefix('INFO: ')
            print(f'{name.ljust(self.width)} | {shown}', file=self._output, flush=True)


# --- report --------------------------------------------------------------------------------------


def _report(
    out: Path, scenario: Scenario, record: DriveRecord, outcome: str, memory: Mapping[str, float]
) -> int:
    # Drawing is for the end: while the car drives, the processor is the nodes'.
    from warmstart_planner.simulation.folder import files_in, write_folder
    from warmstart_planner.simulation.pictures.animation import write_animation

    animation = out / 'drive.gif'
    sizes = {f'memory_mb_{name}': round(size, 1) for name, size in memory.items()}
    figures = write_folder(out, scenario, record, outcome, sizes)
    print(f'\n{summary_table(figures)}')
    if memory:
        used = ', '.join(f'{name} {size:.0f}' for name, size in memory.items())
        print(f'{"peak memory [MB]":25}{used}')
    write_animation(animation, scenario, record)
    print('\n' + '\n'.join(str(path) for path in (*files_in(out), animation)))
    return GOOD if outcome == Outcome.GOAL.value and figures['goal_reached'] else UNSAFE


if __name__ == '__main__':
    raise SystemExit(main())
