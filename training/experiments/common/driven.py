# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Problems that drives through recorded traffic meet.

The planner drives each file in closed loop, with the simulation's noise and delay and without any
learned model; its problems at times spread over the drive are taken as it was asked them. So their
states are those that a planner is in.
"""

from __future__ import annotations

import hashlib
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np

from training.experiments.common.problems import (
    DRIVEN,
    Case,
    Factory,
    place_of,
    recordings_in,
    reference_plan,
)
from warmstart_planner.mpc.controller import Controller, ControllerSettings
from warmstart_planner.planning.with_proposals import PlannerWithProposals, planner_with
from warmstart_planner.problem import Horizon, PlanningProblem, PlanResult
from warmstart_planner.scenarios import Scenario, ScenarioError, load_scenario
from warmstart_planner.simulation.closed_loop import drive
from warmstart_planner.simulation.configuration import (
    default_configuration_path,
    read_configuration,
)

TRIES = 3  # cycles of a part of a drive that are looked at for a solvable problem
FOR_EVER = float('inf')  # the deadline with which drives can be repeated [s]


def driven_cases(factory: Factory, folder: Path, count: int, seed: int) -> list[Case]:
    """
    Return at most `count` problems that drives through the files of a folder meet.

    As many of each file as it takes, one from each part of its drive. A file that cannot be
    driven is left out, and so is a part without a solvable problem.

    Args:
        factory: gives the horizon and the processes.
        folder: with CommonRoad files.
        count: of problems.
        seed: of the cycles that are drawn.

    Raises:
        FileNotFoundError: the folder has no such file.

    """
    paths = recordings_in(folder)
    parts = -(-count // len(paths))
    by_file = factory.mapped(partial(_cases_of, factory.horizon, parts, seed), paths)
    layers = zip_longest(*by_file)
    return [case for layer in layers for case in layer if case is not None][:count]


def _cases_of(horizon: Horizon, parts: int, seed: int, path: Path) -> list[Case]:
    try:
        met = problems_met(load_scenario(path), horizon)
    except ScenarioError:
        return []
    digest = hashlib.sha256(path.name.encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:4], 'big')])
    cases = []
    for cycles in np.array_split(np.arange(len(met)), parts):
        tried = (met[cycle] for cycle in rng.permutation(cycles)[:TRIES])
        problem = next((p for p in tried if reference_plan(p, None) is not None), None)
        if problem is not None:
            cases.append(Case(DRIVEN, place_of(path), f'{path.stem}@{problem.stamp:.2f}', problem))
    return cases


def problems_met(scenario: Scenario, horizon: Horizon) -> list[PlanningProblem]:
    """Drive a scenario in closed loop, and return each problem that the planner was asked."""
    planner = _Listener(planner_with((), scenario.car, FOR_EVER))
    drive(
        scenario,
        planner,
        Controller(ControllerSettings(), scenario.car),
        read_configuration(default_configuration_path()),
        horizon=horizon,
        deadline=FOR_EVER,
    )
    return planner.problems


class _Listener:
    """A planner that keeps what it was asked."""

    def __init__(self, planner: PlannerWithProposals) -> None:
        self._planner = planner
        self.problems: list[PlanningProblem] = []

    def reset(self) -> None:
        """Forget earlier plans and problems."""
        self._planner.reset()
        self.problems.clear()

    def plan(self, problem: PlanningProblem, *, deadline: float) -> PlanResult:
        """Keep a problem, and answer it."""
        self.problems.append(problem)
        return self._planner.plan(problem, deadline=deadline)
