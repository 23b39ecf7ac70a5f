# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Lanes for cars, and the sequences that they form, in coordinates of their own.

Between the vertices k and k + 1 of its bounds a lane is a quadrilateral. A place in it has the
coordinates (k + u, share): how far it is from vertex k to the next, and from the left bound to the
right one, both as shares from 0 to 1. A line of constant share never leaves its lane. Points are
complex numbers x + i y, map frame [m].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.lane import Lane

SEQUENCE_LENGTH = 400.0  # of lanes that follow each other, beyond which it goes straight on [m]
BEFORE = 5.0  # length of a sequence before its beginning [m]
STRAIGHT_ON = 1e5  # length of a sequence beyond its end [m]
FAR = 1e6  # share of a part of a lane that no point has
SAME_PLACE = 1e-2  # ends of lanes that are nearer are one vertex [m]

Array = NDArray[np.float64]
Points = NDArray[np.complex128]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Places:
    """
    Places of points in lanes, one for each pair of a point and a part of a lane near it.

    `point` and `lane` are their indices; `along` is k + u and `share` that from the left bound,
    both beyond the lane's own range where the point is outside, by `outside` [m]. `direction` is
    the lane's there [rad], `width` its width [m]. All have shape (K,).
    """

    point: Indices
    lane: Indices
    along: Array
    share: Array
    outside: Array
    direction: Array
    width: Array


@dataclass(frozen=True)
class LaneSequence:
    """
    A lane and those that follow it, as one: `left` and `right` bound, shape (P,).

    Vertex k of a lane in the sequence is its vertex `first[lane] + k`; `first` is infinite for
    lanes that are not in it, shape (L,). It begins with BEFORE, and ends with STRAIGHT_ON,
    that lead straight on.
    """

    left: Points
    right: Points
    first: Array


