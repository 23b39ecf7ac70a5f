# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The training of the Decision Transformer: `make train`.

The network is `network/transformer.py`, the parts of its loss are
`losses.py`. What is particular here:

- Each pass over the problems takes other answers of each, some of the problems mirrored, and
  varies the problems, for modes to drive what nobody has solved.
- Half of the sequences are told what was to go on the way, the others go by their own prediction,
  as when the model serves.
- A training goes on from its newest checkpoint. On a GPU its step is replayed as one CUDA graph;
  with `torchrun` several processes share each batch.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from training.checkpoint import log_epoch, require_same, save_checkpoint
from training.command_line import parsed
from training.dataset.reading import read_problems
from training.dataset.schema import DatasetError, read_card
from training.decision_transformer.batches import (
    EpochBatches,
    ProcessRank,
    make_batch,
    make_free_batch,
)
from training.decision_transformer.loading import (
    CHECKPOINT_VERSION,
    first_weights,
    read_checkpoint,
)
from training.decision_transformer.losses import Batch, FreeBatch, free_losses, losses
from training.decision_transformer.network.transformer import DecisionTransformer
from training.decision_transformer.replayed_step import ReplayedStep, Tensors
from training.decision_transformer.settings import SMOKE, Configuration, dataset_folders
from training.progress import tracked
from warmstart_planner.vehicle import load_vehicle

FREE = 'free_'
# Of a configuration, how long and where: what may differ from a checkpoint's.
MAY_CHANGE = ('epochs', 'patience', 'time_limit', 'out', 'device', 'workers')


def total_loss(parts: dict[str, Tensor], configuration: Configuration) -> Tensor:
    """Return the weighted sum of the parts."""
    return (
        configuration.way_loss * parts['way']
        + configuration.spread_loss * parts['spread']
        + configuration.choice_loss * parts['choice']
        + configuration.to_go_loss * (parts['cost'] + parts['own_cost'] + parts['to_go'])
        + configuration.state_loss * parts['state']
        + configuration.action_loss * parts['action']
        + configuration.violation_loss * parts['violation']
        + configuration.merit_loss * parts['merit']
        + configuration.own_way_loss * parts['own_way']
    )


class LossModule(nn.Module):
    """The model with its loss as forward, which is what data-parallel training wraps."""

    def __init__(self, model: DecisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, free: FreeBatch) -> dict[str, Tensor]:
        """Return the parts of the loss."""
        return losses(self.model, batch) | free_losses(self.model, free)


