# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Implicit Q-learning of an LSTM policy from logged drives: `make train-iql`.

MISSION.txt, Section 4.2: V by expectile regression (equation 10), twin Q by temporal differences
with V of the next observation (equation 11), a policy by advantage-weighted log-likelihood
(equation 12) that remembers with an LSTM (equation 13). The networks are
`networks.py`, what they minimise is `losses.py`, the chunks
that they learn from `data.py`. What is particular here:

- Actor and critic have recurrent parts of their own, which learn more slowly than the rest.
- They learn from chunks of episodes. A chunk begins with the memory stored for its first step and
  warms it up over its burn-in, which gives no loss; one that begins with its episode begins with
  an empty memory, which is exact, and all of it gives loss. So each step of an episode is learned
  in just one chunk. Stored memories are made anew before each epoch.
- Where an episode was cut off, its last observation has a value; where it is terminal, nothing
  has.
- Q learns lambda-returns along the data, of which equation (11) is the one without a trace.
- Drives are learned in the mirror too.
- Where an observation holds a suggested action, the actor learns what to do beside it, and Q what
  comes of doing other than that: a policy that has learned nothing does what is suggested.
- The advantage of a logged action is by default that of what was really earned from there on, in
  place of Q: Q has to tell a good action from a bad one in scenes that it knows one of, and what
  is left over from scene to scene is larger than that.
- Advantages are divided by their running spread before they become weights, so that the inverse
  temperature means the same for all rewards.
- What the actor is worth is told by held-out episodes: the advantage-weighted log-likelihood of
  their actions. The best actor so far is judged by the same critic as the newest.
