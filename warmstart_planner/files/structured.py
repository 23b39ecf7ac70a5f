# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From the plain values of YAML and JSON to frozen dataclasses, held to their annotations."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import shown

Kind = TypeVar('Kind')
WORDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text'}


def structured(kind: type[Kind], content: Any, where: str = '', *, complete: bool = False) -> Kind:
    """
    Return a dataclass as plain values say it.

    A field is what its annotation says: bool, int, float, str, an enumeration by its value, a
    dataclass, `X | None`, `tuple[X, ...]`, `tuple[X, Y]`, `Mapping[str, X]`, NDArray or Any. Whole
    numbers stand for floats; nothing else is converted.

    Args:
        kind: the dataclass.
        content: mapping with its fields.
        where: dotted name of the content, for errors.
        complete: refuse content that leaves out what has a default.

    Raises:
        ValueError: a field is missing, unknown or not as annotated, or the dataclass refuses it;
            the message names the field, its value and what was expected.

    """
    if not isinstance(content, Mapping):
        _refuse(where or 'the file', content, 'a mapping')
    declared = _declared(kind)
    for name in content:
        if name not in declared:
            known = ', '.join(declared)
            raise ValueError(f'{_dotted(where, str(name))} is unknown: expected one of {known}')
    for name, (field, _) in declared.items():
        if name not in content and (complete or not _has_default(field)):
            raise ValueError(f'{_dotted(where, name)} is missing: expected a value')
    values = {
        name: _value(declared[name][1], value, _dotted(where, name), complete)
        for name, value in content.items()
    }
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(_placed(where, str(error))) from None


@cache
def _declared(kind: type) -> dict[str, tuple[Field[Any], Any]]:
    """Return the fields that a dataclass is made from, with their types."""
    hints = typing.get_type_hints(kind)
    return {field.name: (field, hints[field.name]) for field in fields(kind) if field.init}


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _value(kind: Any, value: Any, where: str, complete: bool) -> Any:
    if kind is Any:
        return value
    if is_dataclass(kind):
        return structured(kind, value, where, complete=complete)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind, value, where)
    if kind in WORDS:
        return _scalar(kind, value, where)
    parts = typing.get_args(kind)
    read = _READERS[typing.get_origin(kind)]
    return read(parts, value, where, complete)


def _scalar(kind: type, value: Any, where: str) -> Any:
    if type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return float(value)
    return _refuse(where, value, WORDS[kind])


def _member(kind: type[Enum], value: Any, where: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        return _refuse(where, value, f'one of {", ".join(str(each.value) for each in kind)}')


def _optional(parts: tuple[Any, ...], value: Any, where: str, complete: bool) -> Any:
    (kind,) = (part for part in parts if part is not types.NoneType)
    return None if value is None else _value(kind, value, where, complete)


def _tuple(parts: tuple[Any, ...], value: Any, where: str, complete: bool) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        _refuse(where, value, 'a list')
    if parts[-1] is Ellipsis:
        parts = parts[:1] * len(value)
    elif len(value) != len(parts):
        _refuse(where, value, f'{len(parts)} values')
    return tuple(
        _value(part, each, f'{where}[{place}]', complete)
        for place, (part, each) in enumerate(zip(parts, value, strict=True))
    )


def _mapping(parts: tuple[Any, ...], value: Any, where: str, complete: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        _refuse(where, value, 'a mapping')
    return {
        name: _value(parts[1], each, _dotted(where, name), complete)
        for name, each in value.items()
    }


def _array(parts: tuple[Any, ...], value: Any, where: str, complete: bool) -> NDArray[np.float64]:
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError):
        return _refuse(where, value, 'an array of numbers')


_READERS: Mapping[Any, Callable[..., Any]] = {
    types.UnionType: _optional,
    typing.Union: _optional,
    tuple: _tuple,
    Mapping: _mapping,
    dict: _mapping,
    np.ndarray: _array,
}


def _dotted(where: str, name: str) -> str:
    return f'{where}.{name}' if where else name


def _placed(where: str, text: str) -> str:
    """Return a dataclass's own error with where it is; some name themselves already."""
    outer, _, name = where.rpartition('.')
    return _dotted(outer if text.startswith(f'{name}.') else where, text)


def _refuse(where: str, value: Any, expected: str) -> NoReturn:
    raise ValueError(f'{where} is {shown(value)}: expected {expected}')
