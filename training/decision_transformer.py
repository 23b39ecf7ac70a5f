# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The training of the Decision Transformer: `make train`.

MISSION.txt, Section 3. The network is `training/decision_transformer_model.py`, the parts of its
loss are `training/decision_transformer_losses.py`. What is particular here:

- Each pass over the problems takes other answers of each, some of the problems mirrored, and
  varies the problems, for modes to drive what nobody has solved.
- Half of the sequences are told what was to go on the way, the others go by their own prediction,
  as when the model serves.
- A training goes on from its newest checkpoint. On a GPU its step is replayed as one CUDA graph;
  with `torchrun` several processes share each batch.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from training.dataset.reading import KINDS, Problems, read_problems
from training.dataset.schema import DatasetError, read_card
from training.decision_transformer_losses import Batch, FreeBatch, free_losses, losses
from training.decision_transformer_model import DecisionTransformer, ModelSizes
from training.onnx_weights import read_weights
from training.replayed_step import ReplayedStep, Tensors
from warmstart_planner.learned.card import CARD_FILE, ONNX_FILE, load_card
from warmstart_planner.objective import ANCHOR_FIELDS, ANCHORS, OBSTACLE_FIELDS
from warmstart_planner.vehicle import SPEED, STEERING, load_vehicle

CHECKPOINT_VERSION = 1
STATE_MIRROR = (1.0, -1.0, -1.0, 1.0, -1.0)
FREE = 'free_'
DEAREST = 3.0  # natural logarithms by which a free mode's asked cost is above its own
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
    way_loss: float = 1.0
    spread_loss: float = 0.03  # of the ways that did not win, so that no mode dies
    choice_loss: float = 0.1
    state_loss: float = 1.0
    action_loss: float = 0.3
    to_go_loss: float = 0.3
    violation_loss: float = 1.0  # of the ways
    merit_loss: float = 3.0  # of free modes
    own_way_loss: float = 0.2  # of free modes, that they stay on the way they point out
    # the optimiser
    epochs: int = 60
    batch: int = 128
    learning_rate: float = 1.2e-3
    warm_up: float = 0.03  # share of all steps
    weight_decay: float = 0.05
    gradient_limit: float = 1.0
    patience: int = 15  # epochs without a better validation loss
    time_limit: float = 0.0  # of the whole training, over all its runs; 0: none [s]
    passes: int = 1  # over the data in an epoch
    seed: int = 0
    device: str = 'cpu'  # as torch names it: cpu, cuda
    workers: int = 0  # processes that prepare batches beside this one
    out: str = 'out/decision_transformer'

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


# --- what goes in --------------------------------------------------------------------------------


def make_batch(
    problems: Problems, configuration: Configuration, rng: np.random.Generator
) -> Batch:
    """Choose answers of each problem, the best always, and mirror half of the problems."""
    count = len(problems)
    order = rng.random(problems.kind.shape)
    order[problems.kind < 0] = 2.0
    order[problems.kind == KINDS.index('other')] *= 0.6
    order[:, 0] = -1.0
    chosen = np.argsort(order, axis=1)[:, : configuration.answers]
    rows = np.arange(count)[:, None]
    # a problem with fewer answers repeats its best
    chosen[problems.kind[rows, chosen] < 0] = 0
    kind = problems.kind[rows, chosen]
    batch = Batch(
        *(torch.from_numpy(a) for a in (problems.state, problems.road, problems.obstacles)),
        present=torch.from_numpy(problems.present),
        is_way=torch.from_numpy(kind <= KINDS.index('other')),
        is_told=torch.from_numpy(rng.random(count) < 0.5),
        states=torch.from_numpy(problems.states[rows, chosen]),
        controls=torch.from_numpy(problems.controls[rows, chosen]),
        cost=torch.from_numpy(problems.cost_to_go[rows, chosen]),
        constraint=torch.from_numpy(problems.constraint_to_go[rows, chosen]),
    )
    return mirrored(batch, torch.from_numpy(rng.random(count) < 0.5))


