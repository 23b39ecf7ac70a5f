# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Implicit Q-learning from one batch of chunks: actor, critic and its target."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.iql_lstm.data import AT_ONCE, Batch, Data, observation_statistics
from training.iql_lstm.logs.episodes import Episodes
from training.iql_lstm.losses import (
    EXTRACTIONS,
    Judged,
    expectile_loss,
    robust_spread,
    temporal_target,
)
from training.iql_lstm.networks import Actor, Critic, Encoder
from training.iql_lstm.settings import Configuration

SPREAD_MOMENTUM = 0.01  # share of a batch in the running spread of advantages


@dataclass(frozen=True)
class Estimates:
    """
    What critic and target say of a batch.

    `values` V (B, L + 1), `action_values` both Q of the data's actions (2, B, L), `gap` the
    target's Q less V (B, L), and the `target_value` Q of other scaled actions (B, L, A).
    """

    values: Tensor
    action_values: Tensor
    gap: Tensor
    target_value: Callable[[Tensor], Tensor]


class Learner(nn.Module):
    """
    Actor, critic and target, and the numbers that scale what they learn from.

    Args:
        configuration: what is learned and how.
        train: episodes that the scales are taken from.

    """

    def __init__(self, configuration: Configuration, train: Episodes) -> None:
        super().__init__()
        self.configuration = configuration
        self.extraction = EXTRACTIONS[configuration.extraction]
        statistics = observation_statistics(train)
        bounds = torch.from_numpy(np.stack([train.action_low, train.action_high]))
        suggested = torch.from_numpy(train.action_suggested)
        self.actor = Actor(statistics, bounds, suggested, configuration.hidden)
        self.critic = Critic(statistics, bounds.shape[1], configuration.hidden)
        returns = torch.from_numpy(train.returns(configuration.discount)).float()
        self.register_buffer('reward_scale', 1.0 / robust_spread(returns))
        self.register_buffer('advantage_spread', torch.tensor(0.0))
        self.register_buffer('realised_spread', torch.tensor(0.0))
        self.critic.start_at(float(returns.median() * self.reward_scale))
        self.target = copy.deepcopy(self.critic).requires_grad_(False)
        slow, fast = [], []
        for name, parameter in (*self.actor.named_parameters(), *self.critic.named_parameters()):
            (slow if '.lstm.' in name else fast).append(parameter)
        self.optimiser = torch.optim.Adam(
            [
                {'params': fast, 'lr': configuration.learning_rate},
                {'params': slow, 'lr': configuration.recurrent_rate},
            ]
        )

    def data(self, episodes: Episodes) -> Data:
        """Return episodes as they are learned from."""
        configuration = self.configuration
        return Data(
            episodes,
            self.actor,
            self.reward_scale,
            configuration.burn_in,
            configuration.learn,
        )

    @property
    def encoders(self) -> tuple[Encoder, Encoder, Encoder]:
        """Encoders of actor, critic and target, in the order of a batch's memories."""
        return self.actor.encoder, self.critic.encoder, self.target.encoder

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses of V, Q and actor, and what is worth watching."""
        configuration = self.configuration
        estimates = self._estimates(batch)
        values, gap = estimates.values, estimates.gap
        judged = self._judged(batch, self.actor, estimates)
        weights = self.extraction.weights(judged, configuration)
        wanted = temporal_target(
            batch.rewards,
            values[:, 1:].detach(),
            batch.ends,
            batch.lasts,
            configuration.discount,
            configuration.trace,
        )
        return {
            'value': batch.mean(expectile_loss(gap, configuration.expectile)),
            'action_value': batch.mean(((estimates.action_values - wanted) ** 2).sum(dim=0)),
            'actor': batch.mean(self.extraction.loss(judged, weights, configuration)),
            'log_likelihood': batch.mean(judged.log_likelihood).detach(),
            'mean_value': batch.mean(values[:, :-1]).detach(),
            'advantage_spread': self.advantage_spread.clone(),
        }

    def update(self, batch: Batch) -> dict[str, float]:
        """
        Learn from a batch; return the losses.

        Raises:
            FloatingPointError: a loss is not finite.

        """
        self.train()
        parts = self.losses(batch)
        loss = parts['value'] + parts['action_value'] + parts['actor']
        if not torch.isfinite(loss):
            raise FloatingPointError(f'the loss is {loss.item()}: expected a finite number')
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for network in (self.actor, self.critic):
            nn.utils.clip_grad_norm_(network.parameters(), self.configuration.gradient_limit)
        self.optimiser.step()
        self._follow()
        return {name: float(value.detach()) for name, value in parts.items()}

    @torch.no_grad()
    def judge(self, data: Data, actors: list[Actor]) -> list[float]:
        """Return each actor's mean log-likelihood of the data's actions, weighted by advantage."""
        self.eval()
        data.estimate(self.critic, self.configuration.discount)
        sums, total = torch.zeros(len(actors)), 0.0
        for rows in torch.arange(len(data)).split(AT_ONCE):
            batch = data.whole(rows, self.encoders)
            estimates = self._estimates(batch)
            judged = [self._judged(batch, actor, estimates) for actor in actors]
            weights = self.extraction.weights(judged[0], self.configuration) * batch.learned
            total += float(weights.sum())
            for row, each in enumerate(judged):
                sums[row] += (weights * each.log_likelihood).sum()
        return (sums / total).tolist()

    def _estimates(self, batch: Batch) -> Estimates:
        """Return what critic and target say of a batch."""
        before = batch.observations[:, :-1]
        features = self.critic.encoder(batch.observations, batch.memories[1])[0]
        values = self.critic.value(features)
        suggested = self.actor.suggestion(before)
        beside = batch.actions - suggested
        target_features = self.target.encoder(before, batch.memories[2])[0]

        def target_value(beside: Tensor) -> Tensor:
            return self.target.action_values(target_features, beside).amin(dim=0)

        return Estimates(
            values,
            self.critic.action_values(features[:, :-1], beside),
            target_value(beside) - values[:, :-1],
            lambda actions: target_value(actions - suggested),
        )

    def _judged(self, batch: Batch, actor: Actor, estimates: Estimates) -> Judged:
        """Return an actor's steps as the critic and the data judge them."""
        means = actor(batch.observations[:, :-1], batch.memories[0])[0]
        realised = batch.returns - estimates.values[:, :-1].detach()
        return Judged(
            actor.log_likelihood(means, batch.actions),
            self._in_spreads(estimates.gap.detach(), self.advantage_spread, batch),
            self._in_spreads(realised, self.realised_spread, batch),
            lambda: estimates.target_value(means) / self.advantage_spread,
        )

    def _in_spreads(self, advantage: Tensor, known: Tensor, batch: Batch) -> Tensor:
        """Return advantages in units of their spread, which follows the batches of training."""
        if self.training:
            share = SPREAD_MOMENTUM if known > 0 else 1.0
            known.lerp_(robust_spread(advantage[batch.learned > 0]), share)
        return advantage / known

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the target follow the critic."""
        pairs = zip(self.target.parameters(), self.critic.parameters(), strict=True)
        for target, source in pairs:
            target.lerp_(source, self.configuration.target_rate)
