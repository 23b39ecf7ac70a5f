# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of values that come from outside, each with one clear error."""

from __future__ import annotations

import math
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Kind = TypeVar('Kind')

TURN = 2 * np.pi  # [rad]
SHOWN_MAX = 80  # characters of a value in an error
LARGEST_WRAP = TURN + 1e-3  # of angles in one turn, with room for what was rounded [rad]


def finite_array(
    name: str, value: ArrayLike, shape: tuple[int | None, ...]
) -> NDArray[np.float64]:
    """
    Return `value` as a read-only float array of the given shape (None: any length).

    Raises:
        ValueError: not numeric, not of that shape, or not finite; the message names the field.

    """
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f'{name} is {value!r}: expected numbers') from None
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ', '.join('any' if want is None else str(want) for want in shape)
        raise ValueError(f'{name} has shape {array.shape}: expected ({wanted})')
    if not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f'{name} is {array[index]} at {index}: expected finite numbers')
    array.flags.writeable = False
    return array


def unwrapped(array: NDArray[np.float64], column: int) -> NDArray[np.float64]:
    """
    Return rows in time whose angle in a column [rad] goes from each to the next the short way.

    A jump by more than a turn is no matter of notation, and is left for others to judge.

    Args:
        array: shape (T, any), as `finite_array` returns it.
        column: which one is the angle.

    Returns:
        The array itself where nothing jumps, else a read-only copy with whole turns added.

    """
    step = np.diff(array[:, column])
    turns = np.where(np.abs(step) <= LARGEST_WRAP, np.round(step / TURN), 0.0)
    if not turns.any():
        return array
    result = array.copy()
    result[1:, column] -= TURN * np.cumsum(turns)
    result.flags.writeable = False
    return result


def number(name: str, value: Any, at_least: float = -np.inf, at_most: float = np.inf) -> float:
    """
    Return `value` as a finite float within the range.

    Raises:
        ValueError: not a finite number, or out of range; the message names the field.

    """
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise ValueError(f'{name} is {value!r}: expected a number') from None
    if not math.isfinite(result) or not at_least <= result <= at_most:
        raise ValueError(f'{name} is {result}: expected a number in [{at_least}, {at_most}]')
    return result


def shown(value: object) -> str:
    """Return a value as an error shows it: short, however long it is."""
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f'{text[: SHOWN_MAX - 3]}...'


def unchecked(kind: type[Kind], **fields: Any) -> Kind:
    """Return a dataclass of fields that are known to be good, in a fraction of the time."""
    made = object.__new__(kind)
    made.__dict__.update(fields)
    return made


def assert_never(value: NoReturn) -> NoReturn:
    """
    Say that a switch knows all kinds of a value, as Python's own from 3.11 on.

    Raises:
        AssertionError: it does not know this one.

    """
    raise AssertionError(f'{value!r} is of a kind that this does not know')