- The members of an ensemble are trainings of their own: other seeds, other samples of the groups.
"""

from __future__ import annotations

import argparse
import copy
import csv
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from training.iql_lstm.data import AT_ONCE, Batch, Data, chunk_table, observation_statistics
from training.iql_lstm.logs.episodes import ACTION_FIELDS, Episodes, join, load_episodes, split
from training.iql_lstm.logs.mirror import mirrored
from training.iql_lstm.losses import (
    EXTRACTIONS,
    Judged,
    expectile_loss,
    robust_spread,
    temporal_target,
)
from training.iql_lstm.networks import Actor, Critic, Encoder

CHECKPOINT_VERSION = 2
KIND = 'iql_lstm'
SPREAD_MOMENTUM = 0.01  # share of a batch in the running spread of advantages


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
    trace: float = 0.95  # lambda of the returns that Q learns; 0 is equation (11)
    expectile: float = 0.7
    temperature: float = 3.0  # inverse, of advantages in units of their spread
    weight_limit: float = 20.0  # of advantage weights
    extraction: str = 'awr_returns'  # a name in EXTRACTIONS
    behaviour_loss: float = 1.0  # weight of the log-likelihood beside Q, in ddpg_bc
    target_rate: float = 0.02  # share of the critic in its target, each update
    # the optimiser
    updates: int = 1000  # of an epoch
    epochs: int = 2
    learning_rate: float = 5e-4
    recurrent_rate: float = 2e-4  # learning rate of the LSTMs
    gradient_limit: float = 1.0  # of actor and critic each
    patience: int = 8  # epochs without a better actor
    time_limit: float = 0.0  # of the whole training, over all its runs; 0: none [s]
    seed: int = 0
    out: str = 'out/iql_lstm'

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


# --- learning ------------------------------------------------------------------------------------


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


# --- training ------------------------------------------------------------------------------------


class Training:
    """
    One training, which goes on from its newest checkpoint where there is one.

    Args:
        configuration: what is trained; that of a checkpoint must be the same.
        train: episodes to learn from.
        validation: episodes that tell which actor is the best.

    Raises:
        ValueError: the checkpoint is of another configuration or of other episodes, or damaged;
            or the two sides differ in the sizes or bounds of what they hold.

    """

    def __init__(
        self, configuration: Configuration, train: Episodes, validation: Episodes
    ) -> None:
        _check_sides(train, validation)
        self.configuration = configuration
        torch.manual_seed(configuration.seed)
        self.learner = Learner(configuration, train)
        self.train = self.learner.data(train)
        self.validation = self.learner.data(validation)
        self.table = chunk_table(train.lengths, configuration.burn_in, configuration.learn)
        self.digest = _digest(train)
        self.best = copy.deepcopy(self.learner.actor)
        self.score, self.best_epoch = -math.inf, 0
        self.epoch, self.elapsed = 0, 0.0
        self.folder = Path(configuration.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / 'checkpoint.pt').exists():
            self._resume(self.folder / 'checkpoint.pt')

    def run(self) -> Trained:
        """Train to the end; return the best policy."""
        while not self._over():
            self.advance()
        return Trained(self.best.eval(), self.score, self.best_epoch)

    def advance(self) -> None:
        """Train for an epoch, judge the actor and write what there is."""
        begin = time.monotonic() - self.elapsed
        parts = self._one_epoch(begin)
        self.epoch += 1
        actors = [self.learner.actor, self.best]
        newest, best = self.learner.judge(self.validation, actors)
        better = self.best_epoch == 0 or newest > best
        if better:
            self.best, self.best_epoch = copy.deepcopy(self.learner.actor), self.epoch
        self.score = newest if better else best
        self.elapsed = time.monotonic() - begin
        if better:
            self._save(self.folder / 'best.pt', {'actor': self.best.state_dict()})
        self._save(self.folder / 'checkpoint.pt', self._state())
        self._log(parts | {'validation_score': newest, 'best_score': self.score})

    def _over(self) -> bool:
        configuration = self.configuration
        late = configuration.time_limit > 0 and self.elapsed >= configuration.time_limit
        stale = self.epoch - self.best_epoch >= configuration.patience
        return late or stale or self.epoch >= configuration.epochs

    def _one_epoch(self, begin: float) -> dict[str, float]:
        configuration, learner = self.configuration, self.learner
        self.train.store(learner.encoders)
        self.train.estimate(learner.critic, configuration.discount)
        rng = np.random.default_rng([configuration.seed, self.epoch])
        sums: dict[str, float] = {}
        bar = tqdm(
            range(configuration.updates), f'epoch {self.epoch + 1}', leave=False, disable=None
        )
        for step in bar:
            progress = (self.epoch + step / configuration.updates) / configuration.epochs
            if configuration.time_limit > 0:
                passed = (time.monotonic() - begin) / configuration.time_limit
                progress = max(progress, passed)
            rates = (configuration.learning_rate, configuration.recurrent_rate)
            for group, rate in zip(learner.optimiser.param_groups, rates, strict=True):
                group['lr'] = rate * rate_share(progress)
            rows = rng.integers(len(self.table), size=configuration.batch)
            parts = learner.update(self.train.chunks(self.table[rows]))
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value / configuration.updates
        return sums

    # --- what is written ---

    def _state(self) -> dict[str, Any]:
        return {
            'learner': self.learner.state_dict(),
            'optimiser': self.learner.optimiser.state_dict(),
            'best': self.best.state_dict(),
        }

    def _save(self, path: Path, content: dict[str, Any]) -> None:
        draft = path.with_suffix('.part')
        state = {
            'version': CHECKPOINT_VERSION,
            'kind': KIND,
            'configuration': asdict(self.configuration),
            'episodes': self.digest,
            'epoch': self.epoch,
            'elapsed': self.elapsed,
            'score': self.score,
            'best_epoch': self.best_epoch,
        }
        torch.save({**state, **content}, draft)
        draft.replace(path)

    def _log(self, values: dict[str, float]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(self.folder / 'tensorboard')) as writer:
            for name, value in values.items():
                writer.add_scalar(name, value, self.epoch)
        path = self.folder / 'log.csv'
        new = not path.exists()
        with path.open('a', newline='', encoding='utf-8') as stream:
            table = csv.writer(stream)
            if new:
                table.writerow(['epoch', 'seconds', *values])
            row = (f'{value:.5f}' for value in values.values())
            table.writerow([self.epoch, f'{self.elapsed:.0f}', *row])
        print(
            f'epoch {self.epoch:3d} {self.elapsed:6.0f} s  V {values["mean_value"]:.3f}  '
            f'log-likelihood {values["log_likelihood"]:.3f}  '
            f'validation {values["validation_score"]:.3f} best {values["best_score"]:.3f}'
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
        if state['episodes'] != self.digest:
            raise ValueError(
                f'{path} is of other episodes: expected the same, or another folder `out`'
            )
        self.learner.load_state_dict(state['learner'])
        self.learner.optimiser.load_state_dict(state['optimiser'])
        self.best.load_state_dict(state['best'])
        self.epoch, self.elapsed = state['epoch'], state['elapsed']
        self.score, self.best_epoch = state['score'], state['best_epoch']


def fit(train: Episodes, validation: Episodes, configuration: Configuration) -> Trained:
    """
    Train a policy, or go on with its training; return the best.

    Raises:
        ValueError: as `Training`.

    """
    return Training(configuration, train, validation).run()


def rate_share(progress: float) -> float:
    """Return the share of the learning rates at a share of the training: a cosine to 5 %."""
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def resampled(episodes: Episodes, seed: int) -> Episodes:
    """Return a bootstrap sample: as many groups, drawn with replacement."""
    groups, place = np.unique(episodes.group, return_inverse=True)
    draws = np.random.default_rng([seed, 1]).integers(len(groups), size=len(groups))
    counts = np.bincount(draws, minlength=len(groups))
    return episodes.take(np.repeat(np.arange(len(episodes)), counts[place]))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """
    Return a checkpoint's content: numbers and weights only, no code.

    Raises:
        ValueError: it is missing, damaged, of another version or of something else.

    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        found = (state['kind'], state['version'])
    except FileNotFoundError:
        raise ValueError(f'{path} is missing: expected a checkpoint; train first') from None
    except Exception as error:
        raise ValueError(f'{path} is no readable checkpoint: {error}') from None
    if found != (KIND, CHECKPOINT_VERSION):
        raise ValueError(
            f'{path}: kind and version are {found}: expected {(KIND, CHECKPOINT_VERSION)}'
        )
    return state


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


