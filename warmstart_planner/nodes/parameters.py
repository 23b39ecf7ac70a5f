# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node parameters: declared with descriptor, range and unit; validated all, then applied all."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

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


class Parameters(Generic[Settings]):
    """
    A node's parameters and the settings that are built from them.

    A change is checked whole: each value against its declaration, then all together by `build`,
    which raises ValueError where they do not fit each other. Only then `settings` is replaced and
    `applied` is called with it. A rejected change leaves everything as it was and says why.

    Args:
        node: the node that owns the parameters.
        declarations: all of them.
        build: makes the settings from a mapping name -> value.
        applied: told of new settings, after the node's parameters hold them.

    Raises:
        ValueError: a value that the node was started with is refused.

    """

    def __init__(
        self,
        node: Node,
        declarations: Sequence[Parameter],
        build: Callable[[Mapping[str, Any]], Settings],
        applied: Callable[[Settings], None] = lambda settings: None,
    ) -> None:
        self._node = node
        self._declarations = {each.name: each for each in declarations}
        self._build = build
        self._applied = applied
        for each in declarations:
            self._declare(each)
        self.settings: Settings = self._validated(self.values())
        if hasattr(node, 'add_post_set_parameters_callback'):
            node.add_on_set_parameters_callback(self._validate)
            node.add_post_set_parameters_callback(self._apply)
        else:  # Humble: what this callback accepts is set right behind it
            node.add_on_set_parameters_callback(self._validate_and_apply)

    def _declare(self, declaration: Parameter) -> None:
        try:
            self._node.declare_parameter(
                declaration.name, declaration.default, declaration.descriptor()
            )
        except ParameterException as error:
            raise ValueError(f'parameter {declaration.name}: {error}') from None

    def values(self) -> dict[str, Any]:
        """Return all values by name."""
        return {name: self._node.get_parameter(name).value for name in self._declarations}

    def _validated(self, values: Mapping[str, Any]) -> Settings:
        for name, declaration in self._declarations.items():
            declaration.check(values[name])
        return self._build(values)

    def _validate(self, changes: list[RosParameter]) -> SetParametersResult:
        try:
            if self._concern_us(changes):
                self._validated(self._with(changes))
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, changes: list[RosParameter]) -> None:
        if self._concern_us(changes):
            self.settings = self._validated(self._with(changes))
            self._applied(self.settings)

    def _concern_us(self, changes: list[RosParameter]) -> bool:
        return any(each.name in self._declarations for each in changes)

    def _validate_and_apply(self, changes: list[RosParameter]) -> SetParametersResult:
        result = self._validate(changes)
        if result.successful:
            self._apply(changes)
        return result

    def _with(self, changes: list[RosParameter]) -> dict[str, Any]:
        known = {each.name: each.value for each in changes if each.name in self._declarations}
        return self.values() | known


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
