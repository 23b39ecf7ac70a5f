# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The networks of implicit Q-learning: an actor and a critic that remember what was observed.

Shapes: B episodes, L steps, O numbers of an observation, A of an action, H the width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

OBSERVATION_LIMIT = 10.0  # of normalised observations: what is stranger looks no stranger
LOG_SPREAD_RANGE = (-3.0, 1.0)  # of the policy's standard deviation, in half ranges of actions

Memory = tuple[Tensor, Tensor]  # hidden and cell (B, H) of an LSTM


class Encoder(nn.Module):
    """
    What a network makes of all observations so far: a linear layer and an LSTM.

    Args:
        statistics: mean, standard deviation, least and greatest of observations, (4, O).
        hidden: width of both.

    """

    def __init__(self, statistics: Tensor, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.register_buffer('statistics', statistics.clone())
        self.linear = nn.Linear(statistics.shape[1], hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)

    def forward(self, observations: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Return features (B, L, 2 H) of observations (B, L, O), and the memory after them."""
        seen = torch.relu(self.linear(self.normalised(observations)))
        remembered, (hidden, cell) = self.lstm(seen, (memory[0][None], memory[1][None]))
        # a way past the LSTM: what is seen now needs no memory
        return torch.cat([seen, remembered], dim=-1), (hidden[0], cell[0])

    def normalised(self, observations: Tensor) -> Tensor:
        """Return observations without units."""
        mean, spread = self.statistics[:2]
        return torch.clamp((observations - mean) / spread, -OBSERVATION_LIMIT, OBSERVATION_LIMIT)

    def empty(self, count: int) -> Memory:
        """Return the memory of `count` episodes at their beginnings."""
        zeros = self.linear.weight.new_zeros(count, self.hidden)
        return zeros, zeros


def _head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class Actor(nn.Module):
    """
    The policy: a Gaussian about a mean near what is suggested, in actions scaled to [-1, 1].

    Args:
        statistics: of observations, as for `Encoder`.
        bounds: least and greatest actions, (2, A).
        suggested: places of the suggested action in an observation, (A,); (0,) where there is
            none: then the middle of the bounds is suggested.
        hidden: width.

    """

    def __init__(self, statistics: Tensor, bounds: Tensor, suggested: Tensor, hidden: int) -> None:
        super().__init__()
        self.encoder = Encoder(statistics, hidden)
        self.head = _head(2 * hidden, hidden, bounds.shape[1])
        self.log_spread = nn.Parameter(torch.full((bounds.shape[1],), -0.5))
        self.register_buffer('bounds', bounds.clone())
        weights, offset = _suggestion(suggested, bounds, statistics.shape[1])
        self.register_buffer('suggestion_weights', weights)
        self.register_buffer('suggestion_offset', offset)

    def forward(self, observations: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """
        Return mean actions (B, L, A), scaled, and the memory after observations (B, L, O).

        They may lie beyond the bounds; `physical` does not.
        """
        features, memory = self.encoder(observations, memory)
        return self.suggestion(observations) + torch.tanh(self.head(features)), memory

    def suggestion(self, observations: Tensor) -> Tensor:
        """Return the actions (..., A), scaled, that observations (..., O) suggest."""
        return observations @ self.suggestion_weights + self.suggestion_offset

    def log_likelihood(self, means: Tensor, actions: Tensor) -> Tensor:
        """Return log densities (...,) of scaled actions (..., A)."""
        log_spread = self.log_spread.clamp(*LOG_SPREAD_RANGE)
        gap = (actions - means) * torch.exp(-log_spread)
        return -(0.5 * gap**2 + log_spread + 0.5 * math.log(2.0 * math.pi)).sum(dim=-1)

    def physical(self, actions: Tensor) -> Tensor:
        """Return scaled actions in their units."""
        low, high = self.bounds
        # rounding must not lead out of the bounds
        return torch.clamp(0.5 * (low + high) + 0.5 * (high - low) * actions, low, high)

    def scaled(self, actions: Tensor) -> Tensor:
        """Return actions in units scaled to [-1, 1]."""
        low, high = self.bounds
        return (2.0 * actions - low - high) / (high - low)


def _suggestion(suggested: Tensor, bounds: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return weights (O, A) and offset (A,) that make scaled actions of observations."""
    low, high = bounds
    weights, offset = bounds.new_zeros(size, len(low)), torch.zeros_like(low)
    for action, place in enumerate(suggested.tolist()):
        weights[place, action] = 2.0 / (high - low)[action]
        offset[action] = -((low + high) / (high - low))[action]
    return weights, offset


class Critic(nn.Module):
    """
    V of what was observed, and twin Q of how far a scaled action is from what is suggested.

    Args:
        statistics: of observations, as for `Encoder`.
        actions: A, numbers of an action.
        hidden: width.

    """

    def __init__(self, statistics: Tensor, actions: int, hidden: int) -> None:
        super().__init__()
        self.encoder = Encoder(statistics, hidden)
        self.value_head = _head(2 * hidden, hidden, 1)
        self.action_heads = nn.ModuleList(_head(2 * hidden + actions, hidden, 1) for _ in range(2))

    @torch.no_grad()
    def start_at(self, value: float) -> None:
        """Let V and Q begin near a value, which they would else take long to come to."""
        for head in (self.value_head, *self.action_heads):
            head[-1].bias.fill_(value)

    def value(self, features: Tensor) -> Tensor:
        """Return V (...,) of features (..., 2 H)."""
        return self.value_head(features)[..., 0]

    def action_values(self, features: Tensor, actions: Tensor) -> Tensor:
        """Return both Q (2, ...) of features (..., 2 H) and actions (..., A) less suggestions."""
        given = torch.cat([features, actions], dim=-1)
        return torch.stack([head(given)[..., 0] for head in self.action_heads])
