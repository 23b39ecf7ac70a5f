# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What SCP makes of a model's candidates, and a head that learns to tell it beforehand.

What is a candidate worth? Its merit says how good it is as it is, and a small violation that one
iteration puts right weighs as much there as a way that leads nowhere. So a
small head learns from each candidate whether its refinement is feasible and what it costs: the
failure probability and the predicted return. The epoch is the one after which the first few are
worth most in the order that these suggest: whoever tells the best few tells all that is of use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.decision_transformer.loading import CHECKPOINT_VERSION, read_checkpoint
from training.decision_transformer.network.road_frame import RoadFrame
from training.decision_transformer.network.transformer import (
    DecisionTransformer,
    Drive,
    Modes,
    scaled_constraint,
    scaled_cost,
    unscaled_cost,
)
from training.figures import excess_share, relative_gap
from warmstart_planner.learned.transformer.architecture import (
    CANDIDATE_FEATURES,
    COST_SCALE,
    MERIT,
    RISK,
    caution,
)

HEAD_FILE = 'outcome_head.pt'  # beside the checkpoint
HELD_OUT = 0.15  # share of the scenes that choose the epoch
HIDDEN = 64
EPOCHS, BATCH, RATE = 80, 32, 1e-3
FEW = 3  # candidates that the epoch suits: one to so many
# What a failure counts beside a cost, in natural logarithms of it: where the surest of the cheap
# ways is looked for, and where the cheapest is that is no sure failure.
SUREST, CHEAPEST = 20.0, 1.0

Some = TypeVar('Some', bound='Contexts')


@dataclass(frozen=True)
class Contexts:
    """The contexts of P problems, arrays as in `learned.context`; parts add what came of them."""

    state: NDArray[np.float32]
    road: NDArray[np.float32]
    obstacles: NDArray[np.float32]
    present: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of problems."""
        return len(self.state)

    def take(self: Some, rows: NDArray[np.int64]) -> Some:
        """Return some of the problems."""
        return type(self)(**{name: value[rows] for name, value in vars(self).items()})

    def tensors(self) -> tuple[Tensor, ...]:
        """Return what the model takes of them."""
        arrays = (self.state, self.road, self.obstacles, self.present)
        return tuple(torch.from_numpy(array) for array in arrays)


@dataclass(frozen=True)
class Outcomes(Contexts):
    """What SCP made of a model's K candidates: `feasible` (P, K) and refined `cost` (P, K)."""

    feasible: NDArray[np.bool_]
    cost: NDArray[np.float32]


@dataclass(frozen=True)
class Proposed:
    """
    What a model makes of B problems.

    `frame`, `context` and `mask` say what it sees of them, `modes` and `drive` what it proposes;
    `features` (B * K, F) are those from which the outcome is told.
    """

    frame: RoadFrame
    context: Tensor
    mask: Tensor
    modes: Modes
    drive: Drive
    features: Tensor


