# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How simulated time goes on: with the wall's time, or in lockstep with the answers."""

from __future__ import annotations

import math
import time
from typing import Protocol

from warmstart_planner.nodes.messages import ReceivedCommand
from warmstart_planner.nodes.parameters.simulator import SimulatorSettings
from warmstart_planner.simulation.simulator import Observation

CLOCK_PERIOD = 0.01  # of /clock in real time [s]
MOST_BEHIND = 0.1  # simulated time waits for a machine that falls behind more than this [s]
SAME_TIME = 1e-4  # stamps that differ by less are one [s]


class World(Protocol):
    """What a pacer needs of the simulator node; times are those of the drive [s]."""

    epoch: float
    settings: SimulatorSettings

    @property
    def time(self) -> float:
        """Time of the drive."""

    @property
    def driving(self) -> bool:
        """Whether the drive goes on."""

    def hold(self, seconds: float) -> None:
        """Take note that the world stood still while the wall's time went on."""

    def advance_to(self, t: float) -> None:
        """Let the world go on until a time."""

    def publish_clock(self) -> None:
        """Tell the simulated time."""

    def observe(self) -> Observation | None:
        """End a period and publish what the sensors see."""

    def apply(self, command: ReceivedCommand) -> None:
        """Send a command to the actuators."""

    def has_plan(self, stamp: float) -> bool:
        """Tell whether the problem of a stamp is answered."""

    def plan_due(self, stamp: float) -> bool:
        """Tell whether the planner plans from the state of a stamp."""

    def report_fault(self, kind: str, text: str) -> None:
        """Report what should not happen."""


class Pacer:
    """How simulated time goes on once the drive has begun."""

    period = 0.05  # between updates [s]

    def __init__(self, world: World) -> None:
        self._world = world

    def begin(self) -> None:
        """Start at the world's time: the first command was applied."""

    def update(self) -> None:
        """Go on, each `period` of steady time."""

    def take_command(self, command: ReceivedCommand) -> None:
        """Take a command that came in."""

    def take_plan(self) -> None:
        """Take note that something of a plan came in."""


class RealTime(Pacer):
    """Time runs by itself; commands act when they come."""

    period = CLOCK_PERIOD

    def begin(self) -> None:
        """Start the watch."""
        factor = self._world.settings.real_time_factor
        self._begin = time.monotonic() - self._world.time / factor
        self._periods = _periods_of(self._world)

    def update(self) -> None:
        """Catch up with the wall, one period after the other."""
        world = self._world
        now = self._wall()
        if now - world.time > MOST_BEHIND:
            behind = now - world.time - MOST_BEHIND
            self._begin += behind / world.settings.real_time_factor
            now -= behind
            world.hold(behind)
            world.report_fault('late', f'simulation is {behind:.2f} s behind: time waits for it')
        while world.driving and self._due() <= now:
            world.advance_to(self._due())
            self._periods += 1
            world.publish_clock()
            world.observe()
        if world.driving:
            world.advance_to(now)
            world.publish_clock()

    def take_command(self, command: ReceivedCommand) -> None:
        """Let it act from now on."""
        self._world.advance_to(min(self._wall(), self._due()))
        self._world.apply(command)

    def _wall(self) -> float:
        return (time.monotonic() - self._begin) * self._world.settings.real_time_factor

    def _due(self) -> float:
        return (self._periods + 1) * self._world.settings.period


class Lockstep(Pacer):
    """Time waits for the answer to each state, and to each problem, but not for ever."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._command: ReceivedCommand | None = None
        self._state_stamp: float | None = None
        self._plan_stamp: float | None = None

    def begin(self) -> None:
        """Go on to the first period's end."""
        self._tick = _periods_of(self._world)
        self._newest = self._world.time
        self._go_on(None)

    def update(self) -> None:
        """Go on without an answer that does not come."""
        if time.monotonic() - self._asked > self._world.settings.answer_timeout:
            self._world.report_fault(
                'no answer', f'no answer at {self._world.time:.2f} s: going on'
            )
            self._go_on(self._command)

    def take_command(self, command: ReceivedCommand) -> None:
        """Keep it until all answers are there."""
        if self._state_stamp is None:
            return
        if abs(command.answered.state_stamp - self._world.epoch - self._state_stamp) < SAME_TIME:
            self._command = command
            self._check()

    def take_plan(self) -> None:
        """Look whether all answers are there."""
        if self._world.driving:
            self._check()

    def _check(self) -> None:
        if self._command is None:
            return
        if self._plan_stamp is None or self._world.has_plan(self._plan_stamp):
            self._go_on(self._command)

    def _go_on(self, command: ReceivedCommand | None) -> None:
        """Apply the answer and proceed to the next state that reaches the car in time."""
        world = self._world
        if command is not None:
            world.apply(command)
        self._command = self._state_stamp = self._plan_stamp = None
        while self._state_stamp is None and world.driving:
            self._tick += 1
            world.advance_to(self._tick * world.settings.period)
            world.publish_clock()
            self._ask(world.observe())

    def _ask(self, observation: Observation | None) -> None:
        """Remember what is to be answered; a state that a newer one overtook is not."""
        self._asked = time.monotonic()
        if observation is None or observation.stamp <= self._newest:
            return
        self._newest = self._state_stamp = observation.stamp
        if self._world.plan_due(observation.stamp):
            self._plan_stamp = observation.stamp


def _periods_of(world: World) -> int:
    """Return how many whole periods of the drive are over."""
    return math.floor((world.time + SAME_TIME) / world.settings.period)
