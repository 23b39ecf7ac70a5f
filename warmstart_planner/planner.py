# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The planner: proposals in competition, refinement, independent verdict, safety ladder.

A plan that leaves here was found feasible by the verifier, or says by its rung that it was not
made for this problem. Learned proposals take part as candidates like all others; without them
nothing else changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import number
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import (
    Horizon,
    PlanningProblem,
    PlanResult,
    Proposal,
    Rung,
    SolverStatus,
    Trajectory,
)
from warmstart_planner.proposals.cold_bundle import BundleSettings, ColdBundle
from warmstart_planner.proposals.selection import (
    Candidate,
    by_promise,
    distinct,
    expected_cost,
    judge,
    ranked,
)
from warmstart_planner.proposals.shifted import Shifted, shift
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.scp.solver import BoundProblem, ScpResult, ScpSolver
from warmstart_planner.supervision import BrakingSettings, braking_profile
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import VehicleParameters
from warmstart_planner.verification import DEFAULT_TOLERANCES, Verdict, VerdictOf, judging

SHIFTED = Shifted.name
BRAKING = 'braking'
JUDGED = 4  # proposals from elsewhere for each one that is refined


@dataclass(frozen=True)
class RelaxedLimits:
    """
    How far a plan that hits nothing may be beyond soft limits, where no plan keeps to them.

    `road` past the corridor's edge, `terminal` later than a stop after the horizon would end in
    comfort [m]. What the car and its tyres can do is no soft limit.
    """

    road: float = 0.3
    terminal: float = 2.0

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        for name, value in vars(self).items():
            number(f'relaxed.{name}', value, at_least=0.0, at_most=5.0)

    def allow(self, verdict: Verdict) -> bool:
        """Tell whether a verdict finds nothing worse than these limits."""
        hard = max(verdict.collision, verdict.direction)
        return (
            hard <= 0.0
            and verdict.limits <= DEFAULT_TOLERANCES.limits
            and verdict.dynamics <= DEFAULT_TOLERANCES.position
            and verdict.road <= self.road
            and verdict.friction <= DEFAULT_TOLERANCES.friction
            and verdict.terminal <= self.terminal
        )


@dataclass(frozen=True)
class PlannerSettings:
    """
    How candidates are chosen, refined and judged.

    `refined`: how many candidates are refined in a cycle, on as many threads; `refined_first`: as
    many where there is no plan in use yet, with ends `distinct` metres apart. `refined_learned`:
    how many proposals from elsewhere that differ may be refined besides. `keep_bonus`: share by
    which another way round must be cheaper than the plan in use to replace it.
    `previous_age_max`: how long a verified plan may stand in [s]. `return_time`: within this the
    plan of a car that starts outside the limits must be back inside [s]. `verification_reserve`:
    time kept for the iteration under way and the verdict [s]. `stitch_*`: while the car is this
    close to the plan in use, the next one starts from that plan, not from the noise of the
    measurement [m, m, rad, m/s, rad].
    Slower than `hold_speed` [m/s], a plan that gets no further than `hold_distance` [m] is not
    worth creeping: the car stops and holds. `relaxed`: what a plan may be beyond where none is
    feasible.
    `emergency` is how the car brakes where `braking` would not keep it from a collision.
    """

    refined: int = 2
    refined_first: int = 6
    refined_learned: int = 2
    distinct: float = 4.0
    keep_bonus: float = 0.1
    previous_age_max: float = 1.5
    return_time: float = 2.0
    verification_reserve: float = 0.012
    hold_distance: float = 0.8
    hold_speed: float = 0.5
    stitch_longitudinal: float = 0.8
    stitch_lateral: float = 0.3
    stitch_yaw: float = 0.1
    stitch_speed: float = 0.8
    stitch_steering: float = 0.15
    weights: CostWeights = field(default_factory=CostWeights)
    margins: Margins = field(default_factory=Margins)
    scp: ScpSettings = field(default_factory=ScpSettings)
    bundle: BundleSettings = field(default_factory=BundleSettings)
    relaxed: RelaxedLimits = field(default_factory=RelaxedLimits)
    braking: BrakingSettings = field(default_factory=BrakingSettings)
    emergency: BrakingSettings = field(
        default_factory=lambda: BrakingSettings(comfort=8.0, firm=8.0, grip_use=0.95)
    )