def make_free_batch(
    batch: Batch, configuration: Configuration, rng: np.random.Generator
) -> FreeBatch:
    """
    Vary the problems of a batch: another start, obstacles moved or left out.

    No answer is needed for them, so that there are as many as there are passes.
    """
    count, places = batch.present.shape
    state = batch.state.numpy().copy()
    state[:, SPEED] = np.abs(
        state[:, SPEED] * rng.uniform(0.7, 1.2, count) + rng.normal(0, 0.3, count)
    )
    state[:, STEERING] += rng.normal(0.0, 0.01, count)
    obstacles = batch.obstacles.numpy().copy()
    obstacles[..., :2] += rng.normal(0.0, [1.5, 0.5], (count, places, 1, 2))
    left_out = rng.random((count, places)) < rng.uniform(0.0, 0.4, (count, 1))
    order = rng.random((count, configuration.candidates)).argsort(axis=1)
    modes = order[:, : configuration.free_modes]
    strict = rng.random(modes.shape) < 1.0 - configuration.allowed_share
    allowed = np.where(strict, 0.0, np.exp(rng.normal(0.5, 1.3, modes.shape)))
    dearer = rng.random(modes.shape) < configuration.dearer_share
    conceded = np.where(dearer, rng.uniform(0.0, DEAREST, modes.shape), 0.0)
    return FreeBatch(
        state=torch.from_numpy(state.astype(np.float32)),
        road=batch.road,
        obstacles=torch.from_numpy(obstacles.astype(np.float32)),
        present=batch.present & torch.from_numpy(~left_out),
        modes=torch.from_numpy(modes),
        allowed=torch.from_numpy(allowed.astype(np.float32)),
        conceded=torch.from_numpy(conceded.astype(np.float32)),
    )


def mirrored(batch: Batch, which: Tensor) -> Batch:
    """Mirror some problems of a batch about the car's axis; `which` has shape (B,)."""

    def pick(mirror: Tensor, plain: Tensor) -> Tensor:
        return torch.where(which.reshape(-1, *[1] * (plain.ndim - 1)), mirror, plain)

    state, road, obstacles = mirror_context(batch.state, batch.road, batch.obstacles)
    return replace(
        batch,
        state=pick(state, batch.state),
        road=pick(road, batch.road),
        obstacles=pick(obstacles, batch.obstacles),
        states=pick(batch.states * torch.tensor(STATE_MIRROR), batch.states),
        controls=pick(batch.controls * torch.tensor([1.0, -1.0]), batch.controls),
    )


def mirror_context(
    state: Tensor, road: Tensor, obstacles: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mirror contexts about the car's axis: state, road and obstacles with a batch axis."""
    names = list(ANCHOR_FIELDS)
    swapped = {'left': 'right', 'right': 'left'}
    swapped |= {'left_slope': 'right_slope', 'right_slope': 'left_slope'}
    order = [names.index(swapped.get(name, name)) for name in names]
    turned = ('y', 'sin', 'curvature', 'offset', 'offset_slope')
    sign = torch.tensor([-1.0 if name in turned else 1.0 for name in names])
    scalars = road.shape[1] - ANCHORS * len(names)
    anchors = road[:, scalars:].reshape(-1, ANCHORS, len(names))
    obstacle = [-1.0 if name in turned else 1.0 for name in OBSTACLE_FIELDS]
    return (
        state * torch.tensor(STATE_MIRROR),
        torch.cat([road[:, :scalars], (anchors[:, :, order] * sign).flatten(1)], dim=1),
        obstacles * torch.tensor(obstacle),
    )


# --- the loss ------------------------------------------------------------------------------------


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


# --- training ------------------------------------------------------------------------------------


class EpochBatches(Dataset):
    """
    This process' batches of an epoch, each made when it is asked for.

    All processes draw the same order of problems and take their share of each batch.
    """

    def __init__(
        self, problems: Problems, configuration: Configuration, epoch: int, place: Place
    ) -> None:
        self.problems, self.configuration = problems, configuration
        self.epoch, self.place = epoch, place
        rng = np.random.default_rng([configuration.seed, epoch])
        size = min(configuration.batch, len(problems))
        orders = (rng.permutation(len(problems)) for _ in range(configuration.passes))
        self.rows = [
            order[start : start + size][place.rank :: place.count]
            for order in orders
            for start in range(0, len(order) - size + 1, size)
        ]

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.rows)

    def __getitem__(self, step: int) -> tuple[Batch, FreeBatch]:
        """Return a batch and variations of its problems."""
        rng = np.random.default_rng([self.configuration.seed, self.epoch, step, self.place.rank])
        batch = make_batch(self.problems.take(self.rows[step]), self.configuration, rng)
        return batch, make_free_batch(batch, self.configuration, rng)


