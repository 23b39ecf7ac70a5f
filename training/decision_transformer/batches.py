# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the Decision Transformer learns from: batches of problems, varied anew in each pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.dataset.reading import KINDS, Problems
from training.decision_transformer.losses import Batch, FreeBatch
from training.decision_transformer.settings import Configuration
from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, OBSTACLE_FIELDS
from warmstart_planner.vehicle import SPEED, STEERING

STATE_MIRROR = (1.0, -1.0, -1.0, 1.0, -1.0)
DEAREST = 3.0  # natural logarithms by which a free mode's asked cost is above its own


@dataclass(frozen=True)
class ProcessRank:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0


class EpochBatches(Dataset):
    """
    This process' batches of an epoch, each made when it is asked for.

    All processes draw the same order of problems and take their share of each batch.
    """

    def __init__(
        self, problems: Problems, configuration: Configuration, epoch: int, process: ProcessRank
    ) -> None:
        self.problems, self.configuration = problems, configuration
        self.epoch, self.process = epoch, process
        rng = np.random.default_rng([configuration.seed, epoch])
        size = min(configuration.batch, len(problems))
        orders = (rng.permutation(len(problems)) for _ in range(configuration.passes))
        self.rows = [
            order[start : start + size][process.rank :: process.count]
            for order in orders
            for start in range(0, len(order) - size + 1, size)
        ]

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.rows)

    def __getitem__(self, step: int) -> tuple[Batch, FreeBatch]:
        """Return a batch and variations of its problems."""
        rng = np.random.default_rng([self.configuration.seed, self.epoch, step, self.process.rank])
        batch = make_batch(self.problems.take(self.rows[step]), self.configuration, rng)
        return batch, make_free_batch(batch, self.configuration, rng)


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
        is_conditioned=torch.from_numpy(rng.random(count) < 0.5),
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
    strict = rng.random(modes.shape) < 1.0 - configuration.allowed_share
    allowed = np.where(strict, 0.0, np.exp(rng.normal(0.5, 1.3, modes.shape)))
    dearer = rng.random(modes.shape) < configuration.dearer_share
    conceded = np.where(dearer, rng.uniform(0.0, DEAREST, modes.shape), 0.0)
    return FreeBatch(
        state=torch.from_numpy(state.astype(np.float32)),
        road=batch.road,
        obstacles=torch.from_numpy(obstacles.astype(np.float32)),
        present=batch.present & torch.from_numpy(~left_out),
        modes=torch.from_numpy(modes),
        allowed=torch.from_numpy(allowed.astype(np.float32)),
        conceded=torch.from_numpy(conceded.astype(np.float32)),
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
