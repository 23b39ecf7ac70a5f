# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The Decision Transformer and its training: `make train`.

MISSION.txt, Section 3: a sequence model whose tokens carry return-to-go R (equation 6),
constraint-to-go C (equation 8) and state, and answer with actions (equation 7), trained by the
squared action error over the sequence (equation 9). What is particular here:

- One token stands for a block of actions. The state of the next token is what the car's model
  makes of the actions so far: the dynamics are in the loop, in training as well as later.
- Learned mode tokens look at the whole problem and each point out one way; the winner alone
  learns from a solution (winner-takes-all), so that the two sides of an obstacle do not average.
  The mode's hidden vector heads the sequence of its way.
- Modes also drive variations of the problems that nobody has solved, and learn from what that
  costs and violates (`training/merit.py`): data without end, and what constraint-to-go means.
- Each mode predicts the cost of its way, the initial return-to-go; each token predicts how R and
  C go on, so that nothing has to be evaluated between tokens.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from training.dataset.reading import KINDS, Problems, read_problems
from training.dataset.schema import DatasetError, read_card
from training.features import (
    EGO_FEATURES,
    OBSTACLE_FEATURES,
    ROAD_FEATURES,
    STEP_FEATURES,
    context_features,
    step_features,
)
from training.merit import Merit
from training.motion import BlockMotion
from training.onnx_weights import read_weights
from training.replayed_step import ReplayedStep, Tensors
from training.road_frame import RoadFrame
from warmstart_planner.learned.card import ONNX_FILE
from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, OBSTACLE_FIELDS
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import SPEED, STEERING, VehicleParameters, load_vehicle

CHECKPOINT_VERSION = 1
COST_SCALE = 3.0  # natural logarithms of a cost that the model reads as 1
STATE_MIRROR = (1.0, -1.0, -1.0, 1.0, -1.0)
ACTION_SIZE = (3.0, 0.2)  # of accelerations [m/s^2] and steering rates [rad/s]
FREE = 'free_'
WAY_SIZE = (2.0, 0.6)  # of distances of ways along and across the road [m]


@dataclass(frozen=True)
class Configuration:
    """Everything that decides what is trained and how; times in seconds."""

    # the model
    width: int = 128
    heads: int = 4
    feed_forward: int = 3  # hidden width of feed-forward layers, in widths
    encoder_layers: int = 2
    mode_layers: int = 2
    sequence_layers: int = 2
    candidates: int = 16  # learned mode tokens
    block: int = 12  # actions a token
    # the data
    dataset: str = 'out/dataset'  # folders, separated by commas
    initial: str = ''  # checkpoint, or folder of a served model, whose weights are the first
    answers: int = 3  # of a problem, in each pass over it
    free_modes: int = 6  # of a problem, driven without an answer: they learn from their merit
    # the losses' weights
    way_loss: float = 1.0
    spread_loss: float = 0.03  # of the ways that did not win, so that no mode dies
    choice_loss: float = 0.1
    state_loss: float = 1.0
    action_loss: float = 0.3
    to_go_loss: float = 0.3
    violation_loss: float = 1.0  # of the ways
    merit_loss: float = 3.0  # of free modes
    own_way_loss: float = 0.2  # of free modes, that they stay on the way they point out
    # the optimiser
    epochs: int = 60
    batch: int = 128
    learning_rate: float = 1.2e-3
    warm_up: float = 0.03  # share of all steps
    weight_decay: float = 0.05
    gradient_limit: float = 1.0
    patience: int = 15  # epochs without a better validation loss
    time_limit: float = 0.0  # of the whole training, over all its runs; 0: none [s]
    passes: int = 1  # over the data in an epoch
    seed: int = 0
    device: str = 'cpu'  # as torch names it: cpu, cuda
    workers: int = 0  # processes that prepare batches beside this one
    out: str = 'out/decision_transformer'

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if self.width % self.heads:
            raise ValueError(f'width is {self.width}: expected a multiple of heads, {self.heads}')
        for field in fields(self):
            value = getattr(self, field.name)
            zero = field.name in ('seed', 'time_limit', 'workers') or field.name.endswith('_loss')
            if isinstance(value, (int, float)) and not (value > 0 or (zero and value == 0)):
                raise ValueError(f'{field.name} is {value}: expected a positive number')
        if self.answers < 2:
            raise ValueError(f'answers is {self.answers}: expected at least 2')


SMOKE = Configuration(
    width=32, encoder_layers=1, mode_layers=1, sequence_layers=1, epochs=2, batch=16
)