@dataclass(frozen=True)
class Refined:
    """A candidate after refinement; the verdict is made when it is first asked for."""

    candidate: Candidate
    result: ScpResult
    verdict_of: VerdictOf

    @cached_property
    def verdict(self) -> Verdict:
        """The verifier's."""
        return self.verdict_of(self.result.trajectory)


@dataclass(frozen=True)
class Prepared:
    """A problem, bound, with its own candidates, best first, and the time that took [s]."""

    bound: BoundProblem
    verdict_of: VerdictOf
    candidates: tuple[Candidate, ...]
    seconds: float


class Planner:
    """
    One plan a cycle; remembers the plan in use.

    Raises:
        SolverMissingError: SCP is not generated for this vehicle and horizon.

    """

    def __init__(
        self,
        vehicle: VehicleParameters,
        horizon: Horizon | None = None,
        settings: PlannerSettings | None = None,
    ) -> None:
        """Load the compiled solver, one workspace a candidate that is refined."""
        self.settings = settings or PlannerSettings()
        self.horizon = horizon or Horizon()
        self._solvers = [
            ScpSolver(
                vehicle,
                self.horizon,
                self.settings.weights,
                self.settings.scp,
                self.settings.margins,
            )
            for _ in range(self._refined_at_most())
        ]
        self._judging = judging()
        self._pool = ThreadPoolExecutor(self.settings.refined, 'scp')
        self._sources: tuple[ProposalSource, ...] = (
            Shifted(),
            StraightLine(),
            ColdBundle(self.settings.bundle),
            ZeroControl(),
        )
        self._previous: Trajectory | None = None
        self._in_use: Trajectory | None = None
        self._is_braking = False
        self._multiplier = 0.0
        self.last_candidates: tuple[Candidate, ...] = ()
        self.last_refined: tuple[Refined, ...] = ()

    def _refined_at_most(self) -> int:
        settings = self.settings
        return max(settings.refined, settings.refined_first) + settings.refined_learned

    def reset(self) -> None:
        """Forget the plan in use."""
        self._previous = None
        self._in_use = None
        self._is_braking = False
        self._multiplier = 0.0
        self.last_candidates = ()
        self.last_refined = ()

    def take_over(self, other: Planner) -> None:
        """Go on with another planner's plan in use, as when settings change on the way."""
        self._previous = other._previous
        self._in_use = other._in_use
        self._is_braking = other._is_braking
        self._multiplier = other._multiplier

    def plan(
        self,
        problem: PlanningProblem,
        learned: Sequence[Proposal] = (),
        deadline: float = 0.05,
    ) -> PlanResult:
        """
        Plan once.

        Args:
            problem: what to plan; its vehicle and horizon must be the planner's.
            learned: proposals from elsewhere, for this problem or one shortly before it.
            deadline: time from call to return [s]; refinement stops in time for the verdict.

        Raises:
            ValueError: the problem is for another vehicle or horizon.

        """
        begin = time.perf_counter()
        prepared = self.prepare(problem)
        return self.finish(prepared, learned, deadline - (time.perf_counter() - begin))

    def prepare(self, problem: PlanningProblem) -> Prepared:
        """
        Do what needs no proposals from elsewhere, while these are on their way.

        Raises:
            ValueError: the problem is for another vehicle or horizon.

        """
        begin = time.perf_counter()
        problem = self._stitched(problem)
        bound = self._solvers[0].bind(problem)
        proposals = [
            proposal
            for source in self._sources
            for proposal in source.propose(problem, self._previous)
        ]
        candidates = tuple(judge(self._solvers[0], bound, proposals, own=True))
        verdict_of = self._judging(problem)
        return Prepared(bound, verdict_of, candidates, time.perf_counter() - begin)

    def finish(
        self, prepared: Prepared, learned: Sequence[Proposal] = (), deadline: float = 0.05
    ) -> PlanResult:
        """
        Plan what was prepared last; `deadline` is the time from this call to its return [s].

        Args:
            prepared: of the newest problem.
            learned: proposals from elsewhere, for this problem or one shortly before it.
            deadline: refinement stops in time for the verdict.

        """
        begin = time.perf_counter()
        bound, problem = prepared.bound, prepared.bound.problem
        promising = _on_grid(problem, self._promising(prepared.candidates, learned))
        joined = [*prepared.candidates, *judge(self._solvers[0], bound, promising)]
        candidates = sorted(joined, key=lambda candidate: candidate.score.merit)
        self.last_candidates = tuple(candidates)
        proposed = time.perf_counter()

        end = begin + deadline - self.settings.verification_reserve
        refined = self._refine(prepared, self._to_refine(candidates), end)
        solver_time = time.perf_counter() - proposed
        # also where a learned one is acceptable: the own ones might have found a better plan
        if self._best(entry for entry in refined if entry.candidate.own) is None:
            again = time.perf_counter()
            refined += self._refine(prepared, self._safest(candidates, refined), end)
            solver_time += time.perf_counter() - again
        self.last_refined = tuple(refined)
        chosen = self._best(refined) or self._cheapest(refined, self._tolerable)
        reference, rung, verdict, source = self._climb(prepared, chosen, candidates)
        self._in_use, self._is_braking = reference, rung is Rung.BRAKING
        shown = chosen or min(refined, key=lambda r: r.verdict.violation, default=None)
        finished = time.perf_counter()
        return PlanResult(
            problem_stamp=problem.stamp,
            rung=rung,
            trajectory=reference,
            source=source,
            solver_status=shown.result.status if shown else SolverStatus.BAD_START,
            feasible=verdict is not None and verdict.feasible,
            violation=verdict.violation if verdict else np.inf,
            clearance=verdict.clearance if verdict else -np.inf,
            cost=shown.result.score.cost if shown else np.inf,
            iterations=shown.result.iterations if shown else 0,
            candidates=len(candidates),
            total_time=prepared.seconds + finished - begin,
            proposal_time=prepared.seconds + proposed - begin,
            solver_time=solver_time,
            verification_time=finished - proposed - solver_time,
            message=_message(rung, shown),
        )

    def _refine(self, prepared: Prepared, chosen: list[Candidate], end: float) -> list[Refined]:
        """Refine candidates side by side until a time of the steady clock."""

        def refine(job: tuple[ScpSolver, Candidate]) -> Refined:
            solver, candidate = job
            known = self._multiplier if _is_in_use(candidate) else 0.0
            start, left = candidate.proposal.trajectory, end - time.perf_counter()
            result = solver.solve(prepared.bound, start, left, known)
            return Refined(candidate, result, prepared.verdict_of)

        return list(self._pool.map(refine, zip(self._solvers, chosen, strict=False)))

    def _stitched(self, problem: PlanningProblem) -> PlanningProblem:
        """Start from the plan in use where the car follows it closely."""
        in_use = self._in_use
        if in_use is None or not in_use.stamp <= problem.stamp <= in_use.times[-1]:
            return problem
        if not self._follows(in_use, problem):
            return problem
        return replace(problem, initial_state=_state_at(in_use, problem.stamp))

    def _follows(self, in_use: Trajectory, problem: PlanningProblem) -> bool:
        """Whether the car is where a trajectory has it, within the stitching limits."""
        planned = _state_at(in_use, problem.stamp)
        gap = problem.initial_state - planned
        c, s = np.cos(planned[2]), np.sin(planned[2])
        turn = (gap[2] + np.pi) % (2 * np.pi) - np.pi
        errors = np.abs([c * gap[0] + s * gap[1], c * gap[1] - s * gap[0], turn, gap[3], gap[4]])
        limits = (
            self.settings.stitch_longitudinal,
            self.settings.stitch_lateral,
            self.settings.stitch_yaw,
            self.settings.stitch_speed,
            self.settings.stitch_steering,
        )
        return bool((errors <= limits).all())

    def _to_refine(self, candidates: list[Candidate]) -> list[Candidate]:
        """
        Return the plan in use and the best others, as many as there are threads.

        Proposals from elsewhere have places of their own: they never take one from a plan that
        would have been found without them. Those that could not replace the plan in use, or
        promise less than all others where there is none, are left out.
        """
        own = [c for c in candidates if c.own]
        kept = [c for c in own if _is_in_use(c)][:1]
        others = [c for c in own if not _is_in_use(c)]
        if kept:
            chosen = [*kept, *others][: self.settings.refined]
        else:
            chosen = _ending_apart(others, self.settings.distinct)[: self.settings.refined_first]
        limit = max((self._price(c, c.score.merit) for c in kept or chosen), default=np.inf)
        better = [c for c in candidates if not c.own and expected_cost(c) < limit]
        return [*chosen, *self._best_learned(better)]

    def _promising(self, own: Sequence[Candidate], learned: Sequence[Proposal]) -> list[Proposal]:
        """
        Return the proposals from elsewhere that are worth judging.

        Of those whose source predicts their cost, the best few that could replace the plan in use;
        of all others as many, in the order given.
        """
        in_use = [self._price(c, c.score.merit) for c in own if _is_in_use(c)]
        limit = min(in_use, default=np.inf)
        told = by_promise(p for p in learned if -p.predicted_return < limit)
        untold = (p for p in learned if np.isnan(p.predicted_return))
        most = JUDGED * self.settings.refined_learned
        return [*islice(told, most), *islice(untold, most)]

    def _safest(self, candidates: list[Candidate], refined: list[Refined]) -> list[Candidate]:
        """Return the candidates not yet refined that violate least: where merit led nowhere."""
        done = {id(entry.candidate) for entry in refined}
        rest = [c for c in candidates if id(c) not in done]
        rest.sort(key=lambda candidate: candidate.score.violation)
        own = [c for c in rest if c.own]
        learned = [c for c in rest if not c.own]
        return [*own[: self.settings.refined], *self._best_learned(learned)]

    def _best_learned(self, learned: list[Candidate]) -> list[Candidate]:
        """Return the most promising ones that differ, those for unfamiliar problems behind."""
        return distinct(ranked(learned))[: self.settings.refined_learned]

    def _best(self, refined: Iterable[Refined]) -> Refined | None:
        """Return the cheapest acceptable plan; the plan in use has a bonus."""
        return self._cheapest(refined, self._acceptable)

    def _cheapest(
        self, refined: Iterable[Refined], good: Callable[[Refined], bool]
    ) -> Refined | None:
        """Return the cheapest that is good; judged in that order, mostly one verdict is made."""

        def price(entry: Refined) -> float:
            return self._price(entry.candidate, entry.result.score.merit)

        return next(filter(good, sorted(refined, key=price)), None)

    def _price(self, candidate: Candidate, merit: float) -> float:
        return merit * (1.0 - self.settings.keep_bonus * _is_in_use(candidate))

    def _acceptable(self, entry: Refined) -> bool:
        return self._recovers(entry.verdict)

    def _tolerable(self, entry: Refined) -> bool:
        return self.settings.relaxed.allow(entry.verdict)

    def _recovers(self, verdict: Verdict) -> bool:
        """
        Whether a plan is feasible, or at least free of collisions and soon inside the limits.

        The second holds only where the start itself was outside, which no plan can change.
        """
        if verdict.feasible:
            return True
        to_go = verdict.constraint_to_go
        starts_outside = to_go[0] - to_go[1] > 0.0
        back = min(round(self.settings.return_time / self.horizon.dt), len(to_go) - 1)
        return bool(starts_outside and verdict.collision <= 0.0 and to_go[back] <= 0.0)

    def _climb(
        self,
        prepared: Prepared,
        chosen: Refined | None,
        candidates: Sequence[Candidate],
    ) -> tuple[Trajectory | None, Rung, Verdict | None, str]:
        """Take the best rung there is: a new plan, the previous one, braking along its path."""
        problem = prepared.bound.problem
        if chosen is not None:
            self._previous, verdict = self._without_creeping(problem, chosen)
            self._multiplier = chosen.result.multiplier
            rung = Rung.OPTIMISED if self._recovers(verdict) else Rung.RELAXED
            return self._previous, rung, verdict, chosen.candidate.proposal.source
        aged = self._aged(problem)
        if aged is not None:
            verdict = prepared.verdict_of(aged)
            if max(verdict.collision, verdict.direction) <= 0.0:
                return aged, Rung.PREVIOUS, verdict, SHIFTED
        braked = self._braked(prepared, candidates)
        if braked is None:
            return None, Rung.NONE, None, ''
        return braked, Rung.BRAKING, prepared.verdict_of(braked), BRAKING

    def _aged(self, problem: PlanningProblem) -> Trajectory | None:
        """Return what is left of the previous plan while it may stand in."""
        previous = self._previous
        if previous is None or self._is_braking:
            return None
        if not 0.0 <= problem.stamp - previous.stamp <= self.settings.previous_age_max:
            return None
        # what is true of a plan says nothing of a car that is elsewhere
        return _cut(problem, previous) if self._follows(previous, problem) else None

    def _without_creeping(
        self, problem: PlanningProblem, best: Refined
    ) -> tuple[Trajectory, Verdict]:
        """
        Return the plan, or a stop where the plan hardly moves.

        A receding horizon spreads the last metre before a stop over its whole length, again and
        again: the car would creep for many seconds.
        """
        plan = best.result.trajectory
        travelled = float(np.hypot(*np.diff(plan.states[:, :2], axis=0).T).sum())
        slow = problem.initial_state[3] <= self.settings.hold_speed
        if slow and travelled <= self.settings.hold_distance:
            stop = self._braking_along(plan, problem, self.settings.braking)
            verdict = best.verdict_of(stop)
            if verdict.feasible:
                return stop, verdict
        return plan, best.verdict

    def _braked(self, prepared: Prepared, candidates: Sequence[Candidate]) -> Trajectory | None:
        """
        Brake along the last safe path there is: go on with it, or begin.

        It begins as gently as avoids a collision; as hard as possible where nothing does.
        """
        problem, path = prepared.bound.problem, self._in_use
        if path is None or not path.stamp <= problem.stamp < path.times[-2]:
            if not candidates:
                return None
            own = [c for c in candidates if c.own]
            path = min(own or candidates, key=self._unsafe).proposal.trajectory
        elif self._is_braking and self._follows(path, problem):
            return _cut(problem, path)
        gentle = self._braking_along(path, problem, self.settings.braking)
        overlap = prepared.verdict_of(gentle).collision
        if overlap <= 0.0:
            return gentle
        hard = self._braking_along(path, problem, self.settings.emergency)
        return hard if prepared.verdict_of(hard).collision <= overlap else gentle

    def _unsafe(self, candidate: Candidate) -> tuple[bool, float]:
        """Tell what makes a candidate a bad path to brake along: not how gently itself brakes."""
        hardest = -float(candidate.proposal.trajectory.controls[:, 0].min())
        return hardest > self.settings.braking.firm, candidate.score.violation

    def _braking_along(
        self, path: Trajectory, problem: PlanningProblem, settings: BrakingSettings
    ) -> Trajectory:
        return braking_profile(
            path,
            problem.vehicle,
            problem.friction,
            settings,
            start=problem.stamp,
            state=np.asarray(problem.initial_state),
        )


