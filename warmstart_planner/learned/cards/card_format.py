# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What all model cards are made of: how they are written, read and checked.

A card says what an ONNX file holds, what it was made for, and how to tell that it works. It is
JSON: nothing in it is run. Each kind is one dataclass, through which training writes the card
beside the model and serving reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import finite_array
from warmstart_planner.files.structured import structured
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import VehicleParameters

RANGE_MARGIN = 0.1  # by which a value may leave a training range, in the range's widths
RANGE_SLACK = 1e-3  # and where that has no width, in the value's unit

Shape = tuple[int, ...]
SomeCard = TypeVar('SomeCard', bound='Card')


class CardError(ValueError):
    """A card, or the model that it describes, is not what it has to be; says what is where."""


class NoModelError(CardError):
    """A folder has no model of a kind at all."""

    def __init__(self, card_file: Path | str) -> None:
        super().__init__(card_file)
        self.card_file = Path(card_file)

    def __str__(self) -> str:
        return f'{self.card_file}: expected a readable model card: there is none'


class VehicleUnknownError(CardError):
    """A model was trained for another car than the one that it is wanted for."""


def tensor_type(name: str) -> type[np.float32] | type[np.bool_]:
    """Return the element type of an input or output."""
    return np.bool_ if name == 'present' else np.float32


def file_sha256(path: Path | str) -> str:
    """Return the SHA-256 of a model file, in hexadecimal."""
    return model_sha256(Path(path).read_bytes())


def model_sha256(content: bytes) -> str:
    """Return the SHA-256 of a model file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, eq=False)
class Range:
    """Least and greatest values that a model was trained on, of equal shape (n,)."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse values that are not finite, or the wrong way round."""
        low = finite_array('low', self.low, (None,))
        high = finite_array('high', self.high, low.shape)
        if (low > high).any():
            at = int(np.argmax(low > high))
            raise ValueError(f'low is {low[at]} at {at}: expected at most high ({high[at]})')
        object.__setattr__(self, 'low', low)
        object.__setattr__(self, 'high', high)

    def widened(self) -> Range:
        """Return what still counts as familiar: the range, and a margin around it."""
        slack = RANGE_MARGIN * (self.high - self.low) + RANGE_SLACK
        return Range(self.low - slack, self.high + slack)

    def holds(self, values: NDArray[np.floating]) -> bool:
        """Whether all values of shape (..., n) lie within."""
        return bool(((self.low <= values) & (values <= self.high)).all())


@dataclass(frozen=True, eq=False)
class Golden:
    """An input of the model, by name, and what it answered when it was exported."""

    inputs: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        """Give each tensor the element type that models have it in."""
        for side in ('inputs', 'outputs'):
            typed = {k: np.asarray(v, tensor_type(k)) for k, v in getattr(self, side).items()}
            object.__setattr__(self, side, typed)