# --- what goes in --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """
    Problems and the answers chosen for this pass, as tensors; shapes as in `Problems`.

    `is_way` (B, T) marks feasible local optima, the ways to learn; the first answer is the best.
    `is_told` (B,) marks problems whose sequences are told what was to go on the way; the others
    go by their own prediction, as when the model serves.
    """

    state: Tensor
    road: Tensor
    obstacles: Tensor
    present: Tensor
    is_way: Tensor
    is_told: Tensor
    states: Tensor
    controls: Tensor
    cost: Tensor
    constraint: Tensor


@dataclass(frozen=True)
class FreeBatch:
    """
    Problems without answers: what some modes drive there is judged by its merit alone.

    `modes` (B, F) are those that are driven, `allowed` (B, F) the sum of violations that each is
    allowed: its constraint-to-go.
    """

    state: Tensor
    road: Tensor
    obstacles: Tensor
    present: Tensor
    modes: Tensor
    allowed: Tensor


def make_batch(
    problems: Problems, configuration: Configuration, rng: np.random.Generator
) -> Batch:
    """Choose answers of each problem, the best always, and mirror half of the problems."""
    count = len(problems)
    order = rng.random(problems.kind.shape)
    order[problems.kind < 0] = 2.0
    order[problems.kind == KINDS.index('other')] *= 0.6
    order[:, 0] = -1.0
    chosen = np.argsort(order, axis=1)[:, : configuration.answers]
    rows = np.arange(count)[:, None]
    # a problem with fewer answers repeats its best
    chosen[problems.kind[rows, chosen] < 0] = 0
    kind = problems.kind[rows, chosen]
    batch = Batch(
        *(torch.from_numpy(a) for a in (problems.state, problems.road, problems.obstacles)),
        present=torch.from_numpy(problems.present),
        is_way=torch.from_numpy(kind <= KINDS.index('other')),
        is_told=torch.from_numpy(rng.random(count) < 0.5),
        states=torch.from_numpy(problems.states[rows, chosen]),
        controls=torch.from_numpy(problems.controls[rows, chosen]),
        cost=torch.from_numpy(problems.cost_to_go[rows, chosen]),
        constraint=torch.from_numpy(problems.constraint_to_go[rows, chosen]),
    )
    return mirrored(batch, torch.from_numpy(rng.random(count) < 0.5))


def make_free_batch(
    batch: Batch, configuration: Configuration, rng: np.random.Generator
) -> FreeBatch:
    """
    Vary the problems of a batch: another start, obstacles moved or left out.

    No answer is needed for them, so that there are as many as there are passes.
    """
    count, places = batch.present.shape
    state = batch.state.numpy().copy()
    state[:, SPEED] = np.abs(
        state[:, SPEED] * rng.uniform(0.7, 1.2, count) + rng.normal(0, 0.3, count)
    )
    state[:, STEERING] += rng.normal(0.0, 0.01, count)
    obstacles = batch.obstacles.numpy().copy()
    obstacles[..., :2] += rng.normal(0.0, [1.5, 0.5], (count, places, 1, 2))
    left_out = rng.random((count, places)) < rng.uniform(0.0, 0.4, (count, 1))
    order = rng.random((count, configuration.candidates)).argsort(axis=1)
    modes = order[:, : configuration.free_modes]
    allowed = np.where(
        rng.random(modes.shape) < 0.6, 0.0, np.exp(rng.normal(0.5, 1.3, modes.shape))
    )
    return FreeBatch(
        state=torch.from_numpy(state.astype(np.float32)),
        road=batch.road,
        obstacles=torch.from_numpy(obstacles.astype(np.float32)),
        present=batch.present & torch.from_numpy(~left_out),
        modes=torch.from_numpy(modes),
        allowed=torch.from_numpy(allowed.astype(np.float32)),
    )


def mirrored(batch: Batch, which: Tensor) -> Batch:
    """Mirror some problems of a batch about the car's axis; `which` has shape (B,)."""

    def pick(mirror: Tensor, plain: Tensor) -> Tensor:
        return torch.where(which.reshape(-1, *[1] * (plain.ndim - 1)), mirror, plain)

    state, road, obstacles = mirror_context(batch.state, batch.road, batch.obstacles)
    return replace(
        batch,
        state=pick(state, batch.state),
        road=pick(road, batch.road),
        obstacles=pick(obstacles, batch.obstacles),
        states=pick(batch.states * torch.tensor(STATE_MIRROR), batch.states),
        controls=pick(batch.controls * torch.tensor([1.0, -1.0]), batch.controls),
    )


