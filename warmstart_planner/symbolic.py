# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is common to all places where numpy's functions meet CasADi's symbols."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


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
