# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Teach a trained model what SCP makes of its candidates: `make outcomes`.

Which of sixteen candidates to refine? Their merit says how good they are as they are, and a small
violation that one iteration puts right weighs as much there as a way that leads nowhere. So SCP
refines all candidates of problems that the model has not seen, and a small head learns from each
candidate whether the outcome is feasible and what it costs. Its answer is the candidate's
predicted return, by which learned candidates are ranked.
"""

from __future__ import annotations

import os

for _variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_variable, '1')

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from distributed import Client, as_completed
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from training.dataset.generate import connected
from training.dataset.schema import DatasetError
from training.dataset.situations import base_situation
from training.decision_transformer import (
    CHECKPOINT_VERSION,
    COST_SCALE,
    DecisionTransformer,
    Drive,
    Modes,
    load_model,
    read_checkpoint,
    scaled_constraint,
    scaled_cost,
    unscaled_cost,
)
from warmstart_planner.learned.context import context_of
from warmstart_planner.problem import Horizon
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle
from warmstart_planner.verification import verify

HEAD_FILE = 'outcome_head.pt'  # beside the checkpoint
FIRST_INDEX = 700_000  # of scenes, which no training uses
CHUNK = 5  # scenes a task
HELD_OUT = 0.15  # share of the scenes that choose epoch and price
CANDIDATE_FEATURES = 9  # of a candidate, beside its tokens
HIDDEN = 64
EPOCHS, BATCH, RATE = 80, 32, 1e-3
PRICES = (0.5, 1.0, 2.0, 3.0, 5.0)  # tried for a candidate that surely fails, in logarithms
INFEASIBLE = 1.0  # what a failure counts, where an excess cost g counts g / (1 + g)


@dataclass(frozen=True)
class Outcomes:
    """
    Problems and what SCP made of a model's candidates for them, P problems, K candidates.

    The context's arrays as in `learned.context`, `feasible` (P, K) and refined `cost` (P, K).
    """

    state: NDArray[np.float32]
    road: NDArray[np.float32]
    obstacles: NDArray[np.float32]
    present: NDArray[np.bool_]
    feasible: NDArray[np.bool_]
    cost: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of problems."""
        return len(self.state)

    def take(self, rows: NDArray[np.int64]) -> Outcomes:
        """Return some of the problems."""
        return Outcomes(**{name: value[rows] for name, value in vars(self).items()})


# --- what SCP makes of candidates ----------------------------------------------------------------


