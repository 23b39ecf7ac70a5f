# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The closed loop without ROS: simulator, planner and controller in one process.

Simulated time does not depend on how long anything takes to compute, so a drive is as
reproducible as its planner and controller are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from warmstart_planner.checks import number
from warmstart_planner.problem import Horizon, PlanningProblem, PlanResult, Rung, Trajectory
from warmstart_planner.road import StationTracker
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation.configuration import SimulationConfiguration
from warmstart_planner.simulation.monitor import DriveMonitor, Outcome
from warmstart_planner.simulation.record import ControlRecord, DriveRecord, PlanRecord
from warmstart_planner.simulation.simulator import Command, Observation, Simulator
from warmstart_planner.vehicle import SPEED
from warmstart_planner.verification import DriveVerdict, drive_verdict


class Planner(Protocol):
    """What drives need of a planner."""

    def plan(self, problem: PlanningProblem, *, deadline: float) -> PlanResult:
        """Answer a problem within a deadline [s]."""

    def reset(self) -> None:
        """Forget earlier plans."""


class ControlOutput(Protocol):
    """What drives need of a controller's output."""

    @property
    def acceleration(self) -> float:
        """Target [m/s^2]."""

    @property
    def steering_angle(self) -> float:
        """Target of the front wheels [rad]."""

    @property
    def rung(self) -> Rung:
        """Step of the safety ladder."""

    @property
    def step_time(self) -> float:
        """Time from state to command [s]."""


class Controller(Protocol):
    """What drives need of a controller."""

    def step(self, now: float, *args: Any, **kwargs: Any) -> ControlOutput:
        """Return the command for now."""

    def reset(self) -> None:
        """Forget earlier steps."""


@dataclass(frozen=True)
class Drive:
    """
    A whole drive: what happened, what the verifier says, and every result on the way.

    `missed` names what was missed of the goal: place, heading, speed or time; nothing where it was
    reached, or the demanded stop held.
    """

    scenario: Scenario
    configuration: SimulationConfiguration
    outcome: Outcome
    missed: tuple[str, ...]
    verdict: DriveVerdict
    record: DriveRecord
    plans: tuple[PlanResult, ...]
    outputs: tuple[ControlOutput, ...]

    @property
    def goal_reached(self) -> bool:
        """Whether the drive reached its goal."""
        return not self.missed

    @property
    def safe(self) -> bool:
        """Whether it ended at its goal, without a collision and on its road."""
        return self.outcome is Outcome.GOAL


@dataclass(frozen=True)
class Progress:
    """Where a drive is, for display while it runs."""

    time: float
    speed: float
    station: float
    plan: PlanResult | None


def drive(
    scenario: Scenario,
    planner: Planner,
    controller: Controller,
    configuration: SimulationConfiguration,
    *,
    horizon: Horizon | None = None,
    plan_period: float = 0.1,
    control_period: float = 0.05,
    deadline: float = 0.05,
    progress: Callable[[Progress], None] | None = None,
    candidates: Callable[[], Iterable[Trajectory]] = tuple,
) -> Drive:
    """
    Drive a scenario until its goal, a collision, the road's edge or the time limit.

    A plan that is asked for at a time comes into force `planning_latency` later; the first one at
    once, because a car is engaged only when it has a plan. Where an observation is lost, planner
    and controller are given the last one.

    Args:
        scenario: what to drive.
        planner: reset before the drive.
        controller: reset before the drive.
        configuration: of the simulated world.
        horizon: of the plans; the default one if None.
        plan_period: between plans, a multiple of the control period [s].
        control_period: between commands, a multiple of the integration step [s].
        deadline: that the planner is given [s].
        progress: called after every plan.
        candidates: called after every plan for what it was chosen from, for the record; they are
            not kept by default.

    Raises:
        ValueError: the periods do not fit.

    """
    _check_periods(plan_period, control_period, configuration.integration_step)
    planner.reset()
    controller.reset()
    loop = _Loop(
        scenario, planner, controller, configuration, horizon or Horizon(), deadline, candidates
    )
    monitor = DriveMonitor(scenario)
    plan_ticks = round(plan_period / control_period)
    outcome = monitor.update(loop.times[-1], loop.states[-1])
    tick = 0
    while outcome is None:
        loop.observe()
        if tick % plan_ticks == 0:
            loop.plan()
            if progress is not None:
                progress(loop.progress())
        loop.control()
        loop.simulator.advance(control_period)
        loop.remember()
        tick += 1
        outcome = monitor.update(loop.times[-1], loop.states[-1])
    record = DriveRecord(
        times=np.array(loop.times),
        states=np.array(loop.states),
        plans=tuple(loop.plan_records),
        controls=tuple(loop.control_records),
    )
    return Drive(
        scenario=scenario,
        configuration=configuration,
        outcome=outcome,
        missed=scenario.arrival.missed(scenario.track(record.times, record.states)),
        verdict=drive_verdict(scenario, record.times, record.states),
        record=record,
        plans=tuple(loop.results),
        outputs=tuple(loop.outputs),
    )


