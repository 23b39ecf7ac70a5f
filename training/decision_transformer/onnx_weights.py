# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The weights inside an exported model: named when it is written, so that it can be trained on.

The exporter keeps the names of most weights, and gives a number to what it has folded: a
transposed matrix, or one row of a table. These get names that say what they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from warmstart_planner.learned.transformer.onnx_weights import TRANSPOSED, find_weight


def with_named_weights(content: bytes, module: nn.Module) -> bytes:
    """
    Return an exported graph in which every weight of the module can be found by name.

    Args:
        content: the graph, ONNX.
        module: what was exported.

    Raises:
        ValueError: a weight is nowhere in the graph.

    """
    graph = onnx.load_from_string(content)
    numbers = {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    unnamed = {name: value for name, value in numbers.items() if name not in weights}
    names: dict[str, str] = {}
    for name, value in weights.items():
        if name not in numbers:
            names |= _names(name, value, unnamed)
    _rename(graph, names)
    return graph.SerializeToString()


def read_weights(path: Path, module: nn.Module, prefix: str = '') -> dict[str, Tensor]:
    """
    Return an exported model's weights as a state of the module.

    Args:
        path: of the ONNX file.
        module: says which weights there are and what shapes they have.
        prefix: of their names in the file.

    Raises:
        ValueError: the file cannot be read, or lacks a weight of the module's shape.

    """
    try:
        graph = onnx.load(str(path))
    except Exception as error:
        raise ValueError(f'{path} is no readable ONNX file: {error}') from None
    numbers = {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}
    weights = {}
    for name, value in module.state_dict().items():
        found = find_weight(prefix + name, numbers)
        if found is None or found.shape != tuple(value.shape):
            shape = 'nothing' if found is None else found.shape
            raise ValueError(f'{path}: {name} is {shape}: expected {tuple(value.shape)}')
        weights[name] = torch.from_numpy(found.copy())
    return weights


def _names(
    name: str, value: NDArray[np.float32], unnamed: dict[str, NDArray[np.float32]]
) -> dict[str, str]:
    """Return the new names of what the exporter has made of a weight, by their present ones."""
    parts = {name + TRANSPOSED: value.T} if value.ndim == 2 else {}
    rows = {f'{name}.{row}': each for row, each in enumerate(np.atleast_1d(value))}
    found = _equal(parts, unnamed) or _equal(rows, unnamed)
    if not found:
        raise ValueError(f'weight {name} is not in the exported graph')
    return found


def _equal(
    parts: dict[str, NDArray[np.float32]], unnamed: dict[str, NDArray[np.float32]]
) -> dict[str, str]:
    """Return where all the parts are, or nothing."""
    found = {
        there: name
        for name, part in parts.items()
        for there, value in unnamed.items()
        if value.shape == part.shape and np.array_equal(value, part)
    }
    return found if set(found.values()) == set(parts) else {}


def _rename(graph: onnx.ModelProto, names: dict[str, str]) -> None:
    for each in graph.graph.initializer:
        each.name = names.get(each.name, each.name)
    for node in graph.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
