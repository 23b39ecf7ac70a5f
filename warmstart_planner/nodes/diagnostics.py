# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Diagnostics on /diagnostics, one task a concern.

`diagnostic_updater` is not everywhere that rclpy is, so its few lines are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from warmstart_planner.nodes.qos import EVENTS

PERIOD = 1.0  # between two publications [s]


@dataclass(frozen=True)
class Finding:
    """What a task found: level (DiagnosticStatus.OK, WARN, ERROR), one line, and figures."""

    level: bytes
    message: str
    values: Mapping[str, str] = field(default_factory=dict)


class Task(Protocol):
    """One concern: its name and what is to be said of it now."""

    name: str

    def __call__(self) -> Finding:
        """Look, and start the next interval."""


class RateTask:
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


class DeadlineTask:
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


class StateTask:
    """The newest finding of something that the node itself judges, such as the rung."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._finding = Finding(DiagnosticStatus.OK, 'nothing yet')

    def set(self, level: bytes, message: str, **values: object) -> None:
        """Replace the finding."""
        texts = {key: str(value) for key, value in values.items()}
        self._finding = Finding(level, message, texts)

    def __call__(self) -> Finding:
        """Return the newest finding."""
        return self._finding


class CountTask:
    """Events that should not happen, counted by kind: rejected messages, late proposals."""

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
    """Publishes the findings of all tasks once a second of steady time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tasks: list[Task] = []
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', EVENTS)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD, self.publish, clock=steady)

    def add(self, task: Task) -> None:
        """Add a task; a task of the same name is replaced."""
        self._tasks = [each for each in self._tasks if each.name != task.name] + [task]

    def publish(self) -> None:
        """Publish all findings now."""
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [self._status(task) for task in self._tasks]
        self._publisher.publish(message)

    def _status(self, task: Task) -> DiagnosticStatus:
        finding = task()
        values = [KeyValue(key=key, value=value) for key, value in finding.values.items()]
        return DiagnosticStatus(
            level=finding.level,
            name=f'{self._node.get_fully_qualified_name().lstrip("/")}: {task.name}',
            message=finding.message,
            hardware_id='warmstart_planner',
            values=values,
        )
