# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
YAML that means what a reader takes it to mean: the core schema of YAML 1.2, each key once.

PyYAML alone follows YAML 1.1, where `2e1` is a text, `on` is true and `1:30` is ninety, and of a
key that is given twice it keeps the last.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

DEPTH_MAX = 50  # of mappings and lists in each other
ALIASED_MAX = 10_000  # values that all aliases together may stand for
INTEGER_BITS = 64
TAG = 'tag:yaml.org,2002:'
NULL = re.compile(r'(?:~|null|Null|NULL|)\Z')
TRUTH = re.compile(r'(?:true|True|TRUE|false|False|FALSE)\Z')
INTEGER = re.compile(r'(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z')
FLOAT = re.compile(
    r'(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?'
    r'|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z'
)
# in the order in which they are tried
SCALARS = {'null': NULL, 'bool': TRUTH, 'int': INTEGER, 'float': FLOAT}


class YamlError(ValueError):
    """A text that is no YAML, or more than one reader's; the message says where and why."""


class _Composer(
    yaml.reader.Reader,
    yaml.scanner.Scanner,
    yaml.parser.Parser,
    yaml.composer.Composer,
    yaml.resolver.BaseResolver,
):
    """Text to nodes, with the tags of the core schema."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)
        yaml.resolver.BaseResolver.__init__(self)


for _name, _pattern in SCALARS.items():
    _Composer.add_implicit_resolver(f'{TAG}{_name}', _pattern, None)


def parse(text: str) -> Any:
    """
    Return what a YAML document says: mappings with texts as keys, lists, numbers, texts, None.

    Raises:
        YamlError: the text is no YAML, holds several documents, a key twice, a key that is no
            text, a tag beyond the core schema, an integer beyond 64 bits, or is nested or
            aliased beyond reason.

    """
    try:
        node = _Composer(text).get_single_node()
        return None if node is None else _Reading().value(node, '', 0)
    except yaml.YAMLError as error:
        detail = ' '.join(str(error).split()).replace(' in "<unicode string>",', ' in')
        raise YamlError(f'is not YAML: {detail}') from None
    except RecursionError:
        raise YamlError(f'is nested too deeply: expected at most {DEPTH_MAX} levels') from None


class _Reading:
    """Turns nodes into values, and keeps count of those that aliases repeat."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._repeated = 0

    def value(self, node: yaml.Node, where: str, depth: int) -> Any:
        """Return a node's value; `where` is its place from the document's root."""
        line = node.start_mark.line + 1
        if depth > DEPTH_MAX:
            raise YamlError(
                f'is nested too deeply in line {line}: expected at most {DEPTH_MAX} levels'
            )
        self._count(node)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, where)
        if id(node) in self._open:
            raise YamlError(f'{where} in line {line} holds itself: expected an end')
        self._open.add(id(node))
        is_list = isinstance(node, yaml.SequenceNode)
        _check_tag(node, 'seq' if is_list else 'map', where)
        found = (self._items if is_list else self._mapping)(node, where, depth + 1)
        self._open.discard(id(node))
        return found

    def _count(self, node: yaml.Node) -> None:
        self._repeated += id(node) in self._seen
        self._seen.add(id(node))
        if self._repeated > ALIASED_MAX:
            raise YamlError(f'has aliases for more than {ALIASED_MAX} values: expected fewer')

    def _items(self, node: yaml.SequenceNode, where: str, depth: int) -> list[Any]:
        return [self.value(each, f'{where}[{i}]', depth) for i, each in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, where: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self.value(key_node, f'a key of {where or "the file"}', depth)
            if not isinstance(key, str):
                raise YamlError(f'{key!r} is a key in line {line}: expected a text')
            place = f'{where}.{key}'.lstrip('.')
            if key in found:
                raise YamlError(
                    f'{place} is given twice, again in line {line}: expected each key once'
                )
            found[key] = self.value(value_node, place, depth)
        return found


def _scalar(node: yaml.ScalarNode, where: str) -> Any:
    kind, text = node.tag.removeprefix(TAG), node.value
    if kind == 'str':
        return text
    if kind not in SCALARS or not SCALARS[kind].match(text):
        _check_tag(node, '', where)
    if kind == 'null':
        return None
    if kind == 'bool':
        return text.lower() == 'true'
    return _integer(text, node, where) if kind == 'int' else _float(text)


def _integer(text: str, node: yaml.ScalarNode, where: str) -> int:
    base = {'0o': 8, '0x': 16}.get(text[:2], 10)
    digits = text[2:] if base != 10 else text
    # the longest that can be within the bits, before Python counts much longer ones
    number = int(digits, base) if len(digits.lstrip('+-0')) <= INTEGER_BITS else None
    if number is None or number.bit_length() > INTEGER_BITS:
        shown = text if len(text) <= 30 else f'{text[:27]}...'
        raise YamlError(
            f'{where or "the file"} is {shown} in line {node.start_mark.line + 1}: expected '
            f'a whole number of at most {INTEGER_BITS} bits'
        )
    return number


def _float(text: str) -> float:
    return float(text.lower().replace('.inf', 'inf').replace('.nan', 'nan'))


def _check_tag(node: yaml.Node, expected: str, where: str) -> None:
    """Refuse a tag that does not fit what it is put on."""
    if node.tag != f'{TAG}{expected}':
        raise YamlError(
            f'{where or "the file"} has the tag {node.tag!r} in line '
            f'{node.start_mark.line + 1}: expected none'
        )
