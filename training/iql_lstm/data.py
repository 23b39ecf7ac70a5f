# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Logged episodes as an LSTM learns from them: in chunks, with the memory where each begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.iql_lstm.logs.episodes import Episodes
from training.iql_lstm.networks import Actor, Critic, Encoder, Memory

AT_ONCE = 256  # episodes that are gone through from beginning to end


@dataclass(frozen=True)
class Batch:
    """
    B stretches of episodes, L steps each, as tensors.

    `observations` (B, L + 1, O), `actions` (B, L, A) scaled, `rewards` (B, L) scaled, `returns`
    (B, L): what was earned from there on, `ends` (B, L): the step ended the task, `lasts` (B, L):
    it is its episode's last, `learned` (B, L): 1 where the step gives loss, 0 elsewhere.
    `memories`: of actor, critic and target at the first observation.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    returns: Tensor
    ends: Tensor
    lasts: Tensor
    learned: Tensor
    memories: tuple[Memory, Memory, Memory]

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of values (B, L) over the steps that give loss."""
        return (values * self.learned).sum() / self.learned.sum()


def chunk_table(lengths: NDArray[np.int64], burn_in: int, learn: int) -> NDArray[np.int64]:
    """
    Return episode and first step of all chunks, (C, 2), those that give some loss.

    Args:
        lengths: of the episodes, in steps.
        burn_in: steps of a chunk that warm the memory up.
        learn: steps of a chunk that give loss.

    """
    table = [
        (row, begin)
        for row, length in enumerate(lengths.tolist())
        for begin in range(0, length, learn)
        if begin == 0 or begin + burn_in < length
    ]
    return np.array(table, dtype=np.int64)


class Data:
    """
    Episodes as tensors, with the memories at which their chunks begin, and what they earn.

    Args:
        episodes: logged ones.
        actor: scales their actions.
        reward_scale: by which their rewards are multiplied.
        burn_in: steps of a chunk that warm the memory up.
        learn: steps of a chunk that give loss.

    """

    def __init__(
        self, episodes: Episodes, actor: Actor, reward_scale: Tensor, burn_in: int, learn: int
    ) -> None:
        self.burn_in, self.learn = burn_in, learn
        self.observations = torch.from_numpy(episodes.observations)
        self.actions = actor.scaled(torch.from_numpy(episodes.actions))
        self.rewards = torch.from_numpy(episodes.rewards) * reward_scale
        self.lengths = torch.from_numpy(episodes.lengths)
        self.terminal = torch.from_numpy(episodes.terminal)
        self.memories: list[Tensor] = []
        self.returns = torch.zeros_like(self.rewards)

    def __len__(self) -> int:
        """Return the number of episodes."""
        return len(self.lengths)

    @torch.no_grad()
    def store(self, encoders: tuple[Encoder, ...]) -> None:
        """Store each encoder's memory (E, C, 2, H) at the beginnings of chunks."""
        chunks = range(0, self.actions.shape[1], self.learn)
        self.memories = []
        for encoder in encoders:
            stored = torch.empty(len(self), len(chunks), 2, encoder.hidden)
            for rows in torch.arange(len(self)).split(AT_ONCE):
                memory = encoder.empty(len(rows))
                for chunk, begin in enumerate(chunks):
                    stored[rows, chunk] = torch.stack(memory, dim=1)
                    part = self.observations[rows, begin : begin + self.learn]
                    memory = encoder(part, memory)[1]
            self.memories.append(stored)

    @torch.no_grad()
    def estimate(self, critic: Critic, discount: float) -> None:
        """Store what is earned from each step on, with V of where an episode was cut off."""
        for rows in torch.arange(len(self)).split(AT_ONCE):
            features = critic.encoder(self.observations[rows], critic.encoder.empty(len(rows)))[0]
            lengths, every = self.lengths[rows], torch.arange(len(rows))
            last = critic.value(features[every, lengths])
            later = beyond = torch.where(self.terminal[rows], 0.0, last)
            for step in reversed(range(self.rewards.shape[1])):
                here = self.rewards[rows, step] + discount * later
                later = torch.where(step < lengths, here, beyond)
                self.returns[rows, step] = later

    def chunks(self, table: NDArray[np.int64]) -> Batch:
        """Return chunks by episode and first step, (B, 2)."""
        rows, begins = torch.from_numpy(table).T
        memories = tuple(
            tuple(stored[rows, begins // self.learn].unbind(dim=1)) for stored in self.memories
        )
        batch = self._stretch(rows, begins, self.burn_in + self.learn, memories)
        warm = torch.arange(batch.learned.shape[1]) >= self.burn_in
        gives = warm | (begins == 0)[:, None]
        return replace(batch, learned=batch.learned * gives)

    def whole(self, rows: Tensor, encoders: tuple[Encoder, ...]) -> Batch:
        """Return episodes from beginning to end."""
        empty = tuple(encoder.empty(len(rows)) for encoder in encoders)
        return self._stretch(rows, torch.zeros_like(rows), self.actions.shape[1], empty)

    def _stretch(self, rows: Tensor, begins: Tensor, steps: int, memories: Any) -> Batch:
        at = begins[:, None] + torch.arange(steps + 1)
        nodes = at.clamp(max=self.actions.shape[1])
        inside = at[:, :-1].clamp(max=self.actions.shape[1] - 1)
        rows = rows[:, None]
        last = at[:, :-1] == self.lengths[rows] - 1
        return Batch(
            self.observations[rows, nodes],
            self.actions[rows, inside],
            self.rewards[rows, inside],
            self.returns[rows, inside],
            last & self.terminal[rows],
            last,
            (at[:, :-1] < self.lengths[rows]).float(),
            memories,
        )


def observation_statistics(episodes: Episodes) -> Tensor:
    """Return mean, standard deviation, least and greatest of observations that were made."""
    nodes = np.arange(episodes.observations.shape[1]) <= episodes.lengths[:, None]
    seen = episodes.observations[nodes]
    spread = seen.std(axis=0, dtype=float)
    # what never changed tells nothing; its unit is as good as any
    spread[spread < 1e-6] = 1.0
    rows = [seen.mean(axis=0, dtype=float), spread, seen.min(axis=0), seen.max(axis=0)]
    return torch.tensor(np.stack(rows)).float()