class _Loop:
    """The state of a running drive."""

    def __init__(
        self,
        scenario: Scenario,
        planner: Planner,
        controller: Controller,
        configuration: SimulationConfiguration,
        horizon: Horizon,
        deadline: float,
        candidates: Callable[[], Iterable[Trajectory]],
    ) -> None:
        self._candidates = candidates
        self.simulator = Simulator(scenario, configuration, horizon)
        self._scenario, self._planner, self._controller = scenario, planner, controller
        self._latency = configuration.planning_latency
        self._horizon, self._deadline = horizon, deadline
        self._tracker = StationTracker(scenario.road, scenario.start_station)
        self._observation: Observation | None = None
        self._pending: deque[PlanRecord] = deque()
        self._active: PlanRecord | None = None
        self.times, self.states = [0.0], [self.simulator.true_state]
        self.results: list[PlanResult] = []
        self.plan_records: list[PlanRecord] = []
        self.outputs: list[ControlOutput] = []
        self.control_records: list[ControlRecord] = []

    def observe(self) -> None:
        """Take a new observation, unless it is lost or older than the last."""
        seen = self.simulator.observe()
        if seen is None:
            return
        if self._observation is None or seen.stamp >= self._observation.stamp:
            self._observation = seen

    def plan(self) -> None:
        """Ask for a plan from the last observation."""
        if self._observation is None:
            return
        problem = PlanningProblem(
            stamp=self._observation.stamp,
            initial_state=self._observation.state,
            road=self._scenario.road,
            obstacles=self._observation.obstacles,
            goal=self._scenario.goal,
            vehicle=self._scenario.car,
            friction=self._scenario.friction,
            horizon=self._horizon,
            station=self._tracker.update(self._scenario.road, self._observation.state),
        )
        result = self._planner.plan(problem, deadline=self._deadline)
        now = self.simulator.time
        record = PlanRecord(
            stamp=now,
            available=now + (self._latency if self.results else 0.0),
            seconds=result.total_time,
            iterations=result.iterations,
            rung=result.rung.name.lower(),
            source=result.source,
            feasible=result.feasible,
            reference=result.trajectory,
            candidates=tuple(self._candidates()),
        )
        self.results.append(result)
        self.plan_records.append(record)
        self._pending.append(record)

    def control(self) -> None:
        """Send the controller's command for now."""
        now = self.simulator.time
        while self._pending and self._pending[0].available <= now + 1e-9:
            self._active = self._pending.popleft()
        if self._observation is None:
            return
        output = self._controller.step(
            now,
            self._observation.state,
            self._observation.stamp,
            self._active.reference if self._active else None,
            self._scenario.road,
            self._observation.obstacles,
            self._scenario.friction,
        )
        self.simulator.apply(Command(now, output.acceleration, output.steering_angle))
        self.outputs.append(output)
        self.control_records.append(
            ControlRecord(
                stamp=now,
                seconds=output.step_time,
                acceleration=output.acceleration,
                steering_angle=output.steering_angle,
                rung=output.rung.name.lower(),
            )
        )

    def remember(self) -> None:
        """Keep the true state."""
        self.times.append(self.simulator.time)
        self.states.append(self.simulator.true_state)

    def progress(self) -> Progress:
        """Where the drive is."""
        state = self.states[-1]
        return Progress(
            time=self.times[-1],
            speed=float(state[SPEED]),
            station=self._tracker.station,
            plan=self.results[-1] if self.results else None,
        )


def _check_periods(plan_period: float, control_period: float, step: float) -> None:
    number('plan_period', plan_period, at_least=0.01, at_most=2.0)
    number('control_period', control_period, at_least=step, at_most=1.0)
    for name, period, base in (
        ('plan_period', plan_period, control_period),
        ('control_period', control_period, step),
    ):
        ratio = period / base
        if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6:
            raise ValueError(f'{name} is {period}: expected a multiple of {base}')
