# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A node's parameters: what is given is validated whole, then applied whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from warmstart_planner.nodes.parameters.declaration import Parameter

Settings = TypeVar('Settings')


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
