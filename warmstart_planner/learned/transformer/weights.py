# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The weights of an exported Decision Transformer, in the order in which the compiled one reads them.

What weights alone decide is done here once: tables of features and what norms scale and shift by
go into the weights that follow them, and where a single head attends, the products of its
matrices take their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.transformer import architecture, merit_rows
from warmstart_planner.learned.transformer.block_motion import block_matrices
from warmstart_planner.learned.transformer.onnx_weights import find_weight
from warmstart_planner.problem import Horizon

TILE = 16  # of lanes/linear.hpp
Array = NDArray[np.float64]


class UnknownArchitectureError(ValueError):
    """A file holds another network than the compiled one."""


@dataclass(frozen=True)
class Linear:
    """y = `weight` x + `bias`, shapes (outputs, inputs) and (outputs,)."""

    weight: Array
    bias: Array

    def after(self, first: Linear) -> Linear:
        """Return this layer after another linear one, as one."""
        return Linear(self.weight @ first.weight, self.weight @ first.bias + self.bias)

    def times(self, factor: float | Array) -> Linear:
        """Return the layer with its outputs scaled."""
        rows = np.broadcast_to(factor, self.bias.shape)
        return Linear(rows[:, None] * self.weight, rows * self.bias)

    def rows(self, part: slice) -> Linear:
        """Return some of the outputs."""
        return Linear(self.weight[part], self.bias[part])


@dataclass(frozen=True)
class Sizes:
    """
    Sizes of a network, as its weights show them.

    `hidden` is the width within feed-forward layers, `outcome_hidden` that of the outcome head,
    `strange` the number of features that tell the unfamiliar.
    """

    width: int
    hidden: int
    encoder_layers: int
    mode_layers: int
    sequence_layers: int
    candidates: int
    block: int
    blocks: int
    outcome_hidden: int
    strange: int


class Weights:
    """
    Weights by the names that they have in training.

    Args:
        numbers: of the file, as `onnx_weights.initializers` returns them.

    """

    def __init__(self, numbers: Mapping[str, NDArray[np.float32]]) -> None:
        self._numbers = numbers

    def __getitem__(self, name: str) -> Array:
        """Return a weight; an UnknownArchitectureError where there is none."""
        found = find_weight(name, self._numbers)
        if found is None:
            raise UnknownArchitectureError(f'weight {name} is missing')
        return found.astype(float)

    def count(self, layers: str) -> int:
        """Return how many layers of a list there are."""
        prefix = f'{layers}.'
        return len({n.split('.')[2] for n in self._numbers if n.startswith(prefix)})

    def linear(self, name: str) -> Linear:
        """Return a linear layer."""
        return Linear(self[f'{name}.weight'], self[f'{name}.bias'])

    def norm(self, name: str) -> Linear:
        """Return what a norm does to what is normalised already."""
        return Linear(np.diag(self[f'{name}.weight']), self[f'{name}.bias'])

    def sizes(self) -> Sizes:
        """Return how large the network is."""
        blocks = len(self['model.step_place'])
        return Sizes(
            width=len(self['model.context_norm.bias']),
            hidden=len(self['model.sequence.0.feed_forward.0.bias']),
            encoder_layers=self.count('model.encoder'),
            mode_layers=self.count('model.mode_layers'),
            sequence_layers=self.count('model.sequence'),
            candidates=len(self['model.mode']),
            block=(len(self['model.step_out.1.bias']) - 2) // 2,
            blocks=blocks,
            outcome_hidden=len(self['head.out.weight'][0]),
            strange=len(self['familiarity.mean']),
        )


