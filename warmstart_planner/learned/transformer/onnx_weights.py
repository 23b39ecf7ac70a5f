# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The weights inside an ONNX file, by name.

An exporter keeps the names of most weights; what it has folded is named by
`training.decision_transformer.onnx_weights`: a transposed matrix, or one row of a table. The file
is read as what it is, protocol buffers, so that no more than numpy is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

TRANSPOSED = '.T'
GRAPH, INITIALIZER = 7, 5  # fields of ModelProto and GraphProto
DIMENSIONS, TYPE, NAME, RAW = 1, 2, 8, 9  # of TensorProto
FLOAT = 1  # of TensorProto.DataType
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5  # how a field's value is written


def initializers(content: bytes) -> dict[str, NDArray[np.float32]]:
    """
    Return the graph's constants of single precision by name.

    Raises:
        ValueError: these are no bytes of an ONNX model.

    """
    try:
        found = {}
        for field, graph in _fields(memoryview(content)):
            for inner, tensor in _fields(graph) if field == GRAPH else ():
                if inner == INITIALIZER:
                    found |= _tensor(tensor)
        return found
    except (IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f'not an ONNX model: {error}') from None


def find_weight(
    name: str, numbers: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32] | None:
    """Return a weight as it was in training, whatever the exporter made of it; None: not there."""
    if name in numbers:
        return numbers[name]
    if name + TRANSPOSED in numbers:
        return numbers[name + TRANSPOSED].T
    rows = []
    while f'{name}.{len(rows)}' in numbers:
        rows.append(numbers[f'{name}.{len(rows)}'])
    return np.stack(rows) if rows else None


def _tensor(message: memoryview) -> dict[str, NDArray[np.float32]]:
    """Return a constant by its name, nothing where it is of another type."""
    shape: list[int] = []
    name, kind, raw = '', 0, None
    for field, value in _fields(message):
        if field == DIMENSIONS:
            shape += [value] if isinstance(value, int) else _varints(value)
        elif field == TYPE:
            kind = value
        elif field == NAME:
            name = bytes(value).decode()
        elif field == RAW:
            raw = value
    if kind != FLOAT or raw is None:
        return {}
    return {name: np.frombuffer(raw, '<f4').reshape(shape)}


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field of a message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield field, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in (FIXED_32, FIXED_64):
            length = 4 if kind == FIXED_32 else 8
        else:
            raise IndexError(f'field {field} is written in an unknown way, {kind}')
        if at + length > len(message):
            raise IndexError(f'field {field} is longer than its message')
        yield field, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a whole number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _varints(message: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(message):
        value, at = _varint(message, at)
        values.append(value)
    return values
