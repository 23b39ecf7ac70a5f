# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Export an ensemble of trained policies to one ONNX model with its card: `make export-policy`.

The graph is one step of all members at once: their weights are stacked, so that each layer is one
batched product. How far apart their roll-outs usually are is measured on validation problems.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from training.iql_lstm import OBSERVATION_LIMIT, Actor

OPSET = 18


class Ensemble(nn.Module):
    """
    One step of M policies of equal sizes, each with an observation and a memory of its own.

    Args:
        actors: the members.

    Raises:
        ValueError: there are none, or they differ in sizes or bounds.

    """

    def __init__(self, actors: Sequence[Actor]) -> None:
        super().__init__()
        _check_alike(actors)
        states = [actor.state_dict() for actor in actors]

        def stacked(name: str) -> Tensor:
            return torch.stack([state[name] for state in states])

        def layer(name: str) -> tuple[Tensor, Tensor]:
            # the transposes once, here, and not in every step
            weights = stacked(f'{name}.weight').transpose(1, 2).contiguous()
            return weights, stacked(f'{name}.bias')[:, None]

        recurrent = [stacked(f'encoder.lstm.weight_{part}_l0') for part in ('ih', 'hh')]
        biases = [stacked(f'encoder.lstm.bias_{part}_l0') for part in ('ih', 'hh')]
        mean, spread = stacked('encoder.statistics')[:, :2].unbind(dim=1)
        tensors = {
            'mean': mean,
            'inverse_spread': 1.0 / spread,
            'gate_weights': torch.cat(recurrent, dim=2).transpose(1, 2).contiguous(),
            'gate_biases': (biases[0] + biases[1])[:, None],
            'low': states[0]['bounds'][0],
            'high': states[0]['bounds'][1],
        }
        for name in ('encoder.linear', 'head.0', 'head.2'):
            tensors[f'{_plain(name)}_weights'], tensors[f'{_plain(name)}_biases'] = layer(name)
        for name, value in tensors.items():
            self.register_buffer(name, value)

    def forward(
        self, observation: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return actions (M, 2) in their units and the memory after observations (M, O)."""
        normal = (observation - self.mean) * self.inverse_spread
        normal = torch.clamp(normal, -OBSERVATION_LIMIT, OBSERVATION_LIMIT)[:, None]
        seen = torch.relu(normal @ self.encoder_linear_weights + self.encoder_linear_biases)
        given = torch.cat([seen, hidden[:, None]], dim=2)
        gates = (given @ self.gate_weights + self.gate_biases)[:, 0]
        opened, kept, new, shown = gates.chunk(4, dim=1)
        cell = torch.sigmoid(kept) * cell + torch.sigmoid(opened) * torch.tanh(new)
        hidden = torch.sigmoid(shown) * torch.tanh(cell)
        features = torch.cat([seen, hidden[:, None]], dim=2)
        inner = torch.relu(features @ self.head_0_weights + self.head_0_biases)
        mean = torch.tanh(inner @ self.head_2_weights + self.head_2_biases)[:, 0]
        middle, half = 0.5 * (self.low + self.high), 0.5 * (self.high - self.low)
        # rounding must not lead out of the bounds
        action = torch.minimum(torch.maximum(middle + half * mean, self.low), self.high)
        return action, hidden, cell


def _plain(name: str) -> str:
    return name.replace('.', '_')


def _check_alike(actors: Sequence[Actor]) -> None:
    if not actors:
        raise ValueError('members is empty: expected at least one')
    wanted = {name: value.shape for name, value in actors[0].state_dict().items()}
    for member, actor in enumerate(actors):
        found = {name: value.shape for name, value in actor.state_dict().items()}
        if found != wanted or not torch.equal(actor.bounds, actors[0].bounds):
            raise ValueError(f'member {member} has other sizes or bounds: expected those of 0')


def onnx_bytes(ensemble: Ensemble, inputs: dict[str, np.ndarray], outputs: list[str]) -> bytes:
    """Return the ensemble as ONNX."""
    stream = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # the exporter by tracing keeps the graph small and is said to go some day
        warnings.simplefilter('ignore')
        torch.onnx.export(
            ensemble.eval(),
            tuple(torch.from_numpy(value) for value in inputs.values()),
            stream,
            input_names=list(inputs),
            output_names=outputs,
            opset_version=OPSET,
            dynamo=False,
        )
    return stream.getvalue()
