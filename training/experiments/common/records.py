# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Frozen dataclasses back from the plain values that a journal keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import cattrs

Kept = TypeVar('Kept')


def structured(kind: type[Kept]) -> Callable[[Mapping[str, Any]], Kept]:
    """Return a function that makes values of a kind; it raises ValueError that names the field."""

    def read(content: Mapping[str, Any]) -> Kept:
        try:
            return cattrs.structure(content, kind)
        except cattrs.BaseValidationError as error:
            raise ValueError('; '.join(cattrs.transform_error(error))) from None

    return read
