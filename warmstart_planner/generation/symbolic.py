# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is common to all places where numpy's functions meet CasADi's symbols and become C."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def numpy_on_symbols() -> Iterator[None]:
    """
    Silence CasADi's announcement that numpy's functions on matrices will change.

    The functions of `vehicle` and `objective` only ever apply them to scalars.
    """
    with warnings.catch_warnings():
        message = r'\s*casadi: a numpy'
        warnings.filterwarnings('ignore', category=FutureWarning, message=message)
        yield


def write_c_code(functions: Sequence[Any], folder: Path, name: str) -> None:
    """Write `<name>.c` with CasADi functions to a folder."""
    import casadi as ca

    generator = ca.CodeGenerator(f'{name}.c', {'casadi_int': 'int', 'with_header': False})
    for function in functions:
        generator.add(function)
    generator.generate(f'{folder}/')