def packed(weights: Weights, heads: int, horizon: Horizon) -> NDArray[np.float32]:
    """
    Return all weights as the fields of `Weights` in lanes/weights.hpp, aligned for its registers.

    Args:
        weights: of the file.
        heads: of attention where it has several.
        horizon: of the candidates.

    Raises:
        UnknownArchitectureError: a weight is missing or has another shape.

    """
    try:
        parts = [part.astype(np.float32).ravel() for part in _parts(weights, heads, horizon)]
    except ValueError as error:
        raise UnknownArchitectureError(str(error)) from None
    parts = [np.pad(part, (0, -len(part) % TILE)) for part in parts]
    content = np.concatenate(parts)
    room = np.empty(len(content) + TILE, np.float32)
    first = -(room.ctypes.data // 4) % TILE
    aligned = room[first : first + len(content)]
    aligned[:] = content
    return aligned


def _parts(weights: Weights, heads: int, horizon: Horizon) -> Iterator[Array]:
    sizes = weights.sizes()
    yield from _problem(weights, heads, sizes)
    yield from _modes(weights, heads, sizes)
    yield from _sequences(weights, heads, sizes)
    matrices = block_matrices(horizon.dt, sizes.block)
    for name in ('sums', 'samples', 'yaw_sums', 'place_sums', 'rates'):
        matrix = getattr(matrices, name)
        yield from _packed(Linear(matrix.T, np.zeros(matrix.shape[1])))
    yield from _packed(weights.linear('head.layers.0').after(weights.norm('head.norm')))
    yield from _packed(weights.linear('head.layers.2'))
    yield from _packed(weights.linear('head.out'))
    yield weights['familiarity.mean']
    # a distance does not change when its axes are turned until the matrix is a triangle
    triangle = np.linalg.qr(weights['familiarity.whitening'].T, mode='r').T
    yield _with_padded_rows(triangle)
    yield merit_rows.interpolation(horizon.steps)
    yield _with_padded_rows(architecture.caution(sizes.candidates)[None])


def _problem(weights: Weights, heads: int, sizes: Sizes) -> Iterator[Array]:
    obstacle, ego, road = (
        Linear(table.matrix[:-1].T, table.matrix[-1])
        for table in (architecture.OBSTACLE, architecture.EGO, architecture.ROAD)
    )
    yield from _packed(obstacle)
    yield from _packed(weights.linear('model.ego_in').after(ego))
    into, tabled = weights.linear('model.road_in'), len(architecture.ROAD)
    anchors = Linear(into.weight[:, :tabled], into.bias).after(road)
    beside = into.weight[:, tabled:]
    yield from _packed(Linear(np.hstack([anchors.weight, beside]), anchors.bias))
    yield from _packed(weights.linear('model.obstacle_in.0'))
    yield from _packed(weights.linear('model.obstacle_in.2'))
    yield weights['model.place'].T
    for i in range(sizes.encoder_layers):
        layer = f'model.encoder.{i}'
        yield from _mutual(weights, f'{layer}.attention', f'{layer}.before.0', heads)
        yield from _forward(weights, layer, f'{layer}.before.1')
    yield weights['model.context_norm.weight']
    yield weights['model.context_norm.bias']


def _modes(weights: Weights, heads: int, sizes: Sizes) -> Iterator[Array]:
    yield _with_padded_rows(weights['model.mode'].T)
    for i in range(sizes.mode_layers):
        layer = f'model.mode_layers.{i}'
        yield from _mutual(weights, f'{layer}.attention', f'{layer}.before.0', heads)
        yield from _look(weights, f'{layer}.look', f'{layer}.before.1', heads)
        yield from _forward(weights, layer, f'{layer}.before.2')
    out = weights.linear('model.mode_out.1').after(weights.norm('model.mode_out.0'))
    yield from _packed(out.rows(slice(-2, None)))  # choice and cost: the ways are not served


def _sequences(weights: Weights, heads: int, sizes: Sizes) -> Iterator[Array]:
    step = Linear(architecture.STEP.matrix[:-1].T, architecture.STEP.matrix[-1])
    yield from _packed(weights.linear('model.head'))
    yield from _packed(weights.linear('model.step_in').after(step))
    yield weights['model.step_place']
    for i in range(sizes.sequence_layers):
        layer = f'model.sequence.{i}'
        yield from _past(weights, f'{layer}.past', f'{layer}.before.0')
        yield from _look(weights, f'{layer}.look', f'{layer}.before.1', heads)
        yield from _forward(weights, layer, f'{layer}.before.2')
    out = weights.linear('model.step_out.1').after(weights.norm('model.step_out.0'))
    size = np.concatenate([np.repeat(architecture.ACTION_SIZE, sizes.block), np.ones(2)])
    yield from _packed(out.times(size))


def _mutual(weights: Weights, name: str, norm: str, heads: int) -> Iterator[Array]:
    before = weights.norm(norm)
    query, key, value = (weights.linear(f'{name}.{n}') for n in ('query', 'key', 'value'))
    parts = [each.after(before) for each in (query.times(_scale(query, heads)), key, value)]
    yield from _packed(_stacked(parts))
    yield from _packed(weights.linear(f'{name}.out'))


def _look(weights: Weights, name: str, norm: str, heads: int) -> Iterator[Array]:
    query = weights.linear(f'{name}.query')
    yield from _packed(query.times(_scale(query, heads)).after(weights.norm(norm)))
    yield from _packed(_stacked([weights.linear(f'{name}.{each}') for each in ('key', 'value')]))
    yield from _packed(weights.linear(f'{name}.out'))


def _past(weights: Weights, name: str, norm: str) -> Iterator[Array]:
    """
    Yield attention of one head whose keys and values are the normalised tokens themselves.

    A key's bias adds the same to all scores of a query, which does not change their softmax; the
    weights of the values add up to one, so that their bias comes through.
    """
    before = weights.norm(norm)
    query, key, value, out = (
        weights.linear(f'{name}.{each}') for each in ('query', 'key', 'value', 'out')
    )
    seeking = Linear(key.after(before).weight.T, np.zeros(len(query.bias)))
    yield from _packed(seeking.after(query.times(_scale(query, 1)).after(before)))
    yield from _packed(out.after(value.after(before)))


def _forward(weights: Weights, layer: str, norm: str) -> Iterator[Array]:
    yield from _packed(weights.linear(f'{layer}.feed_forward.0').after(weights.norm(norm)))
    yield from _packed(weights.linear(f'{layer}.feed_forward.2'))


def _scale(query: Linear, heads: int) -> float:
    return (len(query.bias) // heads) ** -0.5


def _stacked(layers: list[Linear]) -> Linear:
    return Linear(
        np.vstack([each.weight for each in layers]), np.concatenate([each.bias for each in layers])
    )


def _packed(layer: Linear) -> Iterator[Array]:
    """Yield a layer's biases and weights: for each TILE of outputs those of input by input."""
    outputs, inputs = layer.weight.shape
    more = -outputs % TILE
    yield np.pad(layer.bias, (0, more))
    tiles = np.pad(layer.weight, ((0, more), (0, 0))).reshape(-1, TILE, inputs)
    yield tiles.transpose(0, 2, 1)


def _with_padded_rows(table: Array) -> Array:
    return np.pad(table, ((0, 0), (0, -table.shape[1] % TILE)))
