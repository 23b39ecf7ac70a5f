# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Which problems a dataset is made of.

A dataset's index gives a tier and a seed of the random generator, and with them the base problem.
From it and from trajectories that answer it come further problems: the same scene from another
state, and the scene some time later, from a state that a car on its way would be in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.alignment import aligned
from warmstart_planner.problem import Horizon, PlanningProblem, Trajectory
from warmstart_planner.scenarios.generator import (
    Family,
    family_problem,
    problem_family,
    random_problem,
)
from warmstart_planner.vehicle import PX, PY, SPEED, STEERING, YAW

FIRST_SEED = 100_000  # of training; the seeds below are those of benchmarks
TIER_SHARES = {'easy': 0.15, 'medium': 0.3, 'hard': 0.55}
# Indices from here on are single lanes, as most recorded roads are: the tiers' roads are twice as
# wide, and a car has room there to pass what stands. The second are crossed by most of the others.
LANE, JUNCTION = 'lane', 'junction'
LANE_INDICES, JUNCTION_INDICES = 1_000_000_000, 2_000_000_000
OWN_FAMILIES = {
    LANE: Family(
        (0.15, 1.0, 0.0, 0.3), (5.0, 16.0), (1.4, 2.2), bend=(0.1, 0.6), scatter=(0.0, 0.9)
    ),
    JUNCTION: Family((0.1, 0.4, 0.0, 1.0), (5.0, 12.0), (1.4, 2.2), bend=(0.1, 0.6)),
}
OBSTACLE_COUNTS = {LANE: (0, 6), JUNCTION: (1, 8)}
SPLIT_STRIDE = 20  # one index of so many is for validation
BASE, PERTURBED, CLOSED_LOOP, AGGREGATED = 'base', 'perturbed', 'closed_loop', 'aggregated'
LATER = (0.5, 3.0)  # of closed-loop states after the base problem's start [s]


@dataclass(frozen=True)
class Situation:
    """A problem and what it is known by; `index` and `variant` together are its key."""

    index: int
    variant: int
    kind: str
    tier: str
    family: str
    seed: int
    problem: PlanningProblem


def tier_of(index: int) -> str:
    """Return the tier of a dataset's index."""
    draw = np.random.default_rng([41, index]).uniform()
    bounds = np.cumsum(list(TIER_SHARES.values()))
    return list(TIER_SHARES)[int(np.searchsorted(bounds, draw))]


def is_validation(index: int) -> bool:
    """Tell whether all problems of an index are for validation: the split is by scene."""
    return index % SPLIT_STRIDE == 0


def origin_of(index: int) -> tuple[str, str, int]:
    """Return the tier, the family and the generator's seed of an index."""
    seed = FIRST_SEED + index
    if index >= LANE_INDICES:
        family = JUNCTION if index >= JUNCTION_INDICES else LANE
        return family, family, seed
    tier = tier_of(index)
    return tier, problem_family(tier, seed), seed


def base_situation(index: int, horizon: Horizon) -> Situation:
    """
    Return the base problem of an index.

    Raises:
        RuntimeError: the generator finds none.

    """
    tier, family, seed = origin_of(index)
    if family in OWN_FAMILIES:
        rng = np.random.default_rng([45, index])
        count = int(rng.integers(*OBSTACLE_COUNTS[family], endpoint=True))
        problem = family_problem(family, OWN_FAMILIES[family], count, seed, horizon)
    else:
        problem = random_problem(tier, seed, horizon)
    return Situation(index, 0, BASE, tier, family, seed, problem)


def perturbed(base: Situation, variant: int) -> Situation:
    """Return the same scene from another state: offset, heading, speed, steering, station."""
    rng = _rng(base, variant)
    state = np.array(base.problem.initial_state)
    state[SPEED] *= rng.uniform(0.6, 1.2)
    problem = replace(base.problem, initial_state=_disturbed_state(state, rng, 1.5))
    return replace(base, variant=variant, kind=PERTURBED, problem=problem)


def later(
    base: Situation, variant: int, ways: Sequence[Trajectory], kind: str = CLOSED_LOOP
) -> Situation:
    """Return the scene some time later, from near a state of one of some trajectories."""
    rng = _rng(base, variant)
    way = ways[int(rng.integers(len(ways)))]
    step = int(round(rng.uniform(*LATER) / way.dt))
    horizon = base.problem.horizon
    problem = replace(
        base.problem,
        stamp=base.problem.stamp + step * way.dt,
        initial_state=_disturbed_state(np.array(way.states[step]), rng, 0.5),
        obstacles=aligned(base.problem.obstacles, step * way.dt, horizon.dt, horizon),
    )
    return replace(base, variant=variant, kind=kind, problem=problem)


def _rng(base: Situation, variant: int) -> np.random.Generator:
    return np.random.default_rng([43, base.index, variant])


def _disturbed_state(
    state: NDArray[np.float64], rng: np.random.Generator, size: float
) -> NDArray[np.float64]:
    """Move a state by random amounts of a size; 1 is some 0.2 m and 2 degrees."""
    along, across = size * rng.normal(0.0, [0.5, 0.2])
    c, s = np.cos(state[YAW]), np.sin(state[YAW])
    state[PX] += c * along - s * across
    state[PY] += s * along + c * across
    state[YAW] += size * rng.normal(0.0, 0.035)
    state[SPEED] = max(0.0, state[SPEED] + size * rng.normal(0.0, 0.4))
    state[STEERING] += size * rng.normal(0.0, 0.01)
    return state