def refine_scenes(checkpoint: str, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Refine all candidates for some scenes; runs on a worker."""
    model, solver = _tools(checkpoint)
    rows = []
    for index in indices:
        try:
            problem = base_situation(index, solver.horizon).problem
        except RuntimeError:
            continue  # the generator found no such scene
        bound = solver.bind(problem)
        context = context_of(bound.numbers)
        states, controls = _candidates(model, context)
        feasible, cost = [], []
        for own, used in zip(states, controls, strict=True):
            result = solver.solve(bound, solver.roll_out(bound, bound.globalise(own, used)))
            feasible.append(verify(problem, result.trajectory).feasible)
            cost.append(result.score.cost)
        rows.append({**vars(context), 'feasible': feasible, 'cost': np.float32(cost)})
    return rows


@cache
def _tools(checkpoint: str) -> tuple[DecisionTransformer, ScpSolver]:
    torch.set_num_threads(1)
    return load_model(Path(checkpoint)), ScpSolver(load_vehicle(DEFAULT_VEHICLE), Horizon())


def _candidates(
    model: DecisionTransformer, context: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return states (K, N + 1, 5) and controls (K, N, 2) in the problem's frame."""
    inputs = [torch.from_numpy(value)[None] for value in vars(context).values()]
    with torch.no_grad():
        _, drive, _ = propose(model, *inputs)
    first = np.broadcast_to(context.state, (drive.states.shape[0], 1, len(context.state)))
    states = np.concatenate([first, drive.states.numpy()], axis=1).astype(float)
    return states, drive.controls.numpy().astype(float)


def propose(
    model: DecisionTransformer,
    state: Tensor,
    road: Tensor,
    obstacles: Tensor,
    present: Tensor,
    relative_return: Tensor | None = None,
    constraint_to_go: Tensor | None = None,
) -> tuple[tuple[Tensor, Tensor, Modes], Drive, Tensor]:
    """
    Drive all modes of problems, as they are served.

    Args:
        model: the trained model.
        state: (B, 5), and so on with `road`, `obstacles` and `present`, as in a context.
        road: see there.
        obstacles: see there.
        present: see there.
        relative_return: of each candidate, shape (B * K,); None: 0.
        constraint_to_go: of each candidate, shape (B * K,); None: 0.

    Returns:
        Context tokens, their mask and the modes; what they drive; features (B * K, F) from which
        the outcome is told.

    """
    context, mask = model.encode(state, road, obstacles, present)
    modes = model.modes(context, mask, state)
    asked = modes.cost.flatten()
    if relative_return is not None:
        asked = torch.relu(asked - relative_return / COST_SCALE)
    allowed = torch.zeros_like(asked)
    if constraint_to_go is not None:
        allowed = scaled_constraint(constraint_to_go)
    drive = model.drive(
        context, mask, state, road, modes.hidden, torch.stack([asked, allowed], dim=1)
    )
    shape = (state.shape[0], -1, drive.states.shape[1])
    cost, violations = model.merit(
        drive.states.reshape(*shape, drive.states.shape[2]),
        drive.controls.reshape(*shape, drive.controls.shape[2]),
        road,
        obstacles,
        present,
    )
    merit = model.merit.penalised(cost, violations, torch.zeros_like(cost))
    violations = violations.flatten(0, 1)
    plain = torch.stack(
        [
            modes.choice.flatten() / 5.0,
            modes.cost.flatten(),
            drive.to_go[:, -1, 0],
            scaled_cost(cost).flatten(),
            scaled_cost(merit).flatten(),
            torch.log1p(10.0 * violations.mean(dim=1)),
            torch.log1p(10.0 * violations.amax(dim=1)),
            torch.log1p(10.0 * violations[:, :6].mean(dim=1)),
            (violations > 0.05).to(violations.dtype).mean(dim=1),
        ],
        dim=1,
    )
    return (context, mask, modes), drive, torch.cat([drive.token, modes.hidden, plain], dim=1)


# --- the head ------------------------------------------------------------------------------------


class OutcomeHead(nn.Module):
    """
    From a candidate's features to the return that is to be expected after refinement.

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
        self.register_buffer('price', torch.tensor(2.0))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logit of feasibility and the scaled cost, both of the rows' shape."""
        logit, cost = self.out(self.layers(self.norm(features))).unbind(dim=-1)
        return logit, cost

    def expected_return(self, features: Tensor) -> Tensor:
        """Return the negative cost to expect; a candidate that may fail is dearer."""
        logit, cost = self(features)
        risk = self.price * torch.sigmoid(-logit)
        return -unscaled_cost(cost + risk / COST_SCALE)


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
    features = _features(model, outcomes)
    held = max(int(HELD_OUT * len(outcomes)), 2)
    train, test = np.arange(held, len(outcomes)), np.arange(held)
    head = OutcomeHead(model.configuration.width)
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
        with torch.no_grad():
            value = min(_regret(head, features, outcomes, test, price) for price in PRICES)
        if value < best:
            best = value
            kept = {name: each.clone() for name, each in head.state_dict().items()}
    head.load_state_dict(kept)
    with torch.no_grad():
        price = min(PRICES, key=lambda p: _regret(head, features, outcomes, test, p))
    head.price.fill_(price)
    return head.eval()


@torch.no_grad()
def _features(model: DecisionTransformer, outcomes: Outcomes) -> Tensor:
    """Return the features of all candidates, shape (P, K, F)."""
    parts = []
    for rows in np.array_split(np.arange(len(outcomes)), -(-len(outcomes) // 64)):
        part = outcomes.take(rows)
        names = ('state', 'road', 'obstacles', 'present')
        inputs = (torch.from_numpy(getattr(part, name)) for name in names)
        _, _, features = propose(model, *inputs)
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


def _regret(
    head: OutcomeHead,
    features: Tensor,
    outcomes: Outcomes,
    rows: NDArray[np.int64],
    price: float,
) -> float:
    """Mean excess share of the candidate that ranks first, a failure counting INFEASIBLE."""
    logit, cost = head(features[torch.from_numpy(rows)])
    first = (COST_SCALE * cost + price * torch.sigmoid(-logit)).argmin(dim=1).numpy()
    part = outcomes.take(rows)
    at = np.arange(len(rows))
    best = np.where(part.feasible, part.cost, np.inf).min(axis=1)
    gap = np.maximum(part.cost[at, first] / np.maximum(best, 0.1) - 1.0, 0.0)
    share = np.where(part.feasible[at, first], gap / (1.0 + gap), INFEASIBLE)
    solvable = np.isfinite(best)
    return float(share[solvable].mean()) if solvable.any() else INFEASIBLE


# --- the program ---------------------------------------------------------------------------------


def teach(checkpoint: Path, scenes: int, client: Client) -> list[str]:
    """
    Collect outcomes, train the head on them, and write both beside the checkpoint.

    Args:
        checkpoint: of the model.
        scenes: that candidates are refined for.
        client: of a Dask cluster that sees the checkpoint.

    Returns:
        Lines that say what came out.

    Raises:
        ValueError: the checkpoint cannot be read, or there are too few outcomes.

    """
    model = load_model(checkpoint)
    outcomes = collect(checkpoint, FIRST_INDEX, scenes, client)
    np.savez_compressed(checkpoint.with_name('outcomes.npz'), **vars(outcomes))
    head = fit_head(model, outcomes)
    write_head(checkpoint.with_name(HEAD_FILE), head)
    return list(_summary(model, head, outcomes))


def collect(checkpoint: Path, first: int, count: int, client: Client) -> Outcomes:
    """
    Refine the candidates for scenes, on the workers of a cluster.

    Raises:
        ValueError: no scene came out.

    """
    chunks = [range(i, min(i + CHUNK, first + count)) for i in range(first, first + count, CHUNK)]
    rows: list[dict[str, Any]] = []
    jobs = [client.submit(refine_scenes, str(checkpoint.resolve()), c, pure=False) for c in chunks]
    for job in tqdm(as_completed(jobs), 'refining', len(jobs), disable=None, leave=False):
        rows += job.result()
    if not rows:
        raise ValueError(f'none of {count} scenes from {first} on could be drawn')
    # in an order of their own, whatever worker was first
    rows.sort(key=lambda row: row['road'].tobytes())
    return stacked(rows)


def stacked(rows: Sequence[dict[str, Any]]) -> Outcomes:
    """Return rows of `refine_scenes` as arrays."""
    return Outcomes(**{name: np.stack([row[name] for row in rows]) for name in rows[0]})


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
    head = OutcomeHead(model.configuration.width)
    try:
        head.load_state_dict(state['head'])
    except (KeyError, RuntimeError) as error:
        raise ValueError(f'{path} holds no outcome head for this model: {error}') from None
    return head.eval()


def main(arguments: list[str] | None = None) -> int:
    """Collect outcomes, train the head and write both; return the exit status."""
    parser = argparse.ArgumentParser(prog='outcomes', description=__doc__.strip().split('\n')[0])
    add = parser.add_argument
    add('--checkpoint', type=Path, default=Path('out/decision_transformer/best.pt'))
    add('--scenes', type=int, default=1200, help='that candidates are refined for')
    add('--workers', type=int, default=os.cpu_count(), help='processes that refine')
    options = parser.parse_args(arguments)
    try:
        load_model(options.checkpoint)  # before any work: it may be missing or damaged
        with connected('', options.workers) as client:
            lines = teach(options.checkpoint, options.scenes, client)
    except (DatasetError, ValueError, OSError) as error:
        print(f'outcomes: {error}', file=sys.stderr)
        return 2
    print('\n'.join([*lines, str(options.checkpoint.with_name(HEAD_FILE))]))
    return 0


@torch.no_grad()
def _summary(model: DecisionTransformer, head: OutcomeHead, outcomes: Outcomes) -> Iterator[str]:
    """Say what the first-ranked candidate is worth on the held-out scenes."""
    rows = np.arange(max(int(HELD_OUT * len(outcomes)), 2))
    features = _features(model, outcomes)
    regret = _regret(head, features, outcomes, rows, float(head.price))
    solved = outcomes.feasible[rows].mean()
    yield f'{len(outcomes)} problems; of {len(rows)} held out, {solved:.1%} of candidates feasible'
    yield f'excess share of the first by predicted return {regret:.3f}, price {head.price:.1f}'


if __name__ == '__main__':
    sys.exit(main())
