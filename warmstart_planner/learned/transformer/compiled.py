# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A Decision Transformer in use, compiled: the graph's answers in a fraction of its time."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.cards.card_format import Shape, tensor_type
from warmstart_planner.learned.cards.model_card import ModelCard
from warmstart_planner.learned.transformer import library
from warmstart_planner.learned.transformer.library import (
    HEAD_TILE,
    MOST_CANDIDATES,
    MOST_LAYERS,
    InputsStructure,
    OutputsStructure,
    SizesStructure,
)
from warmstart_planner.learned.transformer.merit_rows import STRIDE
from warmstart_planner.learned.transformer.onnx_weights import initializers
from warmstart_planner.learned.transformer.weights import (
    Sizes,
    UnknownArchitectureError,
    Weights,
    packed,
)


class CompiledTransformer:
    """
    The compiled network with one model's weights; `run` may be called from any thread.

    Args:
        card: of the model.
        content: bytes of its ONNX file.
        heads: of attention, which weights do not tell.

    Raises:
        SolverMissingError: nothing is generated for this car, cost and step.
        UnknownArchitectureError: the file holds another network.

    """

    def __init__(self, card: ModelCard, content: bytes, heads: int) -> None:
        weights = Weights(initializers(content))
        sizes = weights.sizes()
        _check(card, sizes, heads)
        self._card = card
        self._weights = packed(weights, heads, card.horizon)
        self._sizes = SizesStructure(heads=heads, **asdict(sizes))
        self._library = library.load(card.vehicle, card.weights, card.horizon.dt)
        self._idle: list[_Workspace] = []  # lent to nobody at present

    def takes(self, inputs: Mapping[str, NDArray[Any]]) -> bool:
        """Whether inputs have the shapes and types of the card."""
        return all(
            inputs[name].shape == shape and inputs[name].dtype == tensor_type(name)
            for name, shape in self._card.inputs.items()
        )

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """Return the card's outputs by name for its inputs."""
        try:
            workspace = self._idle.pop()
        except IndexError:  # all are lent
            workspace = _Workspace(self._library, self._sizes, self._weights, self._card)
        try:
            return workspace.run(inputs)
        finally:
            self._idle.append(workspace)


def possible_heads(content: bytes) -> list[int]:
    """
    Return the numbers of heads that a file's weights leave open, none for another network.

    Raises:
        ValueError: these are no bytes of an ONNX model.

    """
    try:
        width = Weights(initializers(content)).sizes().width
    except UnknownArchitectureError:
        return []
    return [n for n in (4, 8, 2, 1, 16) if width % (n * HEAD_TILE) == 0]


def _check(card: ModelCard, sizes: Sizes, heads: int) -> None:
    layers = (sizes.encoder_layers, sizes.mode_layers, sizes.sequence_layers)
    fits = (
        sizes.width % (heads * HEAD_TILE) == 0
        and max(layers) <= MOST_LAYERS
        and sizes.candidates == card.candidates <= MOST_CANDIDATES
        and sizes.block * sizes.blocks == card.horizon.steps
        and card.horizon.steps >= STRIDE
    )
    if not fits:
        raise UnknownArchitectureError(f'the compiled network does not take {sizes}')


class _Workspace:
    """Memory of one call at a time, on buffers that are bound once."""

    def __init__(
        self,
        library: ctypes.CDLL,
        sizes: SizesStructure,
        weights: NDArray[np.float32],
        card: ModelCard,
    ) -> None:
        self._run = library.transformer_run
        self._weights = weights  # has to stay where it is
        self._address = library.transformer_create(
            ctypes.byref(sizes), weights.ctypes.data, weights.size
        )
        if not self._address:
            raise UnknownArchitectureError(
                f'{weights.size} weights are not those of a network that the compiled one knows'
            )
        weakref.finalize(self, library.transformer_destroy, self._address)
        self._inputs, self._outputs = _buffers(card.inputs), _buffers(card.outputs)
        self._from = InputsStructure(**_addresses(self._inputs))
        self._to = OutputsStructure(**_addresses(self._outputs))

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        for name, buffer in self._inputs.items():
            buffer[...] = inputs[name]
        self._run(self._address, ctypes.byref(self._from), ctypes.byref(self._to))
        return {name: buffer.copy() for name, buffer in self._outputs.items()}


def _buffers(shapes: Mapping[str, Shape]) -> dict[str, NDArray[Any]]:
    return {name: np.zeros(shape, tensor_type(name)) for name, shape in shapes.items()}


def _addresses(buffers: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    return {name: buffer.ctypes.data for name, buffer in buffers.items()}
