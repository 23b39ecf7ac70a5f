# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Lanelets, and the network that they are linked to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

HEADING_REACH = 0.5  # a heading is that of the chord from this far before to as far behind [m]
JOINT = 0.5  # ends of successive lanelets that lie so near to one another are joined [m]
PASSABLE = 0.1  # a gap between two lanelets is no gap in the road while it is this narrow [m]
PIECE_TURN = np.pi / 4  # a piece of a lanelet turns by about this much at most [rad]


@dataclass(frozen=True)
class Piece:
    """
    A part of a lanelet that turns too little to meet itself.

    It reaches from one share of the lanelet's length to another; `outline` has shape (P, 2), map
    frame [m].
    """

    first: float
    last: float
    outline: NDArray[np.float64]


@dataclass(frozen=True)
class Lanelet:
    """
    One piece of a lane: bounds in driving direction, shape (P, 2), map frame, and neighbours.

    A neighbour is an id and whether it leads the same way; `speed_limit` is NaN where unknown.
    A lanelet that cars may not drive on has `for_cars` False, and `kind` says what it is instead,
    as 'a sidewalk'.
    """

    id: int
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    successors: tuple[int, ...]
    predecessors: tuple[int, ...]
    left_neighbour: tuple[int, bool] | None
    right_neighbour: tuple[int, bool] | None
    speed_limit: float = float('nan')
    for_cars: bool = True
    kind: str = ''

    @cached_property
    def center(self) -> NDArray[np.float64]:
        """Centre line, shape (P, 2)."""
        return (self.left + self.right) / 2

    @cached_property
    def polygon(self) -> NDArray[np.float64]:
        """Outline, shape (2 P, 2)."""
        return np.concatenate([self.left, self.right[::-1]])

    @cached_property
    def arc(self) -> NDArray[np.float64]:
        """Length of the centre line up to each vertex, shape (P,) [m]."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.center, axis=0).T))])

    @property
    def length(self) -> float:
        """Length of the centre line [m]."""
        return float(self.arc[-1])

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The lanelet cut across where it turns: none of the pieces meets or crosses itself."""
        moved = np.diff(self.arc) > 1e-6
        heading = np.unwrap(np.arctan2(*np.diff(self.center, axis=0)[moved].T[::-1]))
        turned = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(heading)))]) // PIECE_TURN
        begins = np.flatnonzero(moved)[1:][np.diff(turned) > 0]
        cuts = [0, *begins.tolist(), len(self.arc) - 1]
        return tuple(
            Piece(
                float(self.arc[i] / self.length),
                float(self.arc[j] / self.length),
                np.concatenate([self.left[i : j + 1], self.right[i : j + 1][::-1]]),
            )
            for i, j in zip(cuts, cuts[1:], strict=False)
        )

    def neighbours(self, same_direction: bool) -> tuple[int, ...]:
        """Return the ids of the neighbours that lead the same way, or the opposite way."""
        both = (self.left_neighbour, self.right_neighbour)
        return tuple(n[0] for n in both if n is not None and n[1] == same_direction)

    def contains(self, point: NDArray[np.float64]) -> bool:
        """Tell whether a point lies inside, by how often the outline winds about it."""
        a, b = self.polygon, np.roll(self.polygon, -1, axis=0)
        side = (b[:, 0] - a[:, 0]) * (point[1] - a[:, 1])
        side = side - (b[:, 1] - a[:, 1]) * (point[0] - a[:, 0])
        below, next_below = a[:, 1] <= point[1], b[:, 1] <= point[1]
        upward, downward = below & ~next_below & (side > 0), ~below & next_below & (side < 0)
        return bool(upward.sum() != downward.sum())

    def heading_at(self, point: NDArray[np.float64]) -> float:
        """Direction of the centre line beside a point [rad]."""
        here = self.arc_beside(point)
        ends = np.clip([here - HEADING_REACH, here + HEADING_REACH], 0.0, self.length)
        x, y = (np.diff(np.interp(ends, self.arc, self.center[:, i]))[0] for i in (0, 1))
        return float(np.arctan2(y, x))

    def distance(self, point: NDArray[np.float64]) -> float:
        """Distance from a point to the outline, 0 inside [m]."""
        if self.contains(point):
            return 0.0
        return float(distances(point[None], np.concatenate([self.polygon, self.left[:1]]))[0])

    def arc_beside(self, point: NDArray[np.float64]) -> float:
        """Arc length of the centre line at its place nearest to a point [m]."""
        along = np.diff(self.center, axis=0)
        square = np.maximum((along**2).sum(axis=1), 1e-12)
        delta = point - self.center[:-1]
        share = np.clip((delta * along).sum(axis=1) / square, 0.0, 1.0)
        nearest = int(np.argmin(((delta - share[:, None] * along) ** 2).sum(axis=1)))
        return float(self.arc[nearest] + share[nearest] * np.diff(self.arc)[nearest])