def _may_change(configuration: Configuration) -> dict[str, Any]:
    """Return what may differ from a checkpoint's: how long, and where."""
    names = ('epochs', 'patience', 'time_limit', 'out')
    return {name: getattr(configuration, name) for name in names}


def _check_sides(train: Episodes, validation: Episodes) -> None:
    found, wanted = validation.observations.shape[2], train.observations.shape[2]
    if found != wanted:
        raise ValueError(f'validation has observations of {found} numbers: expected {wanted}')
    for name in ACTION_FIELDS:
        if not np.array_equal(getattr(validation, name), getattr(train, name)):
            raise ValueError(
                f'validation has {name} {getattr(validation, name)}: expected '
                f'{getattr(train, name)}'
            )


def _digest(episodes: Episodes) -> str:
    """Return what tells episodes from others."""
    digest = hashlib.sha256()
    for name in ('actions', 'rewards', 'lengths', 'terminal', 'group'):
        digest.update(np.ascontiguousarray(getattr(episodes, name)).tobytes())
    return digest.hexdigest()


def train_member(
    configuration: Configuration, member: int, train: Episodes, validation: Episodes
) -> Trained:
    """Train a member of an ensemble in its own folder, on its own sample of the groups."""
    seed = configuration.seed + member
    own = replace(configuration, seed=seed, out=str(Path(configuration.out) / str(member)))
    folder = Path(own.out)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(own), indent=2)
    (folder / 'configuration.json').write_text(text + '\n', encoding='utf-8')
    return fit(resampled(train, seed), validation, own)


def main(arguments: list[str] | None = None) -> int:
    """Train; return the exit status."""
    try:
        configuration, members = parse(arguments)
        names = [name.strip() for name in configuration.episodes.split(',') if name.strip()]
        train, validation = split(join([load_episodes(Path(name)) for name in names]))
        train = join([train, mirrored(train)])
        print(f'{len(train)} episodes, {len(validation)} for validation', flush=True)
        for member in members:
            trained = train_member(configuration, member, train, validation)
            print(
                f'member {member}: validation score {trained.score:.4f} in epoch {trained.epoch}, '
                f'{Path(configuration.out) / str(member) / "best.pt"}',
                flush=True,
            )
    except (ValueError, OSError, FloatingPointError) as error:
        print(f'train-iql: {error}', file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None = None) -> tuple[Configuration, list[int]]:
    """Return the configuration that the command line asks for, and the members to train."""
    parser = argparse.ArgumentParser(prog='train-iql', description=__doc__.strip().splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='tiny networks and two epochs')
    parser.add_argument('--members', type=int, default=4, help='number of them')
    parser.add_argument('--member', type=int, help='the only one to train')
    for field in fields(Configuration):
        kind = type(getattr(Configuration(), field.name))
        parser.add_argument(f'--{field.name.replace("_", "-")}', type=kind)
    given = vars(parser.parse_args(arguments))
    base = SMOKE if given.pop('smoke') else Configuration()
    count, only = given.pop('members'), given.pop('member')
    if count < 1 or (only is not None and not 0 <= only < count):
        raise ValueError(f'member is {only} of {count}: expected 0 to members - 1')
    members = list(range(count)) if only is None else [only]
    named = {name: value for name, value in given.items() if value is not None}
    return replace(base, **named), members


if __name__ == '__main__':
    sys.exit(main())