class LaneNetwork:
    """
    The lanes of a scenario that cars may drive on.

    Args:
        lanes: as a scenario has them; those not for cars are left out of everything.

    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes
        self._sequences: dict[int, LaneSequence] = {}

    def places(self, points: Points, near: float) -> Places:
        """
        Return where points, shape (N,), are in lanes.

        Args:
            points: to look for.
            near: how far outside of a lane a point is still taken to be beside it [m].

        """
        low, high = self._boxes
        x, y = points.real[:, None], points.imag[:, None]
        inside = (x >= low.real - near) & (x <= high.real + near)
        inside &= (y >= low.imag - near) & (y <= high.imag + near)
        point, part = np.nonzero(inside)
        left, right, next_left, next_right = self._corners[:, part]
        u, share = _shares(points[point], left, right, next_left, next_right)
        ahead = (next_left - left) * (1.0 - share) + (next_right - right) * share
        width = np.abs(right - left + u.clip(0.0, 1.0) * (next_right - right - next_left + left))
        beyond = np.maximum(-u, u - 1.0).clip(0.0) * np.abs(ahead)
        outside = np.maximum(beyond, np.maximum(-share, share - 1.0).clip(0.0) * width)
        kept = outside <= near
        lane, vertex = self._part_of[:, part]
        found = (point, lane, vertex + u, share, outside, np.angle(ahead), width)
        return Places(*(each[kept] for each in found))

    def sequence_from(self, lane: int) -> LaneSequence:
        """Return the sequence that begins with a lane: at each fork the one that turns least."""
        if lane not in self._sequences:
            self._sequences[lane] = self._followed(lane)
        return self._sequences[lane]

    def _followed(self, lane: int) -> LaneSequence:
        first = np.full(len(self._lanes), np.inf)
        before = BEFORE * np.exp(1j * self._headings[lane][0])
        bounds = [np.array([bound[0] - before]) for bound in self._bounds(lane)]
        following: int | None = lane
        end, length = lane, 0.0
        while (
            following is not None
            and not np.isfinite(first[following])
            and length < SEQUENCE_LENGTH
        ):
            added = self._bounds(following)
            gap = max(abs(a[-1] - b[0]) for a, b in zip(bounds, added, strict=True))
            skipped = int(gap <= SAME_PLACE)
            first[following] = len(bounds[0]) - skipped
            bounds = [np.append(a, b[skipped:]) for a, b in zip(bounds, added, strict=True)]
            length += float(np.abs(np.diff((added[0] + added[1]) / 2)).sum())
            end, following = following, self._next(following)
        onwards = STRAIGHT_ON * np.exp(1j * self._headings[end][1])
        left, right = (np.append(bound, bound[-1] + onwards) for bound in bounds)
        return LaneSequence(left, right, first)

    def _next(self, lane: int) -> int | None:
        end = self._headings[lane][1]
        following = [each for each in self._lanes[lane].successors if self._lanes[each].for_cars]
        return min(
            following,
            key=lambda each: float(np.abs(wrapped(np.array(self._headings[each][1] - end)))),
            default=None,
        )

    def _bounds(self, lane: int) -> tuple[Points, Points]:
        each = self._lanes[lane]
        return each.left @ np.array([1.0, 1.0j]), each.right @ np.array([1.0, 1.0j])

    @cached_property
    def _headings(self) -> list[tuple[float, float]]:
        """Directions of each lane's centre line at its beginning and its end [rad]."""
        ends = []
        for lane in range(len(self._lanes)):
            steps = np.diff(sum(self._bounds(lane)))
            steps = steps[np.abs(steps) > 0.0] if np.abs(steps).any() else np.ones(1, complex)
            ends.append((float(np.angle(steps[0])), float(np.angle(steps[-1]))))
        return ends

    @cached_property
    def _used(self) -> list[int]:
        return [i for i, lane in enumerate(self._lanes) if lane.for_cars]

    @cached_property
    def _corners(self) -> Points:
        """Left, right, next left and next right vertex of each part, shape (4, Q)."""
        parts = [np.empty((4, 0), complex)]
        for lane in self._used:
            left, right = self._bounds(lane)
            parts.append(np.array([left[:-1], right[:-1], left[1:], right[1:]]))
        return np.concatenate(parts, axis=1)

    @cached_property
    def _part_of(self) -> Indices:
        """Lane of each part and its vertex, shape (2, Q)."""
        parts = [np.empty((2, 0), int)]
        for lane in self._used:
            count = len(self._lanes[lane].left) - 1
            parts.append(np.array([np.full(count, lane), np.arange(count)]))
        return np.concatenate(parts, axis=1)

    @cached_property
    def _boxes(self) -> tuple[Points, Points]:
        """Lower and upper corners of a box about each part, shape (Q,) each."""
        x, y = self._corners.real, self._corners.imag
        return x.min(0) + 1j * y.min(0), x.max(0) + 1j * y.max(0)


def wrapped(angle: Array) -> Array:
    """Return angles within half a turn of 0 [rad]."""
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def _cross(a: Points, b: Points) -> Array:
    return (a.conj() * b).imag


def _shares(
    point: Points, left: Points, right: Points, next_left: Points, next_right: Points
) -> tuple[Array, Array]:
    """
    Return the shares (u, share) of points in quadrilaterals: the inverse of bilinear shape.

    point = left + u ahead + share across + u share twist is quadratic in the share; of its two
    roots the one counts that is nearer to the quadrilateral's middle.
    """
    ahead, across = next_left - left, right - left
    twist = next_right - right - ahead
    here = point - left
    square = _cross(twist, across)
    linear = _cross(ahead, across) + _cross(here, twist)
    constant = _cross(here, ahead)
    root = np.sqrt(np.maximum(linear**2 - 4.0 * square * constant, 0.0))
    half = -(linear + np.where(linear < 0.0, -root, root)) / 2.0
    with np.errstate(divide='ignore', invalid='ignore'):
        shares = _finite(np.array([constant / half, half / square]))
        slopes = ahead + shares * twist
        us = _finite(((here - shares * across) * slopes.conj()).real / np.abs(slopes) ** 2)
    off = np.abs(shares - 0.5) + np.abs(us - 0.5)
    chosen = np.where(off[1] < off[0], 1, 0), np.arange(len(point))
    return us[chosen], shares[chosen]


def _finite(values: Array) -> Array:
    """Return values with what is no number, and no place, FAR away."""
    return np.nan_to_num(values, nan=FAR, posinf=FAR, neginf=-FAR).clip(-FAR, FAR)
