# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far vehicles in lanes get that brake behind those ahead of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import Horizon

COMFORTABLE = 2.0  # deceleration behind a leader [m/s^2]
HARDEST = 8.0  # deceleration where comfortable is not enough [m/s^2]
STANDSTILL = 2.0  # gap that is kept when both stand [m]

Array = NDArray[np.float64]


def travelled(free: Array, leader: NDArray[np.int64], gap: Array, horizon: Horizon) -> Array:
    """
    Return the distances that vehicles travel, shape (n, steps + 1) [m].

    Each goes its free way while it can brake comfortably behind its leader, should that do so too
    (Krauss, 1998); the nearer ones brake harder, and who has braked does not speed up again. None
    gets to where its leader is, or was.

    Args:
        free: distances that they would travel alone, shape (n, steps + 1) [m].
        leader: index of the vehicle ahead in its lane, -1 where there is none, shape (n,).
        gap: between their bumpers now, shape (n,) [m].
        horizon: grid of the distances.

    """
    if (leader < 0).all():
        return free
    led, dt = leader >= 0, horizon.dt
    gap = np.where(led, np.maximum(gap, 0.0), np.inf)
    brake, here = COMFORTABLE * dt, np.zeros(len(free))
    wanted = np.diff(free, axis=1) / dt
    speed, slowed = wanted[:, 0], np.full(len(free), np.inf)
    result = [here]
    for alone in wanted.T:
        free_way = here[leader] + gap - here
        room = np.maximum(free_way - STANDSTILL, 0.0)
        safe = np.sqrt(speed[leader] ** 2 + (2.0 * COMFORTABLE * room + brake**2)) - brake
        kept = np.minimum(alone, slowed)
        braked = np.maximum(safe, speed - HARDEST * dt)
        after = np.minimum(np.minimum(kept, braked), np.maximum(free_way, 0.0) / dt)
        slowed = np.where(after < kept, after, slowed)
        speed = after
        here = here + speed * dt
        result.append(here)
    return np.where(led[:, None], np.transpose(result), free)
