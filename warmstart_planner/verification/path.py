# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The road's reference path: where a point is along it, and how wide the corridor is there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.road import Road
from warmstart_planner.verification.motion import SUBSTEPS, Samples

Array = NDArray[np.float64]

COARSE = 4.0  # between the vertices that a projection's first guess is chosen from [m]
FOLLOWED = 25.0  # way after which a motion is located anew [m]
UNSURE = 12.0  # how far from a guess a place may be [m]
UNEVEN = 0.5  # share by which a way beside the path may be longer or shorter than the path's
CROSSWISE = 5.0  # what leading crosswise counts beside a distance, twice that the opposite way [m]
PROJECTION_ROUNDS = 6
PROJECTION_LOST = 0.1  # distance from its segment at which a foot is searched globally [m]


class Foot(NamedTuple):
    """Where on the path each of M samples is: station, offset (left positive) [m], segment."""

    station: Array
    offset: Array
    segment: NDArray[np.intp]


class Path:
    """The road's reference path as a polyline, with a projection that starts from a guess."""

    def __init__(self, road: Road) -> None:
        self.road = road
        dx, dy = np.diff(road.x), np.diff(road.y)
        self.length = np.maximum(np.hypot(dx, dy), 1e-9)
        self.cos, self.sin = dx / self.length, dy / self.length
        self.scale = np.diff(road.station) / self.length
        self.longest = float(self.length.max())
        self.stride = max(int(COARSE * len(dx) / (road.end - road.start)), 1)
        self.lower, self.upper = road.station[:-1].copy(), road.station[1:].copy()
        self.lower[0], self.upper[-1] = -np.inf, np.inf

    def foot(self, ego: Samples, near: float | None = None) -> Foot:
        """
        Follow a car along the path, so that it stays on its own pass where the road meets itself.

        Args:
            ego: samples of a motion, one after another.
            near: about where it begins [m]; None: the nearest place that leads its way.

        """
        begin = self._begin(ego) if near is None else near
        coarse = self._follow(ego.x[::SUBSTEPS], ego.y[::SUBSTEPS], begin)
        return self.project(ego.x, ego.y, np.repeat(coarse, SUBSTEPS)[: len(ego)])

    def _follow(self, x: Array, y: Array, begin: float) -> Array:
        """Guess of the station of each of some points that a motion passes one after another."""
        travelled = np.zeros(len(x))
        np.cumsum(np.sqrt((x[1:] - x[:-1]) ** 2 + (y[1:] - y[:-1]) ** 2), out=travelled[1:])
        guess = np.empty(len(x))
        first = 0
        while first < len(x):
            last = int(np.searchsorted(travelled, travelled[first] + FOLLOWED, 'right'))
            part = slice(first, max(last, first + 1))
            ahead = travelled[part] - travelled[first]
            vertex = self._nearest_vertex(x[part], y[part], begin + ahead, UNSURE + UNEVEN * ahead)
            guess[part] = self.road.station[vertex]
            if part.stop < len(x):
                step = travelled[part.stop] - travelled[part.stop - 1]
                begin = guess[part.stop - 1] + step
            first = part.stop
        return guess

    def _begin(self, ego: Samples) -> float:
        road, part = self.road, slice(None, -1, self.stride)
        gap = np.hypot(ego.x[0] - road.x[part], ego.y[0] - road.y[part])
        same_way = self.cos[:: self.stride] * ego.cos[0] + self.sin[:: self.stride] * ego.sin[0]
        return float(road.station[part][np.argmin(gap - CROSSWISE * same_way)])

    def _nearest_vertex(self, x: Array, y: Array, near: Array, reach: Array) -> NDArray[np.intp]:
        """Return the nearest coarse vertex to each point, of those within a reach of a station."""
        road = self.road
        near = np.clip(near, road.start, road.end)
        low, high = np.searchsorted(
            road.station, [(near - reach).min() - COARSE, (near + reach).max() + COARSE]
        )
        part = slice(int(low) // self.stride * self.stride, int(high) + 1, self.stride)
        dx, dy = x[:, None] - road.x[part], y[:, None] - road.y[part]
        distance = dx * dx + dy * dy
        away = np.abs(road.station[part] - near[:, None])
        distance[away > (reach + self.stride * self.longest)[:, None]] = np.inf
        return np.argmin(distance, axis=1) * self.stride + part.start

    def project(self, x: Array, y: Array, guess: Array) -> Foot:
        """
        Project points to the path by Newton's method; it goes on straight beyond its ends.

        Returns:
            Station, offset (left positive) and segment, each of shape (P,).

        """
        near, guess = guess, np.array(guess)
        station, offset, segment, excess = self._foot(x, y, guess)
        for _ in range(PROJECTION_ROUNDS):
            todo = np.flatnonzero(excess > 0.0)
            if len(todo) == 0:
                break
            bend = 1.0 - self.road.curvature[segment[todo]] * offset[todo]
            # on a bend a step along the tangent is a longer or shorter one along the path
            guess[todo] += (station[todo] - guess[todo]) / np.clip(bend, 0.3, 3.0)
            new = self._foot(x[todo], y[todo], guess[todo])
            for array, value in zip((station, offset, segment, excess), new, strict=True):
                array[todo] = value
        # outside a corner of the polyline neither segment has the foot: the corner is it
        np.clip(station, self.lower[segment], self.upper[segment], out=station)
        lost = np.flatnonzero(excess > PROJECTION_LOST)
        if len(lost):
            given = near[lost]
            station[lost], offset[lost], segment[lost] = self._search(x[lost], y[lost], given)
        return Foot(station, offset, segment)

    def _search(self, x: Array, y: Array, near: Array) -> tuple[Array, Array, NDArray[np.intp]]:
        """Nearest foot on all segments about the nearest of a few vertices near a guess."""
        road = self.road
        around = np.arange(-self.stride - 1, self.stride + 1)
        vertex = self._nearest_vertex(x, y, near, np.full(len(near), UNSURE))
        segment = vertex[:, None] + around
        np.clip(segment, 0, len(self.length) - 1, out=segment)
        dx, dy = x[:, None] - road.x[segment], y[:, None] - road.y[segment]
        cos, sin = self.cos[segment], self.sin[segment]
        past = (self.lower == -np.inf)[segment], (self.upper == np.inf)[segment]
        part = (cos * dx + sin * dy) / self.length[segment]
        part = np.where((part < 0.0) & ~past[0], 0.0, part)
        part = np.where((part > 1.0) & ~past[1], 1.0, part)
        # exact at the vertices: two segments are as near where their common one is the foot
        gap = np.hypot(
            x[:, None] - ((1.0 - part) * road.x[segment] + part * road.x[segment + 1]),
            y[:, None] - ((1.0 - part) * road.y[segment] + part * road.y[segment + 1]),
        )
        row, column = np.arange(len(x)), np.argmin(gap, axis=1)
        best = segment[row, column]
        side = np.sign(cos * dy - sin * dx)[row, column]
        along = part[row, column] * self.length[best]
        station = road.station[best] + along * self.scale[best]
        return station, side * gap[row, column], best

    def segment(self, station: Array) -> NDArray[np.intp]:
        """Index of the segment that holds each station."""
        return np.searchsorted(self.road.station[1:-1], station, side='right')

    def _foot(
        self, x: Array, y: Array, guess: Array
    ) -> tuple[Array, Array, NDArray[np.intp], Array]:
        """Foot on the line of the segment at a guess, and how far it is past the ends."""
        road = self.road
        segment = self.segment(guess)
        dx, dy = x - road.x[segment], y - road.y[segment]
        cos, sin = self.cos[segment], self.sin[segment]
        station = road.station[segment] + (cos * dx + sin * dy) * self.scale[segment]
        excess = np.maximum(self.lower[segment] - station, station - self.upper[segment])
        return station, cos * dy - sin * dx, segment, excess

    def widths(self, station: Array, segment: NDArray[np.intp]) -> tuple[Array, Array]:
        """Corridor to the left and right at stations whose segments are known."""
        road = self.road
        begin = road.station[segment]
        span = road.station[segment + 1] - begin
        part = np.clip((station - begin) / span, 0.0, 1.0)
        left, right = (
            width[segment] + part * (width[segment + 1] - width[segment])
            for width in (road.left_width, road.right_width)
        )
        return left, right

    def bounds(self, station: Array, reach: float) -> tuple[Array, Array, Array]:
        """
        Least widths (left, right) and largest curvature of the path within a reach of stations.

        The road is cut into blocks no shorter than the reach; a station's own block and its
        neighbours hold all that is within reach.
        """
        road = self.road
        block = max(reach, 2.0 * float(np.diff(road.station).max()))
        count = int((road.end - road.start) / block) + 1
        first = np.searchsorted(road.station, road.start + block * np.arange(count))
        turn = np.arctan2(
            self.cos[:-1] * self.sin[1:] - self.sin[:-1] * self.cos[1:],
            self.cos[:-1] * self.cos[1:] + self.sin[:-1] * self.sin[1:],
        )
        bend = np.zeros(len(road.x))
        bend[1:-1] = np.abs(turn) / np.minimum(self.length[:-1], self.length[1:])
        index = np.clip((station - road.start) / block, 0, count - 1).astype(int)
        return (
            _with_neighbours(np.minimum, road.left_width, first)[index],
            _with_neighbours(np.minimum, road.right_width, first)[index],
            _with_neighbours(np.maximum, bend, first)[index],
        )


def _with_neighbours(pick: np.ufunc, values: Array, first: NDArray[np.intp]) -> Array:
    """Pick from each block of values, beginning at indices `first`, and the blocks beside it."""
    own = pick.reduceat(values, first)
    result = own.copy()
    result[1:] = pick(result[1:], own[:-1])
    result[:-1] = pick(result[:-1], own[1:])
    return result
