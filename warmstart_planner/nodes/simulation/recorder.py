# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Puts a drive's record together from what planner and controller publish."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import msg
from warmstart_planner.nodes.messages import (
    ReceivedCommand,
    Reference,
    nanoseconds,
    to_seconds,
)
from warmstart_planner.nodes.simulation.drive_clock import DriveClock
from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.simulation.record import ControlRecord, DriveRecord, PlanRecord


@dataclass(frozen=True)
class _Plan:
    """A reference and when it came, until its status comes."""

    reference: Reference
    available: float


@dataclass(frozen=True)
class RungReport:
    """What planner or controller said: the rung by name, and of which time of the drive [s]."""

    rung: str
    stamp: float


class Recorder:
    """
    Keeps a drive; status and result of a cycle come as two messages, in any order.

    Args:
        clock: tells the drive's own time.

    """

    def __init__(self, clock: DriveClock) -> None:
        self._clock = clock
        self._times: list[float] = []
        self._states: list[NDArray[np.float64]] = []
        self._references: dict[int, _Plan] = {}
        self._plan_statuses: dict[int, msg.PlanStatus] = {}
        self._commands: dict[int, ReceivedCommand] = {}
        self._control_statuses: dict[int, msg.ControllerStatus] = {}

    def begin(self, since: float, problem_stamp: float) -> None:
        """
        Forget what was said while the drive waited, but for the plan with which it goes on.

        Args:
            since: ROS time at which the drive began to wait [s].
            problem_stamp: of that plan [s].

        """
        for said in (self._commands, self._control_statuses):
            for key in [key for key in said if key >= since * 1e6]:
                del said[key]
        first = round(problem_stamp * 1e6)
        for key in [key for key in self._plan_statuses if key >= since * 1e6]:
            if key < first or key not in self._references:
                del self._plan_statuses[key]

    @property
    def path(self) -> NDArray[np.float64]:
        """Path of the rear axle so far, shape (n, 2)."""
        return np.array([state[:2] for state in self._states]).reshape(-1, 2)

    def add_state(self, t: float, state: NDArray[np.float64]) -> None:
        """Keep a true state."""
        self._times.append(t)
        self._states.append(state)

    def add_reference(self, reference: Reference, t: float) -> None:
        """Keep a reference that came at a time."""
        key = round(reference.problem_stamp * 1e6)
        self._references[key] = _Plan(reference, t)

    def add_plan_status(self, status: msg.PlanStatus) -> None:
        """Keep how a planning cycle went."""
        self._plan_statuses[round(to_seconds(status.problem_stamp) * 1e6)] = status

    def add_command(self, command: ReceivedCommand) -> None:
        """Keep a command."""
        self._commands[round(command.answered.stamp * 1e6)] = command

    def add_control_status(self, status: msg.ControllerStatus) -> None:
        """Keep how a control step went."""
        self._control_statuses[nanoseconds(status.header.stamp) // 1000] = status

    def has_plan(self, problem_stamp: float) -> bool:
        """Tell whether a problem is answered, by a reference or by a status that has none."""
        key = round(problem_stamp * 1e6)
        status = self._plan_statuses.get(key)
        if status is None:
            return False
        return key in self._references or status.rung == Rung.NONE.value

    def newest_plan(self) -> RungReport | None:
        """Return the planner's newest word, None before the first."""
        status = next(reversed(self._plan_statuses.values()), None)
        if status is None:
            return None
        stamp = self._clock.drive_time(to_seconds(status.problem_stamp))
        return RungReport(Rung(status.rung).name.lower(), stamp)

    def newest_command(self) -> RungReport | None:
        """Return the controller's newest word, None before the first."""
        command = next(reversed(self._commands.values()), None)
        if command is None:
            return None
        return RungReport(
            command.rung.name.lower(), self._clock.drive_time(command.answered.stamp)
        )

    def record(self) -> DriveRecord:
        """Return the whole drive, in its own time."""
        return DriveRecord(
            times=np.array(self._times),
            states=np.array(self._states),
            plans=tuple(self._plan(key) for key in sorted(self._plan_statuses)),
            controls=tuple(
                self._control(key)
                for key in sorted(self._commands.keys() & self._control_statuses)
            ),
        )

    def _plan(self, key: int) -> PlanRecord:
        status = self._plan_statuses[key]
        stamp = self._clock.drive_time(to_seconds(status.problem_stamp))
        known = self._references.get(key)
        reference = known.reference.trajectory if known else None
        return PlanRecord(
            stamp=stamp,
            available=max(known.available, stamp) if known else stamp,
            seconds=status.plan_time_ms / 1e3,
            iterations=int(status.iterations),
            rung=Rung(status.rung).name.lower(),
            source=status.source,
            feasible=bool(known.reference.verified) if known else False,
            reference=self._own_time(reference) if reference else None,
        )

    def _own_time(self, trajectory: Trajectory) -> Trajectory:
        return replace(trajectory, stamp=self._clock.drive_time(trajectory.stamp))

    def _control(self, key: int) -> ControlRecord:
        command = self._commands[key]
        status = self._control_statuses[key]
        return ControlRecord(
            stamp=self._clock.drive_time(command.answered.stamp),
            seconds=status.step_time_ms / 1e3,
            acceleration=command.acceleration,
            steering_angle=command.steering_angle,
            rung=command.rung.name.lower(),
        )
