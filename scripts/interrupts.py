# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Press Ctrl-C at random times and count what comes of it.

What can be started: `demo`, whose whole process group gets the signal, as from a terminal;
`nodes`, the four as `ros2 launch` starts them, which get it twice, from the terminal and from
launch; and `launch`, that is `ros2 launch` itself, where it is installed. Exit status: 0 where all
was quiet, nothing was left and every exit status said what happened; else 1. What was said at a
press that went wrong is kept in a file.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warmstart_planner.processes.system import PACKAGE, SystemArguments, simulation_processes

ROOT = Path(__file__).resolve().parents[1]
MARK = 'WARMSTART_PLANNER_MARK'  # variable that all processes of a press carry
NOISE = ('Traceback', 'Fatal Python error', 'Segmentation', 'terminate called', 'has died')
END_TIME = 15.0  # for everything to end after Ctrl-C [s]
SECOND_MOST = 0.1  # between the two signals that launched nodes get, at most [s]
# Exit statuses that say what happened: the end of the drive, or Ctrl-C. A shell reports -2 as 130;
# a node ends by it in the milliseconds before its program has begun.
GOOD_STATUS = {'demo': (0, 130, -2), 'nodes': (0, -2), 'launch': (0, 1, 130, -2)}


@dataclass(frozen=True)
class Press:
    """What one Ctrl-C did: exit statuses by name, number of processes left, all that was said."""

    at: float
    statuses: Mapping[str, int]
    left: int
    output: str

    @property
    def noise(self) -> list[str]:
        """What was said that should not be."""
        return [word for word in NOISE if word in self.output]


def press(what: str, at: float, scenario: str, work: Path, apart: float) -> Press:
    """
    Start something, press Ctrl-C and wait for the end.

    Args:
        what: 'demo', 'nodes' or 'launch'.
        at: time of the press from the start [s].
        scenario: to drive.
        work: folder for what is written.
        apart: time between the two signals of launched nodes [s].

    """
    log = work / 'output.txt'
    begin = time.monotonic()
    running = started(what, scenario, work, log)
    time.sleep(max(begin + at - time.monotonic(), 0.0))
    for wait in (0.0, apart) if what == 'nodes' else (0.0,):
        time.sleep(wait)
        for process in running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
    end = time.monotonic() + END_TIME
    while left(work) and time.monotonic() < end:
        for process in running.values():
            process.poll()
        time.sleep(0.05)
    remaining = left(work)
    for pid in remaining:
        os.kill(pid, signal.SIGKILL)
    statuses = {name: process.wait() for name, process in running.items()}
    return Press(at, statuses, len(remaining), log.read_text(errors='replace'))


def started(what: str, scenario: str, work: Path, log: Path) -> dict[str, subprocess.Popen]:
    """Start each program in a session of its own; return the processes by name."""
    with log.open('w') as stream:
        return {
            name: subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment, MARK: str(work), 'PYTHONUNBUFFERED': '1'},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for name, (command, environment) in _commands(what, scenario, work).items()
        }


def _commands(
    what: str, scenario: str, work: Path
) -> dict[str, tuple[list[str], Mapping[str, str]]]:
    """Return the command line and the variables of each program to start, by name."""
    if what == 'demo':
        given = ['--scenario', scenario, '--out', str(work / 'out')]
        python = [*_hold(), sys.executable]
        return {what: ([*python, '-m', 'warmstart_planner.commands.demo', *given], {})}
    if what == 'launch':
        given = ['simulation.launch.py', f'scenario:={scenario}']
        return {what: (['ros2', 'launch', PACKAGE, *given], {})}
    processes = simulation_processes(SystemArguments(scenario=scenario))
    return {
        each.name: (
            [str(_executable(each.executable, work)), '--ros-args', *each.ros_arguments()],
            each.environment,
        )
        for each in processes
    }


def _hold() -> list[str]:
    """Return what holds Ctrl-C back while Python starts, as in the Makefile."""
    hold = ['env', '--block-signal=INT']
    able = subprocess.run([*hold, 'true'], stderr=subprocess.DEVNULL).returncode == 0
    return hold if able else []


def _executable(node: str, work: Path) -> Path:
    """Make of the template what the build makes of it."""
    path = work / node
    text = (ROOT / 'scripts' / 'node.in').read_text()
    path.write_text(text.replace('@Python3_EXECUTABLE@', sys.executable).replace('@node@', node))
    path.chmod(0o755)
    return path


def left(work: Path) -> list[int]:
    """Return the processes that still run of those that carry a folder as their mark."""
    wanted = f'{MARK}={work}\0'.encode()
    found = []
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            mine = wanted in Path('/proc', entry, 'environ').read_bytes()
        except OSError:
            continue
        if mine:
            found.append(int(entry))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Press as often as asked for; return the exit status."""
    chosen = _parse(arguments)
    if chosen.what == 'launch' and shutil.which('ros2') is None:
        print('interrupts: ros2 launch is not installed', file=sys.stderr)
        return 2
    chosen.out.mkdir(parents=True, exist_ok=True)
    # A shell has what it starts in the background ignore Ctrl-C, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    draw = random.Random(chosen.seed)
    presses = []
    for number in range(chosen.n):
        at, apart = draw.uniform(chosen.begin, chosen.end), draw.uniform(0.0, SECOND_MOST)
        with tempfile.TemporaryDirectory(prefix='interrupts_') as folder:
            done = press(chosen.what, at, chosen.scenario, Path(folder), apart)
        presses.append(done)
        good = GOOD_STATUS[chosen.what]
        strange = [status for status in done.statuses.values() if status not in good]
        if done.noise or done.left or strange:
            (chosen.out / f'{chosen.what}_{number}.txt').write_text(done.output)
        said = ' '.join(f'{name} {status}' for name, status in done.statuses.items())
        print(f'{number:4} at {at:5.2f} s: {said} {" ".join(done.noise)}', flush=True)
    return _report(presses, GOOD_STATUS[chosen.what])


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='interrupts', description=__doc__.strip().splitlines()[0]
    )
    add = parser.add_argument
    add('--what', default='demo', choices=sorted(GOOD_STATUS), help='what to start')
    add('--n', type=int, default=100, help='how often to press')
    add('--scenario', default='free_road', help='to drive')
    add('--begin', type=float, default=0.0, help='earliest press after the start [s]')
    add('--end', type=float, default=20.0, help='latest press after the start [s]')
    add('--seed', type=int, default=0, help='of the times')
    add(
        '--out',
        type=Path,
        default=Path('out/interrupts'),
        help='for what was said',
    )
    return parser.parse_args(arguments)


def _report(presses: Sequence[Press], good: Sequence[int]) -> int:
    statuses = Counter(status for each in presses for status in each.statuses.values())
    noise = Counter(word for each in presses for word in each.noise)
    left = sum(each.left for each in presses)
    print(f'{"presses":12}{len(presses)}')
    print(f'{"exit status":12}' + ', '.join(f'{k}: {v}' for k, v in sorted(statuses.items())))
    print(f'{"left":12}{left}')
    print(f'{"noise":12}' + (', '.join(f'{k}: {v}' for k, v in noise.items()) or 'none'))
    return int(bool(noise) or left > 0 or any(status not in good for status in statuses))


if __name__ == '__main__':
    raise SystemExit(main())
