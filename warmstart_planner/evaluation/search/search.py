# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The whole search of a scene: what is impossible, then wider and wider tries."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from warmstart_planner.evaluation.search.answer import is_good
from warmstart_planner.evaluation.search.beam import DETOUR, Effort, Grid, Plan, plans
from warmstart_planner.evaluation.search.bounds import reason_impossible
from warmstart_planner.evaluation.search.cost_to_go import LATTICES, CostToGo, cost_to_go
from warmstart_planner.evaluation.search.motion import Limits, planned, published, reversing
from warmstart_planner.evaluation.search.task import Task, task_of
from warmstart_planner.files.vehicle_file import load_description
from warmstart_planner.scenarios import Scenario
from warmstart_planner.vehicle import SPEED

MOST_PLANS = 50  # of a try that are judged: the grid lets some pass that are off the road


@dataclass(frozen=True)
class Try:
    """One search: the limits that the car kept, how wide it was, and how many states it saw."""

    limits: str
    width: int
    states: int
    cut: bool
    seconds: float
    until: float


@dataclass(frozen=True)
class Finding:
    """
    What became of the search of a scene.

    `plan` is None where none was found. `impossible` says why none exists, '' where that is not
    shown. `tries` are the searches, the last of which found the plan.
    """

    task: Task
    plan: Plan | None
    impossible: str
    tries: tuple[Try, ...]


def search(scenario: Scenario, widths: Sequence[int]) -> Finding:
    """
    Search a scene for a drive that solves it.

    First with the limits that our plans keep, then with all that engine and tyres give, then with
    a car that may reverse as well.

    Args:
        scenario: of a CommonRoad file, with its regions.
        widths: of the beams that are tried with each of the limits, increasing.

    """
    car = load_description(scenario.vehicle)
    most = published(car)
    task = task_of(scenario, most)
    impossible = reason_impossible(task, most, scenario)
    if impossible:
        return Finding(task, None, impossible, ())
    tries: list[Try] = []
    for limits, costs in _stages(task, planned(car, scenario.friction), most):
        for width in widths:
            begin, effort = time.perf_counter(), Effort()
            found = plans(task, limits, costs, Grid(width), effort)
            good = (plan for plan in islice(found, MOST_PLANS) if is_good(plan, task, scenario))
            plan = next(good, None)
            seconds = time.perf_counter() - begin
            until = effort.last_step * task.dt
            tries.append(Try(limits.name, width, effort.states, effort.cut, seconds, until))
            if plan is not None:
                return Finding(task, plan, '', tuple(tries))
            if not effort.cut:
                break  # a wider beam would hold no more
    return Finding(task, None, '', tuple(tries))


def _stages(task: Task, modest: Limits, most: Limits) -> Iterator[tuple[Limits, CostToGo]]:
    end = task.steps * task.dt
    farthest = float(most.farthest(task.start[[SPEED]], end)[0]) + DETOUR

    def costs(reverse: bool) -> CostToGo:
        for lattice in LATTICES:
            found = cost_to_go(task.regions, task.surface, task.car, farthest, reverse, lattice)
            if np.isfinite(found.at(task.start[None, :3])[0]):
                break
        return found

    forward = costs(reverse=False)
    yield modest, forward
    yield most, forward
    yield reversing(most), costs(reverse=True)
