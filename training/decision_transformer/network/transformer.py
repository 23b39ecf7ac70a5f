# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The network of the Decision Transformer: from a problem to the sequences that its modes drive.

A sequence model whose tokens carry return-to-go R, constraint-to-go C and state, and answer with
actions (docs/decision-transformer.md, equations 1 to 3). What is particular here:

- One token stands for a block of actions. The state of the next token is what the car's model
  makes of the actions so far: the dynamics are in the loop, in training as well as later.
- Learned mode tokens look at the whole problem and each point out one way. The mode's hidden
  vector heads the sequence of its way.
- Each mode predicts the cost of its way, the initial return-to-go; each token predicts how R and
  C go on, so that nothing has to be evaluated between tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.decision_transformer.network.features import context_features, step_features
from training.decision_transformer.network.merit import Merit
from training.decision_transformer.network.motion import BlockMotion
from training.decision_transformer.network.road_frame import RoadFrame
from warmstart_planner.learned.transformer.architecture import (
    ACTION_SIZE,
    COST_SCALE,
    EGO_FEATURES,
    OBSTACLE_FEATURES,
    ROAD_FEATURES,
    STEP_FEATURES,
)
from warmstart_planner.objective import ANCHORS
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import VehicleParameters


@dataclass(frozen=True)
class ModelSizes:
    """
    How wide and deep the network is, and what a token stands for.

    Raises:
        ValueError: the width is no multiple of the heads.

    """

    width: int = 128  # of tokens
    heads: int = 4  # of attention
    feed_forward: int = 3  # hidden width of feed-forward layers, in widths
    encoder_layers: int = 2  # of the encoder of the problem
    mode_layers: int = 2  # that modes look at the problem with
    sequence_layers: int = 2  # of the sequence of each candidate
    candidates: int = 16  # learned mode tokens
    block: int = 12  # actions a token

    def __post_init__(self) -> None:
        """Refuse what heads cannot share."""
        if self.width % self.heads:
            raise ValueError(f'width is {self.width}: expected a multiple of heads, {self.heads}')


# --- what is to go, as the model reads it --------------------------------------------------------


def scaled_cost(cost: Tensor) -> Tensor:
    """Cost-to-go as the model reads it: costs span four decades."""
    return torch.log1p(cost) / COST_SCALE


def unscaled_cost(value: Tensor) -> Tensor:
    """Return the cost of what `scaled_cost` returned."""
    return torch.exp(COST_SCALE * value) - 1.0


def scaled_constraint(constraint: Tensor) -> Tensor:
    """Constraint-to-go as the model reads it; 0 stays 0."""
    return torch.log1p(5.0 * constraint) / 3.0


# --- layers --------------------------------------------------------------------------------------


class Attention(nn.Module):
    """Multi-head attention; tokens are rows (B * S, W), so that all products are plain ones."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def keys_values(self, rows: Tensor, batch: int) -> tuple[Tensor, Tensor]:
        """Return keys (B, H, W / H, S) and values (B, H, S, W / H)."""
        keys = self._split(self.key(rows), batch).permute(0, 2, 3, 1)
        return keys, self._split(self.value(rows), batch).transpose(1, 2)

    def forward(self, rows: Tensor, known: tuple[Tensor, Tensor], mask: Any = None) -> Tensor:
        """Attend from rows to keys and values; the mask is added to the scores."""
        keys, values = known
        query = self._split(self.query(rows), keys.shape[0]).transpose(1, 2)
        scores = query @ keys * self.scale
        if mask is not None:
            scores = scores + mask
        mixed = torch.softmax(scores, dim=-1) @ values
        return self.out(mixed.transpose(1, 2).reshape(rows.shape))

    def _split(self, rows: Tensor, batch: int) -> Tensor:
        return rows.reshape(batch, -1, self.heads, rows.shape[1] // self.heads)


class FeedForward(nn.Sequential):
    """Two linear layers."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


class EncoderLayer(nn.Module):
    """Attention among tokens and a feed-forward layer, normalised before."""

    def __init__(self, sizes: ModelSizes) -> None:
        super().__init__()
        width = sizes.width
        self.attention = Attention(width, sizes.heads)
        self.feed_forward = FeedForward(width, sizes.feed_forward * width)
        self.before = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Return tokens (B * S, W); the mask (B, 1, 1, S) hides absent ones."""
        given = self.before[0](rows)
        known = self.attention.keys_values(given, mask.shape[0])
        rows = rows + self.attention(given, known, mask)
        return rows + self.feed_forward(self.before[1](rows))


class ModeLayer(nn.Module):
    """Attention among a problem's modes, to its context, and a feed-forward layer."""

    def __init__(self, sizes: ModelSizes) -> None:
        super().__init__()
        width, heads = sizes.width, sizes.heads
        self.attention = Attention(width, heads)
        self.look = Attention(width, heads)
        self.feed_forward = FeedForward(width, sizes.feed_forward * width)
        self.before = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, rows: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """Return tokens (B * K, W)."""
        batch = mask.shape[0]
        given = self.before[0](rows)
        rows = rows + self.attention(given, self.attention.keys_values(given, batch))
        known = self.look.keys_values(context, batch)
        rows = rows + self.look(self.before[1](rows), known, mask)
        return rows + self.feed_forward(self.before[2](rows))


