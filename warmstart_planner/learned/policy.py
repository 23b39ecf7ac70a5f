# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
LSTM policies in use: an ensemble acts on what it sees, and is rolled out through the car model.

All members act at once, in one call of onnxruntime a step; each drives a car of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.learned import CPU
from warmstart_planner.learned.cards.card_format import Golden, expect_vehicle
from warmstart_planner.learned.cards.policy_card import CARD_FILE, PolicyCard, load_policy_card
from warmstart_planner.learned.observation.observer import Observer
from warmstart_planner.learned.session import InferenceError, compare, open_model
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import CONTROL_SIZE, PX, PY, VehicleParameters

CONTROL_TOLERANCE = 1e-2  # beyond the car's limits: rounding [m/s^2, rad/s]
DT_TOLERANCE = 1e-9  # between a roll-out's step and the policy's [s]


class PolicyError(InferenceError):
    """A policy could not be run, or what it answers is nothing that a car could do."""


@dataclass(frozen=True)
class PolicyRequirements:
    """What a policy is wanted for; None: as it is. `dt` in s."""

    vehicle: VehicleParameters | None = None
    dt: float | None = None
    margins: Margins | None = None


@dataclass(frozen=True, eq=False)
class Memory:
    """What the members remember of what they saw: `hidden` and `cell`, float32, (M, H) each."""

    hidden: NDArray[np.float32]
    cell: NDArray[np.float32]


