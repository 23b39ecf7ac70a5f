# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The road: a corridor of varying width about a reference path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import finite_array, number

SAMPLE_SPACING = 0.5  # of a reference path that is made here [m]
LOCAL = 20.0  # about a known station, projections look this far [m]
AGAINST = 10.0  # what leading crosswise counts beside a distance, twice that the opposite way [m]
SAME_PLACE = 0.5  # places that are farther by no more than this are as near [m]
VERTEX_ARRAYS = ('_vertices', '_points')  # kept of a road, a value for each vertex
SEGMENT_ARRAYS = ('_segment', '_segment_square', '_spacing')  # and for each segment
LOCAL_TURN = 1.1 * np.pi  # to meet itself, a road turns by more than half a turn [rad]
LOST = 10.0  # away from where it was followed to, something is looked for on the whole road [m]


@dataclass(frozen=True)
class Road:
    """
    A reference path sampled by arc length, with the corridor to its left and right.

    Arrays share one length M >= 2, map frame, SI: `station` (arc length, increasing), `x`, `y`,
    `heading` (unwrapped), `curvature` (left bends positive), `left_width` and `right_width`
    (distance from the path to the corridor's edges, positive; an edge on the other side of the
    path has a negative width) and `speed_limit`.

    Raises:
        ValueError: an array is not finite or of another length, stations do not increase, or the
            corridor is empty somewhere.

    """

    station: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    heading: NDArray[np.float64]
    curvature: NDArray[np.float64]
    left_width: NDArray[np.float64]
    right_width: NDArray[np.float64]
    speed_limit: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check every array and keep it read-only."""
        length = np.size(self.station)
        if length < 2:
            raise ValueError(f'road.station has {length} entries: expected at least 2')
        for name in self.__dataclass_fields__:
            array = finite_array(f'road.{name}', getattr(self, name), (length,))
            object.__setattr__(self, name, array)
        if (np.diff(self.station) <= 0).any():
            raise ValueError('road.station decreases or repeats: expected increasing stations')
        if (self.speed_limit < 0).any():
            raise ValueError(
                f'road.speed_limit is {self.speed_limit.min()}: expected none below 0'
            )
        narrow = self.left_width + self.right_width
        if (narrow <= 0).any():
            at = int(np.argmin(narrow))
            raise ValueError(
                f'road width is {narrow[at]:.3f} at station {self.station[at]:.1f}: '
                'expected left_width + right_width > 0'
            )

    def __getstate__(self) -> dict[str, NDArray[np.float64]]:
        """Return the fields alone: what is kept beside them may be addresses."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def start(self) -> float:
        """First station [m]."""
        return float(self.station[0])

    @property
    def end(self) -> float:
        """Last station [m]."""
        return float(self.station[-1])

    @cached_property
    def _vertices(self) -> NDArray[np.float64]:
        return np.stack([self.x, self.y], axis=-1)

    @cached_property
    def _points(self) -> NDArray[np.complex128]:
        """Vertices as complex numbers: dot and cross products are one product each."""
        return self._vertices.view(np.complex128)[:, 0]

    @cached_property
    def _segment(self) -> NDArray[np.complex128]:
        return np.diff(self._points)

    @cached_property
    def _spacing(self) -> NDArray[np.float64]:
        return np.diff(self.station)

    @cached_property
    def _vertex_square(self) -> NDArray[np.float64]:
        return ((self._vertices - self._vertices[0]) ** 2).sum(axis=-1)

    def _nearest_vertex(
        self, points: NDArray[np.float64], near: NDArray[np.float64] | None
    ) -> NDArray[np.int64]:
        """Return the index of the vertex nearest to each of some points, shapes (n, 2), (n,)."""
        if near is None:
            return np.argmin(self._vertex_distance(points, slice(None)), axis=1)
        near = np.minimum(np.maximum(near, self.start), self.end)
        begin, end = self.station.searchsorted([near.min() - LOCAL, near.max() + LOCAL])
        part = slice(max(int(begin) - 1, 0), int(end) + 1)
        distance = self._vertex_distance(points, part)
        if near.ndim > 0:
            away = np.abs(self.station[part] - near[:, None]) > LOCAL + self._longest
            distance[away] = np.inf
        return np.argmin(distance, axis=1) + part.start

    def _vertex_distance(self, points: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
        """Squared distances to vertices, but for each point's own square, as one product."""
        first, vertices = self._vertices[0], self._vertices[part]
        return self._vertex_square[part] - 2.0 * (points - first) @ (vertices - first).T

    @cached_property
    def _longest(self) -> float:
        return float(self._spacing.max())

    @cached_property
    def _segment_square(self) -> NDArray[np.float64]:
        return np.maximum(self._segment.real**2 + self._segment.imag**2, 1e-12)

    @cached_property
    def _fraction_range(self) -> NDArray[np.float64]:
        """Return how far along each segment a foot may lie; the ends go on, shape (2, M - 1)."""
        span = np.stack([np.zeros(len(self._segment)), np.ones(len(self._segment))])
        span[0, 0], span[1, -1] = -np.inf, np.inf
        return span

    def project(
        self, points: ArrayLike, near: ArrayLike | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        Project points to the nearest place of the reference path.

        A road may come by the same place more than once: `near` says which time is meant.

        Args:
            points: shape (..., 2), map frame [m].
            near: stations about which each point lies, to within LOCAL, broadcast against the
                points; the whole road by default [m].

        Returns:
            Station and lateral offset (left positive) [m], each of shape (...); NaN for a point
            that is not finite.

        """
        shape = np.shape(points)[:-1]
        flat = np.ascontiguousarray(points, dtype=float).reshape(-1, 2)
        if near is not None and np.ndim(near) > 0:
            near = np.broadcast_to(near, shape).ravel()
        vertex = self._nearest_vertex(flat, near)
        last = len(self._segment) - 1
        # row by row the segments that meet in the nearest vertex
        segment = np.minimum(np.maximum(np.stack([vertex - 1, vertex]), 0), last)
        delta = flat.view(np.complex128)[:, 0] - self._points[segment]
        along = self._segment[segment]
        turned = delta * along.conj()  # dot product and, how far left, cross product
        least, most = self._fraction_range[:, segment]
        fraction = turned.real / self._segment_square[segment]
        fraction = np.minimum(np.maximum(fraction, least), most)
        distance = np.abs(delta - fraction * along)
        station = self.station[segment] + fraction * self._spacing[segment]
        offset = np.where(turned.imag >= 0.0, distance, -distance)
        second = distance[1] < distance[0]
        station = np.where(second, station[1], station[0])
        offset = np.where(second, offset[1], offset[0])
        lost = ~np.isfinite(offset)
        station[lost] = offset[lost] = np.nan
        return station.reshape(shape), offset.reshape(shape)

    def locate(self, pose: ArrayLike, after: float = -np.inf) -> float:
        """
        Find a pose of which nothing is known: the nearest place that leads its way.

        Args:
            pose: x, y, yaw, map frame.
            after: only places from this station on count [m].

        Returns:
            Station [m]; the first one where the road comes by there more than once.

        """
        x, y, yaw = (float(value) for value in np.asarray(pose)[:3])
        away = np.hypot(self.x - x, self.y - y) + AGAINST * (1.0 - np.cos(self.heading - yaw))
        away[:-1][self.station[1:] < after] = np.inf
        first = int(np.argmax(away <= away.min() + SAME_PLACE))
        station = float(self.project([x, y], self.station[first])[0])
        return max(station, after) if after > -np.inf else station

    def at(self, name: str, station: ArrayLike) -> NDArray[np.float64]:
        """Interpolate one of the road's arrays at stations; constant beyond the ends."""
        return np.interp(station, self.station, getattr(self, name))

    def poses(self, station: ArrayLike, offset: ArrayLike = 0.0) -> NDArray[np.float64]:
        """
        Poses (x, y, heading) at stations and lateral offsets, straight on beyond the ends.

        Args:
            station: [m], any shape.
            offset: lateral offset, left positive [m], broadcast against `station`.

        Returns:
            Shape (..., 3), map frame.

        """
        station, offset = np.broadcast_arrays(np.asarray(station, float), np.asarray(offset))
        heading = self.at('heading', station)
        beyond = station - np.clip(station, self.start, self.end)
        x = self.at('x', station) + beyond * np.cos(heading) - offset * np.sin(heading)
        y = self.at('y', station) + beyond * np.sin(heading) + offset * np.cos(heading)
        return np.stack([x, y, heading], axis=-1)

    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Left and right edge of the corridor as polylines, each of shape (M, 2), map frame."""
        left = self.poses(self.station, self.left_width)[:, :2]
        right = self.poses(self.station, -self.right_width)[:, :2]
        return left, right

    def span(self, station: float) -> tuple[float, float]:
        """
        Return the stations about one between which no place comes twice [m].

        Beyond, the road has turned so far that it could meet itself, or ends.
        """
        far = np.abs(self.heading - self.at('heading', station)) > LOCAL_TURN
        before = self.station[far & (self.station < station)].max(initial=self.start)
        beyond = self.station[far & (self.station > station)].min(initial=self.end)
        return float(before), float(beyond)

    def local(self, station: float, behind: float = np.inf, ahead: float = np.inf) -> Road:
        """
        Return the part about a station in which no place comes twice.

        Args:
            station: [m].
            behind: length wanted before the station [m].
            ahead: length wanted after it [m].

        """
        before, beyond = self.span(station)
        begin, end = max(station - behind, before), min(station + ahead, beyond)
        whole = begin <= self.start and end >= self.end
        return self if whole else self.window(begin, end)

    def same_path(self, other: Road) -> bool:
        """Tell whether another road has the same reference path."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ('station', 'x', 'y')
        )

    def window(self, start: float, end: float) -> Road:
        """Return the part of the road between two stations, which keep their values."""
        final = len(self.station) - 1
        first = int(np.clip(np.searchsorted(self.station, start, 'right') - 1, 0, final - 1))
        last = int(np.clip(np.searchsorted(self.station, end, 'left'), first + 1, final))
        part = slice(first, last + 1)
        # a part of what was checked need not be checked
        result = object.__new__(Road)
        for name in self.__dataclass_fields__:
            object.__setattr__(result, name, getattr(self, name)[part])
        # nor what was computed of it computed again
        known = vars(self)
        for names, end in ((VERTEX_ARRAYS, last + 1), (SEGMENT_ARRAYS, last)):
            for name in names:
                if name in known:
                    vars(result)[name] = known[name][first:end]
        return result


class StationTracker:
    """
    Follows something along a road, so that it stays on its own pass of a place.

    A road of another shape, or a jump, starts anew from the pose alone.

    `station` is where it was last [m].

    Args:
        road: that it is on, where known.
        station: where on that road it is [m].

    """

    def __init__(self, road: Road | None = None, station: float = 0.0) -> None:
        self._road = road
        self.station = station

    def update(self, road: Road, pose: ArrayLike) -> float:
        """
        Return the station of a pose [m].

        Args:
            road: that it is on.
            pose: x, y, yaw, map frame; further entries are not read.

        """
        known = self._road is road or (self._road is not None and self._road.same_path(road))
        self._road = road
        station = self.station
        for _ in range(2 if known else 0):
            before = station
            station, offset = (float(v) for v in road.project(pose[:2], before))
            if abs(station - before) >= LOCAL:
                continue  # at the edge of what was looked at: the nearest place may lie beyond
            beyond = max(road.start - station, station - road.end, 0.0)
            if abs(offset) + beyond > LOST:
                break
            self.station = station
            return station
        self.station = road.locate(pose)
        return self.station


def road_from_segments(
    segments: Sequence[tuple[float, float, float]],
    left_width: float | Sequence[tuple[float, float]],
    right_width: float | Sequence[tuple[float, float]],
    speed_limit: float,
    start_pose: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Road:
    """
    Build a road from clothoid segments.

    Args:
        segments: (length, curvature at its start, curvature at its end) each [m, 1/m, 1/m].
        left_width: one width, or (station, width) pairs to interpolate [m].
        right_width: the same to the right.
        speed_limit: [m/s].
        start_pose: x, y, heading of the path's first point, map frame.

    Returns:
        The road, sampled every SAMPLE_SPACING.

    """
    table = finite_array('road.segments', segments, (None, 3))
    lengths = table[:, 0]
    if len(lengths) == 0 or (lengths <= 0).any():
        raise ValueError(f'road.segments lengths are {lengths.tolist()}: expected positive ones')
    knots = np.concatenate([[0.0], np.cumsum(lengths)])
    count = int(np.ceil(knots[-1] / SAMPLE_SPACING)) + 1
    station = np.linspace(0.0, knots[-1], count)
    index = np.clip(np.searchsorted(knots, station, side='right') - 1, 0, len(lengths) - 1)
    begin, finish = table[index, 1], table[index, 2]
    curvature = begin + (finish - begin) * (station - knots[index]) / lengths[index]
    spacing = np.diff(station)
    turn = spacing * (curvature[1:] + curvature[:-1]) / 2
    heading = start_pose[2] + np.concatenate([[0.0], np.cumsum(turn)])
    middle = heading[:-1] + turn / 2
    x = start_pose[0] + np.concatenate([[0.0], np.cumsum(spacing * np.cos(middle))])
    y = start_pose[1] + np.concatenate([[0.0], np.cumsum(spacing * np.sin(middle))])
    return Road(
        station=station,
        x=x,
        y=y,
        heading=heading,
        curvature=curvature,
        left_width=_profile(left_width, station),
        right_width=_profile(right_width, station),
        speed_limit=np.full(count, float(speed_limit)),
    )


def road_from_polyline(
    points: ArrayLike,
    left_width: ArrayLike,
    right_width: ArrayLike,
    speed_limit: float,
    smoothing: float = 2.0,
) -> Road:
    """
    Build a road from a centre line's vertices, resampled and smoothed.

    Args:
        points: vertices in driving direction, shape (M, 2), map frame [m].
        left_width: corridor to the left at each vertex, shape (M,) [m].
        right_width: the same to the right.
        speed_limit: [m/s].
        smoothing: standard deviation of the Gaussian that smooths the path along its arc [m];
            the widths are corrected for what the path moved.

    Raises:
        ValueError: fewer than two distinct vertices, or not finite.

    """
    from scipy.ndimage import gaussian_filter1d

    vertices = finite_array('road.points', points, (None, 2))
    number('road.smoothing', smoothing, at_least=0.0)
    keep = np.concatenate([[True], (np.diff(vertices, axis=0) ** 2).sum(axis=1) > 1e-6])
    if keep.sum() < 2:
        raise ValueError(f'road.points has {keep.sum()} distinct vertices: expected at least 2')
    vertices = vertices[keep]
    left = finite_array('road.left_width', left_width, (len(keep),))[keep]
    right = finite_array('road.right_width', right_width, (len(keep),))[keep]
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(vertices, axis=0).T))])
    count = max(int(np.ceil(arc[-1] / SAMPLE_SPACING)) + 1, 3)
    along = np.linspace(0.0, arc[-1], count)
    raw = np.stack([np.interp(along, arc, vertices[:, i]) for i in (0, 1)], axis=-1)
    sigma = smoothing / (along[1] - along[0])
    # extend straight before filtering, so that the ends stay in place
    pad = int(np.ceil(4 * sigma)) + 1
    ramp = np.arange(1, pad + 1)[:, None]
    extended = np.concatenate(
        [raw[0] + (raw[0] - raw[1]) * ramp[::-1], raw, raw[-1] + (raw[-1] - raw[-2]) * ramp]
    )
    path = gaussian_filter1d(extended, max(sigma, 1e-3), axis=0)[pad:-pad]
    step = np.diff(path, axis=0)
    station = np.concatenate([[0.0], np.cumsum(np.hypot(*step.T))])
    derivative = np.gradient(path, station, axis=0)
    heading = np.unwrap(np.arctan2(derivative[:, 1], derivative[:, 0]))
    normal = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    shift = ((path - raw) * normal).sum(axis=-1)
    return Road(
        station=station,
        x=path[:, 0],
        y=path[:, 1],
        heading=heading,
        curvature=np.gradient(heading, station),
        left_width=np.interp(along, arc, left) - shift,
        right_width=np.interp(along, arc, right) + shift,
        speed_limit=np.full(count, float(speed_limit)),
    )


def _profile(
    width: float | Sequence[tuple[float, float]], station: NDArray[np.float64]
) -> NDArray[np.float64]:
    if isinstance(width, (int, float)):
        return np.full(len(station), float(width))
    table = finite_array('road width profile', width, (None, 2))
    if len(table) == 0 or (np.diff(table[:, 0]) < 0).any():
        raise ValueError('road width profile is empty or decreases: expected rising stations')
    return np.interp(station, table[:, 0], table[:, 1])
