# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Structures that Python hands to C: declared once, with ctypes, and written for C from that.

Their name in C follows from the class: `RoadWaysStructure` is `road_ways_t`.
"""

from __future__ import annotations

import ctypes
import dataclasses
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

HEADER = 'layout.h'
NUMBERS = {ctypes.c_int: 'int', ctypes.c_double: 'double'}


class Address(ctypes.c_void_p):
    """Where elements of `c_type` lie; Python gives it as a whole number."""

    c_type = 'void'


@cache
def address_of(c_type: str) -> type[Address]:
    """Return the type of a field that holds the address of elements such as `const double`."""
    return type('AddressOf', (Address,), {'c_type': c_type})


def fields(kind: Any, *names: str) -> list[tuple[str, Any]]:
    """Return fields of one type."""
    return [(name, kind) for name in names]


def numbers_of(value_type: type) -> list[tuple[str, Any]]:
    """Return the numbers of a dataclass as fields: all but its name."""
    names = [field.name for field in dataclasses.fields(value_type)]
    return fields(ctypes.c_double, *(name for name in names if name != 'name'))


def header(*structures: type[ctypes.Structure], **constants: int) -> str:
    """Return the C header of constants and structures; what one is made of comes before it."""
    enums = [f'enum {{ {name} = {value} }};' for name, value in constants.items()]
    begin = ['#pragma once', '#include <stdint.h>', *enums, '']
    return '\n'.join([*begin, *map(_declaration, structures)])


def defines(values: Mapping[str, Any]) -> str:
    """Return values as C's preprocessor has them, a line each."""
    return ''.join(f'#define {name} {value}\n' for name, value in values.items())


def constants_of(names: Mapping[ModuleType, Sequence[str]]) -> dict[str, Any]:
    """Return the values of some constants of modules, by their names."""
    return {name: getattr(module, name) for module, own in names.items() for name in own}


def c_name(structure: type[ctypes.Structure]) -> str:
    """Return what C calls a structure."""
    words = re.findall('[A-Z][a-z]*', structure.__name__.removesuffix('Structure'))
    return '_'.join([*map(str.lower, words), 't'])


def _declaration(structure: type[ctypes.Structure]) -> str:
    lines = [f'    {_field(kind, name)};' for name, kind in structure._fields_]
    return '\n'.join(['typedef struct {', *lines, f'}} {c_name(structure)};', ''])


def _field(kind: Any, name: str) -> str:
    """Return the declaration of a field."""
    if kind in NUMBERS:
        return f'{NUMBERS[kind]} {name}'
    if issubclass(kind, Address):
        return f'{kind.c_type} *{name}'
    if issubclass(kind, ctypes.Structure):
        return f'{c_name(kind)} {name}'
    if issubclass(kind, ctypes.Array):
        return _field(kind._type_, f'{name}[{kind._length_}]')
    raise TypeError(
        f'field {name!r} is a {kind.__name__}: '
        'expected a number, an array of them, an address or a structure'
    )
