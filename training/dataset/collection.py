# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
From a problem to the trajectories that a conditional model can learn from.

The best of a multi-start and other local optima teach where to drive; what relaxes or violates
the constraints, early iterates, plain guesses and noisy versions teach what return-to-go and
constraint-to-go mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.dataset.returns import costs_to_go
from training.dataset.situations import Situation
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.proposals.shifted import shift
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.vehicle import VehicleParameters, roll_out
from warmstart_planner.verification import Judge, Verdict

BEST, OTHER, RELAXED, ITERATE, GUESS, NOISY = (
    'best',
    'other',
    'relaxed',
    'iterate',
    'guess',
    'noisy',
)
OTHERS = 3  # other local optima kept at most
APART = 1.0  # trajectories that stay nearer than this are the same way [m]
FEWER_STARTS = 5  # of our own, where starts of a problem shortly before are known
EARLY = (1, 3)  # iterations after which early iterates are taken


@dataclass(frozen=True)
class Answer:
    """One trajectory for a problem, with its costs and the constraint-to-go, both (N + 1,)."""

    kind: str
    trajectory: Trajectory
    feasible: bool
    cost_to_go: NDArray[np.float64]
    constraint_to_go: NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """
    A problem with its answers, the best first; `reason` says why there are none.

    `straight_line` is the excess cost of what SCP makes of a straight line over the best's, as a
    share of the best's; infinite where that is not feasible.
    """

    situation: Situation
    bound: BoundProblem
    answers: tuple[Answer, ...]
    straight_line: float
    reason: str = ''

    @property
    def ways(self) -> list[Trajectory]:
        """The local optima that were found."""
        return [a.trajectory for a in self.answers if a.kind in (BEST, OTHER)]


@dataclass(frozen=True)
class Solved:
    """What a start led to, its cost, and what the verifier says of it."""

    trajectory: Trajectory
    cost: float
    verdict: Verdict


Search = Callable[[BoundProblem, Sequence[Trajectory]], list[Solved]]


def search_in_lanes(solver: ScpSolver) -> Search:
    """Return what refines the starts of a problem together and has them judged."""

    def search(bound: BoundProblem, starts: Sequence[Trajectory]) -> list[Solved]:
        judge = Judge(bound.problem)
        return [
            Solved(result.trajectory, result.score.cost, judge.verdict(result.trajectory))
            for result in solver.solve_all(bound, starts)
        ]

    return search


