# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What is wrong with given parameters that ROS passes over: names that nothing answers to.

A margin under a misspelt name is silently the default one. Every node tells at its start what it
was given and does not know, and which sections of its parameter files are for no node at all.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from warmstart_planner.files.strict_yaml import YamlError, parse

NODES = ('proposal', 'planner', 'controller', 'simulator')
PARAMETERS = 'ros__parameters'
WILDCARDS = ('*', '**')
# what every node of rclpy may be given, whether it declares it or not
OVERRIDES = 'qos_overrides.'  # begin of names of parameters for the quality of service of topics
OF_ROS = re.compile(rf'use_sim_time|start_type_description_service|{re.escape(OVERRIDES)}.*')
TOKENS = {'*': r'/[^/]+', '**': r'(?:/[^/]+)*'}


@dataclass(frozen=True)
class Section:
    """Parameters by dotted name, and a pattern of the nodes they are for, as '/**/planner'."""

    pattern: str
    parameters: Mapping[str, Any]

    @property
    def node(self) -> str:
        """Name of the node without its namespace, or a wildcard."""
        return self.pattern.rpartition('/')[2]

    def applies_to(self, node: str) -> bool:
        """Tell whether it is for a node, given by its full name."""
        tokens = self.pattern.strip('/').split('/')
        wanted = ''.join(TOKENS.get(token, '/' + re.escape(token)) for token in tokens)
        return re.fullmatch(wanted, node) is not None


def parameter_files(arguments: Sequence[str]) -> list[Path]:
    """Return the parameter files that a command line names for ROS."""
    files = []
    for_ros = False
    for argument, following in zip(arguments, [*arguments[1:], ''], strict=True):
        if argument in ('--ros-args', '--'):
            for_ros = argument == '--ros-args'
        elif for_ros and argument == '--params-file' and following:
            files.append(Path(following))
    return files


def sections_of(text: str) -> list[Section]:
    """
    Return the sections of a parameter file.

    Raises:
        YamlError: it is no YAML, or has a key twice.

    """
    return list(_sections(parse(text), ''))


def _sections(content: Any, path: str) -> Iterator[Section]:
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if key == PARAMETERS:
            yield Section(path, dict(_flat(value, '')))
        else:
            yield from _sections(value, f'{path}/{key.strip("/")}')


def _flat(content: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


@dataclass(frozen=True)
class Listener:
    """
    A node that parameters are given to.

    `name` is its full one; `known` are its parameters; `known_elsewhere` returns those of all
    nodes of the system, and is asked only where something is unknown.
    """

    name: str
    known: Collection[str]
    known_elsewhere: Callable[[], Collection[str]]

    def ignores(self, parameter: str) -> bool:
        """Tell whether a parameter given to it has no effect."""
        return parameter not in self.known and OF_ROS.fullmatch(parameter) is None


def useless_parameters(
    files: Sequence[Path], overrides: Collection[str], listener: Listener
) -> list[str]:
    """
    Return one line for each thing given to a node, or in its files, that nothing answers to.

    Args:
        files: parameter files that the node was started with.
        overrides: names of all that it was given, in files and one by one.
        listener: the node.

    """
    found: list[str] = []
    in_files: set[str] = set()
    for file in files:
        try:
            sections = sections_of(file.read_text(encoding='utf-8'))
        except (YamlError, UnicodeDecodeError) as error:
            found.append(f'{file}: {error}')
            continue
        except OSError as error:
            found.append(f'{file}: cannot be read ({error.strerror})')
            continue
        found += [f'{file}: {text}' for text in _about_sections(sections, listener)]
        for section in sections:
            if section.applies_to(listener.name):
                in_files |= section.parameters.keys()
                found += [f'{file}: {text}' for text in _about_parameters(section, listener)]
    alone = sorted(name for name in overrides if name not in in_files and listener.ignores(name))
    return found + [_unknown(name, listener.known) for name in alone]


def unused_overrides(
    files: Sequence[Path], overrides: Collection[str], listener: Listener
) -> list[str]:
    """
    Return one line for each quality of service given to a node for a topic that it does not have.

    Args:
        files: parameter files that the node was started with.
        overrides: names of all that it was given, in files and one by one.
        listener: the node, with all publishers and subscriptions.

    """
    unused = {n for n in overrides if n.startswith(OVERRIDES) and n not in listener.known}
    for file in files if unused else ():
        with contextlib.suppress(YamlError, OSError, UnicodeDecodeError):  # told at the start
            for section in sections_of(file.read_text(encoding='utf-8')):
                if section.node in WILDCARDS:  # it may mean another node's topics
                    unused -= section.parameters.keys()
    return [
        f'parameter {name} is for no topic that the node has now{_meant(name, listener.known)}'
        for name in sorted(unused)
    ]


def _about_sections(sections: Sequence[Section], listener: Listener) -> Iterator[str]:
    """Tell of sections that are for no node, or for the listener's name elsewhere."""
    own = listener.name.rpartition('/')[2]
    for section in sections:
        if section.node not in (*NODES, *WILDCARDS, own):
            meant = _meant(section.node, NODES) or f': expected one of {", ".join(NODES)}'
            yield f'section {section.pattern} is for no node of this system{meant}'
    named = [section for section in sections if section.node == own]
    if named and not any(section.applies_to(listener.name) for section in named):
        patterns = ', '.join(section.pattern for section in named)
        yield f'section {patterns} is not for {listener.name}: its parameters do not count there'


def _about_parameters(section: Section, listener: Listener) -> Iterator[str]:
    """Tell of parameters that have no effect; what is for several nodes may be for another one."""
    ignored = [name for name in section.parameters if listener.ignores(name)]
    known = listener.known
    if ignored and section.node in WILDCARDS:
        known = {*known, *listener.known_elsewhere()}
        ignored = [name for name in ignored if name not in known]
    for name in ignored:
        yield f'section {section.pattern}: {_unknown(name, known)}'


def _unknown(name: str, known: Collection[str]) -> str:
    return f'parameter {name} is unknown{_meant(name, known)}'


def _meant(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, sorted(known), 1)
    return f': did you mean {near[0]}?' if near else ''


def system_parameters() -> set[str]:
    """Return the names of the parameters of all nodes of the system."""
    # each node needs those of the others only where something is wrong, and they take time to load
    from warmstart_planner.nodes.parameters import controller, planner, proposal, simulator

    modules = (proposal, planner, controller, simulator)
    return {each.name for module in modules for each in module.DECLARATIONS}
