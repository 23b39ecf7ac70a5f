# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Diagnostics on /diagnostics, one task a concern.

`diagnostic_updater` is not everywhere that rclpy is, so its few lines are here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from warmstart_planner.nodes.qos import connect
from warmstart_planner.nodes.topics import DIAGNOSTICS

PERIOD = 1.0  # between two publications [s]
SILENCE = 2.0  # after which what was found in a cycle is told no longer [s]
ACTIVE = 'active'  # label of the lifecycle state in which a node works


@dataclass(frozen=True)
class Finding:
    """What a task found: level (DiagnosticStatus.OK, WARN, ERROR), one line, and figures."""

    level: bytes
    message: str
    values: Mapping[str, str] = field(default_factory=dict)


NOTHING_YET = Finding(DiagnosticStatus.OK, 'nothing yet')


class Task:
    """
    One concern: its name and what is to be said of it now.

    What is not `lasting` speaks of the node's work, and of nothing while the node is not active.
    """

    name: str
    lasting = False

    def restart(self) -> None:
        """Forget what is old: the node begins to work."""

    def __call__(self) -> Finding:
        """Look, and start the next interval."""
        raise NotImplementedError


class LifecycleTask(Task):
    """
    The node's lifecycle state.

    Args:
        state: returns its label, such as 'active'.

    """

    name = 'lifecycle'
    lasting = True

    def __init__(self, state: Callable[[], str]) -> None:
        self._state = state

    def __call__(self) -> Finding:
        """Warn of a node that does not work."""
        state = self._state()
        level = DiagnosticStatus.OK if state == ACTIVE else DiagnosticStatus.WARN
        return Finding(level, state)


class RateTask(Task):
    """
    Watches whether something happens as often as it should.

    Args:
        name: of the task.
        expected: rate [1/s] of the clock given.
        now: time of that clock [s].
        tolerance: relative shortfall that is still good.

    """

    def __init__(
        self, name: str, expected: float, now: Callable[[], float], tolerance: float = 0.2
    ) -> None:
        self.name = name
        self._expected = expected
        self._now = now
        self._tolerance = tolerance
        self._count = 0
        self._since: float | None = None

    def restart(self) -> None:
        """Begin a new interval."""
        self._count, self._since = 0, None

    def tick(self) -> None:
        """Count one event."""
        self._count += 1

    def __call__(self) -> Finding:
        """Compare the rate since the last look with the one expected."""
        now, count, since = self._now(), self._count, self._since
        self._since, self._count = now, 0
        if since is None or now <= since:
            return Finding(DiagnosticStatus.OK, 'waiting for time to pass')
        rate = count / (now - since)
        values = {'rate': f'{rate:.2f}', 'expected': f'{self._expected:.2f}'}
        if count == 0:
            return Finding(DiagnosticStatus.ERROR, 'silent', values)
        if rate < self._expected * (1 - self._tolerance):
            return Finding(DiagnosticStatus.WARN, 'too slow', values)
        return Finding(DiagnosticStatus.OK, 'on time', values)


class DeadlineTask(Task):
    """
    Watches how often work takes longer than it may.

    Args:
        name: of the task.
        limit: duration allowed [s].

    """

    def __init__(self, name: str, limit: float) -> None:
        self.name = name
        self.limit = limit
        self._durations: list[float] = []
        self._total_missed = 0

    def restart(self) -> None:
        """Begin a new interval."""
        self._durations = []

    def record(self, duration: float) -> None:
        """Add one piece of work [s]."""
        self._durations.append(duration)

    def __call__(self) -> Finding:
        """Count the misses since the last look."""
        durations, self._durations = self._durations, []
        missed = sum(duration > self.limit for duration in durations)
        self._total_missed += missed
        values = {
            'limit_ms': f'{self.limit * 1e3:.1f}',
            'worst_ms': f'{max(durations, default=0.0) * 1e3:.1f}',
            'missed': f'{missed} of {len(durations)}',
            'missed_total': str(self._total_missed),
        }
        if missed:
            return Finding(DiagnosticStatus.WARN, f'{missed} deadlines missed', values)
        return Finding(DiagnosticStatus.OK, 'deadlines kept', values)


class StateTask(Task):
    """
    The newest finding of something that the node itself judges, such as the rung.

    Args:
        name: of the task.
        silence: steady time after which a finding is told no longer [s]; infinite for what holds
            until it is replaced.
        now: steady time [s].

    """

    def __init__(
        self,
        name: str,
        silence: float = math.inf,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._silence = silence
        self._now = now
        self._finding = NOTHING_YET
        self._since = now()

    def restart(self) -> None:
        """Forget a finding that does not hold until it is replaced."""
        if self._silence < math.inf:
            self._finding, self._since = NOTHING_YET, self._now()

    def set(self, level: bytes, message: str, **values: object) -> None:
        """Replace the finding."""
        texts = {key: str(value) for key, value in values.items()}
        self._finding, self._since = Finding(level, message, texts), self._now()

    def __call__(self) -> Finding:
        """Return the newest finding, or for how long there has been none."""
        age = self._now() - self._since
        if age <= self._silence:
            return self._finding
        message = f'silent for {age:.0f} s, before: {self._finding.message}'
        return Finding(DiagnosticStatus.STALE, message)


class CountTask(Task):
    """Events that should not happen, counted by kind: rejected messages, late proposals."""

    lasting = True

    def __init__(self, name: str) -> None:
        self.name = name
        self._counts: dict[str, int] = {}
        self._seen = 0

    def count(self, kind: str) -> None:
        """Count one event."""
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def total(self, kind: str) -> int:
        """Return how many there were."""
        return self._counts.get(kind, 0)

    def __call__(self) -> Finding:
        """Warn of new events since the last look."""
        total = sum(self._counts.values())
        new, self._seen = total - self._seen, total
        values = {kind: str(count) for kind, count in self._counts.items()}
        if new:
            return Finding(DiagnosticStatus.WARN, f'{new} new', values)
        return Finding(DiagnosticStatus.OK, 'none new', values)


class Diagnostics:
    """
    Publishes the findings of all tasks once a second of steady time.

    Each carries the lifecycle state. Of the work of a node that is not active nothing is told but
    that.

    Args:
        node: whose diagnostics they are.
        state: returns the label of its lifecycle state.

    """

    def __init__(self, node: Node, state: Callable[[], str] = lambda: ACTIVE) -> None:
        self._node = node
        self._state = state
        self._tasks: list[Task] = []
        self._publisher = connect(
            node.create_publisher, DiagnosticArray, DIAGNOSTICS.name, profile=DIAGNOSTICS.sent
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD, self.publish, clock=steady)

    def add(self, task: Task) -> None:
        """Add a task; a task of the same name is replaced."""
        self._tasks = [each for each in self._tasks if each.name != task.name] + [task]

    def restart(self) -> None:
        """Let all tasks forget what is old: the node begins to work."""
        for task in self._tasks:
            task.restart()

    def publish(self) -> None:
        """Publish all findings now."""
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [self._status(task) for task in self._tasks]
        self._publisher.publish(message)

    def _status(self, task: Task) -> DiagnosticStatus:
        finding, state = task(), self._state()
        if state != ACTIVE and not task.lasting:
            finding = Finding(DiagnosticStatus.STALE, state)
        texts = {'lifecycle': state, **finding.values}
        values = [KeyValue(key=key, value=value) for key, value in texts.items()]
        return DiagnosticStatus(
            level=finding.level,
            name=f'{self._node.get_fully_qualified_name().lstrip("/")}: {task.name}',
            message=finding.message,
            hardware_id='warmstart_planner',
            values=values,
        )
