# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the Decision Transformer learns from: the parts of its loss.

Its core is the squared action error over the sequence (docs/decision-transformer.md, equation 4).
What is particular here:

- The mode that is nearest to a solution learns from it and no other does (winner-takes-all), so
  that the two sides of an obstacle do not average.
- Modes also drive variations of the problems that nobody has solved, and learn from what that
  costs and violates (`network/merit.py`): data without end, and what constraint-to-go means.

How the parts are weighted is the training's to say: `train.py`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.decision_transformer.network.road_frame import RoadFrame
from training.decision_transformer.network.transformer import (
    COST_SCALE,
    DecisionTransformer,
    Drive,
    Modes,
    scaled_constraint,
    scaled_cost,
    unscaled_cost,
)

WAY_SIZE = (2.0, 0.6)  # of distances of ways along and across the road [m]


# --- what they are taken of ----------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """
    Problems and the answers chosen for this pass, as tensors; shapes as in `Problems`.

    `is_way` (B, T) marks feasible local optima, the ways to learn; the first answer is the best.
    `is_conditioned` (B,) marks problems whose sequences are told what was to go on the way; the
    others go by their own prediction, as when the model serves.
    """

    state: Tensor
    road: Tensor
    obstacles: Tensor
    present: Tensor
    is_way: Tensor
    is_conditioned: Tensor
    states: Tensor
    controls: Tensor
    cost: Tensor
    constraint: Tensor


@dataclass(frozen=True)
class FreeBatch:
    """
    Problems without answers: what some modes drive there is judged by its merit alone.

    `modes` (B, F) are those that are driven, `allowed` (B, F) the sum of violations that each is
    allowed: its constraint-to-go. `conceded` (B, F) are the natural logarithms by which the cost
    that it is asked for is above its own: 0 asks for its best.
    """

    state: Tensor
    road: Tensor
    obstacles: Tensor
    present: Tensor
    modes: Tensor
    allowed: Tensor
    conceded: Tensor


# --- the parts -----------------------------------------------------------------------------------


def losses(model: DecisionTransformer, batch: Batch) -> dict[str, Tensor]:
    """Return the parts of the loss that answers teach, each a mean over the batch."""
    frame = RoadFrame(batch.road)
    context, mask = model.encode(batch.state, frame, batch.obstacles, batch.present)
    modes = model.modes(context, mask, batch.state)
    distance = _way_distance(model, batch, frame, modes)
    winner = distance.argmin(dim=2)
    way = batch.is_way.float()
    won = distance.gather(2, winner[..., None])[..., 0]
    to_go = torch.stack([scaled_cost(batch.cost), scaled_constraint(batch.constraint)], dim=-1)
    to_go = to_go[:, :, :: model.sizes.block]
    mode_cost = modes.cost.gather(1, winner)
    driven = _driven(
        model,
        batch,
        (context, mask),
        frame,
        modes.hidden.index_select(0, _rows(winner, model.sizes.candidates)),
        to_go[:, :, 0],
        to_go[:, :, 1:],
        batch.is_conditioned[:, None].expand_as(winner),
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

    A mode's drive is to cost little, but for what it is conceded, to violate no more than it is
    allowed, and to stay on the way that the mode points out where it is asked for its best; and
    the mode is to know what its way costs where nothing is allowed or conceded.
    """
    frame = RoadFrame(batch.road)
    context, mask = model.encode(batch.state, frame, batch.obstacles, batch.present)
    modes = model.modes(context, mask, batch.state)
    own = modes.cost.gather(1, batch.modes)
    best = own.detach()
    wanted = best + batch.conceded / COST_SCALE
    asked = torch.stack([wanted, scaled_constraint(batch.allowed)], dim=-1)
    hidden = modes.hidden.index_select(0, _rows(batch.modes, model.sizes.candidates))
    driven = _driven(model, batch, (context, mask), frame, hidden, asked)
    cost, violations = model.merit(
        driven.states, driven.controls, frame, batch.obstacles, batch.present
    )
    counted = torch.relu(cost - (unscaled_cost(wanted) - unscaled_cost(best)))
    merit = scaled_cost(model.merit.penalised(counted, violations, batch.allowed))
    at_best = (batch.conceded == 0.0).float()
    strict = at_best * (batch.allowed == 0.0)
    return {
        'merit': merit.mean(),
        'own_cost': ((own - merit.detach()).abs() * strict).sum() / strict.sum().clamp(min=1.0),
        'own_way': (at_best * _own_way_error(model, batch, frame, modes, driven.states)).mean(),
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
    is_conditioned: Tensor | None = None,
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
        None if is_conditioned is None else is_conditioned.reshape(-1, 1),
    )
    return Drive(*(value.reshape(*shape, *value.shape[1:]) for value in vars(drive).values()))


def _own_way_error(
    model: DecisionTransformer,
    batch: FreeBatch,
    frame: RoadFrame,
    modes: Modes,
    states: Tensor,
) -> Tensor:
    """Distance of drives (B, F, N, 5) from the ways that their modes point out, (B, F)."""
    block = model.sizes.block
    ends = states[:, :, block - 1 :: block, :2]
    at = frame.project(ends.flatten(1, 2))[..., :2].reshape(ends.shape)
    index = batch.modes[..., None, None].expand(-1, -1, *modes.ways.shape[2:])
    gap = (at - modes.ways.gather(1, index).detach()) / _constant(WAY_SIZE, at)
    return functional.smooth_l1_loss(gap, torch.zeros_like(gap), reduction='none').mean((-1, -2))


def _way_distance(
    model: DecisionTransformer, batch: Batch, frame: RoadFrame, modes: Modes
) -> Tensor:
    """Distance of each answer from each mode's way, shape (B, T, K); a step aside counts most."""
    block = model.sizes.block
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
    """Mean squared action error (equation 4), actions in their typical sizes, shape (B, T)."""
    return (((driven - wanted) / _constant((2.0, 0.2), wanted)) ** 2).mean(dim=(-1, -2))


def _constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    return _constant_on(values, like.device)


@functools.cache
def _constant_on(values: tuple[float, ...], device: torch.device) -> Tensor:
    # kept: what is replayed on a GPU may not fetch numbers from the processor
    return torch.tensor(values, device=device)
