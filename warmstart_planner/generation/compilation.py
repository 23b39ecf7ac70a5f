# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
How generated code is compiled, and for which processors.

The target is a level of the processor's architecture, not "native": a level says exactly which
instructions a library may hold, so another processor can be told that it has not got them before
it meets one.
"""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CPU_INFO = Path('/proc/cpuinfo')
# Levels of the x86-64 psABI, highest first: what each has beyond the one below, as Linux names it.
X86_LEVELS = (
    ('x86-64-v4', {'avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'}),
    ('x86-64-v3', {'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave'}),
    ('x86-64-v2', {'cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3'}),
    ('x86-64', set()),
)
OTHER_TARGETS = {'aarch64': 'armv8-a'}


@dataclass(frozen=True)
class Language:
    """A language: its name, its compiler unless the environment's variable names one, flags."""

    name: str
    variable: str
    compiler: str
    flags: tuple[str, ...]


C = Language('C', 'CC', 'cc', ('-std=gnu11',))
CPP = Language(
    'C++',
    'CXX',
    'c++',
    # contraction across statements, which operators of lanes are
    ('-std=gnu++17', '-ffp-contract=fast', '-fno-exceptions', '-fno-rtti', '-Wno-psabi'),
)


@cache
def target() -> str:
    """Return the highest level that this machine's processor has, in the words of -march."""
    machine = platform.machine()
    if machine not in ('x86_64', 'AMD64'):
        return OTHER_TARGETS.get(machine, 'native')
    return x86_level(CPU_INFO.read_text() if CPU_INFO.is_file() else '')


def x86_level(cpu_info: str) -> str:
    """Return the highest level whose instructions, and all below, Linux names in `cpuinfo`."""
    line = next((each for each in cpu_info.splitlines() if each.startswith('flags')), '')
    has = set(line.partition(':')[2].split())
    found = X86_LEVELS[-1][0]
    for level, needed in reversed(X86_LEVELS):
        if not needed <= has:
            break
        found = level
    return found


def optimisation() -> tuple[str, ...]:
    """Return the flags of all generated code that is fast."""
    return ('-O3', f'-march={target()}', '-fno-math-errno')


def flags(language: Language) -> list[str]:
    """Return all flags with which a shared library is compiled."""
    # interposition would make even CasADi's square a call through a table
    shared = ('-fno-semantic-interposition', '-fPIC', '-shared')
    return [*optimisation(), *shared, *language.flags]


def toolchain(language: Language) -> dict[str, Any]:
    """Return what a library depends on beside its sources: the flags and the processor."""
    return {'flags': flags(language), 'target': target()}


def compile_library(
    language: Language, sources: Sequence[Path], output: Path, options: Sequence[str] = ()
) -> None:
    """
    Compile sources into a shared library; `options` follow the sources.

    Raises:
        RuntimeError: there is no compiler, or it refuses the sources; the message has its words.

    """
    compiler = os.environ.get(language.variable, language.compiler)
    command = [compiler, *flags(language), *map(str, sources), *options, '-o', str(output)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError(
            f'{language.name} compiler {compiler!r} is not installed: '
            f'expected one on PATH or in {language.variable}'
        ) from None
    if done.returncode:
        raise RuntimeError(f'{compiler} failed on {sources[0]}:\n{done.stderr[-2000:]}')


def open_library(file: Path, functions: Mapping[str, Sequence[Any]]) -> ctypes.CDLL:
    """
    Load a shared library.

    Args:
        file: the library.
        functions: that are called, by name: the type of the result, None for none, and those of
            the arguments, as ctypes has them.

    Raises:
        OSError: it cannot be loaded.
        AttributeError: it has no such function.

    """
    library = ctypes.CDLL(str(file))
    for name, (result, *arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
