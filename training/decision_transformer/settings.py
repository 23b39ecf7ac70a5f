# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is trained and how."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from training.decision_transformer.network.transformer import ModelSizes

MAY_BE_ZERO = ('seed', 'time_limit', 'workers', 'allowed_share', 'dearer_share')


@dataclass(frozen=True)
class Configuration(ModelSizes):
    """Everything that decides what is trained and how, beside the sizes; times in seconds."""

    # the data
    dataset: str = 'out/dataset'  # folders, separated by commas
    initial: str = ''  # checkpoint, or folder of a served model, whose weights are the first
    answers: int = 3  # of a problem, in each pass over it
    free_modes: int = 6  # of a problem, driven without an answer: they learn from their merit
    allowed_share: float = 0.4  # of the free modes, which are allowed some violation
    dearer_share: float = 0.0  # of the free modes, which are asked for a dearer way
    # the losses' weights
    way_loss: float = 1.0  # of the way of the mode that won
    spread_loss: float = 0.03  # of the ways that did not win, so that no mode dies
    choice_loss: float = 0.1  # of which mode wins
    state_loss: float = 1.0  # of the states that are driven
    action_loss: float = 0.3  # of the actions
    to_go_loss: float = 0.3  # of what costs and violations are said to be left
    violation_loss: float = 1.0  # of the ways
    merit_loss: float = 3.0  # of free modes
    own_way_loss: float = 0.2  # of free modes, that they stay on the way they point out
    # the optimiser
    epochs: int = 60  # at most
    batch: int = 128  # problems a step
    learning_rate: float = 1.2e-3  # at its highest
    warm_up: float = 0.03  # share of all steps
    weight_decay: float = 0.05  # of AdamW
    gradient_limit: float = 1.0  # norm of the gradients, at most
    patience: int = 15  # epochs without a better validation loss
    time_limit: float = 0.0  # of the whole training, over all its runs; 0: none [s]
    passes: int = 1  # over the data in an epoch
    seed: int = 0  # of weights and batches
    device: str = 'cpu'  # as torch names it: cpu, cuda
    workers: int = 0  # processes that prepare batches beside this one
    out: str = 'out/decision_transformer'  # folder of checkpoints and logs

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        super().__post_init__()
        for field in fields(self):
            value = getattr(self, field.name)
            zero = field.name in MAY_BE_ZERO or field.name.endswith('_loss')
            if isinstance(value, (int, float)) and not (value > 0 or (zero and value == 0)):
                raise ValueError(f'{field.name} is {value}: expected a positive number')
            if field.name.endswith('_share') and value > 1.0:
                raise ValueError(f'{field.name} is {value}: expected a share, at most 1')
        if self.answers < 2:
            raise ValueError(f'answers is {self.answers}: expected at least 2')


SMOKE = Configuration(
    width=32, encoder_layers=1, mode_layers=1, sequence_layers=1, epochs=2, batch=16
)


def dataset_folders(configuration: Configuration) -> list[Path]:
    """Return the folders of the configuration's datasets."""
    return [Path(name.strip()) for name in configuration.dataset.split(',') if name.strip()]
