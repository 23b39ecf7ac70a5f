# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Kill nodes while the car drives, and count which come back in time and reach the goal.

Each drive loses one node once, at a random time, by a signal that no program can catch. Exit
status: 0 where each was heard again within REJOIN_TIME and each drive ended at its goal without a
collision; else 1. What was said in a drive that went wrong is kept in a file.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import rclpy
from interrupts import left, started

from warmstart_planner import msg
from warmstart_planner.nodes.managed_node.process import rejoin_soon

REJOIN_TIME = 3.0  # in which a node that was killed is heard again [s]
DRIVE_TIME = 120.0  # after which a drive is given up [s]
START_TIME = 60.0  # after which a start is given up [s]
# Node -> what it is heard by.
HEARD = {
    'proposal': (msg.Proposals, '/proposals'),
    'planner': (msg.Trajectory, '/trajectory'),
    'controller': (msg.Command, '/command'),
    'simulator': (msg.VehicleState, '/vehicle_state'),
}


@dataclass(frozen=True)
class Loss:
    """
    What the loss of a node did: time without it [s], exit status, all that was said.

    The time is infinite where the node was not there to be killed, or was never heard again.
    """

    scenario: str
    node: str
    at: float
    silence: float
    status: int
    output: str

    @property
    def good(self) -> bool:
        """Whether the node came back in time and the drive ended well."""
        return self.silence < REJOIN_TIME and self.status == 0


class SystemListener:
    """Listens to a running system; times are of the monotonic clock [s]."""

    def __init__(self) -> None:
        self._node = rclpy.create_node('kills_listener')
        self.last: dict[str, float] = {}
        for name, (kind, topic) in HEARD.items():
            self._node.create_subscription(kind, topic, self._note_arrival(name), 10, raw=True)

    def _note_arrival(self, name: str):
        return lambda message: self.last.update({name: time.monotonic()})

    def until(self, condition, seconds: float) -> bool:
        """Listen until a condition holds, or for so long; tell whether it holds."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            rclpy.spin_once(self._node, timeout_sec=0.02)
        return condition()

    def close(self) -> None:
        """Stop listening."""
        self._node.destroy_node()


def lose(what: str, scenario: str, node: str, at: float, work: Path) -> Loss:
    """
    Drive a scenario and kill a node on the way.

    Args:
        what: 'demo' or 'launch'.
        scenario: to drive.
        node: to kill.
        at: time of its death after all were heard [s].
        work: folder for what is written.

    """
    log = work / 'output.txt'
    listener = SystemListener()
    (process,) = started(what, scenario, work, log).values()
    try:
        listener.until(lambda: len(listener.last) == len(HEARD), START_TIME)
        listener.until(lambda: process.poll() is not None, at)
        killed = time.monotonic()
        died = _kill(node, work)
        # what was on its way when the node died is no sign of life
        back = listener.until(lambda: listener.last.get(node, 0.0) > killed + 0.1, START_TIME)
        silence = time.monotonic() - killed if died and back else math.inf
        listener.until(lambda: process.poll() is not None, DRIVE_TIME)
    finally:
        listener.close()
        for pid in left(work):
            os.kill(pid, signal.SIGKILL)
    return Loss(scenario, node, at, silence, process.wait(), log.read_text(errors='replace'))


def _kill(node: str, work: Path) -> bool:
    """Kill a node; tell whether there was one: a drive that lost nothing proves nothing."""
    found = False
    for pid in left(work):
        with contextlib.suppress(OSError):  # one that has just ended
            if f'__node:={node}' in Path('/proc', str(pid), 'cmdline').read_text().split('\0'):
                os.kill(pid, signal.SIGKILL)
                found = True
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Drive as often as asked for; return the exit status."""
    chosen = _parse(arguments)
    if chosen.what == 'launch' and shutil.which('ros2') is None:
        print('kills: ros2 launch is not installed', file=sys.stderr)
        return 2
    chosen.out.mkdir(parents=True, exist_ok=True)
    draw = random.Random(chosen.seed)
    rejoin_soon()  # or the listener would be found later than the nodes
    rclpy.init()
    good = total = 0
    for number in range(chosen.n):
        for scenario in chosen.scenario:
            for node in chosen.node:
                at = draw.uniform(chosen.begin, chosen.end)
                with tempfile.TemporaryDirectory(prefix='kills_') as folder:
                    loss = lose(chosen.what, scenario, node, at, Path(folder))
                total += 1
                good += loss.good
                print(
                    f'{scenario:12} {node:10} at {at:4.1f} s: silent for {loss.silence:.1f} s, '
                    f'exit status {loss.status}',
                    flush=True,
                )
                if not loss.good:
                    file = chosen.out / f'{chosen.what}_{scenario}_{node}_{number}.txt'
                    file.write_text(loss.output)
    rclpy.try_shutdown()
    print(f'{good} of {total} came back within {REJOIN_TIME:.0f} s and reached the goal')
    return int(good < total)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='kills', description=__doc__.strip().splitlines()[0])
    add = parser.add_argument
    add('--what', default='demo', choices=['demo', 'launch'], help='what to start')
    add('--n', type=int, default=1, help='drives for each scenario and node')
    add('--scenario', nargs='+', default=['cut_in', 'free_road'], help='to drive')
    add('--node', nargs='+', default=list(HEARD), choices=list(HEARD), help='to kill')
    add('--begin', type=float, default=0.5, help='earliest death after the start [s]')
    add('--end', type=float, default=8.0, help='latest death after the start [s]')
    add('--seed', type=int, default=0, help='of the times')
    add('--out', type=Path, default=Path('out/kills'), help='for what was said')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    raise SystemExit(main())