def mirror_context(
    state: Tensor, road: Tensor, obstacles: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mirror contexts about the car's axis: state, road and obstacles with a batch axis."""
    names = list(ANCHOR_FIELDS)
    swapped = {'left': 'right', 'right': 'left'}
    swapped |= {'left_slope': 'right_slope', 'right_slope': 'left_slope'}
    order = [names.index(swapped.get(name, name)) for name in names]
    turned = ('y', 'sin', 'curvature', 'offset', 'offset_slope')
    sign = torch.tensor([-1.0 if name in turned else 1.0 for name in names])
    scalars = road.shape[1] - ANCHORS * len(names)
    anchors = road[:, scalars:].reshape(-1, ANCHORS, len(names))
    obstacle = [-1.0 if name in turned else 1.0 for name in OBSTACLE_FIELDS]
    return (
        state * torch.tensor(STATE_MIRROR),
        torch.cat([road[:, :scalars], (anchors[:, :, order] * sign).flatten(1)], dim=1),
        obstacles * torch.tensor(obstacle),
    )


def scaled_cost(cost: Tensor) -> Tensor:
    """Cost-to-go as the model reads it: costs span four decades."""
    return torch.log1p(cost) / COST_SCALE


def unscaled_cost(value: Tensor) -> Tensor:
    """Return the cost of what `scaled_cost` returned."""
    return torch.exp(COST_SCALE * value) - 1.0


def scaled_constraint(constraint: Tensor) -> Tensor:
    """Constraint-to-go as the model reads it; 0 stays 0."""
    return torch.log1p(5.0 * constraint) / 3.0


# --- the model -----------------------------------------------------------------------------------


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

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        width = configuration.width
        self.attention = Attention(width, configuration.heads)
        self.feed_forward = FeedForward(width, configuration.feed_forward * width)
        self.before = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Return tokens (B * S, W); the mask (B, 1, 1, S) hides absent ones."""
        given = self.before[0](rows)
        known = self.attention.keys_values(given, mask.shape[0])
        rows = rows + self.attention(given, known, mask)
        return rows + self.feed_forward(self.before[1](rows))


class ModeLayer(nn.Module):
    """Attention among a problem's modes, to its context, and a feed-forward layer."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        width, heads = configuration.width, configuration.heads
        self.attention = Attention(width, heads)
        self.look = Attention(width, heads)
        self.feed_forward = FeedForward(width, configuration.feed_forward * width)
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

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        width = configuration.width
        self.past = Attention(width, 1)
        self.look = Attention(width, configuration.heads)
        self.feed_forward = FeedForward(width, configuration.feed_forward * width)
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
        configuration: sizes.
        vehicle: the car that is driven.
        horizon: time grid; a whole number of blocks.

    Raises:
        ValueError: the horizon is not a whole number of blocks.

    """

    def __init__(
        self, configuration: Configuration, vehicle: VehicleParameters, horizon: Horizon
    ) -> None:
        super().__init__()
        if horizon.steps % configuration.block:
            raise ValueError(
                f'block is {configuration.block}: expected a divisor of {horizon.steps} steps'
            )
        self.configuration = configuration
        width = configuration.width
        self.blocks = horizon.steps // configuration.block
        self.motion = BlockMotion(vehicle, horizon.dt, configuration.block)
        self.merit = Merit(vehicle, horizon)
        self.ego_in = nn.Linear(EGO_FEATURES, width)
        self.road_in = nn.Linear(ROAD_FEATURES, width)
        self.obstacle_in = nn.Sequential(
            nn.Linear(OBSTACLE_FEATURES, width), nn.ReLU(), nn.Linear(width, width)
        )
        self.place = nn.Parameter(0.02 * torch.randn(ANCHORS, width))
        layers = configuration
        self.encoder = nn.ModuleList(EncoderLayer(layers) for _ in range(layers.encoder_layers))
        self.context_norm = nn.LayerNorm(width)
        self.mode = nn.Parameter(0.5 * torch.randn(configuration.candidates, width))
        self.mode_layers = nn.ModuleList(ModeLayer(layers) for _ in range(layers.mode_layers))
        self.mode_out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * self.blocks + 2))
        self.head = nn.Linear(width, width)
        self.step_in = nn.Linear(STEP_FEATURES, width)
        self.step_place = nn.Parameter(0.02 * torch.randn(self.blocks, width))
        self.sequence = nn.ModuleList(SequenceLayer(layers) for _ in range(layers.sequence_layers))
        self.step_out = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * configuration.block + 2)
        )
        size = torch.tensor(ACTION_SIZE).repeat_interleave(configuration.block)
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
        batch, count = state.shape[0], self.configuration.candidates
        ego = context.reshape(batch, mask.shape[-1], -1)[:, :1]
        rows = (self.mode + ego).flatten(0, 1)
        for layer in self.mode_layers:
            rows = layer(rows, context, mask)
        out = self.mode_out(rows).reshape(batch, count, -1)
        ways = out[..., : 2 * self.blocks].reshape(batch, count, self.blocks, 2)
        # what is left to say is the difference from going on at the present speed
        times = torch.arange(1, self.blocks + 1, device=state.device)
        seconds = times * self.configuration.block * self.motion.dt
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
        is_told: Tensor | None = None,
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
            is_told: which sequences get to know it, shape (B * T, 1); the others, and all
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
                to_go = torch.where(is_told, given[:, block], to_go)
            states.append(moved)
            controls.append(applied)
            now, last = moved[..., -1:], applied[..., -1]
        return Drive(
            torch.cat(states, dim=2).transpose(1, 2),
            torch.cat(controls, dim=2).transpose(1, 2),
            torch.stack(predicted, dim=1),
            token,
        )


def _constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    return _constant_on(values, like.device)


@functools.cache
def _constant_on(values: tuple[float, ...], device: torch.device) -> Tensor:
    # kept: what is replayed on a GPU may not fetch numbers from the processor
    return torch.tensor(values, device=device)


# --- the loss ------------------------------------------------------------------------------------


def losses(model: DecisionTransformer, batch: Batch) -> dict[str, Tensor]:
    """Return the parts of the loss that answers teach, each a mean over the batch."""
    configuration = model.configuration
    frame = RoadFrame(batch.road)
    context, mask = model.encode(batch.state, frame, batch.obstacles, batch.present)
    modes = model.modes(context, mask, batch.state)
    distance = _way_distance(model, batch, frame, modes)
    winner = distance.argmin(dim=2)
    way = batch.is_way.float()
    won = distance.gather(2, winner[..., None])[..., 0]
    to_go = torch.stack([scaled_cost(batch.cost), scaled_constraint(batch.constraint)], dim=-1)
    to_go = to_go[:, :, :: configuration.block]
    mode_cost = modes.cost.gather(1, winner)
    driven = _driven(
        model,
        batch,
        (context, mask),
        frame,
        modes.hidden.index_select(0, _rows(winner, configuration.candidates)),
        to_go[:, :, 0],
        to_go[:, :, 1:],
        batch.is_told[:, None].expand_as(winner),
    )
    wanted = batch.states[:, :, 1:]
    weight = 0.4 + 0.6 * way
    weight = weight / weight.mean()
    left = (driven.to_go - to_go[:, :, 1:]).abs().mean(dim=(-1, -2))
    _, violations = model.merit(
        driven.states, driven.controls, frame, batch.obstacles, batch.present
    )
    violation = violations.mean(dim=-1)
    return {
        'way': (won * way).sum() / way.sum(),
        'spread': distance[:, 0].mean(),
        'choice': functional.nll_loss(modes.choice, winner[:, 0]),
        'cost': ((mode_cost - to_go[:, :, 0, 0]).abs() * way).sum() / way.sum(),
        'state': (weight * _state_error(driven.states, wanted)).mean(),
        'action': (weight * _action_error(driven.controls, batch.controls)).mean(),
        'to_go': (weight * left).mean(),
        'violation': (violation * way).sum() / way.sum(),
        'best_state': _state_error(driven.states[:, 0], wanted[:, 0]).mean().detach(),
        'best_violation': violation[:, 0].mean().detach(),
    }


def free_losses(model: DecisionTransformer, batch: FreeBatch) -> dict[str, Tensor]:
    """
    Return the parts of the loss that the objective teaches, each a mean over the batch.

    A mode's drive is to cost little, to violate no more than it is allowed, and to stay on the way
    that the mode points out; and the mode is to know what its way costs where nothing is allowed.
    """
    frame = RoadFrame(batch.road)
    context, mask = model.encode(batch.state, frame, batch.obstacles, batch.present)
    modes = model.modes(context, mask, batch.state)
    own = modes.cost.gather(1, batch.modes)
    asked = torch.stack([own.detach(), scaled_constraint(batch.allowed)], dim=-1)
    hidden = modes.hidden.index_select(0, _rows(batch.modes, model.configuration.candidates))
    driven = _driven(model, batch, (context, mask), frame, hidden, asked)
    cost, violations = model.merit(
        driven.states, driven.controls, frame, batch.obstacles, batch.present
    )
    merit = scaled_cost(model.merit.penalised(cost, violations, batch.allowed))
    strict = (batch.allowed == 0.0).float()
    return {
        'merit': merit.mean(),
        'own_cost': ((own - merit.detach()).abs() * strict).sum() / strict.sum().clamp(min=1.0),
        'own_way': _own_way_error(model, batch, frame, modes, driven.states),
        'free_violation': (violations.mean(dim=-1) * strict).sum().detach()
        / strict.sum().clamp(min=1.0),
    }


def _rows(modes: Tensor, count: int) -> Tensor:
    """Return where modes (B, T) of each problem lie among the modes of all, shape (B * T,)."""
    first = count * torch.arange(len(modes), device=modes.device)
    return (first[:, None] + modes).flatten()


def _driven(
    model: DecisionTransformer,
    batch: Batch | FreeBatch,
    encoded: tuple[Tensor, Tensor],
    frame: RoadFrame,
    hidden: Tensor,
    to_go: Tensor,
    given: Tensor | None = None,
    is_told: Tensor | None = None,
) -> Drive:
    """Drive T sequences of each problem; `to_go` and all that returns has the axes (B, T, ...)."""
    shape = to_go.shape[:2]
    drive = model.drive(
        *encoded,
        batch.state,
        frame,
        hidden,
        to_go.flatten(0, 1),
        None if given is None else given.flatten(0, 1),
        None if is_told is None else is_told.reshape(-1, 1),
    )
    return Drive(*(value.reshape(*shape, *value.shape[1:]) for value in vars(drive).values()))


def _own_way_error(
    model: DecisionTransformer,
    batch: FreeBatch,
    frame: RoadFrame,
    modes: Modes,
    states: Tensor,
) -> Tensor:
    """Mean distance of drives (B, F, N, 5) from the ways that their modes point out."""
    block = model.configuration.block
    ends = states[:, :, block - 1 :: block, :2]
    at = frame.project(ends.flatten(1, 2))[..., :2].reshape(ends.shape)
    index = batch.modes[..., None, None].expand(-1, -1, *modes.ways.shape[2:])
    gap = (at - modes.ways.gather(1, index).detach()) / _constant(WAY_SIZE, at)
    return functional.smooth_l1_loss(gap, torch.zeros_like(gap))


def total_loss(parts: dict[str, Tensor], configuration: Configuration) -> Tensor:
    """Return the weighted sum of the parts."""
    return (
        configuration.way_loss * parts['way']
        + configuration.spread_loss * parts['spread']
        + configuration.choice_loss * parts['choice']
        + configuration.to_go_loss * (parts['cost'] + parts['own_cost'] + parts['to_go'])
        + configuration.state_loss * parts['state']
        + configuration.action_loss * parts['action']
        + configuration.violation_loss * parts['violation']
        + configuration.merit_loss * parts['merit']
        + configuration.own_way_loss * parts['own_way']
    )


def _way_distance(
    model: DecisionTransformer, batch: Batch, frame: RoadFrame, modes: Modes
) -> Tensor:
    """Distance of each answer from each mode's way, shape (B, T, K); a step aside counts most."""
    block = model.configuration.block
    ends = batch.states[:, :, block::block, :2]
    at = frame.project(ends.flatten(1, 2))
    target = at[..., :2].reshape(ends.shape)
    gap = (modes.ways[:, None] - target[:, :, None]) / _constant(WAY_SIZE, target)
    return functional.smooth_l1_loss(gap, torch.zeros_like(gap), reduction='none').mean((-1, -2))


def _state_error(driven: Tensor, wanted: Tensor) -> Tensor:
    """Mean error along the horizon, shape (B, T); across the way counts most."""
    gap = driven - wanted
    cos, sin = torch.cos(wanted[..., 2]), torch.sin(wanted[..., 2])
    along = cos * gap[..., 0] + sin * gap[..., 1]
    across = cos * gap[..., 1] - sin * gap[..., 0]
    parts = torch.stack(
        [along / 1.5, across / 0.5, gap[..., 2] / 0.1, gap[..., 3] / 1.0, gap[..., 4] / 0.1],
        dim=-1,
    )
    error = functional.smooth_l1_loss(parts, torch.zeros_like(parts), reduction='none')
    return error.mean(dim=(-1, -2))


def _action_error(driven: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared action error (equation 9), actions in their typical sizes, shape (B, T)."""
    return (((driven - wanted) / _constant((2.0, 0.2), wanted)) ** 2).mean(dim=(-1, -2))


# --- training ------------------------------------------------------------------------------------


class EpochBatches(Dataset):
    """
    This process' batches of an epoch, each made when it is asked for.

    All processes draw the same order of problems and take their share of each batch.
    """

    def __init__(
        self, problems: Problems, configuration: Configuration, epoch: int, place: Place
    ) -> None:
        self.problems, self.configuration = problems, configuration
        self.epoch, self.place = epoch, place
        rng = np.random.default_rng([configuration.seed, epoch])
        size = min(configuration.batch, len(problems))
        orders = (rng.permutation(len(problems)) for _ in range(configuration.passes))
        self.rows = [
            order[start : start + size][place.rank :: place.count]
            for order in orders
            for start in range(0, len(order) - size + 1, size)
        ]

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.rows)

    def __getitem__(self, step: int) -> tuple[Batch, FreeBatch]:
        """Return a batch and variations of its problems."""
        rng = np.random.default_rng([self.configuration.seed, self.epoch, step, self.place.rank])
        batch = make_batch(self.problems.take(self.rows[step]), self.configuration, rng)
        return batch, make_free_batch(batch, self.configuration, rng)


class LossModule(nn.Module):
    """The model with its loss as forward, which is what data-parallel training wraps."""

    def __init__(self, model: DecisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, free: FreeBatch) -> dict[str, Tensor]:
        """Return the parts of the loss."""
        return losses(self.model, batch) | free_losses(self.model, free)


@dataclass(frozen=True)
class Place:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0


class Training:
    """
    One training, which goes on from its newest checkpoint where there is one.

    Args:
        configuration: what is trained; that of a checkpoint must be the same.
        place: of this process among those that train together.

    Raises:
        DatasetError: the dataset cannot be used.
        ValueError: the device cannot be used, or the checkpoint is of another configuration or
            damaged.

    """

    def __init__(self, configuration: Configuration, place: Place) -> None:
        self.configuration, self.place = configuration, place
        self.device = usable(configuration.device)
        folders = dataset_folders(configuration)
        card = read_card(folders[0])
        self.train = read_problems(folders, validation=False)
        self.validation = read_problems(folders, validation=True)
        torch.manual_seed(configuration.seed)
        self.model = DecisionTransformer(configuration, load_vehicle(card.vehicle), card.horizon)
        if configuration.initial:
            self.model.load_state_dict(first_weights(Path(configuration.initial), self.model))
        self.model.to(self.device)
        self.module: nn.Module = LossModule(self.model)
        if place.count > 1:
            self.module = DistributedDataParallel(self.module)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=torch.tensor(configuration.learning_rate, device=self.device),
            weight_decay=configuration.weight_decay,
            betas=(0.9, 0.98),
            capturable=self.device.type != 'cpu',
        )
        self.replayed: ReplayedStep | None = None
        self.epoch, self.elapsed = 0, 0.0
        self.best, self.best_epoch = math.inf, 0
        self.folder = Path(configuration.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / 'checkpoint.pt').exists():
            self._resume(self.folder / 'checkpoint.pt')

    def run(self) -> float:
        """Train to the end; return the best validation loss."""
        begin = time.monotonic() - self.elapsed
        while not self._over():
            parts = self._one_epoch(begin)
            self.epoch += 1
            validated = self._validate()
            self.elapsed = time.monotonic() - begin
            if self.place.first:
                self._keep(parts, validated)
        return self.best

    def _over(self) -> bool:
        configuration = self.configuration
        late = configuration.time_limit > 0 and self.elapsed >= configuration.time_limit
        stale = self.epoch - self.best_epoch >= configuration.patience
        # all processes must agree, or some would wait for ever
        return self._agreed(late or stale) or self.epoch >= configuration.epochs

    def _agreed(self, value: bool) -> bool:
        if self.place.count == 1:
            return value
        votes = torch.tensor([float(value)])
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return bool(votes[0] > 0)

    def _one_epoch(self, begin: float) -> dict[str, float]:
        self.module.train()
        sums: dict[str, Tensor] = {}
        batches = EpochBatches(self.train, self.configuration, self.epoch, self.place)
        loader = DataLoader(batches, batch_size=None, num_workers=self.configuration.workers)
        bar = tqdm(loader, f'epoch {self.epoch + 1}', leave=False, disable=not self.place.first)
        for step, (batch, free) in enumerate(bar):
            self._set_learning_rate(step / len(batches), time.monotonic() - begin)
            for name, value in self._step(_joined(batch, free, self.device)).items():
                sums[name] = sums.get(name, 0.0) + value / len(batches)
        parts = {name: float(value) for name, value in sums.items()}
        if not all(math.isfinite(value) for value in parts.values()):
            raise FloatingPointError(f'the loss is {parts} in epoch {self.epoch + 1}')
        return parts

    def _set_learning_rate(self, share: float, seconds: float) -> None:
        """Set the rate at a share of the epoch, after some seconds of training."""
        progress = (self.epoch + share) / self.configuration.epochs
        if self.configuration.time_limit > 0:
            progress = max(progress, seconds / self.configuration.time_limit)
        for group in self.optimiser.param_groups:
            group['lr'].fill_(learning_rate(progress, self.configuration))

    def _step(self, tensors: Tensors) -> dict[str, Tensor]:
        """Learn from a batch: on a GPU by replaying what was done with the first."""
        if self.device.type == 'cpu' or self.place.count > 1:
            return self._learn(tensors)
        if self.replayed is None:
            self.replayed = ReplayedStep(self._learn, tensors)
        return self.replayed(tensors)

    def _learn(self, tensors: Tensors) -> dict[str, Tensor]:
        parts = self.module(*_parted(tensors))
        loss = total_loss(parts, self.configuration)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.configuration.gradient_limit)
        self.optimiser.step()
        return {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Return the parts of the loss on the validation problems, and their sum as `total`."""
        self.model.eval()
        size, count = self.configuration.batch, len(self.validation)
        sums: dict[str, float] = {}
        for start in range(0, count, size):
            rows = np.arange(start, min(start + size, count))
            rng = np.random.default_rng([self.configuration.seed, start])
            batch = make_batch(self.validation.take(rows), self.configuration, rng)
            free = make_free_batch(batch, self.configuration, rng)
            batch, free = _parted(_joined(batch, free, self.device))
            parts = losses(self.model, batch) | free_losses(self.model, free)
            parts['total'] = total_loss(parts, self.configuration)
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(rows) / count
        return sums

    # --- what is written ---

    def _keep(self, parts: dict[str, float], validated: dict[str, float]) -> None:
        if validated['total'] < self.best:
            self.best, self.best_epoch = validated['total'], self.epoch
            self._save(self.folder / 'best.pt', {'model': self.model.state_dict()})
        self._save(
            self.folder / 'checkpoint.pt',
            {'model': self.model.state_dict(), 'optimiser': self.optimiser.state_dict()},
        )
        self._log(parts, validated)

    def _save(self, path: Path, content: dict[str, Any]) -> None:
        draft = path.with_suffix('.part')
        state = {
            'version': CHECKPOINT_VERSION,
            'configuration': asdict(self.configuration),
            'epoch': self.epoch,
            'elapsed': self.elapsed,
            'best': self.best,
            'best_epoch': self.best_epoch,
        }
        torch.save({**state, **content}, draft)
        draft.replace(path)

    def _log(self, parts: dict[str, float], validated: dict[str, float]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        values = {f'train/{name}': value for name, value in parts.items()}
        values |= {f'validation/{name}': value for name, value in validated.items()}
        with SummaryWriter(str(self.folder / 'tensorboard')) as writer:
            for name, value in values.items():
                writer.add_scalar(name, value, self.epoch)
        path = self.folder / 'log.csv'
        new = not path.exists()
        with path.open('a', newline='', encoding='utf-8') as stream:
            writer_csv = csv.writer(stream)
            if new:
                writer_csv.writerow(['epoch', 'seconds', *values])
            row = (f'{value:.5f}' for value in values.values())
            writer_csv.writerow([self.epoch, f'{self.elapsed:.0f}', *row])
        print(
            f'epoch {self.epoch:3d} {self.elapsed:6.0f} s  train state {parts["state"]:.4f}  '
            f'validation {validated["total"]:.4f} way {validated["way"]:.4f} '
            f'best state {validated["best_state"]:.4f} '
            f'violation {validated["best_violation"]:.4f} '
            f'merit {validated["merit"]:.4f} free violation {validated["free_violation"]:.4f}'
            f'{"  *" if self.best_epoch == self.epoch else ""}',
            flush=True,
        )

    def _resume(self, path: Path) -> None:
        state = read_checkpoint(path)
        known = replace(Configuration(**state['configuration']), **_may_change(self.configuration))
        if known != self.configuration:
            names = [
                field.name
                for field in fields(Configuration)
                if getattr(known, field.name) != getattr(self.configuration, field.name)
            ]
            raise ValueError(
                f'{path} is of another configuration, in {", ".join(names)}: expected the same, '
                'or another folder `out`'
            )
        self.model.load_state_dict(state['model'])
        self.optimiser.load_state_dict(state['optimiser'])
        for group in self.optimiser.param_groups:
            # the checkpoint may come from another device
            group.update(lr=group['lr'].to(self.device), capturable=self.device.type != 'cpu')
        self.epoch, self.elapsed = state['epoch'], state['elapsed']
        self.best, self.best_epoch = state['best'], state['best_epoch']


def _may_change(configuration: Configuration) -> dict[str, Any]:
    """Return what may differ from a checkpoint's: how long, and where."""
    names = ('epochs', 'patience', 'time_limit', 'out', 'device', 'workers')
    return {name: getattr(configuration, name) for name in names}


def usable(name: str) -> torch.device:
    """
    Return the device of a name.

    Raises:
        ValueError: nothing can be computed on it here.

    """
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f'device is {name!r}: expected one to compute on: {reason}') from None


def _joined(batch: Batch, free: FreeBatch, device: torch.device) -> Tensors:
    """Return the tensors of both on a device, by name; those of the variations have a prefix."""
    tensors = vars(batch) | {FREE + name: value for name, value in vars(free).items()}
    return {name: value.to(device) for name, value in tensors.items()}


def _parted(tensors: Tensors) -> tuple[Batch, FreeBatch]:
    batch = {name: value for name, value in tensors.items() if not name.startswith(FREE)}
    free = {
        name.removeprefix(FREE): value for name, value in tensors.items() if name.startswith(FREE)
    }
    return Batch(**batch), FreeBatch(**free)


def learning_rate(progress: float, configuration: Configuration) -> float:
    """Return the rate at a share of the training: a linear rise, then a cosine to 1 %."""
    if progress < configuration.warm_up:
        return configuration.learning_rate * (0.02 + 0.98 * progress / configuration.warm_up)
    rest = min((progress - configuration.warm_up) / (1.0 - configuration.warm_up), 1.0)
    return configuration.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * rest)))


