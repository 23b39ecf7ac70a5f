# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the MPC's starts are compared in: packaged and random scenarios with events on the way.

Events are made, so that it is known when they are: an obstacle that stands on the way appears
late, the goal jumps to a slow cruise and back, and a push throws the car aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from warmstart_planner.planning.with_proposals import PlannerWithProposals
from warmstart_planner.problem import KeepSpeed, PlanningProblem, PlanResult
from warmstart_planner.scenarios import load_scenario, packaged_scenarios
from warmstart_planner.scenarios.generator import FAMILIES, problem_family, random_scenario
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation.configuration import (
    EgoNoiseConfiguration,
    ImpulseConfiguration,
    PlantConfiguration,
    SimulationConfiguration,
    WindConfiguration,
)
from warmstart_planner.vehicle import SPEED

PACKAGED = 'packaged'
OBSTACLE, GOAL, PUSH = EVENTS = ('obstacle', 'goal', 'push')
SCENARIO_SEED = 50_000  # of the first random scenario
JUMP_DURATION = 2.0  # of the slow cruise [s]
JUMP_SPEED = 0.6  # of it, in the speed that the car has
SIGHT = (25.0, 60.0)  # how far ahead of the car an obstacle may appear [m]


@dataclass(frozen=True)
class Event:
    """Something that the controller could not foresee, and when it happens [s]."""

    kind: str
    time: float


@dataclass(frozen=True)
class World:
    """A drive's surroundings: the same for every start that is compared."""

    index: int
    family: str
    scenario: Scenario
    configuration: SimulationConfiguration
    events: tuple[Event, ...]


def make_world(index: int, seed: int, base: SimulationConfiguration) -> World:
    """
    Return the index-th world: packaged scenarios take turns with random ones of all tiers.

    Friction and mass differ from the known ones by up to 30 % and 20 %; wind, noise and the
    events' times and sizes are drawn too.

    Args:
        index: of the world.
        seed: of all that is drawn.
        base: what is not drawn.

    """
    rng = np.random.default_rng([seed, index])
    family, scenario = _scenario(index, seed)
    appears, jumps, pushed = rng.uniform([1.5, 4.0, 7.5], [3.0, 5.5, 9.5])
    scenario, hidden = _with_late_obstacle(scenario, appears)
    sides = rng.choice([-1.0, 1.0], 2)
    push = ImpulseConfiguration(
        pushed, sides[0] * rng.uniform(0.4, 1.0), sides[1] * rng.uniform(0.05, 0.2)
    )
    configuration = replace(
        base,
        seed=int(rng.integers(2**31)),
        plant=PlantConfiguration(rng.uniform(0.7, 1.3), rng.uniform(0.9, 1.2)),
        wind=WindConfiguration(
            rng.uniform(0.0, 8.0), rng.uniform(-np.pi, np.pi), rng.uniform(0.5, 3.0)
        ),
        ego_noise=EgoNoiseConfiguration(
            rng.uniform(0.01, 0.1), 0.003, 0.08, 0.002, base.ego_noise.correlation_time
        ),
        impulses=(push,),
    )
    events = [Event(GOAL, jumps), Event(GOAL, jumps + JUMP_DURATION), Event(PUSH, pushed)]
    if hidden:
        events.append(Event(OBSTACLE, appears))
    return World(index, family, scenario, configuration, tuple(events))


def _scenario(index: int, seed: int) -> tuple[str, Scenario]:
    turn = index // 2
    if index % 2 == 0:
        names = list(packaged_scenarios())
        name = names[turn % len(names)]
        return f'{PACKAGED}/{name}', load_scenario(name)
    tiers = list(FAMILIES)
    tier, number = tiers[turn % len(tiers)], SCENARIO_SEED + seed + turn // len(tiers)
    return f'{tier}/{problem_family(tier, number)}', random_scenario(tier, number)


def _with_late_obstacle(scenario: Scenario, time: float) -> tuple[Scenario, bool]:
    """Return the scenario with a standing obstacle on the way not there before a time [s]."""
    road, state = scenario.road, scenario.initial_state
    there = float(road.project(state[:2])[0]) + state[SPEED] * time
    ahead = {
        place: float(road.project(each.poses[0, :2])[0]) - there
        for place, each in enumerate(scenario.traffic)
        if len(each.times) == 1
    }
    in_sight = [place for place, way in ahead.items() if SIGHT[0] <= way <= SIGHT[1]]
    if not in_sight:
        return scenario, False
    nearest = min(in_sight, key=ahead.__getitem__)
    traffic = list(scenario.traffic)
    standing = traffic[nearest]
    traffic[nearest] = replace(
        standing,
        times=np.array([time, scenario.duration + 1.0]),
        poses=np.repeat(standing.poses, 2, axis=0),
    )
    return replace(scenario, traffic=tuple(traffic)), True


def after(events: tuple[Event, ...], stamp: float, duration: float) -> Iterator[str]:
    """Yield the kinds of the events that happened within a duration before a time [s]."""
    for kind in EVENTS:
        if any(e.kind == kind and e.time <= stamp < e.time + duration for e in events):
            yield kind


class Listener(Protocol):
    """Whoever has to know the newest planning problem."""

    def set_problem(self, problem: PlanningProblem) -> None:
        """Take it."""


class EventfulPlanner:
    """
    A planner whose goal jumps at a world's times, and who lets others know its problems.

    `problems` keeps them.
    """

    def __init__(
        self, planner: PlannerWithProposals, world: World, listeners: tuple[Listener, ...]
    ) -> None:
        self._planner = planner
        self._listeners = listeners
        self._jump, self._return = (e.time for e in world.events if e.kind == GOAL)
        self.reset()

    def reset(self) -> None:
        """Forget earlier plans."""
        self._planner.reset()
        self._cruise: KeepSpeed | None = None
        self.problems: list[PlanningProblem] = []

    def plan(self, problem: PlanningProblem, *, deadline: float) -> PlanResult:
        """Answer a problem, with another goal while that has jumped."""
        if self._jump <= problem.stamp < self._return:
            if self._cruise is None:
                self._cruise = KeepSpeed(JUMP_SPEED * max(problem.initial_state[SPEED], 0.0))
            problem = replace(problem, goal=self._cruise)
        for listener in self._listeners:
            listener.set_problem(problem)
        self.problems.append(problem)
        return self._planner.plan(problem, deadline=deadline)