class Collector:
    """
    Solves problems and keeps what can be learned from.

    Args:
        vehicle: the car.
        horizon: of the trajectories.
        search: what becomes of a problem's starts; None: they are refined in lanes.

    Raises:
        SolverMissingError: SCP is not generated for this vehicle and horizon.

    """

    def __init__(
        self, vehicle: VehicleParameters, horizon: Horizon, search: Search | None = None
    ) -> None:
        self.weights = CostWeights()
        self._solver = ScpSolver(vehicle, horizon, self.weights)
        self._search = search or search_in_lanes(self._solver)
        self._sources = (StraightLine(), ColdBundle())

    def collect(self, situation: Situation, known: Sequence[Trajectory] = ()) -> Sample:
        """
        Solve a problem from many starts.

        Args:
            situation: the problem.
            known: trajectories that answer it or one shortly before; with them, fewer starts.

        """
        problem = situation.problem
        bound = self._solver.bind(problem)
        proposals = [p for source in self._sources for p in source.propose(problem)]
        guesses = [c.proposal for c in ranked_by_merit(self._solver, bound, proposals)]
        chosen = _spread(guesses, FEWER_STARTS) if known else guesses
        starts = [p.trajectory for p in chosen] + _moved(problem, known)
        solved = self._search(bound, starts)
        good = sorted((s for s in solved if s.verdict.feasible), key=lambda s: s.cost)
        if not good:
            least = min((s.verdict.violation for s in solved), default=np.inf)
            reason = f'none of {len(solved)} starts led to a verified solution, {least:.2f} off'
            return Sample(situation, bound, (), np.inf, reason)
        straight = next(
            s for s, p in zip(solved, chosen, strict=False) if p.source == StraightLine.name
        )
        excess = straight.cost / max(good[0].cost, 1e-9) - 1.0
        return Sample(
            situation,
            bound,
            self._answers(situation, bound, good, guesses),
            float(excess) if straight.verdict.feasible else np.inf,
        )

    def _answers(
        self,
        situation: Situation,
        bound: BoundProblem,
        good: list[Solved],
        guesses: list[Proposal],
    ) -> tuple[Answer, ...]:
        rng = np.random.default_rng([47, situation.index, situation.variant])
        judge, best = Judge(bound.problem), good[0].trajectory
        kept = [(BEST, best, good[0].verdict)]
        for each in good[1:]:
            if len(kept) > OTHERS:
                break
            if all(_distance(each.trajectory, other) > APART for _, other, _ in kept):
                kept.append((OTHER, each.trajectory, each.verdict))
        pick = guesses[int(rng.integers(min(len(guesses), 8)))].trajectory
        more = [
            *((RELAXED, t) for t in self._relaxed(bound.problem, best, rng)),
            (NOISY, _noisy(bound.problem, best, rng)),
            (GUESS, self._solver.roll_out(bound, pick)),
            *((ITERATE, self._stopped(bound, pick, after)) for after in EARLY),
        ]
        kept += [(kind, t, judge.verdict(t)) for kind, t in more]
        costs = costs_to_go(bound, [t for _, t, _ in kept], self.weights)
        return tuple(
            Answer(kind, trajectory, verdict.feasible, cost, verdict.constraint_to_go)
            for (kind, trajectory, verdict), cost in zip(kept, costs, strict=True)
        )

    def _relaxed(
        self, problem: PlanningProblem, best: Trajectory, rng: np.random.Generator
    ) -> list[Trajectory]:
        """Solve with an obstacle left out that the best trajectory passes closely."""
        if not problem.obstacles:
            return []
        nodes = problem.horizon.steps + 1
        nearness = [
            np.hypot(*(o.poses_at(nodes)[:, :2] - best.states[:, :2]).T).min()
            for o in problem.obstacles
        ]
        near = np.argsort(nearness)[: min(4, len(nearness))]
        out = int(rng.choice(near))
        fewer = tuple(o for i, o in enumerate(problem.obstacles) if i != out)
        relaxed = replace(problem, obstacles=fewer)
        start = StraightLine().propose(relaxed)[0].trajectory
        bound = self._solver.bind(relaxed)
        begin = (best, start)[int(rng.integers(2))]
        return [self._solver.solve(bound, begin).trajectory]

    def _stopped(self, bound: BoundProblem, start: Trajectory, iterations: int) -> Trajectory:
        return self._solver.solve(bound, start, iteration_limit=iterations).trajectory


def _moved(problem: PlanningProblem, known: Sequence[Trajectory]) -> list[Trajectory]:
    """Bring known trajectories to the problem's start, as a receding horizon would."""
    return [shift(problem, each) for each in known]


def _spread(guesses: list[Proposal], count: int) -> list[Proposal]:
    """Return the straight line and the best guesses that end in different places."""
    chosen = [g for g in guesses if g.source == StraightLine.name]
    rest = [g for g in guesses if g.source != StraightLine.name]
    for distance in (3.0, 0.0):
        for guess in rest:
            if len(chosen) >= count:
                return chosen
            known = any(guess is c for c in chosen)
            end = guess.trajectory.states[-1, :2]
            gaps = [np.hypot(*(end - c.trajectory.states[-1, :2])) for c in chosen]
            if not known and min(gaps) >= distance:
                chosen.append(guess)
    return chosen


def _distance(a: Trajectory, b: Trajectory) -> float:
    """Return the largest distance between two trajectories at equal times [m]."""
    return float(np.hypot(*(a.states[:, :2] - b.states[:, :2]).T).max())


def _noisy(problem: PlanningProblem, best: Trajectory, rng: np.random.Generator) -> Trajectory:
    """Drive the model through a trajectory's controls with slow noise on them."""
    steps = len(best.controls)
    knots = np.linspace(0, steps - 1, 7)
    size = rng.uniform(0.2, 1.0)
    noise = [
        np.interp(np.arange(steps), knots, size * rng.normal(0.0, scale, 7))
        for scale in (1.0, 0.06)
    ]
    controls = best.controls + np.stack(noise, axis=-1)
    states, applied = roll_out(problem.initial_state, controls, best.dt, problem.vehicle)
    return Trajectory(best.stamp, best.dt, states, applied)
