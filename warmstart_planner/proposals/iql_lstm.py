# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""IQL-LSTM: where the members of an ensemble of policies drive to, checked and put on the map."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.cards.card_format import expect_vehicle
from warmstart_planner.learned.cards.policy_card import CARD_FILE, load_policy_card
from warmstart_planner.learned.observation.observer import Observer, moving
from warmstart_planner.learned.policy import (
    DT_TOLERANCE,
    LoadedPolicy,
    PolicyRequirements,
    RollOut,
    attempt,
    load_policy,
)
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import Answer, ModelInfo
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceSpec
from warmstart_planner.transcription import Transcription, transcribe

OUTSIDE = 1.001  # uncertainty of what is just unfamiliar


class IqlLstm:
    """
    The roll-outs of a loaded policy; `last` keeps what came of the newest problem.

    Each problem is a beginning: members remember nothing of the one before. Proposed are the
    roll-outs of the sound members and, last, of their mean controls where there are two or more.

    Args:
        policy: as `learned.policy.load_policy` returns it.

    Raises:
        SolverMissingError: the observation of the policy's car is not generated.

    """

    name = 'iql_lstm'

    def __init__(self, policy: LoadedPolicy) -> None:
        self.policy = policy
        self.last: Answer | None = None
        self.info = ModelInfo(policy.card.model_id)
        self._observer = Observer(policy.card.vehicle)
        self._familiar = policy.card.training_range.widened()

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """
        Return the members' roll-outs, map frame; those that are not sound are left out.

        Raises:
            ValueError: the problem is for another car or time step than the policy's.
            InferenceError: the execution provider failed.

        """
        self._check(problem)
        return self.propose_for(problem, transcribe(problem, self.policy.card.margins))

    def propose_for(
        self, problem: PlanningProblem, numbers: Transcription
    ) -> tuple[Proposal, ...]:
        """Do the same for a problem that is transcribed already, with the policy's margins."""
        self._check(problem)
        self.last = self._answer(problem, numbers)
        return self.last.proposals

    def _check(self, problem: PlanningProblem) -> None:
        card = self.policy.card
        expect_vehicle('problem.vehicle', problem.vehicle, card)
        if abs(problem.horizon.dt - card.dt) > DT_TOLERANCE:
            raise ValueError(
                f'problem.horizon.dt is {problem.horizon.dt}: policy {card.model_id!r} is for '
                f'{card.dt}'
            )

    def _answer(self, problem: PlanningProblem, numbers: Transcription) -> Answer:
        obstacles = moving(numbers.obstacles, self.policy.card.dt)
        begin = time.perf_counter()
        found = attempt(
            self.policy,
            self._observer,
            numbers.initial_state,
            numbers.road,
            obstacles,
            problem.horizon.steps,
            self.policy.card.dt,
        )
        elapsed = time.perf_counter() - begin
        uncertainty = self._uncertainty(numbers, obstacles, found)
        states, controls = self._ways(found)
        states = numbers.frame.globalise(states)
        states[:, 0] = problem.initial_state
        proposals = tuple(
            Proposal(
                self.name,
                Trajectory(problem.stamp, problem.horizon.dt, states[way], controls[way]),
                model_id=self.policy.card.model_id,
                uncertainty=uncertainty,
                inference_time=elapsed,
            )
            for way in range(len(states))
        )
        return Answer(proposals, int((~found.sound).sum()), uncertainty, elapsed)

    def _ways(self, found: RollOut) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return states and controls of the sound members, then of their mean controls."""
        states, controls = found.states[found.sound], found.controls[found.sound]
        if len(controls) < 2:
            return states, controls
        mean = controls.mean(axis=0, keepdims=True)
        along, applied = self._observer.roll_out(states[:1, 0], mean, self.policy.card.dt)
        return np.concatenate([states, along]), np.concatenate([controls, applied])

    def _uncertainty(
        self, numbers: Transcription, obstacles: NDArray[np.float64], found: RollOut
    ) -> float:
        """Return the disagreement in thresholds: above 1 also where the start is unfamiliar."""
        score = found.disagreement / self.policy.card.disagreement_threshold
        start = numbers.initial_state[None]
        seen = self._observer.observe(start, numbers.road, obstacles[:, 0])
        # a member that failed tells of an unfamiliar problem too
        if found.sound.all() and self._familiar.holds(seen):
            return score
        return max(score, OUTSIDE)


def loaded_policy(options: LoadOptions) -> LoadedPolicy:
    """
    Return the policy of the options' folder.

    Raises:
        CardError: it is missing, damaged or for something else.

    """
    requirements = PolicyRequirements(
        options.vehicle,
        options.horizon.dt if options.horizon else None,
        options.margins,
    )
    return _policy(options.models, requirements, options.execution_provider)


@lru_cache(maxsize=2)  # the one in use, and the one that may take its place
def _policy(folder: Path, requirements: PolicyRequirements, provider: str) -> LoadedPolicy:
    return load_policy(folder, requirements, provider)


def _load(options: LoadOptions) -> IqlLstm:
    return IqlLstm(loaded_policy(options))


def _fits(options: LoadOptions) -> bool:
    known = load_policy_card(options.models / CARD_FILE)
    car, horizon = options.vehicle, options.horizon
    same_step = horizon is None or abs(horizon.dt - known.dt) <= DT_TOLERANCE
    return (car is None or car == known.vehicle) and same_step


SPEC = SourceSpec(IqlLstm.name, _load, Origin.LEARNED, _fits, diagnostics='policy')