def _is_in_use(candidate: Candidate) -> bool:
    """Whether a candidate is the planner's own plan in use, moved on."""
    return candidate.own and candidate.proposal.source == SHIFTED


def _ending_apart(candidates: list[Candidate], distance: float) -> list[Candidate]:
    """Return candidates, best first, that end at least a distance [m] from all better ones."""
    chosen: list[Candidate] = []
    for candidate in candidates:
        end = candidate.proposal.trajectory.states[-1, :2]
        others = (c.proposal.trajectory.states[-1, :2] for c in chosen)
        if all(np.hypot(*(end - other)) >= distance for other in others):
            chosen.append(candidate)
    return chosen


def _on_grid(problem: PlanningProblem, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Move proposals for a problem shortly before on to this one; what cannot be is left out."""
    moved = []
    for proposal in proposals:
        if abs(proposal.trajectory.stamp - problem.stamp) < 1e-6:
            moved.append(proposal)
            continue
        try:
            moved.append(replace(proposal, trajectory=shift(problem, proposal.trajectory)))
        except ValueError:
            continue
    return moved


def _state_at(trajectory: Trajectory, stamp: float) -> NDArray[np.float64]:
    return np.array([np.interp(stamp, trajectory.times, column) for column in trajectory.states.T])


def _cut(problem: PlanningProblem, previous: Trajectory) -> Trajectory | None:
    """Return what is left of a plan, from the problem's stamp on; None where it is over."""
    left = int(np.floor((previous.times[-1] - problem.stamp) / previous.dt + 1e-6))
    if left < 1:
        return None
    whole = shift(problem, previous)
    return Trajectory(whole.stamp, whole.dt, whole.states[: left + 1], whole.controls[:left])


def _message(rung: Rung, shown: Refined | None) -> str:
    if rung is Rung.OPTIMISED and shown is not None:
        return '' if shown.verdict.feasible else 'the start is outside the limits; returning'
    if shown is None:
        return 'no candidate could be judged'
    groups = ('collision', 'road', 'direction', 'limits', 'friction', 'dynamics', 'terminal')
    worst = max(groups, key=lambda name: getattr(shown.verdict, name))
    return f'no feasible plan: {worst} violated by {getattr(shown.verdict, worst):.2f}'
