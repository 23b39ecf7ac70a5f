# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Constant velocity: everything goes on as fast as now, and straight on when it has turned.

Nobody turns or brakes for as long as a horizon is: turn rate and acceleration of now fade, and
what is constant then is the velocity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon
from warmstart_planner.simulation.predictions.observed import STANDS, ObservedParticipant

FADING = 0.7  # time constant with which turn rate and acceleration fade [s]
STRAIGHT_ON = ('pedestrian',)  # kinds that turn on the spot: how fast tells nothing of their way


def constant_velocity(observed: Sequence[ObservedParticipant], horizon: Horizon) -> list[Obstacle]:
    """
    Predict that all go on with their velocity, after what they now turn and speed up or slow down.

    Turn rate and acceleration fade exponentially, with FADING. Nobody slows down to less than a
    stand, and pedestrians go straight on.

    Args:
        observed: what is known of each.
        horizon: grid of the predictions.

    Returns:
        An obstacle of each, in the same order; one pose of what stands. Sizes are those of now.

    """
    return obstacles_of(observed, poses_on_arcs(observed, horizon))


def poses_on_arcs(
    observed: Sequence[ObservedParticipant], horizon: Horizon
) -> NDArray[np.float64]:
    """Return the poses of all, shape (n, steps + 1, 3); the arguments are as above."""
    rate = np.array([0.0 if each.kind in STRAIGHT_ON else each.turn_rate for each in observed])
    steps = np.diff(distances_travelled(observed, horizon), axis=1)
    speed = np.array([each.speed for each in observed])[:, None]
    # who slows down turns more slowly, who stands does not
    moving = np.minimum(steps, speed * horizon.dt) / np.maximum(speed, STANDS)
    turns = rate[:, None] * moving * np.diff(fading_integral(horizon)) / horizon.dt
    turned = np.zeros((len(observed), horizon.steps + 1))
    np.cumsum(turns, axis=1, out=turned[:, 1:])
    middle = np.array([each.course for each in observed])[:, None] + turned[:, :-1] + turns / 2.0
    chord = steps * np.sinc(turns / (2.0 * np.pi))
    now = np.array([each.pose for each in observed]).reshape(-1, 3)
    poses = np.repeat(now[:, None], horizon.steps + 1, axis=1)
    poses[:, 1:, 0] += np.cumsum(chord * np.cos(middle), axis=1)
    poses[:, 1:, 1] += np.cumsum(chord * np.sin(middle), axis=1)
    poses[..., 2] += turned
    return poses


def distances_travelled(
    observed: Sequence[ObservedParticipant], horizon: Horizon
) -> NDArray[np.float64]:
    """Return how far all get until each time, shape (n, steps + 1) [m]; who stops stays."""
    speed, acceleration = np.array([(s.speed, s.acceleration) for s in observed]).reshape(-1, 2).T
    slower = FADING * (horizon.times - fading_integral(horizon))
    ways = speed[:, None] * horizon.times + acceleration[:, None] * slower
    return np.maximum.accumulate(ways, axis=1)


def fading_integral(horizon: Horizon) -> NDArray[np.float64]:
    """Return the integral of what is 1 now and fades, shape (steps + 1,) [s]."""
    return FADING * (1.0 - np.exp(-horizon.times / FADING))


def obstacles_of(
    observed: Sequence[ObservedParticipant], poses: NDArray[np.float64]
) -> list[Obstacle]:
    """Return obstacles with predicted poses, shape (n, steps + 1, 3); what stands has one."""
    return [
        Obstacle(each.name, way if each.speed > 0.0 else way[:1], *each.size.tolist())
        for each, way in zip(observed, poses, strict=True)
    ]