def propose(
    model: DecisionTransformer,
    state: Tensor,
    road: Tensor,
    obstacles: Tensor,
    present: Tensor,
    relative_return: Tensor | None = None,
    constraint_to_go: Tensor | None = None,
) -> Proposed:
    """
    Drive all modes of problems, as they are served.

    Args:
        model: the trained model.
        state: (B, 5), and so on with `road`, `obstacles` and `present`, as in a context.
        road: see there.
        obstacles: see there.
        present: see there.
        relative_return: of each candidate, shape (B * K,), beside its caution; None: 0.
        constraint_to_go: of each candidate, shape (B * K,); None: 0.

    """
    frame = RoadFrame(road)
    context, mask = model.encode(state, frame, obstacles, present)
    modes = model.modes(context, mask, state)
    wary = torch.from_numpy(caution(modes.cost.shape[1])).to(modes.cost)
    asked = (modes.cost + wary).flatten()
    if relative_return is not None:
        asked = torch.relu(asked - relative_return / COST_SCALE)
    allowed = torch.zeros_like(asked)
    if constraint_to_go is not None:
        allowed = scaled_constraint(constraint_to_go)
    drive = model.drive(
        context, mask, state, frame, modes.hidden, torch.stack([asked, allowed], dim=1)
    )
    shape = (state.shape[0], -1, drive.states.shape[1])
    cost, violations = model.merit(
        drive.states.reshape(*shape, drive.states.shape[2]),
        drive.controls.reshape(*shape, drive.controls.shape[2]),
        frame,
        obstacles,
        present,
    )
    merit = model.merit.penalised(cost, violations, torch.zeros_like(cost))
    violations = violations.flatten(0, 1)
    mean, soon = (v.mean(dim=1, keepdim=True) for v in (violations, violations[:, :6]))
    most = violations.amax(dim=1, keepdim=True)
    costs = torch.stack([cost, merit], dim=-1).flatten(0, 1)
    plain = [
        modes.choice.reshape(-1, 1) / 5.0,
        modes.cost.reshape(-1, 1),
        drive.to_go[:, -1, :1],
        scaled_cost(costs),
        torch.log1p(10.0 * torch.cat([mean, most, soon], dim=1)),
        (violations > 0.05).to(violations.dtype).mean(dim=1, keepdim=True),
    ]
    features = torch.cat([drive.token, modes.hidden, *plain], dim=1)
    return Proposed(frame, context, mask, modes, drive, features)


