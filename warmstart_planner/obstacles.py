# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Obstacles as the planner sees them: a rounded box and where it is predicted to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import finite_array, number, unwrapped

SIZES = ('half_length', 'half_width', 'radius')  # fields of a shape, in the order of its tables


@dataclass(frozen=True)
class Obstacle:
    """
    One obstacle with its predicted motion.

    The shape is a box of `half_length` by `half_width` grown by `radius`: an oriented box has
    radius 0, a disc has both halves 0. `poses` are the predicted (x, y, yaw) of its centre in the
    map frame, shape (S, 3), the k-th one `k * dt` after the problem's stamp, with the problem's
    dt; beyond the last it is taken to go on with its last velocity. S = 1 stands still. Yaw may be
    given in any turn; it is kept unwrapped, so that it turns the short way from pose to pose.

    Each size is a number [m], or one for each pose, shape (S,), and keeps the last beyond it.
    Values that are all the same become a number.

    `clearance` is how much more than the margin it is to be given at 50 km/h [m], as cyclists are:
    less at lower speeds, and as softly as the margin.

    Raises:
        ValueError: a value is not finite, negative, or the shape is empty; the clearance is above
            5 m.

    """

    name: str
    poses: NDArray[np.float64]
    half_length: float | NDArray[np.float64]
    half_width: float | NDArray[np.float64]
    radius: float | NDArray[np.float64] = 0.0
    clearance: float = 0.0

    def __post_init__(self) -> None:
        """Check and normalise the fields."""
        where = f'obstacle {self.name!r}'
        object.__setattr__(self, 'poses', finite_array(f'{where}.poses', self.poses, (None, 3)))
        if len(self.poses) == 0:
            raise ValueError(f'{where}.poses is empty: expected at least one pose')
        object.__setattr__(self, 'poses', unwrapped(self.poses, 2))
        for field in SIZES:
            value = checked_size(f'{where}.{field}', getattr(self, field), len(self.poses))
            object.__setattr__(self, field, value)
        if np.min(np.minimum(self.half_length, self.half_width) + self.radius) <= 0.0:
            raise ValueError(f'{where} has no area: expected a box or a disc')
        number(f'{where}.clearance', self.clearance, at_least=0.0, at_most=5.0)

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
    def varies(self) -> bool:
        """Whether the shape changes along the prediction."""
        return size_varies(self)

    def sizes_at(self, count: int) -> NDArray[np.float64]:
        """Half length, half width, radius at steps 0 .. count - 1, shape (count, 3) [m]."""
        table = size_table(self, len(self.poses))
        return table[np.minimum(np.arange(count), len(table) - 1)]

    @property
    def reach(self) -> float:
        """Radius of the smallest circle about the centre that holds the shape at any step [m]."""
        return float(np.max(np.hypot(self.half_length, self.half_width) + self.radius))

    def shifted(self, steps: int) -> Obstacle:
        """Return the same prediction, seen `steps` later; ValueError where steps < 0."""
        number('steps', steps, at_least=0)
        count = max(len(self.poses), steps + 2)
        sizes = size_fields(self.sizes_at(count)[steps:])
        return replace(self, poses=self.poses_at(count)[steps:], **sizes)


def box(name: str, poses: NDArray[np.float64], length: float, width: float) -> Obstacle:
    """Return an oriented box obstacle of a length and width [m]."""
    return Obstacle(name, np.atleast_2d(poses), length / 2, width / 2)


def disc(name: str, poses: NDArray[np.float64], radius: float) -> Obstacle:
    """Return a disc obstacle of a radius [m]."""
    return Obstacle(name, np.atleast_2d(poses), 0.0, 0.0, radius)


def poses_of(obstacles: Sequence[Obstacle], count: int) -> NDArray[np.float64]:
    """Poses of obstacles at steps 0 .. count - 1, shape (M, count, 3), as `poses_at`."""
    if all(len(obstacle.poses) >= count for obstacle in obstacles):
        return np.array([obstacle.poses[:count] for obstacle in obstacles]).reshape(-1, count, 3)
    known = np.array([len(obstacle.poses) for obstacle in obstacles])
    flat = np.concatenate([obstacle.poses for obstacle in obstacles])
    last = known.cumsum() - 1
    step = np.arange(count)
    result = flat[(last - known + 1)[:, None] + np.minimum(step, known[:, None] - 1)]
    before = np.where(known > 1, last - 1, last)
    velocity = flat[last, :2] - flat[before, :2]
    beyond = np.maximum(step - known[:, None] + 1, 0)
    result[..., :2] += beyond[..., None] * velocity[:, None]
    return result


def sizes_of(obstacles: Sequence[Obstacle], count: int) -> NDArray[np.float64]:
    """
    Half length, half width and radius of obstacles at steps 0 .. count - 1 [m].

    Returns:
        Shape (M, count, 3), or (M, 1, 3) where no shape varies.

    """
    if any(obstacle.varies for obstacle in obstacles):
        return np.stack([obstacle.sizes_at(count) for obstacle in obstacles])
    return np.array([[(o.half_length, o.half_width, o.radius)] for o in obstacles])


def checked_size(name: str, value: ArrayLike, count: int) -> float | NDArray[np.float64]:
    """
    Return a size as a number or, where it varies, as a read-only array of shape (count,).

    Raises:
        ValueError: not numeric, not of that shape, not finite or negative; the message names it.

    """
    if np.ndim(value) == 0:
        return number(name, value, at_least=0.0)
    values = finite_array(name, value, (count,))
    least = number(name, values.min(), at_least=0.0)
    return least if (values == least).all() else values


def size_varies(shape: Any) -> bool:
    """Tell whether a shape, which has the fields SIZES, has more than one size."""
    return not (
        isinstance(shape.half_length, float)
        and isinstance(shape.half_width, float)
        and isinstance(shape.radius, float)
    )


def size_table(shape: Any, count: int) -> NDArray[np.float64]:
    """Sizes of a shape, which has the fields SIZES, at all of its poses, shape (count, 3) [m]."""
    columns = (shape.half_length, shape.half_width, shape.radius)
    return np.stack([np.broadcast_to(column, count) for column in columns], axis=-1)


def size_fields(table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return sizes of shape (S, 3) as the fields SIZES of a shape."""
    return dict(zip(SIZES, table.T, strict=True))
