# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Logs of mixed quality of gymnasium's Pendulum-v1: a small standard task to learn from offline.

A plain controller swings the pendulum up by its energy and balances it at the top. The logs are
of that controller and of worse ones, in the same states: what they do there differs, and only
the rewards tell which was better.

Observation: cosine and sine of the angle from the top, angular velocity [rad/s]. Action: torque
[N m], -2 to 2. An episode is cut off after 200 steps of 0.05 s; none ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from numpy.typing import NDArray

from training.iql_lstm.logs.episodes import Episodes

STEPS = 200
TORQUE = 2.0  # largest [N m]
TOP_SPEED = 1.0  # of a start, as in the environment's own reset [rad/s]
# Of starts that are in no log, and that were not driven from while the settings were chosen.
EVALUATION_SEED = 2_000_000

Act = Callable[[NDArray[np.float32]], NDArray]
"""Torques (S, 1) [N m] of the observations (S, 3) of S pendulums, once a step."""

# Shares of the time in which an episode follows the good controller and its contrary; in the rest
# it holds a torque that was drawn.
QUALITIES = {'good': (0.95, 0.0), 'fair': (0.6, 0.3), 'poor': (0.3, 0.6), 'random': (0.0, 0.0)}
HELD = 8  # steps until an episode goes on differently, on average


def good_torque(observations: NDArray) -> NDArray[np.float64]:
    """
    Return the torque of a controller that swings the pendulum up and keeps it there.

    Args:
        observations: shape (S, 3).

    Returns:
        Torques [N m], shape (S, 1).

    """
    angle = np.arctan2(observations[:, 1], observations[:, 0])
    speed = observations[:, 2]
    # A rod of 1 kg and 1 m: moment of inertia 1/3, gravity 10; the energy is 0 standing upright.
    energy = speed**2 / 6.0 + 5.0 * (np.cos(angle) - 1.0)
    swing = -4.0 * energy * np.where(speed == 0.0, 1.0, np.sign(speed))
    balance = -12.0 * angle - 3.0 * speed
    near = (np.abs(angle) < 0.4) & (np.abs(speed) < 2.5)
    return np.clip(np.where(near, balance, swing), -TORQUE, TORQUE)[:, None]


def make_logs(episodes: int = 160, seed: int = 0) -> Episodes:
    """Log `episodes` episodes, equally many of each quality; the same for the same seed."""
    rng = np.random.default_rng(seed)
    source = np.arange(episodes) % len(QUALITIES)
    follows, opposes = np.array(list(QUALITIES.values()))[source].T
    shape = STEPS, episodes
    changes = rng.random(shape) < 1.0 / HELD
    last = np.maximum.accumulate(np.where(changes, np.arange(STEPS)[:, None], 0))
    share = np.take_along_axis(rng.random(shape), last, 0)
    torque = np.take_along_axis(rng.uniform(-TORQUE, TORQUE, shape), last, 0)
    gain = np.where(share < follows, 1.0, np.where(share < follows + opposes, -1.0, 0.0))
    plan = iter(zip(gain[:, :, None], torque[:, :, None], strict=True))

    def act(observations: NDArray) -> NDArray:
        """Return what the plan of the next step makes of the good torques."""
        factor, drawn = next(plan)
        return np.where(factor == 0.0, drawn, factor * good_torque(observations))

    observations, actions, rewards = drive(act, starts(episodes, seed))
    return Episodes(
        observations=observations,
        actions=actions,
        rewards=rewards,
        lengths=np.full(episodes, STEPS),
        terminal=np.zeros(episodes, bool),
        source=source,
        sources=tuple(QUALITIES),
        action_low=np.float32([-TORQUE]),
        action_high=np.float32([TORQUE]),
        action_suggested=np.array([], np.int64),
        group=np.arange(episodes),
    )


def starts(count: int, seed: int) -> NDArray[np.float64]:
    """Draw angles from the top [rad] and speeds [rad/s] as the environment does: (count, 2)."""
    rng = np.random.default_rng(seed)
    return rng.uniform([-np.pi, -TOP_SPEED], [np.pi, TOP_SPEED], (count, 2))


def drive(
    act: Act, states: NDArray
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """
    Drive pendulums side by side from the states (S, 2) to the time-out.

    Returns:
        Observations (S, 201, 3), the torques that were applied (S, 200, 1), rewards (S, 200).

    """
    environments = [gymnasium.make('Pendulum-v1').unwrapped for _ in states]
    observed = np.stack([_put(e, s) for e, s in zip(environments, states, strict=True)])
    observations, actions, rewards = [observed], [], []
    for _ in range(STEPS):
        torque = np.clip(act(observed), -TORQUE, TORQUE).astype(np.float32)
        results = [e.step(u) for e, u in zip(environments, torque, strict=True)]
        observed = np.stack([result[0] for result in results])
        observations.append(observed)
        actions.append(torque)
        rewards.append(np.float32([result[1] for result in results]))
    return np.stack(observations, 1), np.stack(actions, 1), np.stack(rewards, 1)


def returns_of(act: Act, count: int) -> NDArray[np.float64]:
    """Return the undiscounted returns from `count` fixed starts that are in no log, (count,)."""
    return drive(act, starts(count, EVALUATION_SEED))[2].sum(axis=1, dtype=float)


def _put(environment: PendulumEnv, state: NDArray) -> NDArray[np.float32]:
    """Put a pendulum into a state; return what it observes there."""
    environment.reset()
    environment.state = np.array(state)
    return environment._get_obs()