class Training:
    """
    One training, which goes on from its newest checkpoint where there is one.

    Args:
        configuration: what is trained; that of a checkpoint must be the same.
        process: its rank among those that train together.

    Raises:
        DatasetError: the dataset cannot be used.
        ValueError: the device cannot be used, or the checkpoint is of another configuration or
            damaged.

    """

    def __init__(self, configuration: Configuration, process: ProcessRank) -> None:
        self.configuration, self.process = configuration, process
        self.device = usable(configuration.device)
        folders = dataset_folders(configuration)
        card = read_card(folders[0])
        self.train = read_problems(folders, validation=False)
        self.validation = read_problems(folders, validation=True)
        torch.manual_seed(configuration.seed)
        self.model = DecisionTransformer(configuration, load_vehicle(card.vehicle), card.horizon)
        if configuration.initial:
            self.model.load_state_dict(first_weights(Path(configuration.initial), self.model))
        self.model.to(self.device)
        self.module: nn.Module = LossModule(self.model)
        if process.count > 1:
            self.module = DistributedDataParallel(self.module)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=torch.tensor(configuration.learning_rate, device=self.device),
            weight_decay=configuration.weight_decay,
            betas=(0.9, 0.98),
            capturable=self.device.type != 'cpu',
        )
        self.replayed: ReplayedStep | None = None
        self.epoch, self.elapsed = 0, 0.0
        self.best, self.best_epoch = math.inf, 0
        self.folder = Path(configuration.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / 'checkpoint.pt').exists():
            self._resume(self.folder / 'checkpoint.pt')

    def run(self) -> float:
        """Train to the end; return the best validation loss."""
        begin = time.monotonic() - self.elapsed
        while not self._over():
            parts = self._one_epoch(begin)
            self.epoch += 1
            validated = self._validate()
            self.elapsed = time.monotonic() - begin
            if self.process.first:
                self._keep(parts, validated)
        return self.best

    def _over(self) -> bool:
        configuration = self.configuration
        late = configuration.time_limit > 0 and self.elapsed >= configuration.time_limit
        stale = self.epoch - self.best_epoch >= configuration.patience
        # all processes must agree, or some would wait for ever
        return self._agreed(late or stale) or self.epoch >= configuration.epochs

    def _agreed(self, value: bool) -> bool:
        if self.process.count == 1:
            return value
        votes = torch.tensor([float(value)])
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return bool(votes[0] > 0)

    def _one_epoch(self, begin: float) -> dict[str, float]:
        self.module.train()
        sums: dict[str, Tensor] = {}
        batches = EpochBatches(self.train, self.configuration, self.epoch, self.process)
        loader = DataLoader(batches, batch_size=None, num_workers=self.configuration.workers)
        bar = tracked(loader, f'epoch {self.epoch + 1}', disable=not self.process.first)
        for step, (batch, free) in enumerate(bar):
            self._set_learning_rate(step / len(batches), time.monotonic() - begin)
            for name, value in self._step(_joined(batch, free, self.device)).items():
                sums[name] = sums.get(name, 0.0) + value / len(batches)
        parts = {name: float(value) for name, value in sums.items()}
        if not all(math.isfinite(value) for value in parts.values()):
            raise FloatingPointError(f'the loss is {parts} in epoch {self.epoch + 1}')
        return parts

    def _set_learning_rate(self, share: float, seconds: float) -> None:
        """Set the rate at a share of the epoch, after some seconds of training."""
        progress = (self.epoch + share) / self.configuration.epochs
        if self.configuration.time_limit > 0:
            progress = max(progress, seconds / self.configuration.time_limit)
        for group in self.optimiser.param_groups:
            group['lr'].fill_(learning_rate(progress, self.configuration))

    def _step(self, tensors: Tensors) -> dict[str, Tensor]:
        """Learn from a batch: on a GPU by replaying what was done with the first."""
        if self.device.type == 'cpu' or self.process.count > 1:
            return self._learn(tensors)
        if self.replayed is None:
            self.replayed = ReplayedStep(self._learn, tensors)
        return self.replayed(tensors)

    def _learn(self, tensors: Tensors) -> dict[str, Tensor]:
        parts = self.module(*_parted(tensors))
        loss = total_loss(parts, self.configuration)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.configuration.gradient_limit)
        self.optimiser.step()
        return {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Return the parts of the loss on the validation problems, and their sum as `total`."""
        self.model.eval()
        size, count = self.configuration.batch, len(self.validation)
        sums: dict[str, float] = {}
        for start in range(0, count, size):
            rows = np.arange(start, min(start + size, count))
            rng = np.random.default_rng([self.configuration.seed, start])
            batch = make_batch(self.validation.take(rows), self.configuration, rng)
            free = make_free_batch(batch, self.configuration, rng)
            batch, free = _parted(_joined(batch, free, self.device))
            parts = losses(self.model, batch) | free_losses(self.model, free)
            parts['total'] = total_loss(parts, self.configuration)
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(rows) / count
        return sums

    # --- what is written ---

    def _keep(self, parts: dict[str, float], validated: dict[str, float]) -> None:
        if validated['total'] < self.best:
            self.best, self.best_epoch = validated['total'], self.epoch
            self._save(self.folder / 'best.pt', {'model': self.model.state_dict()})
        self._save(
            self.folder / 'checkpoint.pt',
            {'model': self.model.state_dict(), 'optimiser': self.optimiser.state_dict()},
        )
        self._log(parts, validated)

    def _save(self, path: Path, content: dict[str, Any]) -> None:
        state = {
            'version': CHECKPOINT_VERSION,
            'configuration': asdict(self.configuration),
            'epoch': self.epoch,
            'elapsed': self.elapsed,
            'best': self.best,
            'best_epoch': self.best_epoch,
        }
        save_checkpoint(path, {**state, **content})

    def _log(self, parts: dict[str, float], validated: dict[str, float]) -> None:
        values = {f'train/{name}': value for name, value in parts.items()}
        values |= {f'validation/{name}': value for name, value in validated.items()}
        log_epoch(self.folder, self.epoch, self.elapsed, values)
        print(
            f'epoch {self.epoch:3d} {self.elapsed:6.0f} s  train state {parts["state"]:.4f}  '
            f'validation {validated["total"]:.4f} way {validated["way"]:.4f} '
            f'best state {validated["best_state"]:.4f} '
            f'violation {validated["best_violation"]:.4f} '
            f'merit {validated["merit"]:.4f} free violation {validated["free_violation"]:.4f}'
            f'{"  *" if self.best_epoch == self.epoch else ""}',
            flush=True,
        )

    def _resume(self, path: Path) -> None:
        state = read_checkpoint(path)
        known = Configuration(**state['configuration'])
        require_same(path, known, self.configuration, MAY_CHANGE)
        self.model.load_state_dict(state['model'])
        self.optimiser.load_state_dict(state['optimiser'])
        for group in self.optimiser.param_groups:
            # the checkpoint may come from another device
            group.update(lr=group['lr'].to(self.device), capturable=self.device.type != 'cpu')
        self.epoch, self.elapsed = state['epoch'], state['elapsed']
        self.best, self.best_epoch = state['best'], state['best_epoch']


def usable(name: str) -> torch.device:
    """
    Return the device of a name.

    Raises:
        ValueError: nothing can be computed on it here.

    """
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f'device is {name!r}: expected one to compute on: {reason}') from None


def _joined(batch: Batch, free: FreeBatch, device: torch.device) -> Tensors:
    """Return the tensors of both on a device, by name; those of the variations have a prefix."""
    tensors = vars(batch) | {FREE + name: value for name, value in vars(free).items()}
    return {name: value.to(device) for name, value in tensors.items()}


def _parted(tensors: Tensors) -> tuple[Batch, FreeBatch]:
    batch = {name: value for name, value in tensors.items() if not name.startswith(FREE)}
    free = {
        name.removeprefix(FREE): value for name, value in tensors.items() if name.startswith(FREE)
    }
    return Batch(**batch), FreeBatch(**free)


def learning_rate(progress: float, configuration: Configuration) -> float:
    """Return the rate at a share of the training: a linear rise, then a cosine to 1 %."""
    if progress < configuration.warm_up:
        return configuration.learning_rate * (0.02 + 0.98 * progress / configuration.warm_up)
    rest = min((progress - configuration.warm_up) / (1.0 - configuration.warm_up), 1.0)
    return configuration.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * rest)))


def main(arguments: list[str] | None = None) -> int:
    """Train; return the exit status."""
    try:
        configuration = parse(arguments)
        process = _join()
        if process.first:
            Path(configuration.out).mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(configuration), indent=2)
            (Path(configuration.out) / 'configuration.json').write_text(text + '\n')
        training = Training(configuration, process)
        if process.first:
            size = sum(parameter.numel() for parameter in training.model.parameters())
            print(
                f'{size} parameters, {len(training.train)} problems, '
                f'{len(training.validation)} for validation',
                flush=True,
            )
        best = training.run()
    except (DatasetError, ValueError, OSError) as error:
        print(f'train: {error}', file=sys.stderr)
        return 2
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    if process.first:
        print(f'best validation loss {best:.4f}, {Path(configuration.out) / "best.pt"}')
    return 0


@dataclass(frozen=True)
class Options:
    """What the command line decides."""

    configuration: Configuration
    smoke: bool = False  # a tiny model and two epochs, where nothing else is said


def parse(arguments: list[str] | None = None) -> Configuration:
    """Return the configuration that the command line asks for."""
    given = sys.argv[1:] if arguments is None else arguments
    base = SMOKE if '--smoke' in given else Configuration()
    return parsed(Options, 'train', __doc__, given, Options(base)).configuration


def _join() -> ProcessRank:
    """Join the other processes of `torchrun`, where there are any."""
    count = int(os.environ.get('WORLD_SIZE', '1'))
    if count == 1:
        return ProcessRank()
    dist.init_process_group('gloo')
    return ProcessRank(dist.get_rank(), count)


if __name__ == '__main__':
    sys.exit(main())
