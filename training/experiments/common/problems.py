# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The problems of the warm-start benchmark: held-out random, shifted, and cut from recorded traffic.

All are reproducible and none was trained on: random ones have seeds that training never draws,
shifted ones come from families that the generator's tiers do not have, and recorded traffic is no
part of any dataset. Which problems there are does not depend on any learned model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.dataset.situations import FIRST_SEED as FIRST_TRAINING_SEED
from warmstart_planner.problem import MAX_OBSTACLES, Horizon, PlanningProblem, Trajectory
from warmstart_planner.proposals.cold_bundle import BundleSettings, ColdBundle
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.proposals.shifted import Shifted
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.scenarios import Scenario, ScenarioError, load_scenario
from warmstart_planner.scenarios.generator import (
    Family,
    family_problem,
    problem_family,
    random_problem,
)
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import SPEED, load_vehicle
from warmstart_planner.verification import verify

TIERS = ('easy', 'medium', 'hard')
SHIFTED, RECORDED, DRIVEN = 'shifted', 'recorded', 'driven'
KINDS = (*TIERS, SHIFTED, RECORDED, DRIVEN)  # of problems, all that a record's tier can be
FIRST_SEED = 50_000  # of held-out problems
CUTS = 8  # problems cut from one recording at most
CUT_SPACING = 0.5  # between them, at least [s]
REFERENCE_STARTS = 6  # starts that a recorded problem's reference is the best of
DENSE_BUNDLE = BundleSettings(
    shares=(-0.95, -0.6, -0.3, 0.0, 0.3, 0.6, 0.95),
    accelerations=(2.5, 1.0, -1.0, -2.5, -5.0, -8.0),
)


@dataclass(frozen=True)
class ShiftedFamily:
    """A family that training never sees, and its least and largest number of obstacles."""

    family: Family
    count: tuple[int, int]


SHIFTED_FAMILIES = {
    # bends beyond what the friction allows at the wanted speed; training ends at 0.95 of it
    'sharp': ShiftedFamily(
        Family(
            (0.7, 0.3, 0.2, 0.2), (9.0, 13.0), (4.5, 5.5), friction=(0.6, 1.0), bend=(1.05, 1.4)
        ),
        (6, 10),
    ),
    # as many obstacles as a problem holds, on two thirds of the way that training spreads them on
    'packed': ShiftedFamily(
        Family((1.0, 0.05, 0.05, 0.1), (5.0, 8.0), (4.8, 6.0), scatter=(0.0, 0.85), turned=0.6),
        (MAX_OBSTACLES, MAX_OBSTACLES),
    ),
    # wanted speeds of training lie between 8 and 16 m/s
    'fast': ShiftedFamily(
        Family((0.5, 0.7, 0.3, 0.0), (17.0, 23.0), (4.5, 6.0), scatter=(0.2, 0.8)), (6, 10)
    ),
    'slow': ShiftedFamily(Family((0.5, 0.4, 0.3, 0.6), (3.0, 6.0), (4.5, 5.5)), (8, 12)),
}


@dataclass(frozen=True)
class Case:
    """A problem and what it is known by."""

    tier: str
    family: str
    name: str
    problem: PlanningProblem

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return key_of(self.tier, self.name)


def key_of(tier: str, name: str) -> str:
    """Return what tells a tier's problem of a name from all others."""
    return f'{tier}/{name}'


