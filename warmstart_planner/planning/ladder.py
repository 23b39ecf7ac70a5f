# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The ladder: what is handed out, from a new plan down to braking along the last safe path.

Each rung says what it is; nothing that is handed out is called feasible unless the verifier does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from warmstart_planner.planning.engine import PreparedProblem, Refined
from warmstart_planner.planning.memory import Memory, follows, rest_of
from warmstart_planner.planning.settings import PlannerSettings
from warmstart_planner.problem import PlanningProblem, Rung, SolverStatus, Trajectory
from warmstart_planner.proposals.shifted import Shifted
from warmstart_planner.supervision import BrakingSettings, braking_profile
from warmstart_planner.verification import Verdict

BRAKING = 'braking'


@dataclass(frozen=True)
class Reference:
    """What is handed out, what the verifier says of it, and where it comes from."""

    rung: Rung
    trajectory: Trajectory | None = None
    verdict: Verdict | None = None
    source: str = ''


class Ladder:
    """
    Takes the best rung there is: a new plan, the previous one, braking along a safe path.

    Args:
        settings: of the planner.
        dt: step of the horizon [s].

    """

    def __init__(self, settings: PlannerSettings, dt: float) -> None:
        self._settings = settings
        self._return_steps = round(settings.return_time / dt)

    def recovers(self, verdict: Verdict) -> bool:
        """
        Tell whether a plan is feasible, or at least free of collisions and soon inside the limits.

        The second holds only where the start itself was outside, which no plan can change.
        """
        if verdict.feasible:
            return True
        to_go = verdict.constraint_to_go
        starts_outside = to_go[0] - to_go[1] > 0.0
        back = min(self._return_steps, len(to_go) - 1)
        return bool(starts_outside and verdict.collision <= 0.0 and to_go[back] <= 0.0)

    def with_plan(self, prepared: PreparedProblem, chosen: Refined) -> Reference:
        """
        Hand out a plan, or a stop where the plan hardly moves.

        A receding horizon spreads the last metre before a stop over its whole length, again and
        again: the car would creep for many seconds.
        """
        plan, verdict = chosen.result.trajectory, chosen.verdict
        if self._creeps(plan, prepared.problem):
            stop = _braking_along(plan, prepared.problem, self._settings.braking)
            stopped = prepared.judge.verdict(stop)
            if stopped.feasible:
                plan, verdict = stop, stopped
        rung = Rung.OPTIMISED if self.recovers(verdict) else Rung.RELAXED
        return Reference(rung, plan, verdict, chosen.proposal.source)

    def without_plan(
        self, prepared: PreparedProblem, memory: Memory, ways: Sequence[Refined]
    ) -> Reference:
        """
        Go on with the previous plan, or brake.

        Args:
            prepared: the problem that no plan was found for.
            memory: of the cycle before.
            ways: where there is no path in use, braking is along the safest of these.

        """
        rest = memory.standing_in(prepared.problem, self._settings)
        if rest is not None:
            verdict = prepared.judge.verdict(rest)
            if max(verdict.collision, verdict.direction) <= 0.0:
                return Reference(Rung.PREVIOUS, rest, verdict, Shifted.name)
        braked = self._braked(prepared, memory, ways)
        if braked is None:
            return Reference(Rung.NONE)
        verdict = prepared.judge.verdict(braked)
        evading = self._evading(ways, verdict) if verdict.collision > 0.0 else None
        if evading is not None:
            plan = evading.result.trajectory
            return Reference(Rung.BRAKING, plan, evading.verdict, evading.proposal.source)
        return Reference(Rung.BRAKING, braked, verdict, BRAKING)

    def _evading(self, ways: Sequence[Refined], braked: Verdict) -> Refined | None:
        """Return the way that hits least, on the road, where it hits less than braking does."""
        allowed = self._settings.relaxed.allow
        drivable = [
            way
            for way in ways
            if way.result.status is not SolverStatus.BAD_START
            and allowed(replace(way.verdict, collision=0.0))
        ]
        best = min(drivable, key=lambda way: way.verdict.collision, default=None)
        return best if best is not None and best.verdict.collision < braked.collision else None

    def _creeps(self, plan: Trajectory, problem: PlanningProblem) -> bool:
        travelled = float(np.hypot(*np.diff(plan.states[:, :2], axis=0).T).sum())
        slow = problem.initial_state[3] <= self._settings.hold_speed
        return bool(slow and travelled <= self._settings.hold_distance)

    def _braked(
        self, prepared: PreparedProblem, memory: Memory, ways: Sequence[Refined]
    ) -> Trajectory | None:
        """
        Brake along the last safe path there is: go on with it, or begin.

        It begins as gently as avoids a collision; as hard as possible where nothing does.
        """
        problem, path = prepared.problem, memory.in_use
        if path is None or not path.stamp <= problem.stamp < path.times[-2]:
            drivable = [w for w in ways if w.result.status is not SolverStatus.BAD_START]
            if not drivable:
                return None
            path = min(drivable, key=self._unsafe).result.trajectory
        elif memory.is_braking and follows(path, problem, self._settings):
            return rest_of(path, problem)
        gentle = _braking_along(path, problem, self._settings.braking)
        overlap = prepared.judge.verdict(gentle).collision
        if overlap <= 0.0:
            return gentle
        hard = _braking_along(path, problem, self._settings.emergency)
        return hard if prepared.judge.verdict(hard).collision <= overlap else gentle

    def _unsafe(self, way: Refined) -> tuple[bool, float]:
        """Tell what makes a way a bad path to brake along: not how gently itself brakes."""
        hardest = -float(way.result.trajectory.controls[:, 0].min())
        return hardest > self._settings.braking.firm, way.result.score.violation


def _braking_along(
    path: Trajectory, problem: PlanningProblem, settings: BrakingSettings
) -> Trajectory:
    return braking_profile(
        path,
        problem.vehicle,
        problem.friction,
        settings,
        start=problem.stamp,
        state=np.asarray(problem.initial_state),
    )
