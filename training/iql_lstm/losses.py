# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What implicit Q-learning of a policy minimises.

Equations are those of docs/iql-lstm.md: expectile regression of V (equation 1), temporal
differences of Q (equation 2) and the ways to make a policy from both, advantage-weighted
log-likelihood (equation 3) among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

NORMAL_QUARTILES = 1.349  # distance of the quartiles of a standard normal distribution


def expectile_loss(gap: Tensor, expectile: float) -> Tensor:
    """Return the asymmetric square of equation (1) of Q - V; its minimum is an expectile."""
    return torch.where(gap < 0.0, 1.0 - expectile, expectile) * gap**2


def temporal_target(
    rewards: Tensor,
    next_values: Tensor,
    ends: Tensor,
    lasts: Tensor,
    discount: float,
    trace: float,
) -> Tensor:
    """
    Return what Q is to be.

    Without a trace it is equation (2): the reward, and V of what is observed next. With one it is
    the lambda-return along the data (Sutton, Barto: Reinforcement Learning, 2018, equation 12.2):
    what was done later counts instead of V, by `trace` more with each step. Nothing has a value
    beyond the end of a task.

    Args:
        rewards: (B, L).
        next_values: V after each step, (B, L).
        ends: the step ended the task, (B, L).
        lasts: the step is the last one known of its episode, (B, L).
        discount: a step.
        trace: lambda, from 0 to 1.

    """
    beyond = torch.where(ends, 0.0, next_values)
    along = torch.empty_like(rewards)
    later = beyond[:, -1]
    for step in reversed(range(rewards.shape[1])):
        mixed = torch.lerp(beyond[:, step], later, trace)
        known = torch.where(lasts[:, step], beyond[:, step], mixed)
        later = along[:, step] = rewards[:, step] + discount * known
    return along


@dataclass(frozen=True)
class Judged:
    """
    A policy's steps and what is said of them, each of shape (B, L).

    `log_likelihood` of the data's actions; their `advantage` by the critic, Q - V, and the
    `realised` one, what was earned from there on less V; and what gives the `value` of the
    policy's own mean actions, Q. All three in units of the advantages' spreads.
    """

    log_likelihood: Tensor
    advantage: Tensor
    realised: Tensor
    value: Callable[[], Tensor]


class ExtractionSettings(Protocol):
    """
    What of a training's configuration decides how a policy is made.

    `temperature`: inverse, of advantages in units of their spread; `weight_limit` of their
    weights; `behaviour_loss`: weight of the log-likelihood beside Q, in `ddpg_bc`.
    """

    temperature: float
    weight_limit: float
    behaviour_loss: float


Weights = Callable[[Judged, ExtractionSettings], Tensor]


def advantage_weights(advantage: Tensor, settings: ExtractionSettings) -> Tensor:
    """Return the weights of equation (3) for advantages in units of their spread."""
    limit = math.log(settings.weight_limit)
    return torch.exp(torch.clamp(settings.temperature * advantage, max=limit))


def critic_weights(judged: Judged, settings: ExtractionSettings) -> Tensor:
    """Return the weights of equation (3)."""
    return advantage_weights(judged.advantage, settings)


def return_weights(judged: Judged, settings: ExtractionSettings) -> Tensor:
    """
    Return the weights of equation (3) by what was really earned.

    So does advantage-weighted regression (Peng, Kumar, Zhang, Levine, 2019, equation 9).
    """
    return advantage_weights(judged.realised, settings)


def equal_weights(judged: Judged, settings: ExtractionSettings) -> Tensor:
    """Return ones: all actions are as good."""
    return torch.ones_like(judged.advantage)


def imitation_loss(judged: Judged, weights: Tensor, settings: ExtractionSettings) -> Tensor:
    """Do as the data do, where that was good."""
    return -weights * judged.log_likelihood


def policy_gradient_loss(judged: Judged, weights: Tensor, settings: ExtractionSettings) -> Tensor:
    """Climb Q along its gradient (DDPG) and stay near the data (BC)."""
    return -judged.value() - settings.behaviour_loss * judged.log_likelihood


@dataclass(frozen=True)
class Extraction:
    """How a policy is made: how much each action counts, and the loss."""

    weights: Weights
    loss: Callable[[Judged, Tensor, ExtractionSettings], Tensor]


EXTRACTIONS = {
    'awr': Extraction(critic_weights, imitation_loss),
    'awr_returns': Extraction(return_weights, imitation_loss),
    'ddpg_bc': Extraction(critic_weights, policy_gradient_loss),
    'bc': Extraction(equal_weights, imitation_loss),
}


def robust_spread(values: Tensor) -> Tensor:
    """
    Return the distance of values' quartiles, 1 for a standard normal distribution.

    A few drives that fail cost more than all others together: of a standard deviation they would
    be all, and the difference between good and better nothing. It is 1 where all are equal.
    """
    low, high = torch.quantile(values, values.new_tensor([0.25, 0.75]))
    rounding = 1e-6 * values.abs().max()
    for spread in ((high - low) / NORMAL_QUARTILES, values.std(correction=0)):
        if spread > rounding:
            return spread
    return torch.ones_like(low)
