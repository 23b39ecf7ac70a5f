# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Implicit Q-learning of an LSTM policy from logged drives: `make train-iql`.

By the equations of docs/iql-lstm.md: V by expectile regression (equation 1), twin Q by temporal
differences with V of the next observation (equation 2), a policy by advantage-weighted
log-likelihood (equation 3) that remembers with an LSTM (equation 4). The networks are
`networks.py`, what they minimise is `losses.py`, the chunks that they learn from `data.py`, how
they learn from a batch is `learner.py`. What is particular here:

- Actor and critic have recurrent parts of their own, which learn more slowly than the rest.
- They learn from chunks of episodes. A chunk begins with the memory stored for its first step and
  warms it up over its burn-in, which gives no loss; one that begins with its episode begins with
  an empty memory, which is exact, and all of it gives loss. So each step of an episode is learned
  in just one chunk. Stored memories are made anew before each epoch.
- Where an episode was cut off, its last observation has a value; where it is terminal, nothing
  has.
- Q learns lambda-returns along the data, of which equation (2) is the one without a trace.
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

import copy
import hashlib
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.checkpoint import log_epoch, require_same, save_checkpoint
from training.command_line import OptionError, at_least, parsed
from training.iql_lstm.data import chunk_table
from training.iql_lstm.learner import Learner
from training.iql_lstm.logs.episodes import ACTION_FIELDS, Episodes, join, load_episodes, split
from training.iql_lstm.logs.mirror import mirrored
from training.iql_lstm.settings import SMOKE, Configuration
from training.iql_lstm.trained import CHECKPOINT_VERSION, KIND, Trained, read_checkpoint
from training.progress import tracked

# Of a configuration, how long and where: what may differ from a checkpoint's.
MAY_CHANGE = ('epochs', 'patience', 'time_limit', 'out')


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
        bar = tracked(range(configuration.updates), f'epoch {self.epoch + 1}')
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
        save_checkpoint(path, {**state, **content})

    def _log(self, values: dict[str, float]) -> None:
        log_epoch(self.folder, self.epoch, self.elapsed, values)
        print(
            f'epoch {self.epoch:3d} {self.elapsed:6.0f} s  V {values["mean_value"]:.3f}  '
            f'log-likelihood {values["log_likelihood"]:.3f}  '
            f'validation {values["validation_score"]:.3f} best {values["best_score"]:.3f}'
            f'{"  *" if self.best_epoch == self.epoch else ""}',
            flush=True,
        )

    def _resume(self, path: Path) -> None:
        state = read_checkpoint(path)
        known = Configuration(**state['configuration'])
        require_same(path, known, self.configuration, MAY_CHANGE)
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
        options = parse(arguments)
        configuration = options.configuration
        names = [name.strip() for name in configuration.episodes.split(',') if name.strip()]
        train, validation = split(join([load_episodes(Path(name)) for name in names]))
        train = join([train, mirrored(train)])
        print(f'{len(train)} episodes, {len(validation)} for validation', flush=True)
        for member in options.chosen:
            trained = train_member(configuration, member, train, validation)
            print(
                f'member {member}: validation score {trained.score:.4f} in epoch {trained.epoch}, '
                f'{Path(configuration.out) / str(member) / "best.pt"}',
                flush=True,
            )
    except (OptionError, ValueError, OSError, FloatingPointError) as error:
        print(f'train-iql: {error}', file=sys.stderr)
        return 2
    return 0


@dataclass(frozen=True)
class Options:
    """What the command line decides."""

    configuration: Configuration
    smoke: bool = False  # tiny networks and two epochs, where nothing else is said
    members: int = 4  # number of them
    member: int | None = None  # the only one to train

    @property
    def chosen(self) -> list[int]:
        """Members to train."""
        return list(range(self.members)) if self.member is None else [self.member]

    def __post_init__(self) -> None:
        """Check the members."""
        at_least(self, members=1)
        if self.member is not None and not 0 <= self.member < self.members:
            raise OptionError(
                f'--member is {self.member} of {self.members}: expected 0 to members - 1'
            )


def parse(arguments: list[str] | None = None) -> Options:
    """Return what the command line asks for."""
    given = sys.argv[1:] if arguments is None else arguments
    base = SMOKE if '--smoke' in given else Configuration()
    return parsed(Options, 'train-iql', __doc__, given, Options(base))


if __name__ == '__main__':
    sys.exit(main())
