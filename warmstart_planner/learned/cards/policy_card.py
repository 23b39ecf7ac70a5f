# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The card of an ensemble of LSTM policies: what it was made for, and one step of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from warmstart_planner.learned.cards.card_format import (
    Card,
    Range,
    Shape,
    expect,
    expect_count,
    expect_golden,
    expect_positive,
    read_card,
    refuse,
)
from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE, OBSERVATION_VERSION
from warmstart_planner.vehicle import CONTROL_SIZE

SCHEMA_VERSION = 2
KIND = 'iql_lstm'
CARD_FILE = f'{KIND}.json'
ONNX_FILE = f'{KIND}.onnx'


def input_shapes(members: int, hidden_size: int) -> dict[str, Shape]:
    """Shapes of a policy's inputs by name; all are float32."""
    return {
        'observation': (members, OBSERVATION_SIZE),
        'hidden': (members, hidden_size),
        'cell': (members, hidden_size),
    }


def output_shapes(members: int, hidden_size: int) -> dict[str, Shape]:
    """Shapes of a policy's outputs by name; all are float32."""
    return {
        'action': (members, CONTROL_SIZE),
        'hidden_out': (members, hidden_size),
        'cell_out': (members, hidden_size),
    }


@dataclass(frozen=True, kw_only=True)
class PolicyCard(Card):
    """
    What a policy file is: one step of all its members at once.

    The time step `dt` [s] is that of the data it learned from. `training_range` is the box about
    the observations of the data; roll-outs whose `policy.disagreement` is above
    `disagreement_threshold` [m] start from a problem unlike them. `golden` is one step.

    Raises:
        CardError: a field is not what it has to be; the message names it.

    """

    dt: float
    members: int
    hidden_size: int
    training_range: Range
    disagreement_threshold: float
    observation_size: int = OBSERVATION_SIZE
    observation_version: int = OBSERVATION_VERSION
    kind: str = KIND
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        expect('observation_version', self.observation_version, OBSERVATION_VERSION)
        expect('observation_size', self.observation_size, OBSERVATION_SIZE)
        expect_count('members', self.members)
        expect_count('hidden_size', self.hidden_size)
        for name in ('dt', 'disagreement_threshold'):
            expect_positive(name, getattr(self, name))
        known = self.training_range.low.shape
        if known != (OBSERVATION_SIZE,):
            refuse('training_range', list(known), f'[{OBSERVATION_SIZE}] numbers')
        expect_golden(self)

    @property
    def inputs(self) -> dict[str, Shape]:
        """Shapes of the inputs by name."""
        return input_shapes(self.members, self.hidden_size)

    @property
    def outputs(self) -> dict[str, Shape]:
        """Shapes of the outputs by name."""
        return output_shapes(self.members, self.hidden_size)


def load_policy_card(path: Path | str) -> PolicyCard:
    """
    Read a card.

    Raises:
        CardError: there is no such file, or it is not a card that this version reads; the message
            names the file, the field, its value and what was expected.

    """
    return read_card(path, PolicyCard)