class SequenceLayer(nn.Module):
    """Causal attention to the tokens so far, attention to the context, a feed-forward layer."""

    def __init__(self, sizes: ModelSizes) -> None:
        super().__init__()
        width = sizes.width
        self.past = Attention(width, 1)
        self.look = Attention(width, sizes.heads)
        self.feed_forward = FeedForward(width, sizes.feed_forward * width)
        self.before = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(
        self,
        rows: Tensor,
        context: tuple[Tensor, Tensor],
        mask: Tensor,
        cache: list[Tensor],
    ) -> Tensor:
        """
        Return the newest token of each sequence, (B * T, W).

        Args:
            rows: the tokens.
            context: keys and values, of `look.keys_values`.
            mask: hides what is absent from the context.
            cache: keys and values, (B * T, n, W), of the tokens before; the newest are
                appended, which is exact because no token looks ahead.

        """
        rows = rows + self.past.out(self._past(self.before[0](rows), cache))
        rows = rows + self.look(self.before[1](rows), context, mask)
        return rows + self.feed_forward(self.before[2](rows))

    def _past(self, rows: Tensor, cache: list[Tensor]) -> Tensor:
        keys, values = self.past.key(rows)[:, None], self.past.value(rows)[:, None]
        if not cache:
            cache[:] = [keys, values]
            return values[:, 0]  # the only token there is to look at
        keys, values = torch.cat([cache[0], keys], dim=1), torch.cat([cache[1], values], dim=1)
        cache[:] = [keys, values]
        # not a product of matrices: of one row each, they would be slow
        scores = (keys * self.past.query(rows)[:, None]).sum(dim=-1, keepdim=True)
        return (torch.softmax(scores * self.past.scale, dim=1) * values).sum(dim=1)


# --- the whole model -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Modes:
    """
    What the mode tokens say: K ways, before any is driven.

    `hidden` (B * K, W), `ways` (B, K, blocks, 2): station and offset of the rear axle at the ends
    of the blocks [m], `choice` (B, K): logarithm of the probability to be the best, `cost`
    (B, K): scaled cost of the way.
    """

    hidden: Tensor
    ways: Tensor
    choice: Tensor
    cost: Tensor


@dataclass(frozen=True)
class Drive:
    """
    Sequences that were driven, T of each problem.

    `states` (B * T, N, 5) after each step, `controls` (B * T, N, 2), `to_go` (B * T, blocks, 2):
    predicted scaled cost- and constraint-to-go after each block. `token` (B * T, W) is what the
    sequence has come to at its last block.
    """

    states: Tensor
    controls: Tensor
    to_go: Tensor
    token: Tensor


