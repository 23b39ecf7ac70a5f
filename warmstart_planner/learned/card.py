# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Model cards: what an ONNX file holds, what it was made for, and how to tell that it works.

Training writes the card beside the model and serving reads it; both through the one dataclass
here. A card is JSON: nothing in it is run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import finite_array, number
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import OBSTACLE_PARAMETERS, ROAD_PARAMETERS, CostWeights
from warmstart_planner.problem import MAX_OBSTACLES, Horizon
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

SCHEMA_VERSION = 1
CONTEXT_VERSION = 1  # of `learned.context`: what the numbers of a context mean
KIND = 'decision_transformer'
CARD_FILE = f'{KIND}.json'
ONNX_FILE = f'{KIND}.onnx'

Shape = tuple[int, ...]
Value = TypeVar('Value')


class CardError(ValueError):
    """A card, or the model that it describes, is not what it has to be; says what is where."""


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
        'log_probability': (candidates,),
        'unfamiliarity': (),
    }


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


@dataclass(frozen=True, eq=False)
class Golden:
    """An input of the model, by name, and what it answered when it was exported."""

    inputs: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Defaults:
    """What to ask of the model where nobody asks for anything else."""

    relative_return: float = 0.0
    constraint_to_go: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no model can be asked for."""
        number('relative_return', self.relative_return)
        number('constraint_to_go', self.constraint_to_go, at_least=0.0)


@dataclass(frozen=True)
class ModelCard:
    """
    What a model file is.

    `onnx` is the model's file name, beside the card, and `sha256` of its bytes. `vehicle`,
    `horizon`, `margins` and `weights` are those of the solver whose solutions it learned.
    `inputs` and `outputs` are the tensors' shapes; K = `candidates` comes first in the outputs.
    An `unfamiliarity` above `unfamiliarity_threshold` marks a problem unlike those it was trained
    on. `provenance` tells of data set, commit, versions, parameters and metrics; nothing here
    reads it.

    Raises:
        CardError: a field is not what it has to be; the message names it.

    """

    model_id: str
    onnx: str
    sha256: str
    vehicle: str
    horizon: Horizon
    margins: Margins
    weights: CostWeights
    candidates: int
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    training_range: TrainingRange
    unfamiliarity_threshold: float
    defaults: Defaults
    golden: Golden
    provenance: Mapping[str, Any] = field(default_factory=dict)
    context_version: int = CONTEXT_VERSION
    kind: str = KIND
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Check every field."""
        _expect('schema_version', self.schema_version, SCHEMA_VERSION)
        _expect('kind', self.kind, KIND)
        _expect('context_version', self.context_version, CONTEXT_VERSION)
        for name in ('model_id', 'onnx', 'sha256', 'vehicle'):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                _refuse(name, getattr(self, name), 'a text that is not empty')
        if Path(self.onnx).name != self.onnx:
            _refuse('onnx', self.onnx, 'the name of a file beside the card')
        if not re.fullmatch('[0-9a-f]{64}', self.sha256):
            _refuse('sha256', self.sha256, '64 digits of 0 to 9, a to f')
        if type(self.candidates) is not int or self.candidates < 1:
            _refuse('candidates', self.candidates, 'a whole number of at least 1')
        threshold = self.unfamiliarity_threshold
        if not isinstance(threshold, (int, float)) or not 0.0 < threshold < np.inf:
            _refuse('unfamiliarity_threshold', threshold, 'a finite number above 0')
        _expect_shapes('inputs', self.inputs, input_shapes(self.candidates))
        _expect_shapes('outputs', self.outputs, output_shapes(self.candidates, self.horizon))
        _expect_tensors('golden.inputs', self.golden.inputs, self.inputs)
        _expect_tensors('golden.outputs', self.golden.outputs, self.outputs)


def load_card(path: Path | str) -> ModelCard:
    """
    Read a card.

    Raises:
        CardError: there is no such file, or it is not a card that this version reads; the message
            names the file, the field, its value and what was expected.

    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'), parse_constant=_no_constant)
        return _card(content)
    except OSError as error:
        raise CardError(f'{path}: expected a readable model card: {error.strerror}') from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CardError(f'{path} is not JSON: {error}: expected a model card') from None
    except CardError as error:
        raise CardError(f'{path}: {error}') from None


def write_card(path: Path | str, card: ModelCard) -> None:
    """
    Write a card; whoever reads meanwhile sees the old file or the new one, whole.

    Raises:
        CardError: the card's provenance holds a number that is not finite.

    """
    content = {each.name: getattr(card, each.name) for each in fields(card)}
    content |= {name: asdict(content[name]) for name in ('horizon', 'margins', 'weights')}
    content['defaults'] = asdict(card.defaults)
    content['golden'] = vars(card.golden)
    content['training_range'] = {
        name: vars(each) for name, each in vars(card.training_range).items()
    }
    try:
        text = json.dumps(content, default=_plain, allow_nan=False, sort_keys=True)
    except ValueError as error:
        raise CardError(f'{path}: {error}: expected finite numbers everywhere') from None
    part = Path(f'{path}.part')
    part.write_text(text + '\n', encoding='utf-8')
    os.replace(part, path)


def _plain(value: object) -> Any:
    """Return what JSON has no word for in its words."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f'{value!r} cannot be part of a model card')


