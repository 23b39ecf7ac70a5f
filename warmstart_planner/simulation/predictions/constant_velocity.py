# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Constant velocity and turn rate (CTRV): everything goes on along its arc."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon
from warmstart_planner.simulation.predictions.seen import Seen

STRAIGHT_ON = ('pedestrian',)  # kinds that turn on the spot: how fast tells nothing of their way


def constant_velocity(seen: Sequence[Seen], horizon: Horizon) -> list[Obstacle]:
    """
    Predict that all go on with their speed and turn rate; pedestrians go straight on.

    Args:
        seen: what is known of each.
        horizon: grid of the predictions.

    Returns:
        An obstacle of each, in the same order; one pose of what stands. Sizes are those of now.

    """
    return obstacles_of(seen, poses_on_arcs(seen, horizon))


def poses_on_arcs(seen: Sequence[Seen], horizon: Horizon) -> NDArray[np.float64]:
    """Return the poses of all, shape (n, steps + 1, 3); the arguments are as above."""
    times = horizon.times
    rate = np.array([0.0 if each.kind in STRAIGHT_ON else each.turn_rate for each in seen])
    turned = rate[:, None] * times
    middle = np.array([each.course for each in seen])[:, None] + turned / 2.0
    speed = np.array([each.speed for each in seen])
    chord = speed[:, None] * times * np.sinc(turned / (2.0 * np.pi))
    now = np.array([each.pose for each in seen]).reshape(-1, 3)
    moved = np.stack([chord * np.cos(middle), chord * np.sin(middle), turned], axis=-1)
    return now[:, None] + moved


def obstacles_of(seen: Sequence[Seen], poses: NDArray[np.float64]) -> list[Obstacle]:
    """Return obstacles with predicted poses, shape (n, steps + 1, 3); what stands has one."""
    return [
        Obstacle(each.name, way if each.speed > 0.0 else way[:1], *each.size.tolist())
        for each, way in zip(seen, poses, strict=True)
    ]
