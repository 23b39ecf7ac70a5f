# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is trained and how."""

from __future__ import annotations

from dataclasses import dataclass, fields

from training.iql_lstm.losses import EXTRACTIONS


@dataclass(frozen=True)
class Configuration:
    """Everything that decides what is trained and how; times in seconds."""

    # the networks
    hidden: int = 48  # width of encoders, LSTMs and heads
    # the data
    episodes: str = 'out/transitions/plain.npz'  # files, separated by commas
    burn_in: int = 10  # steps of a chunk that warm the memory up
    learn: int = 25  # steps of a chunk that give loss
    batch: int = 64  # chunks
    # the losses
    discount: float = 0.98  # a step
    trace: float = 0.95  # lambda of the returns that Q learns; 0 is equation (2)
    expectile: float = 0.7  # of Q that V follows
    temperature: float = 3.0  # inverse, of advantages in units of their spread
    weight_limit: float = 20.0  # of advantage weights
    extraction: str = 'awr_returns'  # a name in EXTRACTIONS
    behaviour_loss: float = 1.0  # weight of the log-likelihood beside Q, in ddpg_bc
    target_rate: float = 0.02  # share of the critic in its target, each update
    # the optimiser
    updates: int = 1000  # of an epoch
    epochs: int = 2  # at most
    learning_rate: float = 5e-4  # at its highest
    recurrent_rate: float = 2e-4  # learning rate of the LSTMs
    gradient_limit: float = 1.0  # of actor and critic each
    patience: int = 8  # epochs without a better actor
    time_limit: float = 0.0  # of the whole training, over all its runs; 0: none [s]
    seed: int = 0  # of weights and batches
    out: str = 'out/iql_lstm'  # folder of checkpoints and logs, a folder a member

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field in fields(self):
            value = getattr(self, field.name)
            zero = field.name in ('seed', 'time_limit', 'burn_in', 'behaviour_loss', 'trace')
            if isinstance(value, (int, float)) and not (value > 0 or (zero and value == 0)):
                raise ValueError(f'{field.name} is {value}: expected a positive number')
        for name in ('expectile', 'discount', 'trace', 'target_rate'):
            if getattr(self, name) > 1 or (name == 'expectile' and self.expectile == 1):
                raise ValueError(f'{name} is {getattr(self, name)}: expected a share of 1')
        if self.extraction not in EXTRACTIONS:
            raise ValueError(
                f'extraction is {self.extraction!r}: expected one of {", ".join(EXTRACTIONS)}'
            )


SMOKE = Configuration(hidden=16, batch=16, updates=10, epochs=2, burn_in=3, learn=6)
