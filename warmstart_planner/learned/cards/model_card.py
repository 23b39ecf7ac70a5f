# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The card of a Decision Transformer: what the model was made for, and what it proposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from warmstart_planner.checks import number
from warmstart_planner.learned.cards.card_format import (
    Card,
    Range,
    Shape,
    expect,
    expect_count,
    expect_golden,
    expect_positive,
    expect_shapes,
    read_card,
)
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import OBSTACLE_PARAMETERS, ROAD_PARAMETERS, CostWeights
from warmstart_planner.problem import MAX_OBSTACLES, Horizon
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

SCHEMA_VERSION = 3
CONTEXT_VERSION = 1  # of `learned.context`: what the numbers of a context mean
KIND = 'decision_transformer'
CARD_FILE = f'{KIND}.json'
ONNX_FILE = f'{KIND}.onnx'


def input_shapes(candidates: int) -> dict[str, Shape]:
    """Shapes of a model's inputs by name, for a number of candidates."""
    return {
        'state': (STATE_SIZE,),
        'road': (ROAD_PARAMETERS,),
        'obstacles': (MAX_OBSTACLES, OBSTACLE_SAMPLES, OBSTACLE_PARAMETERS),
        'present': (MAX_OBSTACLES,),
        'relative_return': (candidates,),
        'constraint_to_go': (candidates,),
    }


def output_shapes(candidates: int, horizon: Horizon) -> dict[str, Shape]:
    """Shapes of a model's outputs by name, for a number of candidates and a horizon."""
    return {
        'states': (candidates, horizon.steps + 1, STATE_SIZE),
        'controls': (candidates, horizon.steps, CONTROL_SIZE),
        'predicted_return': (candidates,),
        'failure_probability': (candidates,),
        'log_probability': (candidates,),
        'unfamiliarity': (),
    }


@dataclass(frozen=True)
class TrainingRange:
    """
    Box about the contexts that a model was trained on.

    `state` (STATE_SIZE,), `road` (ROAD_PARAMETERS,), `obstacles` (OBSTACLE_PARAMETERS,), the last
    over those obstacles that are present, at all their times.
    """

    state: Range
    road: Range
    obstacles: Range

    def __post_init__(self) -> None:
        """Check the lengths."""
        sizes = (STATE_SIZE, ROAD_PARAMETERS, OBSTACLE_PARAMETERS)
        for each, size in zip(fields(self), sizes, strict=True):
            found = getattr(self, each.name).low.shape
            if found != (size,):
                raise ValueError(f'{each.name} has shape {found}: expected ({size},)')


@dataclass(frozen=True)
class Defaults:
    """What to ask of the model where nobody asks for anything else."""

    relative_return: float = 0.0
    constraint_to_go: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no model can be asked for."""
        number('relative_return', self.relative_return)
        number('constraint_to_go', self.constraint_to_go, at_least=0.0)


@dataclass(frozen=True, kw_only=True)
class ModelCard(Card):
    """
    What a model file is.

    `vehicle`, `horizon`, `margins` and `weights` are those of the solver whose solutions it
    learned. K = `candidates` comes first in the outputs. An `unfamiliarity` above
    `unfamiliarity_threshold` marks a problem unlike those it was trained on.

    Raises:
        CardError: a field is not what it has to be; the message names it.

    """

    horizon: Horizon
    weights: CostWeights
    candidates: int
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    training_range: TrainingRange
    unfamiliarity_threshold: float
    defaults: Defaults
    context_version: int = CONTEXT_VERSION
    kind: str = KIND
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        expect('context_version', self.context_version, CONTEXT_VERSION)
        expect_count('candidates', self.candidates)
        expect_positive('unfamiliarity_threshold', self.unfamiliarity_threshold)
        expect_shapes('inputs', self.inputs, input_shapes(self.candidates))
        expect_shapes('outputs', self.outputs, output_shapes(self.candidates, self.horizon))
        expect_golden(self)


def load_card(path: Path | str) -> ModelCard:
    """
    Read a card.

    Raises:
        CardError: there is no such file, or it is not a card that this version reads; the message
            names the file, the field, its value and what was expected.

    """
    return read_card(path, ModelCard)