# --- from JSON ---


def _card(content: Any) -> ModelCard:
    # before all else: a card of another version may differ in anything
    version = _mapping('card', content).get('schema_version')
    _expect('schema_version', version, SCHEMA_VERSION)
    given = _members('card', content, ModelCard)
    return ModelCard(
        **given
        | {
            'horizon': _built('horizon', given['horizon'], Horizon),
            'margins': _built('margins', given['margins'], Margins),
            'weights': _built('weights', given['weights'], CostWeights),
            'defaults': _built('defaults', given['defaults'], Defaults),
            'inputs': _shapes('inputs', given['inputs']),
            'outputs': _shapes('outputs', given['outputs']),
            'training_range': _training_range(given['training_range']),
            'golden': _golden(given['golden']),
            'provenance': _mapping('provenance', given['provenance']),
        }
    )


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(name, value, 'an object')
    return value


def _members(name: str, value: Any, kind: type) -> dict[str, Any]:
    """Return an object that has just the fields of a dataclass."""
    found = _mapping(name, value)
    wanted = {each.name for each in fields(kind)}
    for missing in sorted(wanted - found.keys()):
        raise CardError(f'{_dotted(name, missing)} is missing: expected a value')
    for unknown in sorted(found.keys() - wanted):
        raise CardError(f'{_dotted(name, unknown)} is unknown: expected {sorted(wanted)}')
    return found


def _built(name: str, value: Any, kind: type[Value]) -> Value:
    """Build a dataclass of numbers."""
    members = _members(name, value, kind)
    for key, each in members.items():
        if isinstance(each, bool) or not isinstance(each, (int, float)):
            _refuse(_dotted(name, key), each, 'a number')
    return _made(name, kind, members)


def _made(name: str, kind: type[Value], members: Mapping[str, Any]) -> Value:
    try:
        return kind(**members)
    except ValueError as error:
        text = str(error)
        raise CardError(text if text.startswith(name) else f'{name}.{text}') from None


def _training_range(value: Any) -> TrainingRange:
    name = 'training_range'
    ranges = {}
    for part, inner in _members(name, value, TrainingRange).items():
        where = _dotted(name, part)
        ranges[part] = _made(where, Range, _members(where, inner, Range))
    return _made(name, TrainingRange, ranges)


def _shapes(name: str, value: Any) -> dict[str, Shape]:
    shapes = {}
    for key, shape in _mapping(name, value).items():
        if not isinstance(shape, list) or not all(type(size) is int for size in shape):
            _refuse(_dotted(name, key), shape, 'a list of whole numbers')
        shapes[key] = tuple(shape)
    return shapes


def _golden(value: Any) -> Golden:
    sides = {
        side: {
            key: _tensor(f'golden.{side}.{key}', key, numbers)
            for key, numbers in _mapping(f'golden.{side}', tensors).items()
        }
        for side, tensors in _members('golden', value, Golden).items()
    }
    return Golden(**sides)


def _tensor(where: str, name: str, numbers: Any) -> NDArray[Any]:
    try:
        array = np.array(numbers, dtype=float)
    except (TypeError, ValueError):
        raise CardError(f'{where} is not an array of numbers: expected one') from None
    return array.astype(tensor_type(name))


def _no_constant(name: str) -> NoReturn:
    raise CardError(f'the card holds {name}: expected finite numbers')


# --- checks ---


def _dotted(name: str, member: str) -> str:
    return member if name == 'card' else f'{name}.{member}'


def _refuse(name: str, value: object, expected: str) -> NoReturn:
    raise CardError(f'{name} is {value!r}: expected {expected}')


def _expect(name: str, value: object, expected: object) -> None:
    if type(value) is not type(expected) or value != expected:
        _refuse(name, value, repr(expected))


def _expect_shapes(name: str, found: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> None:
    if found.keys() != wanted.keys():
        _refuse(name, sorted(found), str(sorted(wanted)))
    for key, shape in wanted.items():
        if tuple(found[key]) != shape:
            _refuse(_dotted(name, key), list(found[key]), str(list(shape)))


def _expect_tensors(
    name: str, found: Mapping[str, NDArray[Any]], shapes: Mapping[str, Shape]
) -> None:
    _expect_shapes(name, {key: each.shape for key, each in found.items()}, shapes)
    for key, array in found.items():
        if array.dtype != tensor_type(key):
            _refuse(f'{name}.{key}', array.dtype, tensor_type(key).__name__)
        if not np.isfinite(array).all():
            raise CardError(f'{name}.{key} holds numbers that are not finite')
