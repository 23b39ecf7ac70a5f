# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where a policy would drive from the controller's state, step after step of the controller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.cards.card_format import expect_vehicle
from warmstart_planner.learned.observation.observer import Observer, moving
from warmstart_planner.learned.policy import (
    DT_TOLERANCE,
    LoadedPolicy,
    Memory,
    PolicyError,
    RollOut,
    attempt,
)
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.transcription import Transcription, transcribe
from warmstart_planner.vehicle import SPEED, YAW, VehicleParameters

PROBLEM_AGE_MAX = 0.5  # beyond, what a problem says of the traffic is stale [s]
MEMORY_GAP_MAX = 0.5  # without a step for longer, what was seen before is no past of now [s]
JUMP = 2.0  # a car that is so far from where it was bound for was put there [m]
EARLY = 0.01  # by which a step may come early and still be a policy's time step later [s]


@dataclass(frozen=True)
class EnsembleRollOuts:
    """
    States (K, N + 1, 5), map frame, and controls (K, N, 2): the members', then their mean's.

    `problem_stamp` is that of the problem [s]; `disagreement` is that of the members [m];
    `dropped` counts those that are not sound.
    """

    states: NDArray[np.float64]
    controls: NDArray[np.float64]
    problem_stamp: float
    disagreement: float
    dropped: int


@dataclass(frozen=True)
class _Scene:
    """A planning problem as the policy sees it; `obstacles` with velocities, `dt` apart."""

    stamp: float
    dt: float
    numbers: Transcription
    obstacles: NDArray[np.float64]


@dataclass(frozen=True)
class _Past:
    """What was seen: the last step's time and state, and the memory as of `advanced`."""

    stamp: float
    state: NDArray[np.float64]
    advanced: float
    memory: Memory


class PolicyRollOuts:
    """
    Rolls an ensemble out in the newest planning problem; remembers what it saw.

    The memory takes one observation each time step of the policy, however often it is asked.

    Args:
        policy: as `learned.policy.load_policy` returns it.
        vehicle: the car.
        dt: step of the roll-outs [s].

    Raises:
        ValueError: the policy is for another car or time step.
        SolverMissingError: the observation of this car is not generated.

    """

    def __init__(self, policy: LoadedPolicy, vehicle: VehicleParameters, dt: float) -> None:
        card = policy.card
        expect_vehicle('vehicle', vehicle, card)
        if abs(card.dt - dt) > DT_TOLERANCE:
            raise ValueError(
                f'policy {card.model_id!r} is for steps of {card.dt} s: expected {dt} s'
            )
        self._policy = policy
        self._observer = Observer(vehicle)
        self.forget()

    def forget(self) -> None:
        """Forget the problem and all that was seen."""
        self._problem: PlanningProblem | None = None
        self._scene: _Scene | None = None
        self._past: _Past | None = None

    def set_problem(self, problem: PlanningProblem) -> None:
        """
        Take the newest planning problem; it becomes numbers when it is first needed.

        Raises:
            ValueError: it is for another car.

        """
        expect_vehicle('problem.vehicle', problem.vehicle, self._policy.card)
        self._problem, self._scene = problem, None

    def roll_out(
        self, stamp: float, state: NDArray[np.float64], steps: int
    ) -> EnsembleRollOuts | None:
        """
        Drive on from a state.

        Args:
            stamp: its time [s].
            state: shape (5,), map frame.
            steps: how far.

        Returns:
            The ways of the sound members and, where there are two or more, of their mean
            controls; None where there is no such member, or no problem that is fresh.

        """
        if self._problem is None or not 0.0 <= stamp - self._problem.stamp <= PROBLEM_AGE_MAX:
            return None
        if self._scene is None:
            self._scene = self._seen(self._problem)
        past = self._past if self._continues(stamp, state) else None
        found = self._attempt(self._scene, stamp, state, steps, past)
        if found is None or not found.sound.all():
            self._past = None  # a member that failed may remember what is not a number
        else:
            self._past = self._remembered(stamp, state, past, found.memory)
        if found is None or not found.sound.any():
            return None
        return self._ways(found, state, self._scene)

    def _seen(self, problem: PlanningProblem) -> _Scene:
        numbers = transcribe(problem, self._policy.card.margins)
        dt = problem.horizon.dt
        return _Scene(problem.stamp, dt, numbers, moving(numbers.obstacles, dt))

    def _attempt(
        self,
        scene: _Scene,
        stamp: float,
        state: NDArray[np.float64],
        steps: int,
        past: _Past | None,
    ) -> RollOut | None:
        dt = self._policy.card.dt
        times = stamp - scene.stamp + dt * np.arange(steps + 1)
        try:
            return attempt(
                self._policy,
                self._observer,
                scene.numbers.frame.localise(state),
                scene.numbers.road,
                _at_nodes(scene.obstacles, times / scene.dt),
                steps,
                dt,
                past.memory if past else None,
            )
        except (PolicyError, ValueError):  # no roll-out is an answer too: others have starts
            return None

    def _continues(self, stamp: float, state: NDArray[np.float64]) -> bool:
        """Whether a step follows the last one, and the car came here by itself."""
        past = self._past
        if past is None or not 0.0 <= stamp - past.stamp <= MEMORY_GAP_MAX:
            return False
        heading = np.array([np.cos(past.state[YAW]), np.sin(past.state[YAW])])
        bound_for = past.state[:2] + past.state[SPEED] * (stamp - past.stamp) * heading
        return bool(np.hypot(*(state[:2] - bound_for)) <= JUMP)

    def _remembered(
        self, stamp: float, state: NDArray[np.float64], past: _Past | None, newest: Memory
    ) -> _Past:
        if past is not None and stamp - past.advanced < self._policy.card.dt - EARLY:
            return _Past(stamp, state, past.advanced, past.memory)
        return _Past(stamp, state, stamp, newest)

    def _ways(self, found: RollOut, state: NDArray[np.float64], scene: _Scene) -> EnsembleRollOuts:
        states, controls = found.states[found.sound], found.controls[found.sound]
        if len(controls) > 1:
            mean = controls.mean(axis=0, keepdims=True)
            along, applied = self._observer.roll_out(states[:1, 0], mean, self._policy.card.dt)
            states = np.concatenate([states, along])
            controls = np.concatenate([controls, applied])
        states = scene.numbers.frame.globalise(states)
        states[:, 0] = state
        dropped = int((~found.sound).sum())
        return EnsembleRollOuts(states, controls, scene.stamp, found.disagreement, dropped)


def _at_nodes(obstacles: NDArray[np.float64], nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return obstacles (M, N + 1, 9) between their nodes, held at the last, (M, len(nodes), 9)."""
    last = obstacles.shape[1] - 1
    inside = np.clip(nodes, 0.0, last)
    before = np.minimum(inside.astype(int), last - 1)
    share = (inside - before)[:, None]
    return (1.0 - share) * obstacles[:, before] + share * obstacles[:, before + 1]