@dataclass(frozen=True)
class Place:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0


class Training:
    """
    One training, which goes on from its newest checkpoint where there is one.

    Args:
        configuration: what is trained; that of a checkpoint must be the same.
        place: of this process among those that train together.

    Raises:
        DatasetError: the dataset cannot be used.
        ValueError: the device cannot be used, or the checkpoint is of another configuration or
            damaged.

    """

    def __init__(self, configuration: Configuration, place: Place) -> None:
        self.configuration, self.place = configuration, place
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
        if place.count > 1:
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
            if self.place.first:
                self._keep(parts, validated)
        return self.best

    def _over(self) -> bool:
        configuration = self.configuration
        late = configuration.time_limit > 0 and self.elapsed >= configuration.time_limit
        stale = self.epoch - self.best_epoch >= configuration.patience
        # all processes must agree, or some would wait for ever
        return self._agreed(late or stale) or self.epoch >= configuration.epochs

    def _agreed(self, value: bool) -> bool:
        if self.place.count == 1:
            return value
        votes = torch.tensor([float(value)])
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return bool(votes[0] > 0)

    def _one_epoch(self, begin: float) -> dict[str, float]:
        self.module.train()
        sums: dict[str, Tensor] = {}
        batches = EpochBatches(self.train, self.configuration, self.epoch, self.place)
        loader = DataLoader(batches, batch_size=None, num_workers=self.configuration.workers)
        hidden = None if self.place.first else True  # None: hidden where nobody looks on
        bar = tqdm(loader, f'epoch {self.epoch + 1}', leave=False, disable=hidden)
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
        if self.device.type == 'cpu' or self.place.count > 1:
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
        draft = path.with_suffix('.part')
        state = {
            'version': CHECKPOINT_VERSION,
            'configuration': asdict(self.configuration),
            'epoch': self.epoch,
            'elapsed': self.elapsed,
            'best': self.best,
            'best_epoch': self.best_epoch,
        }
        torch.save({**state, **content}, draft)
        draft.replace(path)

    def _log(self, parts: dict[str, float], validated: dict[str, float]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        values = {f'train/{name}': value for name, value in parts.items()}
        values |= {f'validation/{name}': value for name, value in validated.items()}
        with SummaryWriter(str(self.folder / 'tensorboard')) as writer:
            for name, value in values.items():
                writer.add_scalar(name, value, self.epoch)
        path = self.folder / 'log.csv'
        new = not path.exists()
        with path.open('a', newline='', encoding='utf-8') as stream:
            writer_csv = csv.writer(stream)
            if new:
                writer_csv.writerow(['epoch', 'seconds', *values])
            row = (f'{value:.5f}' for value in values.values())
            writer_csv.writerow([self.epoch, f'{self.elapsed:.0f}', *row])
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
        known = replace(Configuration(**state['configuration']), **_may_change(self.configuration))
        if known != self.configuration:
            names = [
                field.name
                for field in fields(Configuration)
                if getattr(known, field.name) != getattr(self.configuration, field.name)
            ]
            raise ValueError(
                f'{path} is of another configuration, in {", ".join(names)}: expected the same, '
                'or another folder `out`'
            )
        self.model.load_state_dict(state['model'])
        self.optimiser.load_state_dict(state['optimiser'])
        for group in self.optimiser.param_groups:
            # the checkpoint may come from another device
            group.update(lr=group['lr'].to(self.device), capturable=self.device.type != 'cpu')
        self.epoch, self.elapsed = state['epoch'], state['elapsed']
        self.best, self.best_epoch = state['best'], state['best_epoch']


def _may_change(configuration: Configuration) -> dict[str, Any]:
    """Return what may differ from a checkpoint's: how long, and where."""
    names = ('epochs', 'patience', 'time_limit', 'out', 'device', 'workers')
    return {name: getattr(configuration, name) for name in names}


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


# --- checkpoints ---------------------------------------------------------------------------------


def dataset_folders(configuration: Configuration) -> list[Path]:
    """Return the folders of the configuration's datasets."""
    return [Path(name.strip()) for name in configuration.dataset.split(',') if name.strip()]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """
    Return a checkpoint's content: numbers and weights only, no code.

    Raises:
        ValueError: it is missing, damaged or of another version.

    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        version = state['version']
    except FileNotFoundError:
        raise ValueError(f'{path} is missing: expected a checkpoint; train first') from None
    except Exception as error:
        raise ValueError(f'{path} is no readable checkpoint: {error}') from None
    if version != CHECKPOINT_VERSION:
        raise ValueError(f'{path}: version is {version}: expected {CHECKPOINT_VERSION}')
    return state


def load_model(path: Path) -> DecisionTransformer:
    """
    Return the model of a checkpoint, or of the served model in a folder, ready for inference.

    Raises:
        ValueError: the checkpoint or the served model cannot be read.
        DatasetError: the card of the checkpoint's dataset, which says for which car it is, cannot
            be read.

    """
    if path.is_dir():
        return _served_model(path)
    state = read_checkpoint(path)
    configuration = Configuration(**state['configuration'])
    card = read_card(dataset_folders(configuration)[0])
    model = DecisionTransformer(configuration, load_vehicle(card.vehicle), card.horizon)
    model.load_state_dict(state['model'])
    return model.eval()


def _served_model(folder: Path) -> DecisionTransformer:
    card = load_card(folder / CARD_FILE)
    known = card.provenance.get('configuration', {})
    try:
        sizes = ModelSizes(**{field.name: known[field.name] for field in fields(ModelSizes)})
    except KeyError as error:
        raise ValueError(
            f'{folder / CARD_FILE}: provenance.configuration has no {error.args[0]}: '
            'expected the sizes of the network'
        ) from None
    model = DecisionTransformer(sizes, card.vehicle, card.horizon)
    model.load_state_dict(first_weights(folder, model))
    return model.eval()


def first_weights(path: Path, model: DecisionTransformer) -> dict[str, Tensor]:
    """
    Return the weights of a checkpoint, or of the served model in a folder.

    Raises:
        ValueError: there are none, or they are of a model of another size.

    """
    if path.is_dir():
        return read_weights(path / ONNX_FILE, model, 'model.')
    return load_model(path).state_dict()


# --- the program ---------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Train; return the exit status."""
    try:
        configuration = parse(arguments)
        place = _join()
        if place.first:
            Path(configuration.out).mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(configuration), indent=2)
            (Path(configuration.out) / 'configuration.json').write_text(text + '\n')
        training = Training(configuration, place)
        if place.first:
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
    if place.first:
        print(f'best validation loss {best:.4f}, {Path(configuration.out) / "best.pt"}')
    return 0


def parse(arguments: list[str] | None = None) -> Configuration:
    """Return the configuration that the command line asks for."""
    parser = argparse.ArgumentParser(prog='train', description=__doc__.strip().splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='a tiny model and two epochs')
    for field in fields(Configuration):
        kind = type(getattr(Configuration(), field.name))
        parser.add_argument(f'--{field.name.replace("_", "-")}', type=kind)
    given = vars(parser.parse_args(arguments))
    base = SMOKE if given.pop('smoke') else Configuration()
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def _join() -> Place:
    """Join the other processes of `torchrun`, where there are any."""
    count = int(os.environ.get('WORLD_SIZE', '1'))
    if count == 1:
        return Place()
    dist.init_process_group('gloo')
    return Place(dist.get_rank(), count)


if __name__ == '__main__':
    sys.exit(main())
