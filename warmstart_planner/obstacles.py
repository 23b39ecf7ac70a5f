# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Obstacles as the planner sees them: a rounded box and where it is predicted to be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import finite_array, number, unwrapped


@dataclass(frozen=True)
class Obstacle:
    """
    One obstacle with its predicted motion.

    The shape is a box of `half_length` by `half_width` grown by `radius`: an oriented box has
    radius 0, a disc has both halves 0. `poses` are the predicted (x, y, yaw) of its centre in the
    map frame, shape (S, 3), the k-th one `k * dt` after the problem's stamp, with the problem's
    dt; beyond the last it is taken to go on with its last velocity. S = 1 stands still. Yaw may be
    given in any turn; it is kept unwrapped, so that it turns the short way from pose to pose.

    Raises:
        ValueError: a value is not finite, negative, or the shape is empty.

    """

    name: str
    poses: NDArray[np.float64]
    half_length: float
    half_width: float
    radius: float = 0.0

    def __post_init__(self) -> None:
        """Check and normalise the fields."""
        where = f'obstacle {self.name!r}'
        object.__setattr__(self, 'poses', finite_array(f'{where}.poses', self.poses, (None, 3)))
        if len(self.poses) == 0:
            raise ValueError(f'{where}.poses is empty: expected at least one pose')
        object.__setattr__(self, 'poses', unwrapped(self.poses, 2))
        for field in ('half_length', 'half_width', 'radius'):
            value = number(f'{where}.{field}', getattr(self, field), at_least=0.0)
            object.__setattr__(self, field, value)
        if min(self.half_length, self.half_width) + self.radius <= 0.0:
            raise ValueError(f'{where} has no area: expected a box or a disc')

    def poses_at(self, count: int) -> NDArray[np.float64]:
        """Poses at steps 0 .. count - 1, shape (count, 3), extended with the last velocity."""
        have = len(self.poses)
        if have >= count:
            return self.poses[:count]
        last = self.poses[-1]
        if have == 1:
            return self.poses.repeat(count, axis=0)
        velocity = last - self.poses[-2]
        ahead = np.arange(1, count - have + 1)[:, None]
        return np.concatenate([self.poses, last + ahead * velocity * np.array([1.0, 1.0, 0.0])])

    @property
    def reach(self) -> float:
        """Radius of the smallest circle about the centre that holds the shape [m]."""
        return float(np.hypot(self.half_length, self.half_width)) + self.radius

    def shifted(self, steps: int) -> Obstacle:
        """Return the same prediction, seen `steps` later; ValueError where steps < 0."""
        number('steps', steps, at_least=0)
        return replace(self, poses=self.poses_at(max(len(self.poses), steps + 2))[steps:])


def box(name: str, poses: NDArray[np.float64], length: float, width: float) -> Obstacle:
    """Return an oriented box obstacle of a length and width [m]."""
    return Obstacle(name, np.atleast_2d(poses), length / 2, width / 2)


def disc(name: str, poses: NDArray[np.float64], radius: float) -> Obstacle:
    """Return a disc obstacle of a radius [m]."""
    return Obstacle(name, np.atleast_2d(poses), 0.0, 0.0, radius)
