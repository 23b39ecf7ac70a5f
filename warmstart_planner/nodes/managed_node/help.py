# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a node's `--help` says: its topics and parameters, without a ROS node being made."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from textwrap import indent, wrap

from warmstart_planner.nodes.parameters.declaration import Parameter
from warmstart_planner.processes.system import NODE_TOPICS

WIDTH = 99
ROS_ARGUMENTS = '--ros-args'


def is_asked_for(arguments: Sequence[str]) -> bool:
    """Tell whether a command line asks for help; what is behind `--ros-args` is for ROS."""
    arguments = [*arguments, ROS_ARGUMENTS]
    own = arguments[: arguments.index(ROS_ARGUMENTS)]
    return bool({'-h', '--help'} & {*own})


def text(name: str, node: type, declarations: Iterable[Parameter]) -> str:
    """Return what a node of a name, by its class, does, takes and gives."""
    topics = [f'{own}: {topic}' for own, topic in NODE_TOPICS[name].items()]
    return '\n\n'.join(
        [
            f'usage: {name} [--help] [{ROS_ARGUMENTS} [-p PARAMETER:=VALUE ...] '
            '[--params-file FILE] [-r FROM:=TO ...]]',
            inspect.getdoc(node) or '',
            '\n'.join(['topics, by what they are called in the system:', *_indented(topics)]),
            '\n'.join(['parameters:', *map(_parameter, declarations)]),
        ]
    )


def _indented(lines: Iterable[str]) -> list[str]:
    return [f'  {line}' for line in lines]


def _parameter(each: Parameter) -> str:
    unit = f' {each.unit}' if each.unit not in ('', '1') else ''
    allowed = f', one of {", ".join(map(repr, each.choices))}' * bool(each.choices)
    if each.low is not None and each.high is not None:
        allowed = f', {each.low:g} to {each.high:g}'
    fixed = '; fixed once the node runs' * each.read_only
    said = f'{each.description} (default {each.default!r}{unit}{allowed}{fixed})'
    return f'  {each.name}\n{indent(chr(10).join(wrap(said, WIDTH - 6)), 6 * " ")}'