class Factory:
    """
    Makes cases, on several processes where `jobs` says so; they end before anything is measured.

    Args:
        horizon: of all problems.
        jobs: number of processes; with 1, all is done in this one.

    """

    def __init__(self, horizon: Horizon, jobs: int = 1) -> None:
        self.horizon = horizon
        self.jobs = jobs

    def random(self, tier: str, seeds: Iterable[int]) -> Iterator[Case]:
        """
        Yield held-out random problems of a tier.

        Raises:
            ValueError: a seed is one of training's.

        """
        chosen = list(seeds)
        for seed in chosen:
            if seed >= FIRST_TRAINING_SEED:
                raise ValueError(
                    f'seed is {seed}: expected below {FIRST_TRAINING_SEED}, where training begins'
                )
        yield from self.mapped(partial(_random_case, tier, self.horizon), chosen)

    def shifted(self, seeds: Iterable[int]) -> Iterator[Case]:
        """Yield problems of the shifted families by turns; hopeless seeds are left out."""
        made = self.mapped(partial(_shifted_case, self.horizon), list(seeds))
        yield from (case for case in made if case is not None)

    def recorded(self, folder: Path, count: int) -> list[Case]:
        """
        Return at most `count` problems cut from the CommonRoad files of a folder.

        The earliest of each file come first. A file that cannot be driven is left out.

        Raises:
            FileNotFoundError: the folder has no such file.

        """
        paths = recordings_in(folder)
        cuts = min(CUTS, -(-count // len(paths)))
        by_file = list(self.mapped(partial(_recorded_cases, self.horizon, cuts), paths))
        layers = zip_longest(*by_file)
        return [case for layer in layers for case in layer if case is not None][:count]

    def mapped(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """Yield what a function of a module makes of items, in their order."""
        with _workers(min(self.jobs, len(items))) as mapped:
            yield from mapped(function, items)


@contextmanager
def _workers(count: int) -> Iterator[Callable[..., Iterable[Any]]]:
    if count <= 1:
        yield map
        return
    with ProcessPoolExecutor(count, mp_context=get_context('spawn')) as pool:
        yield pool.map


def _random_case(tier: str, horizon: Horizon, seed: int) -> Case:
    problem = random_problem(tier, seed, horizon)
    return Case(tier, problem_family(tier, seed), str(seed), problem)


def _shifted_case(horizon: Horizon, seed: int) -> Case | None:
    name = list(SHIFTED_FAMILIES)[seed % len(SHIFTED_FAMILIES)]
    low, high = SHIFTED_FAMILIES[name].count
    count = int(np.random.default_rng([53, seed]).integers(low, high + 1))
    try:
        problem = family_problem(name, SHIFTED_FAMILIES[name].family, count, seed, horizon)
    except RuntimeError:
        return None
    return Case(SHIFTED, name, str(seed), problem)


# ------------------------------------------------------------------------------- recorded traffic


def recordings_in(folder: Path) -> list[Path]:
    """
    Return the CommonRoad files of a folder, sorted.

    Raises:
        FileNotFoundError: it has none.

    """
    paths = sorted(folder.glob('*.xml'))
    if not paths:
        raise FileNotFoundError(f'{folder} has no *.xml: expected CommonRoad scenarios')
    return paths


def _recorded_cases(horizon: Horizon, cuts: int, path: Path) -> list[Case]:
    """Cut problems from a recording; only those with a verified answer are kept."""
    try:
        scenario = load_scenario(path)
    except ScenarioError:
        return []
    cases = []
    driver = _Driver(scenario, horizon)
    for t in _cut_times(scenario.duration, horizon.dt)[:cuts]:
        for kind, problem in driver.problems_at(t).items():
            cases.append(Case(RECORDED, place_of(path), f'{path.stem}@{t:.1f}{kind}', problem))
    return cases


class _Driver:
    """
    Cars in a recording's traffic: one that drives by verified plans, one that keeps its speed.

    The first is where a planner would be; the second, advanced along the road, comes into
    situations that no plan has prepared.
    """

    def __init__(self, scenario: Scenario, horizon: Horizon) -> None:
        self._scenario, self._horizon = scenario, horizon
        self._plan: Trajectory | None = None

    def problems_at(self, t: float) -> dict[str, PlanningProblem]:
        """Return the solvable ones of both cars' problems at a time, the first one's as ''."""
        problems = {}
        state = self._driven(t)
        if state is not None:
            problem = self._scenario.problem_at(t, state, self._horizon)
            plan = reference_plan(problem, self._plan)
            if plan is not None:  # else it goes on with the plan that it has
                self._plan = plan
                problems[''] = problem
        if t > 0.0:
            problem = self._scenario.problem_at(t, self._advanced(t), self._horizon)
            if reference_plan(problem, None) is not None:
                problems['-road'] = problem
        return problems

    def _driven(self, t: float) -> NDArray[np.float64] | None:
        """State by the last plan; None once the goal is reached or the plan is over."""
        if self._plan is None:
            return self._scenario.initial_state if t == 0.0 else None
        index = round((t - self._plan.stamp) / self._plan.dt)
        if index >= len(self._plan.states):
            return None
        state = self._plan.states[index]
        return None if self._scenario.goal_reached(state, t) else state

    def _advanced(self, t: float) -> NDArray[np.float64]:
        """State of a car that went on at its first speed and now is on the reference path."""
        road, first = self._scenario.road, self._scenario.initial_state
        station = float(road.project(first[:2])[0]) + first[SPEED] * t
        return np.array([*road.poses(station, 0.0), first[SPEED], 0.0])


def _cut_times(duration: float, dt: float) -> list[float]:
    """Return at most CUTS times spread over a recording, whole steps apart [s]."""
    step = max(round(max(CUT_SPACING, duration / CUTS) / dt), 1)
    return [i * step * dt for i in range(CUTS) if i * step * dt < duration]


def place_of(path: Path) -> str:
    """Return where a recording was made: DEU_Muc-14_1_T-1 is of DEU_Muc."""
    return path.stem.removeprefix('C-').split('-')[0]


def reference_plan(problem: PlanningProblem, previous: Trajectory | None) -> Trajectory | None:
    """
    Return a verified plan, or None where a wide search finds none.

    It searches wider than any of the strategies that are compared (a denser bundle, no control,
    the previous plan), so that what it drops is hopeless rather than hard for one of them.

    Args:
        problem: what to plan.
        previous: the plan that led here, if there is one.

    """
    solver = _solver(problem.horizon)
    bound = solver.bind(problem)
    sources = (Shifted(), StraightLine(), ZeroControl(), ColdBundle(), ColdBundle(DENSE_BUNDLE))
    proposals = [p for source in sources for p in source.propose(problem, previous)]
    found: list[tuple[float, Trajectory]] = []
    for tried, candidate in enumerate(ranked_by_merit(solver, bound, proposals), start=1):
        result = solver.solve(bound, candidate.proposal.trajectory)
        if verify(problem, result.trajectory).feasible:
            found.append((result.score.cost, result.trajectory))
        if tried >= REFERENCE_STARTS and found:
            break
    return min(found, key=lambda entry: entry[0])[1] if found else None


@cache
def _solver(horizon: Horizon) -> ScpSolver:
    return ScpSolver(load_vehicle(), horizon)