class LoadedPolicy:
    """A policy that passed its tests; `act` may be called from any thread."""

    def __init__(self, card: PolicyCard, session: onnxruntime.InferenceSession) -> None:
        """Keep the session; `load_policy` makes and tests it."""
        self.card = card
        self._session = session
        self._names = list(card.outputs)
        self._idle: list[PolicyInference] = []  # lent to nobody at present

    def start(self) -> Memory:
        """Return the memory of members that saw nothing yet."""
        shape = self.card.members, self.card.hidden_size
        return Memory(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def act(
        self, observations: NDArray[np.float32], memory: Memory
    ) -> tuple[NDArray[np.float32], Memory]:
        """
        Return what each member does, and what it remembers from now on.

        The answer is not checked: whoever uses it has to, as `roll_out` does.

        Args:
            observations: what each member sees, shape (M, OBSERVATION_SIZE).
            memory: what each member remembers.

        Returns:
            Acceleration [m/s^2] and steering rate [rad/s], shape (M, 2), and the memory.

        Raises:
            PolicyError: the execution provider failed.

        """
        inputs = {'observation': observations, 'hidden': memory.hidden, 'cell': memory.cell}
        actions, hidden, cell = self._run(inputs)
        return actions, Memory(hidden, cell)

    @contextmanager
    def inference(self, memory: Memory | None = None) -> Iterator[PolicyInference]:
        """
        Lend members that act step by step: as `act`, but faster. Several threads may have some.

        Args:
            memory: what each member remembers; None: nothing.

        Raises:
            ValueError: the memory is of another policy.

        """
        try:
            inference = self._idle.pop()
        except IndexError:  # all are lent
            inference = PolicyInference(self.card, self._session)
        inference.begin(memory or self.start())
        try:
            yield inference
        finally:
            self._idle.append(inference)

    def self_test(self, golden: Golden) -> None:
        """
        Compare what the policy answers now with what it answered when it was exported.

        Raises:
            CardError: they differ by more than `session.GOLDEN_TOLERANCE`.
            PolicyError: the execution provider failed.

        """
        compare(dict(zip(self._names, self._run(golden.inputs), strict=True)), golden)

    def _run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        try:
            return self._session.run(self._names, inputs)
        except Exception as error:  # onnxruntime's errors have no base class of their own
            raise PolicyError(f'policy {self.card.model_id!r}: {error}') from None


class PolicyInference:
    """
    Members that act step by step, on buffers that are bound once; not for several threads.

    `observations` (M, OBSERVATION_SIZE), float32, is what each member sees at its next step.

    Args:
        card: of the policy.
        session: its.

    """

    def __init__(self, card: PolicyCard, session: onnxruntime.InferenceSession) -> None:
        self.observations = np.zeros(card.inputs['observation'], np.float32)
        self._card, self._session = card, session
        self._actions = np.empty(card.outputs['action'], np.float32)
        # what one step writes the next one reads
        self._memories = tuple(
            Memory(*(np.zeros(card.inputs[name], np.float32) for name in ('hidden', 'cell')))
            for _ in range(2)
        )
        self._bindings = self._bound(*self._memories), self._bound(*self._memories[::-1])
        self._newest = 0

    def begin(self, memory: Memory) -> None:
        """
        Go on from a memory.

        Raises:
            ValueError: it is of another policy.

        """
        for name, value in vars(memory).items():
            wanted = self._card.inputs[name]
            if value.shape != wanted:
                raise ValueError(f'{name} has shape {value.shape}: expected {wanted}')
        own = self._memories[self._newest]
        own.hidden[:], own.cell[:] = memory.hidden, memory.cell

    @property
    def memory(self) -> Memory:
        """What each member remembers now."""
        return _copied(self._memories[self._newest])

    def step(self) -> NDArray[np.float32]:
        """
        Act once; return the actions, shape (M, 2), overwritten by every step.

        Raises:
            PolicyError: the execution provider failed.

        """
        try:
            self._session.run_with_iobinding(self._bindings[self._newest])
        except Exception as error:  # onnxruntime's errors have no base class of their own
            raise PolicyError(f'policy {self._card.model_id!r}: {error}') from None
        self._newest = 1 - self._newest
        return self._actions

    def _bound(self, before: Memory, after: Memory) -> onnxruntime.IOBinding:
        """Return a step's buffers, in the order of the card's inputs and outputs."""
        binding = self._session.io_binding()
        sides = (
            (binding.bind_input, self._card.inputs, (self.observations, *_buffers(before))),
            (binding.bind_output, self._card.outputs, (self._actions, *_buffers(after))),
        )
        for bind, names, buffers in sides:
            for name, buffer in zip(names, buffers, strict=True):
                bind(name, 'cpu', 0, np.float32, buffer.shape, buffer.ctypes.data)
        return binding


def _copied(memory: Memory) -> Memory:
    return Memory(*(np.array(each, np.float32, order='C') for each in _buffers(memory)))


def _buffers(memory: Memory) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return memory.hidden, memory.cell


def load_policy(
    folder: Path | str, requirements: PolicyRequirements | None = None, provider: str = CPU
) -> LoadedPolicy:
    """
    Open a folder's policy, test it and warm it up.

    Args:
        folder: holds the card and the ONNX file that it names.
        requirements: what the policy has to be for.
        provider: onnxruntime's execution provider, on one thread.

    Raises:
        CardError: the policy is missing, damaged, not what its card says, or for something else;
            the message names the file, the field, its value and what was expected.

    """
    path = Path(folder) / CARD_FILE
    card = load_policy_card(path)
    return open_model(path, card, requirements or PolicyRequirements(), LoadedPolicy, provider)


@dataclass(frozen=True, eq=False)
class RollOut:
    """
    Where the members of a policy drive to.

    `states` (M, N + 1, 5) and `controls` (M, N, 2), those applied, in the frame of the start;
    `memory` after the first observation; `disagreement` of the sound members' states [m];
    `sound` (M,): whether all that a member answered was finite and within the car's controls.
    """

    states: NDArray[np.float64]
    controls: NDArray[np.float64]
    memory: Memory
    disagreement: float
    sound: NDArray[np.bool_]


def roll_out(
    policy: LoadedPolicy,
    observer: Observer,
    initial_state: ArrayLike,
    road: ArrayLike,
    obstacles: ArrayLike,
    steps: int,
    dt: float,
    memory: Memory | None = None,
) -> RollOut:
    """
    Drive every member on from a state, all of them sound.

    Args:
        policy: the ensemble.
        observer: of the policy's car.
        initial_state: shape (5,), in the frame of road and obstacles.
        road: shape (ROAD_PARAMETERS,).
        obstacles: with velocities, of `steps` + 1 nodes or more, as `observation.moving` returns.
        steps: N.
        dt: step [s], the policy's.
        memory: from before the start; None: of members that saw nothing yet.

    Raises:
        PolicyError: a member answered what is not finite or no car could do, or the execution
            provider failed.
        ValueError: an input is not what it has to be; the message names it.

    """
    answer = attempt(policy, observer, initial_state, road, obstacles, steps, dt, memory)
    if not answer.sound.all():
        raise PolicyError(
            f'policy {policy.card.model_id!r}: members {np.flatnonzero(~answer.sound).tolist()} '
            "answered controls that are not finite or not the car's: expected none"
        )
    return answer


def attempt(
    policy: LoadedPolicy,
    observer: Observer,
    initial_state: ArrayLike,
    road: ArrayLike,
    obstacles: ArrayLike,
    steps: int,
    dt: float,
    memory: Memory | None = None,
) -> RollOut:
    """
    Drive every member on from a state, as `roll_out` does, whatever comes of it.

    Members that are not sound may hold what is not a number.

    Raises:
        PolicyError: the execution provider failed.
        ValueError: an input is not what it has to be; the message names it.

    """
    card = policy.card
    expect_vehicle('vehicle', observer.vehicle, card)
    if abs(dt - card.dt) > DT_TOLERANCE:
        raise ValueError(f'dt is {dt}: policy {card.model_id!r} is for {card.dt}')
    starts = np.repeat(np.asarray(initial_state, dtype=float)[None], card.members, axis=0)
    actions = np.empty((steps, card.members, CONTROL_SIZE), np.float32)
    with policy.inference(memory) as inference:
        driven = observer.begin_roll_out(
            starts, road, obstacles, steps, dt, inference.observations
        )
        for k in range(steps):
            actions[k] = inference.step()
            if k == 0:
                first = inference.memory
            driven.step(actions[k])
    sound = _sound(actions, driven.states, observer)
    return RollOut(
        driven.states, driven.controls, first, disagreement(driven.states[sound]), sound
    )


def disagreement(states: NDArray[np.float64]) -> float:
    """
    Return how far members drive apart: the RMS distance from their mean positions [m].

    Args:
        states: of M members, shape (M, N + 1, 5); of one or none the disagreement is 0.

    """
    if len(states) < 2:
        return 0.0
    apart = states[..., [PX, PY]] - states[..., [PX, PY]].mean(axis=0)
    return float(np.sqrt((apart**2).sum(axis=-1).mean()))


def _sound(
    actions: NDArray[np.float32], states: NDArray[np.float64], observer: Observer
) -> NDArray[np.bool_]:
    """Whether each member's actions (N, M, 2) are the car's and its states finite, shape (M,)."""
    lower = observer.vehicle.control_lower - CONTROL_TOLERANCE
    upper = observer.vehicle.control_upper + CONTROL_TOLERANCE
    # what is not a number is in no order: it fails these comparisons
    within = ((lower <= actions) & (actions <= upper)).all(axis=(0, 2))
    return within & np.isfinite(states).all(axis=(1, 2))