class OutcomeHead(nn.Module):
    """
    From a candidate's features to what is to be expected of its refinement.

    Args:
        width: of the model's tokens.

    """

    def __init__(self, width: int) -> None:
        super().__init__()
        size = 2 * width + CANDIDATE_FEATURES
        self.norm = nn.LayerNorm(size)
        self.layers = nn.Sequential(
            nn.Linear(size, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()
        )
        self.out = nn.Linear(HIDDEN, 2)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logit of feasibility and the scaled cost, both of the rows' shape."""
        logit, cost = self.out(self.layers(self.norm(features))).unbind(dim=-1)
        return logit, cost

    def predict(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the return of a refinement that succeeds, and how probably it does not."""
        logit, cost = self(features)
        amiss = COST_SCALE * torch.relu(features[..., MERIT] - cost)
        return -unscaled_cost(cost), torch.clamp(torch.sigmoid(-logit) + RISK * amiss, max=1.0)


def fit_head(model: DecisionTransformer, outcomes: Outcomes, seed: int = 0) -> OutcomeHead:
    """
    Train the head; the model itself is left as it is.

    Args:
        model: whose candidates were refined.
        outcomes: what became of them.
        seed: of the order and the first weights.

    Raises:
        ValueError: too few outcomes, or none is feasible.

    """
    if len(outcomes) < 10 or not outcomes.feasible.any():
        raise ValueError(
            f'outcomes has {len(outcomes)} problems: expected 10, some of them solved'
        )
    torch.manual_seed(seed)
    features = candidate_features(model, outcomes)
    held = max(int(HELD_OUT * len(outcomes)), 2)
    train, test = np.arange(held, len(outcomes)), np.arange(held)
    head = OutcomeHead(model.sizes.width)
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=0.05)
    targets = (
        torch.from_numpy(outcomes.feasible).float(),
        scaled_cost(torch.from_numpy(outcomes.cost)),
    )
    best, kept = np.inf, head.state_dict()
    for epoch in range(EPOCHS):
        for rows in torch.from_numpy(
            np.random.default_rng([seed, epoch]).permutation(train)
        ).split(BATCH):
            loss = _outcome_loss(head, features[rows], *(t[rows] for t in targets))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        value = regret(head, features, outcomes, test)
        if value < best:
            best = value
            kept = {name: each.clone() for name, each in head.state_dict().items()}
    head.load_state_dict(kept)
    return head.eval()


@torch.no_grad()
def candidate_features(model: DecisionTransformer, outcomes: Outcomes) -> Tensor:
    """Return the features of all candidates, shape (P, K, F)."""
    parts = []
    for rows in np.array_split(np.arange(len(outcomes)), -(-len(outcomes) // 64)):
        features = propose(model, *outcomes.take(rows).tensors()).features
        parts.append(features.reshape(len(rows), -1, features.shape[1]))
    return torch.cat(parts)


def _outcome_loss(head: OutcomeHead, features: Tensor, feasible: Tensor, cost: Tensor) -> Tensor:
    logit, found = head(features)
    known = functional.binary_cross_entropy_with_logits(logit, feasible)
    error = functional.smooth_l1_loss(found, cost, reduction='none', beta=0.1)
    # which of a problem's candidates is the better one counts more than the size of the cost
    order = functional.smooth_l1_loss(
        found - _mean(found, feasible), cost - _mean(cost, feasible), reduction='none', beta=0.1
    )
    return known + ((error + 2.0 * order) * feasible).sum() / feasible.sum().clamp(min=1.0)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    total = weight.sum(dim=1, keepdim=True).clamp(min=1.0)
    return (values * weight).sum(dim=1, keepdim=True) / total


def regret(
    head: OutcomeHead, features: Tensor, outcomes: Outcomes, rows: NDArray[np.int64]
) -> float:
    """
    Return how far the best of the first few is from the best of all, in the mean over the few.

    A failure counts twice here: its excess share is 1, as if it were a very dear answer, and it
    leaves the car without a new plan besides.
    """
    shares = shares_in_turn(head, features, outcomes, rows)[:, :FEW]
    return float((shares + (shares == 1.0)).mean())


@torch.no_grad()
def shares_in_turn(
    head: OutcomeHead, features: Tensor, outcomes: Outcomes, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """
    Return what the best of the first candidates is worth, in their `refinement_order`.

    Args:
        head: tells failure and cost.
        features: of all candidates, shape (P, K, F).
        outcomes: what became of them.
        rows: problems to look at, of which those count that some candidate solves.

    Returns:
        Excess share of the best of the first 1 to K, shape (problems, K); 1 where all of them
        fail.

    """
    returns, failure = (each.numpy() for each in head.predict(features[torch.from_numpy(rows)]))
    order = [refinement_order(*each) for each in zip(-returns, failure, strict=True)]
    part = outcomes.take(rows)
    verified = np.where(part.feasible, part.cost, np.inf)
    best = verified.min(axis=1, keepdims=True)
    so_far = np.minimum.accumulate(np.take_along_axis(verified, np.array(order), axis=1), axis=1)
    solvable = np.isfinite(best[:, 0])
    if not solvable.any():
        return np.ones_like(verified)
    return excess_share(relative_gap(so_far[solvable], best[solvable]))


def refinement_order(cost: ArrayLike, failure: ArrayLike) -> list[int]:
    """
    Return the order of ways in which the best of the first few is worth most.

    Whoever looks at one wants it to lead to a plan at all; once that is likely, a cheap one that
    may fail risks nothing. So the surest and the cheapest take turns.

    Args:
        cost: of each way if its refinement succeeds, shape (K,).
        failure: probability that it does not, shape (K,).

    """
    orders = [
        np.argsort(np.asarray(cost) * np.exp(price * np.asarray(failure)), kind='stable').tolist()
        for price in (SUREST, CHEAPEST)
    ]
    return list(_taking_turns(orders))


def _taking_turns(orders: Sequence[Sequence[int]]) -> Iterator[int]:
    """Yield the first of each order in turn that was not yet; all hold the same."""
    taken: set[int] = set()
    for order in cycle([iter(order) for order in orders]):
        found = next((item for item in order if item not in taken), None)
        if found is None:
            return
        taken.add(found)
        yield found


def write_head(path: Path, head: OutcomeHead) -> None:
    """Write a head as a file that `load_head` reads."""
    torch.save({'version': CHECKPOINT_VERSION, 'head': head.state_dict()}, path)


def load_head(path: Path, model: DecisionTransformer) -> OutcomeHead:
    """
    Return the head of a file, for a model.

    Raises:
        ValueError: the file is missing, damaged or for a model of another width.

    """
    state = read_checkpoint(path)
    head = OutcomeHead(model.sizes.width)
    try:
        head.load_state_dict(state['head'])
    except (KeyError, RuntimeError) as error:
        raise ValueError(f'{path} holds no outcome head for this model: {error}') from None
    return head.eval()
