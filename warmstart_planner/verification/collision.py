# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the car meets an obstacle, at the samples of its motion and between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle, sizes_of
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.vehicle import VehicleParameters
from warmstart_planner.verification.motion import SUBSTEPS, Samples
from warmstart_planner.verification.shapes import box_distance

Array = NDArray[np.float64]

DIVISIONS = 8  # of an interval in which car and obstacle could meet unseen
DIVISION_ROUNDS = 3


def collision(problem: PlanningProblem, ego: Samples, steps: int) -> tuple[float, Array]:
    """Clearance and, for each step, the deepest overlap."""
    if not problem.obstacles:
        return np.inf, np.zeros(steps)
    poses = _obstacle_samples(problem.obstacles, steps)
    pairs = _Pairs(ego, poses, problem.obstacles, problem.vehicle, steps)
    which, when, distance = pairs.near()
    deepest = np.full(steps, np.inf)
    np.minimum.at(deepest, when // SUBSTEPS, distance)
    between, at = pairs.between(which, when, distance)
    np.minimum.at(deepest, at // SUBSTEPS, between)
    return float(deepest.min()), np.maximum(-deepest, 0.0)


def _obstacle_samples(obstacles: Sequence[Obstacle], steps: int) -> Array:
    """Poses at the sample times, shape (3, O, M): x, y, unwrapped yaw."""
    poses = np.array([obstacle.poses_at(steps).T for obstacle in obstacles]).transpose(1, 0, 2)
    delta = poses[..., 1:] - poses[..., :-1]
    delta[2] -= 2 * np.pi * np.round(delta[2] / (2 * np.pi))
    begin = poses[..., :-1].copy()
    begin[2, :, 1:] = begin[2, :, :1] + np.cumsum(delta[2, :, :-1], axis=1)
    last = begin[..., -1:] + delta[..., -1:]
    return _divided(begin, delta, last)


def _size_samples(obstacles: Sequence[Obstacle], steps: int) -> Array:
    """Sizes at the sample times, shape (3, O, M), or (3, O, 1) where none varies."""
    sizes = sizes_of(obstacles, steps).transpose(2, 0, 1)
    if sizes.shape[2] == 1:
        return sizes
    return _divided(sizes[..., :-1], np.diff(sizes), sizes[..., -1:])


def _divided(begin: Array, delta: Array, last: Array) -> Array:
    """Divide steps, shape (3, O, N), into SUBSTEPS samples each, followed by the last."""
    fraction = np.arange(SUBSTEPS) / SUBSTEPS
    inside = begin[..., None] + delta[..., None] * fraction
    return np.concatenate([inside.reshape(*begin.shape[:2], -1), last], axis=2)


class _Pairs:
    """Car and obstacles at the sample times; exact distances of the pairs that matter."""

    def __init__(
        self,
        ego: Samples,
        poses: Array,
        obstacles: Sequence[Obstacle],
        vehicle: VehicleParameters,
        steps: int,
    ) -> None:
        self.half = (vehicle.length / 2, vehicle.width / 2)
        self.size = _size_samples(obstacles, steps)
        self.reach = np.hypot(self.size[0], self.size[1]) + self.size[2]
        self.yaw = poses[2] - ego.yaw
        dx, dy = poses[0] - ego.x, poses[1] - ego.y
        self.x = ego.cos * dx + ego.sin * dy
        self.y = ego.cos * dy - ego.sin * dx
        # distance of the obstacle's centre from the car's box, in the maximum norm
        self.gap = np.maximum(np.abs(self.x) - self.half[0], np.abs(self.y) - self.half[1])

    def exact(self, placed: Array) -> Array:
        """Signed distance of the car from what `placed` gives, shape (P,)."""
        _, _, yaw, length, width, radius = placed
        return box_distance(placed[:2], yaw, self.half, (length, width), radius)

    def placed(self, which: NDArray[np.intp], when: NDArray[np.intp]) -> Array:
        """Relative poses and sizes of obstacles at samples, shape (6, P)."""
        x, y, yaw = self.x[which, when], self.y[which, when], self.yaw[which, when]
        size = self.size[:, which, when if self.size.shape[2] > 1 else 0]
        return np.concatenate([[x, y, yaw], size])

    def near(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
        """
        Pairs that can overlap or be the nearest of all: obstacle, sample and distance.

        A circle about an obstacle's centre bounds its distance from below, a circle inside it
        from above.
        """
        gap = self.gap
        inner = np.minimum(self.size[0], self.size[1]) + self.size[2]
        nearest = (np.maximum(gap, np.sqrt(2) * gap) - inner).min()
        which, when = np.nonzero(gap - self.reach <= max(nearest, 0.0))
        return which, when, self.exact(self.placed(which, when))

    def between(
        self, which: NDArray[np.intp], when: NDArray[np.intp], distance: Array
    ) -> tuple[Array, NDArray[np.intp]]:
        """
        Distances inside the intervals where a pair could overlap unseen, and about the nearest.

        Returns:
            Distances and the sample that each follows.

        """
        known = self.gap - self.reach
        known[which, when] = distance
        pose = np.stack([self.x, self.y, self.yaw])
        motion = _motion(pose[..., 1:] - pose[..., :-1], self._reach_between())
        if self.size.shape[2] > 1:
            motion += _growth(np.diff(self.size))
        suspect = _may_overlap(known[:, :-1], known[:, 1:], motion)
        nearest = int(np.argmin(distance))
        suspect[which[nearest], max(when[nearest] - 1, 0) : when[nearest] + 1] = True
        obstacle, sample = np.nonzero(suspect)
        begin, end = self.placed(obstacle, sample), self.placed(obstacle, sample + 1)
        reach = np.broadcast_to(self._reach_between(), suspect.shape)[obstacle, sample]
        found: list[Array] = []
        at: list[NDArray[np.intp]] = []
        for _ in range(DIVISION_ROUNDS):
            if len(sample) == 0:
                break
            # row j: pose and size after j of DIVISIONS parts of each interval
            part = np.arange(DIVISIONS + 1)[:, None] / DIVISIONS
            placed = begin[:, None] + (end - begin)[:, None] * part
            gaps = self.exact(placed.reshape(6, -1)).reshape(placed.shape[1:])
            found.append(gaps.ravel())
            at.append(np.broadcast_to(sample, gaps.shape).ravel())
            change = (end - begin) / DIVISIONS
            motion = _motion(change[:3], reach) + _growth(change[3:])
            row, column = np.nonzero(_may_overlap(gaps[:-1], gaps[1:], motion))
            begin, end = placed[:, row, column], placed[:, row + 1, column]
            sample, reach = sample[column], reach[column]
        return np.concatenate(found), np.concatenate(at)

    def _reach_between(self) -> Array:
        """Largest reach between each two samples, shape (O, 1) where no size varies."""
        if self.reach.shape[1] == 1:
            return self.reach
        return np.maximum(self.reach[:, :-1], self.reach[:, 1:])


def _motion(change: Array, reach: Array) -> Array:
    """How far an outline within `reach` moves at most in the car's frame."""
    return np.sqrt(change[0] ** 2 + change[1] ** 2) + np.abs(change[2]) * reach


def _growth(change: Array) -> Array:
    """How far a change of size, shape (3, ...), moves an outline at most."""
    return np.sqrt(change[0] ** 2 + change[1] ** 2) + np.abs(change[2])


def _may_overlap(begin: Array, end: Array, motion: Array) -> NDArray[np.bool_]:
    """Whether two that are apart at both ends can overlap between them."""
    return (begin + end < motion) & (begin >= 0.0) & (end >= 0.0)
