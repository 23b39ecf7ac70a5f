# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Policies after their training, and the files that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training import checkpoint
from training.iql_lstm.networks import Actor
from training.iql_lstm.settings import Configuration

CHECKPOINT_VERSION = 2
KIND = 'iql_lstm'


@dataclass(frozen=True)
class Trained:
    """A policy after its training; `score` is its validation score, at epoch `epoch`."""

    actor: Actor
    score: float
    epoch: int

    def start(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the memory at an episode's beginning: hidden and cell (H,)."""
        hidden, cell = self.actor.encoder.empty(1)
        return hidden[0].numpy(), cell[0].numpy()

    @torch.no_grad()
    def act(
        self,
        observation: NDArray[np.float32],
        memory: tuple[NDArray[np.float32], NDArray[np.float32]],
    ) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return the mean action (A,) in its units for an observation (O,), and the memory."""
        given = torch.from_numpy(np.asarray(observation, np.float32))[None, None]
        known = tuple(torch.from_numpy(part)[None] for part in memory)
        mean, (hidden, cell) = self.actor(given, known)
        return self.actor.physical(mean)[0, 0].numpy(), (hidden[0].numpy(), cell[0].numpy())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """
    Return a checkpoint's content: numbers and weights only, no code.

    Raises:
        ValueError: it is missing, damaged, of another version or of something else.

    """
    return checkpoint.read_checkpoint(path, kind=KIND, version=CHECKPOINT_VERSION)


def load_trained(path: Path) -> Trained:
    """
    Return the policy of a file `best.pt`.

    Raises:
        ValueError: it cannot be read.

    """
    state = read_checkpoint(path)
    weights = state.get('actor')
    if weights is None:
        raise ValueError(f'{path} holds no actor: expected a file best.pt')
    actor = Actor(
        weights['encoder.statistics'],
        weights['bounds'],
        torch.tensor([], dtype=torch.long),  # the suggestion comes with the weights
        Configuration(**state['configuration']).hidden,
    )
    actor.load_state_dict(weights)
    return Trained(actor.eval(), state['score'], state['best_epoch'])