def distances(points: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from each of some points, shape (N, 2), to a polyline, shape (P, 2) [m]."""
    along = np.diff(line, axis=0)
    square = np.maximum((along**2).sum(axis=1), 1e-12)
    delta = points[:, None] - line[None, :-1]
    share = np.clip((delta * along).sum(axis=-1) / square, 0.0, 1.0)
    return np.sqrt(((delta - share[..., None] * along) ** 2).sum(axis=-1).min(axis=1))


@dataclass(frozen=True)
class LeftOut:
    """
    A lanelet that is no part of the network, and why.

    `reason` completes "lanelet 7 is left out: ..."; `outline` holds what is known of its bounds,
    shape (P, 2), map frame [m]; from `preceding` lanelets the file leads to it, and from it to
    `following` ones.
    """

    reason: str
    outline: NDArray[np.float64]
    preceding: tuple[int, ...] = ()
    following: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return the reason."""
        return self.reason


@dataclass(frozen=True, eq=False)
class Network(Mapping[int, Lanelet]):
    """All lanelets by id, and those of the file that had to be left out."""

    lanelets: Mapping[int, Lanelet]
    left_out: Mapping[int, LeftOut] = field(default_factory=dict)

    def __getitem__(self, id_: int) -> Lanelet:
        """Return a lanelet by its id."""
        return self.lanelets[id_]

    def __iter__(self) -> Iterator[int]:
        """Go through the ids."""
        return iter(self.lanelets)

    def __len__(self) -> int:
        """Return how many lanelets there are."""
        return len(self.lanelets)


def joint(here: Lanelet, there: Lanelet) -> NDArray[np.float64] | None:
    """
    Return what lies between a lanelet's end and the beginning of one that follows it.

    Outline of shape (4, 2) [m]; None where they touch, or are farther apart than JOINT.
    """
    ends, begins = (here.left[-1], here.right[-1]), (there.left[0], there.right[0])
    gap = max(np.hypot(*(a - b)) for a, b in zip(ends, begins, strict=True))
    if not 0.0 < gap <= JOINT:
        return None
    return np.array([ends[0], begins[0], begins[1], ends[1]])


def passable_end(here: Lanelet, there: Lanelet) -> tuple[float, NDArray[np.float64]] | None:
    """
    Return to where a car can pass from a lanelet to one that follows it, if not everywhere.

    Of lanelets that are apart on one side only, with nothing in between, the rest is passed.

    Returns:
        The side that cannot be passed, 1 for left and -1 for right, and the point (x, y) from
        which on it cannot, map frame [m]; None where all can be passed, or nothing.

    """
    left, right = there.left[0] - here.left[-1], there.right[0] - here.right[-1]
    on_left, on_right = np.hypot(*left), np.hypot(*right)
    if (on_left - PASSABLE) * (on_right - PASSABLE) >= 0.0:
        return None
    share = (PASSABLE - on_left) / (on_right - on_left)
    first, last = here.left[-1] + left / 2, here.right[-1] + right / 2
    return float(np.sign(on_left - on_right)), first + share * (last - first)


def drivable_area(network: Network) -> tuple[NDArray[np.float64], ...]:
    """
    Return where cars may drive, in either direction: outlines of shape (P, 2), map frame [m].

    A lanelet that turns much is several outlines, so that none overlaps itself. It is the file's
    own area: gaps between lanelets are left as they are.
    """
    roads = [lanelet for lanelet in network.values() if lanelet.for_cars]
    return tuple(piece.outline for lanelet in roads for piece in lanelet.pieces)