class DecisionTransformer(nn.Module):
    """
    The whole model; inputs are raw numbers in SI units, normalisation is inside.

    Args:
        sizes: how wide and deep; kept as `sizes`.
        vehicle: the car that is driven.
        horizon: time grid; a whole number of blocks.

    Raises:
        ValueError: the horizon is not a whole number of blocks.

    """

    def __init__(self, sizes: ModelSizes, vehicle: VehicleParameters, horizon: Horizon) -> None:
        super().__init__()
        if horizon.steps % sizes.block:
            raise ValueError(
                f'block is {sizes.block}: expected a divisor of {horizon.steps} steps'
            )
        self.sizes = sizes
        width = sizes.width
        self.blocks = horizon.steps // sizes.block
        self.motion = BlockMotion(vehicle, horizon.dt, sizes.block)
        self.merit = Merit(vehicle, horizon)
        self.ego_in = nn.Linear(EGO_FEATURES, width)
        self.road_in = nn.Linear(ROAD_FEATURES, width)
        self.obstacle_in = nn.Sequential(
            nn.Linear(OBSTACLE_FEATURES, width), nn.ReLU(), nn.Linear(width, width)
        )
        self.place = nn.Parameter(0.02 * torch.randn(ANCHORS, width))
        self.encoder = nn.ModuleList(EncoderLayer(sizes) for _ in range(sizes.encoder_layers))
        self.context_norm = nn.LayerNorm(width)
        self.mode = nn.Parameter(0.5 * torch.randn(sizes.candidates, width))
        self.mode_layers = nn.ModuleList(ModeLayer(sizes) for _ in range(sizes.mode_layers))
        self.mode_out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * self.blocks + 2))
        self.head = nn.Linear(width, width)
        self.step_in = nn.Linear(STEP_FEATURES, width)
        self.step_place = nn.Parameter(0.02 * torch.randn(self.blocks, width))
        self.sequence = nn.ModuleList(SequenceLayer(sizes) for _ in range(sizes.sequence_layers))
        self.step_out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * sizes.block + 2))
        size = torch.tensor(ACTION_SIZE).repeat_interleave(sizes.block)
        self.register_buffer('action_size', size, persistent=False)

    # --- the problem ---

    def encode(
        self, state: Tensor, frame: RoadFrame, obstacles: Tensor, present: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the context tokens (B * S, W), S = 1 + ANCHORS + 12, and their mask."""
        ego, road, seen = context_features(state, obstacles, frame)
        tokens = torch.cat(
            [self.ego_in(ego)[:, None], self.road_in(road) + self.place, self.obstacle_in(seen)],
            dim=1,
        )
        absent = torch.where(present, 0.0, -1e4)
        mask = functional.pad(absent, (1 + ANCHORS, 0))[:, None, None, :]
        rows = tokens.flatten(0, 1)
        for layer in self.encoder:
            rows = layer(rows, mask)
        return self.context_norm(rows), mask

    def modes(self, context: Tensor, mask: Tensor, state: Tensor) -> Modes:
        """Let the mode tokens look at the problem."""
        batch, count = state.shape[0], self.sizes.candidates
        ego = context.reshape(batch, mask.shape[-1], -1)[:, :1]
        rows = (self.mode + ego).flatten(0, 1)
        for layer in self.mode_layers:
            rows = layer(rows, context, mask)
        out = self.mode_out(rows).reshape(batch, count, -1)
        ways = out[..., : 2 * self.blocks].reshape(batch, count, self.blocks, 2)
        # what is left to say is the difference from going on at the present speed
        times = torch.arange(1, self.blocks + 1, device=state.device)
        seconds = times * self.sizes.block * self.motion.dt
        going = state[:, None, None, 3] * seconds
        scale = torch.stack([seconds * 2.0, torch.full_like(seconds, 2.0)], dim=-1)
        base = torch.stack([going, torch.zeros_like(going)], dim=-1)
        return Modes(
            rows, base + scale * ways, torch.log_softmax(out[..., -2], dim=-1), out[..., -1]
        )

    # --- the sequence ---

    def drive(
        self,
        context: Tensor,
        mask: Tensor,
        state: Tensor,
        frame: RoadFrame,
        hidden: Tensor,
        to_go: Tensor,
        given: Tensor | None = None,
        is_conditioned: Tensor | None = None,
    ) -> Drive:
        """
        Generate sequences block by block, the car's model in the loop.

        Args:
            context: of `encode`.
            mask: of `encode`.
            state: first state, shape (B, 5).
            frame: of their roads.
            hidden: mode's hidden vector of each sequence, shape (B * T, W).
            to_go: wanted scaled cost- and constraint-to-go at the start, shape (B * T, 2).
            given: what they were later on in the data, shape (B * T, blocks, 2).
            is_conditioned: which sequences get to know it, shape (B * T, 1); the others, and all
                without `given`, go on with the model's own prediction.

        """
        batch, rows = state.shape[0], hidden.shape[0]
        known = [layer.look.keys_values(context, batch) for layer in self.sequence]
        caches: list[list[Tensor]] = [[] for _ in self.sequence]
        head = self.head(hidden)
        now = state[:, None].expand(-1, rows // batch, -1).reshape(rows, -1, 1)
        last = torch.zeros_like(now[:, :2, 0])
        states, controls, predicted = [], [], []
        for block in range(self.blocks):
            token = self.step_in(step_features(now[..., 0], last, to_go, frame))
            token = token + head + self.step_place[block]
            for layer, context_known, cache in zip(self.sequence, known, caches, strict=True):
                token = layer(token, context_known, mask, cache)
            out = self.step_out(token)
            actions = (out[:, :-2] * self.action_size).reshape(rows, 2, -1)
            moved, applied = self.motion(now, actions)
            to_go = torch.relu(to_go + out[:, -2:])
            predicted.append(to_go)
            if given is not None:
                to_go = torch.where(is_conditioned, given[:, block], to_go)
            states.append(moved)
            controls.append(applied)
            now, last = moved[..., -1:], applied[..., -1]
        return Drive(
            torch.cat(states, dim=2).transpose(1, 2),
            torch.cat(controls, dim=2).transpose(1, 2),
            torch.stack(predicted, dim=1),
            token,
        )