def dataset_folders(configuration: Configuration) -> list[Path]:
    """Return the folders of the configuration's datasets."""
    return [Path(name.strip()) for name in configuration.dataset.split(',') if name.strip()]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """
    Return a checkpoint's content: numbers and weights only, no code.

    Raises:
        ValueError: it is missing, damaged or of another version.

    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        version = state['version']
    except FileNotFoundError:
        raise ValueError(f'{path} is missing: expected a checkpoint; train first') from None
    except Exception as error:
        raise ValueError(f'{path} is no readable checkpoint: {error}') from None
    if version != CHECKPOINT_VERSION:
        raise ValueError(f'{path}: version is {version}: expected {CHECKPOINT_VERSION}')
    return state


def load_model(path: Path) -> DecisionTransformer:
    """
    Return the model of a checkpoint, ready for inference.

    Raises:
        ValueError: the checkpoint cannot be read.
        DatasetError: the card of its dataset, which says for which car it is, cannot be read.

    """
    state = read_checkpoint(path)
    configuration = Configuration(**state['configuration'])
    card = read_card(dataset_folders(configuration)[0])
    model = DecisionTransformer(configuration, load_vehicle(card.vehicle), card.horizon)
    model.load_state_dict(state['model'])
    return model.eval()


def first_weights(path: Path, model: DecisionTransformer) -> dict[str, Tensor]:
    """
    Return the weights of a checkpoint, or of the served model in a folder.

    Raises:
        ValueError: there are none, or they are of a model of another size.

    """
    if path.is_dir():
        return read_weights(path / ONNX_FILE, model, 'model.')
    return load_model(path).state_dict()


def main(arguments: list[str] | None = None) -> int:
    """Train; return the exit status."""
    try:
        configuration = parse(arguments)
        place = _join()
        if place.first:
            Path(configuration.out).mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(configuration), indent=2)
            (Path(configuration.out) / 'configuration.json').write_text(text + '\n')
        training = Training(configuration, place)
        if place.first:
            size = sum(parameter.numel() for parameter in training.model.parameters())
            print(
                f'{size} parameters, {len(training.train)} problems, '
                f'{len(training.validation)} for validation',
                flush=True,
            )
        best = training.run()
    except (DatasetError, ValueError, OSError) as error:
        print(f'train: {error}', file=sys.stderr)
        return 2
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    if place.first:
        print(f'best validation loss {best:.4f}, {Path(configuration.out) / "best.pt"}')
    return 0


def parse(arguments: list[str] | None = None) -> Configuration:
    """Return the configuration that the command line asks for."""
    parser = argparse.ArgumentParser(prog='train', description=__doc__.strip().splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='a tiny model and two epochs')
    for field in fields(Configuration):
        kind = type(getattr(Configuration(), field.name))
        parser.add_argument(f'--{field.name.replace("_", "-")}', type=kind)
    given = vars(parser.parse_args(arguments))
    base = SMOKE if given.pop('smoke') else Configuration()
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def _join() -> Place:
    """Join the other processes of `torchrun`, where there are any."""
    count = int(os.environ.get('WORLD_SIZE', '1'))
    if count == 1:
        return Place()
    dist.init_process_group('gloo')
    return Place(dist.get_rank(), count)


if __name__ == '__main__':
    sys.exit(main())