@dataclass(frozen=True, kw_only=True)
class Card:
    """
    What every kind of card says; each has `inputs` and `outputs` too, its tensors' shapes by name.

    `onnx` is the model's file name, beside the card, and `sha256` of its bytes. `vehicle` and
    `margins` are those of the solutions or drives that it learned from. `golden` is a pair that
    the model is tested with. `provenance` tells of data set, commit, versions, parameters and
    metrics; nothing here reads it. `kind` and `schema_version` default to the kind's own.

    Raises:
        CardError: a field is not what it has to be; the message names it.

    """

    kind: str
    schema_version: int
    model_id: str
    onnx: str
    sha256: str
    vehicle: VehicleParameters
    margins: Margins
    golden: Golden
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a card of another version or kind than its class is for, or one of no model."""
        for name in ('kind', 'schema_version'):
            expect(name, getattr(self, name), getattr(type(self), name))
        for name in ('model_id', 'onnx', 'sha256'):
            _expect_text(name, getattr(self, name))
        _expect_text('vehicle.name', self.vehicle.name)
        if Path(self.onnx).name != self.onnx:
            refuse('onnx', self.onnx, 'the name of a file beside the card')
        if not re.fullmatch('[0-9a-f]{64}', self.sha256):
            refuse('sha256', self.sha256, '64 digits of 0 to 9, a to f')


# --- files ---


def read_card(path: Path | str, kind: type[SomeCard]) -> SomeCard:
    """
    Read a card.

    Args:
        path: its file.
        kind: the class of cards that it has to be.

    Raises:
        NoModelError: there is no such file.
        CardError: it is not a card that this version reads; the message names the file, the
            field, its value and what was expected.

    """
    try:
        text = Path(path).read_text(encoding='utf-8')
        content = json.loads(text, parse_constant=_no_constant)
        _expect_kind(content, kind)
        return structured(kind, content, complete=True)
    except FileNotFoundError:
        raise NoModelError(path) from None
    except OSError as error:
        raise CardError(f'{path}: expected a readable model card: {error.strerror}') from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CardError(f'{path} is not JSON: {error}: expected a model card') from None
    except ValueError as error:
        raise CardError(f'{path}: {error}') from None


def _expect_kind(content: Any, kind: type[Card]) -> None:
    """Refuse, before all else, a card of another version or kind: it may differ in anything."""
    if not isinstance(content, Mapping):
        refuse('card', content, 'a mapping')
    for name in ('kind', 'schema_version'):
        expect(name, content.get(name), getattr(kind, name))


def write_card(path: Path | str, card: Card) -> None:
    """
    Write a card; whoever reads meanwhile sees the old file or the new one, whole.

    Raises:
        CardError: the card's provenance holds a number that is not finite.

    """
    try:
        text = json.dumps(card, default=_plain, allow_nan=False, sort_keys=True)
    except ValueError as error:
        raise CardError(f'{path}: {error}: expected finite numbers everywhere') from None
    part = Path(f'{path}.part')
    part.write_text(text + '\n', encoding='utf-8')
    os.replace(part, path)


def _plain(value: object) -> Any:
    """Return what JSON has no word for in its words."""
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f'{value!r} cannot be part of a model card')


def _no_constant(name: str) -> NoReturn:
    raise CardError(f'the card holds {name}: expected finite numbers')


# --- checks ---


def refuse(name: str, value: object, expected: str) -> NoReturn:
    """Raise a CardError about a field."""
    raise CardError(f'{name} is {value!r}: expected {expected}')


def expect(name: str, value: object, expected: object) -> None:
    """Refuse what is not equal to what it has to be, in type and value."""
    if type(value) is not type(expected) or value != expected:
        refuse(name, value, repr(expected))


def expect_count(name: str, value: object) -> None:
    """Refuse what is not a whole number of at least 1."""
    if type(value) is not int or value < 1:
        refuse(name, value, 'a whole number of at least 1')


def expect_positive(name: str, value: object) -> None:
    """Refuse what is not a finite number above 0."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0.0 < value < np.inf:
        refuse(name, value, 'a finite number above 0')


def expect_vehicle(subject: str, vehicle: VehicleParameters, card: Card) -> None:
    """
    Refuse a car that the model of a card does not know.

    Args:
        subject: what says the car, as in 'problem.vehicle'.
        vehicle: the car.
        card: of the model.

    Raises:
        VehicleUnknownError: it is another one.

    """
    if vehicle != card.vehicle:
        raise VehicleUnknownError(
            f'{subject} is {vehicle.label!r}: model {card.model_id!r} is for '
            f'{card.vehicle.label!r}'
        )


def _expect_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        refuse(name, value, 'a text that is not empty')


def expect_golden(card: Card) -> None:
    """Refuse a golden pair that is not of the card's shapes, and finite."""
    _expect_tensors('golden.inputs', card.golden.inputs, card.inputs)
    _expect_tensors('golden.outputs', card.golden.outputs, card.outputs)


def expect_shapes(name: str, found: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> None:
    """Refuse other tensors, or tensors of other shapes."""
    if found.keys() != wanted.keys():
        refuse(name, sorted(found), str(sorted(wanted)))
    for key, shape in wanted.items():
        if tuple(found[key]) != shape:
            refuse(f'{name}.{key}', list(found[key]), str(list(shape)))


def _expect_tensors(
    name: str, found: Mapping[str, NDArray[Any]], shapes: Mapping[str, Shape]
) -> None:
    expect_shapes(name, {key: each.shape for key, each in found.items()}, shapes)
    for key, array in found.items():
        if not np.isfinite(array).all():
            raise CardError(f'{name}.{key} holds numbers that are not finite')
