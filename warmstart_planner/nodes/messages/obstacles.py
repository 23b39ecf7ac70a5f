# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Perceived obstacles with their predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner import msg
from warmstart_planner.checks import number
from warmstart_planner.nodes.messages.fields import LARGEST, check_frame, flat, header, shaped
from warmstart_planner.nodes.messages.stamps import to_seconds
from warmstart_planner.obstacles import SIZES, Obstacle, sizes_of
from warmstart_planner.problem import Horizon

STEP_RANGE = (1e-3, 10.0)  # of predictions of obstacles [s]


@dataclass(frozen=True)
class ObstacleEstimate:
    """Perceived obstacles, or none: predicted poses start at `stamp` and are `dt` apart."""

    stamp: float
    dt: float
    obstacles: tuple[Obstacle, ...]


def obstacles_message(estimate: ObstacleEstimate) -> msg.ObstacleArray:
    """Return the message of obstacles; shorter predictions go on with their last velocity."""
    obstacles = estimate.obstacles
    steps = max((len(each.poses) for each in obstacles), default=1)
    poses = np.concatenate([each.poses_at(steps) for each in obstacles]) if obstacles else []
    sizes = sizes_of(obstacles, steps).reshape(-1, len(SIZES)).T
    return msg.ObstacleArray(
        header=header(estimate.stamp),
        dt=float(estimate.dt),
        steps=steps,
        ids=[each.name for each in obstacles],
        **{field: flat(values) for field, values in zip(SIZES, sizes, strict=True)},
        clearance=[each.clearance for each in obstacles],
        poses=flat(poses),
    )


def obstacles_from(message: msg.ObstacleArray) -> ObstacleEstimate:
    """Return the obstacles in a message; where it has none, its dt and steps mean nothing."""
    check_frame('obstacles', message.header)
    count = len(message.ids)
    dt, steps = _prediction_grid(message) if count else (_any_step(message.dt), 0)
    if len(set(message.ids)) != count:
        raise ValueError(f'obstacles.ids are {list(message.ids)}: expected each once')
    poses = shaped('obstacles.poses', message.poses, (count, steps, 3))
    number('obstacles.poses', max(poses.max(initial=0.0), -poses.min(initial=0.0)), 0.0, LARGEST)
    sizes = [_sizes(field, getattr(message, field), count, steps) for field in SIZES]
    rows = zip(message.ids, poses, *sizes, _clearances(message.clearance, count), strict=True)
    obstacles = tuple(Obstacle(*row) for row in rows)
    return ObstacleEstimate(to_seconds(message.header.stamp), dt, obstacles)


def _sizes(
    field: str, values: ArrayLike, count: int, steps: int
) -> list[float] | NDArray[np.float64]:
    """Return one size of each obstacle, or all along the predictions, shape (count, steps)."""
    if len(values) == count:
        return list(values)
    if len(values) == count * steps:
        return np.reshape(values, (count, steps))
    raise ValueError(
        f'obstacles.{field} has {len(values)} entries: expected {count} or {count * steps}'
    )


def _clearances(values: ArrayLike, count: int) -> list[float]:
    if len(values) in (0, count):
        return list(values) or [0.0] * count
    raise ValueError(f'obstacles.clearance has {len(values)} entries: expected 0 or {count}')


def _prediction_grid(message: msg.ObstacleArray) -> tuple[float, int]:
    dt = number('obstacles.dt', message.dt, *STEP_RANGE)
    return dt, int(number('obstacles.steps', message.steps, at_least=1))


def _any_step(given: float) -> float:
    """Return a step where none is meant: the given one if it is one."""
    return given if STEP_RANGE[0] <= given <= STEP_RANGE[1] else Horizon().dt
