# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
How coherent the ways of learned sources are over the horizon, before any refinement.

A policy that looks one step ahead may avoid late what a plan for the whole horizon avoids early,
swerve to and fro, or drift away from where it should go. All is measured after the dynamics
roll-out that every candidate has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from warmstart_planner.objective import box_centre, road_coordinates, tracking_residuals
from warmstart_planner.problem import PlanningProblem, Trajectory
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.vehicle import PX, PY, lateral_acceleration
from warmstart_planner.verification import verify

EARLY_END, LATE_BEGIN = 1 / 2, 2 / 3  # shares of the horizon
CLEAR = 3.0  # clearance from which on more is no safer [m]
TURNING = 0.05  # steering rate below which nobody turns [rad/s]
MOMENTS = (1.0, 3.0, 6.0)  # at which a way is compared with its refinement [s]


@dataclass(frozen=True)
class Coherence:
    """
    What a raw way is like, or several in the mean.

    `clearance_early_m` and `clearance_late_m` are the least ones in the first half and in the last
    third of the horizon, at most CLEAR. `colliding_rate` is the share of ways that collide at any
    time, `late_only_rate` that of ways with a violation in the last third though none in the first
    half. `reversals_per_s` counts how often the steering changes its direction; `lateral_jerk` is
    the root of its mean square [m/s^3]. `end_offset_m` and `end_heading_rad` are how far the last
    state is from the target path, without sign. `moved_*_m` is how far refinement moves the car at
    1, 3 and 6 s.
    """

    clearance_early_m: float
    clearance_late_m: float
    colliding_rate: float
    late_only_rate: float
    reversals_per_s: float
    lateral_jerk: float
    end_offset_m: float
    end_heading_rad: float
    moved_1s_m: float
    moved_3s_m: float
    moved_6s_m: float


@dataclass(frozen=True)
class SourceCoherence:
    """Of a source's `count` candidates for a problem: the best one by merit, and their mean."""

    count: int
    best: Coherence
    mean: Coherence


class CoherenceStudy:
    """
    Looks at the candidates of learned sources.

    Args:
        solver: rolls out, scores and refines.
        sources: by name.

    """

    def __init__(self, solver: ScpSolver, sources: Mapping[str, ProposalSource]) -> None:
        self._solver = solver
        self._sources = dict(sources)

    def look(self, problem: PlanningProblem) -> dict[str, SourceCoherence]:
        """Return what each source's candidates are like; sources without any are left out."""
        bound = self._solver.bind(problem)
        found = {}
        for name, source in self._sources.items():
            judged = ranked_by_merit(self._solver, bound, source.propose(problem))
            ways = [candidate.proposal.trajectory for candidate in judged]
            refined = [result.trajectory for result in self._solver.solve_all(bound, ways)]
            looks = [self._coherence(bound, *pair) for pair in zip(ways, refined, strict=True)]
            if looks:
                found[name] = SourceCoherence(len(looks), looks[0], _mean(looks))
        return found

    def _coherence(self, bound: BoundProblem, way: Trajectory, refined: Trajectory) -> Coherence:
        problem, steps = bound.problem, len(way.controls)
        early, late = round(EARLY_END * steps), round(LATE_BEGIN * steps)
        verdict = verify(problem, way)
        to_go = verdict.constraint_to_go
        return Coherence(
            clearance(problem, way, 0, early),
            clearance(problem, way, late, steps),
            float(verdict.collision > 0.0),
            float(to_go[0] == to_go[early] and to_go[late] > 0.0),
            reversals(way),
            lateral_jerk(way, problem.vehicle.wheelbase),
            *drift(bound, way),
            *moved(way, refined),
        )


def clearance(problem: PlanningProblem, way: Trajectory, first: int, last: int) -> float:
    """Return the least distance to any obstacle between two nodes, at most CLEAR [m]."""
    stamp = problem.stamp + first * way.dt
    later = replace(
        problem,
        stamp=stamp,
        initial_state=way.states[first],
        obstacles=tuple(obstacle.shifted(first) for obstacle in problem.obstacles),
    )
    part = Trajectory(stamp, way.dt, way.states[first : last + 1], way.controls[first:last])
    return min(verify(later, part).clearance, CLEAR)


def reversals(way: Trajectory) -> float:
    """Return how often the steering changes its direction [1/s]; below TURNING it has none."""
    rate = way.controls[:, 1]
    directions = np.sign(rate[np.abs(rate) > TURNING])
    return float(np.count_nonzero(np.diff(directions)) / (len(rate) * way.dt))


def lateral_jerk(way: Trajectory, wheelbase: float) -> float:
    """Return the RMS rate of the lateral acceleration [m/s^3]."""
    rate = np.diff(lateral_acceleration(way.states.T, wheelbase)) / way.dt
    return float(np.sqrt(np.mean(rate**2)))


def drift(bound: BoundProblem, way: Trajectory) -> tuple[float, float]:
    """Return distance [m] and heading [rad] of the last state from the target path."""
    states, _ = bound.localise(way)
    vehicle = bound.problem.vehicle
    on_road = road_coordinates(*box_centre(states[-1], vehicle), bound.numbers.road)
    _, offset, sine, less_cosine = tracking_residuals(states[-1], on_road, vehicle)
    return abs(float(offset)), abs(float(np.arctan2(sine, 1.0 - less_cosine)))


def moved(way: Trajectory, refined: Trajectory) -> tuple[float, ...]:
    """Return how far the car is from where refinement puts it, at MOMENTS [m]."""
    nodes = [round(moment / way.dt) for moment in MOMENTS]
    apart = (refined.states - way.states)[nodes]
    return tuple(np.hypot(apart[:, PX], apart[:, PY]).tolist())


def _mean(ways: Sequence[Coherence]) -> Coherence:
    return Coherence(*np.mean([astuple(way) for way in ways], axis=0).tolist())
