# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Train d3rlpy's IQL and behaviour cloning on logged episodes, for `make validate-iql`.

Runs in d3rlpy's own environment, started by `process.train` with a job's file. Policies are
written beside it as TorchScript, actions of observations: d3rlpy cannot write ONNX with the
PyTorch that we have.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import d3rlpy
import numpy as np
import structlog
import torch
from d3rlpy.algos import BCConfig, IQLConfig
from d3rlpy.base import LearnableBase
from d3rlpy.dataset import Episode, InfiniteBuffer, ReplayBuffer
from d3rlpy.logging import NoopAdapterFactory
from d3rlpy.models import VectorEncoderFactory
from d3rlpy.optimizers import AdamFactory
from d3rlpy.optimizers.lr_schedulers import CosineAnnealingLRFactory
from d3rlpy.preprocessing import (
    MinMaxActionScaler,
    MultiplyRewardScaler,
    StandardObservationScaler,
)
from numpy.typing import NDArray

from training.experiments.d3rlpy.process import REPORT_FILE, Job

IQL, BC = 'iql', 'bc'
ADVANTAGE_SAMPLES = 10_000


def read_buffer(path: str) -> tuple[ReplayBuffer, NDArray, NDArray]:
    """
    Read a file of `training.iql_lstm.logs.episodes.Episodes`.

    Returns:
        d3rlpy's buffer with every step of every episode, least and greatest actions.

    """
    with np.load(path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    episodes = []
    for row, length in enumerate(data['lengths']):
        terminal = bool(data['terminal'][row])
        # d3rlpy has no place for what was observed after a cut; it leaves the last step of a cut
        # episode out. With one more step, which it leaves out, all that happened are in.
        steps = length + (not terminal)
        actions, rewards = (
            np.concatenate([data[name][row, :length], np.zeros_like(data[name][row, :1])])[:steps]
            for name in ('actions', 'rewards')
        )
        observations = data['observations'][row, :steps]
        episodes.append(Episode(observations, actions, rewards[:, None], terminal))
    buffer = ReplayBuffer(InfiniteBuffer(), episodes=episodes)
    return buffer, data['action_low'], data['action_high']


def train(algorithm: str, job: Job, seed: int, reward_scale: float) -> LearnableBase:
    """Train one policy."""
    d3rlpy.seed(seed)
    buffer, low, high = read_buffer(job.episodes)
    encoder = VectorEncoderFactory([job.hidden, job.hidden])
    optimiser = AdamFactory(
        clip_grad_norm=job.gradient_limit,
        lr_scheduler_factory=CosineAnnealingLRFactory(job.updates, eta_min=job.least_rate),
    )
    common = {
        'observation_scaler': StandardObservationScaler(),
        'action_scaler': MinMaxActionScaler(minimum=low, maximum=high),
        'batch_size': job.transitions,
    }
    if algorithm == BC:
        configuration = BCConfig(
            learning_rate=job.learning_rate,
            encoder_factory=encoder,
            optim_factory=optimiser,
            **common,
        )
    else:
        configuration = IQLConfig(
            actor_learning_rate=job.learning_rate,
            critic_learning_rate=job.learning_rate,
            actor_optim_factory=optimiser,
            critic_optim_factory=optimiser,
            actor_encoder_factory=encoder,
            critic_encoder_factory=encoder,
            value_encoder_factory=encoder,
            reward_scaler=MultiplyRewardScaler(reward_scale),
            gamma=job.discount,
            tau=job.target_rate,
            expectile=job.expectile,
            weight_temp=job.temperature,
            max_weight=job.weight_limit,
            **common,
        )
    learner = configuration.create()
    learner.fit(
        buffer,
        n_steps=job.updates,
        n_steps_per_epoch=job.updates,
        show_progress=False,
        logger_adapter=NoopAdapterFactory(),
    )
    return learner


def return_spread(job: Job) -> float:
    """Return the standard deviation of the episodes' discounted returns."""
    rewards = np.load(job.episodes)['rewards']
    return float((rewards @ job.discount ** np.arange(rewards.shape[1])).std())


def advantage_spread(learner: LearnableBase, job: Job) -> float:
    """Return the standard deviation of Q - V over the data, in units of the scaled rewards."""
    batch = read_buffer(job.episodes)[0].sample_transition_batch(ADVANTAGE_SAMPLES)
    modules = learner.impl.modules
    scaled = [
        scaler.transform(torch.from_numpy(values))
        for scaler, values in (
            (learner.observation_scaler, batch.observations),
            (learner.action_scaler, batch.actions),
        )
    ]
    with torch.no_grad():
        least = torch.stack([q(*scaled).q_value for q in modules.targ_q_funcs]).amin(dim=0)
        advantages = least - modules.value_func(scaled[0])
    return float(advantages.std())


def main(path: Path) -> int:
    """Train everything that the job asks for."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    torch.set_num_threads(1)
    job = Job(**json.loads(path.read_text()))
    # Ours divides advantages by their spread before they become weights. Here a training that is
    # thrown away finds the rewards' scale with which it is 1: only then the same temperature means
    # the same.
    scale = 1.0 / return_spread(job)
    scale /= advantage_spread(train(IQL, job, job.seeds[0], scale), job)
    print('d3rlpy iql: scale of advantages found', flush=True)
    for seed in job.seeds:
        for algorithm in (IQL, BC):
            train(algorithm, job, seed, scale).save_policy(
                str(path.parent / f'{algorithm}_{seed}.pt')
            )
            print(f'd3rlpy {algorithm}, seed {seed}: trained', flush=True)
    (path.parent / REPORT_FILE).write_text(json.dumps({'version': d3rlpy.__version__}))
    return 0


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
