# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Declarations of parameters, with range and unit; from and to fields of nested settings."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

Value = bool | int | float | str
Settings = TypeVar('Settings')


@dataclass(frozen=True)
class Parameter:
    """
    Declaration of one parameter.

    `low` and `high` bound a number, both inclusive; `choices` lists what a text may be. A
    read-only parameter is fixed once the node runs.
    """

    name: str
    default: Value
    description: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """Return the ROS descriptor."""
        unit = f' [{self.unit}]' if self.unit else ''
        descriptor = ParameterDescriptor(
            description=f'{self.description}{unit}',
            additional_constraints=self._constraints(),
            read_only=self.read_only,
        )
        if self.low is not None and self.high is not None:
            if isinstance(self.default, float):
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=float(self.low), to_value=float(self.high))
                ]
            else:
                descriptor.integer_range = [
                    IntegerRange(from_value=int(self.low), to_value=int(self.high))
                ]
        return descriptor

    def _constraints(self) -> str:
        return f'one of: {", ".join(self.choices)}' if self.choices else ''

    def check(self, value: Any) -> None:
        """
        Refuse a value.

        Raises:
            ValueError: not finite, out of range, or not one of the choices.

        """
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f'{self.name} is {value}: expected a finite number')
        if self.choices and value not in self.choices:
            raise ValueError(
                f'{self.name} is {value!r}: expected one of {", ".join(self.choices)}'
            )
        if (
            self.low is not None
            and value < self.low
            or self.high is not None
            and value > self.high
        ):
            unit = f' {self.unit}' if self.unit else ''
            raise ValueError(
                f'{self.name} is {value}{unit}: expected a number in [{self.low}, {self.high}]'
            )


def declared(
    settings: object,
    rows: Sequence[tuple[str, str, float, float, str]],
    read_only: Collection[str] = (),
) -> list[Parameter]:
    """
    Declare parameters for fields of nested settings, with the settings' values as defaults.

    Args:
        settings: frozen dataclass, of dataclasses.
        rows: (dotted name of the field, unit, least, greatest, description) each.
        read_only: names of those that are fixed once the node runs.

    """
    return [
        Parameter(
            name,
            _field(settings, name),
            text,
            unit=unit,
            low=low,
            high=high,
            read_only=name in read_only,
        )
        for name, unit, low, high, text in rows
    ]


def replaced(settings: Settings, values: Mapping[str, Any], names: Sequence[str]) -> Settings:
    """
    Return nested settings with the fields of some dotted names replaced.

    Raises:
        ValueError: the settings refuse a value.

    """
    groups: dict[str, dict[str, Any]] = {}
    changes: dict[str, Any] = {}
    for name in names:
        head, _, rest = name.partition('.')
        if rest:
            groups.setdefault(head, {})[rest] = values[name]
        else:
            changes[head] = values[name]
    for head, inner in groups.items():
        changes[head] = replaced(getattr(settings, head), inner, list(inner))
    return replace(settings, **changes)  # type: ignore[type-var]


def _field(settings: object, name: str) -> Value:
    value = reduce(getattr, name.split('.'), settings)
    if not isinstance(value, (bool, int, float, str)):
        raise TypeError(f'{name} is a {type(value).__name__}: expected a number or a text')
    return value
