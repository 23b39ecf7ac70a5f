# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
When a goal is reached: the one definition, for a single state and for a whole drive.

A goal is a list of alternatives. Each asks for a place, a heading, a speed and a time, or for some
of them, and all that it asks for has to hold at once. Whatever judges a drive reads this module:
the monitor that ends it, its summary, and the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import finite_array, number
from warmstart_planner.vehicle import SPEED, YAW

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

ASPECTS = ('place', 'heading', 'speed', 'time')
EDGE = 1e-9  # a point this near to an outline is on it [m]
ANY_HEADING = 0.1  # intervals of headings that leave out no more than this leave out none [rad]
SAME_TIME = 1e-6  # [s]


@dataclass(frozen=True)
class Place:
    """
    A region of the map: a polygon grown by a radius; a disc has a single vertex.

    `vertices` has shape (P, 2), map frame [m].

    Raises:
        ValueError: a number is not finite, or the region has no area.

    """

    vertices: Array
    radius: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        vertices = finite_array('place.vertices', self.vertices, (None, 2))
        number('place.radius', self.radius, at_least=0.0)
        if len(vertices) < 3 and self.radius <= 0.0 or len(vertices) == 0:
            raise ValueError(
                f'place has {len(vertices)} vertices and radius {self.radius}: expected an area'
            )
        spread = np.linalg.svd(vertices - vertices[0], compute_uv=False)
        if self.radius <= 0.0 and spread[-1] <= EDGE:
            raise ValueError(f'place has {len(vertices)} vertices on one line: expected an area')
        object.__setattr__(self, 'vertices', vertices)

    def contains(self, points: Array) -> Flags:
        """Tell of points, shape (n, 2), whether they lie inside or on the edge, shape (n,)."""
        begin, end = self.vertices, np.roll(self.vertices, -1, axis=0)
        near = _distance_to_edges(points, begin, end) <= self.radius + EDGE
        return near | _inside(points, begin, end)

    def may_contain(self, points: Array) -> Flags:
        """Tell of points, shape (..., 2), whether they lie in its bounding box, shape (...)."""
        reach = self.radius + EDGE
        low, high = self.vertices.min(axis=0) - reach, self.vertices.max(axis=0) + reach
        return ((points >= low) & (points <= high)).all(axis=-1)

    @property
    def middle(self) -> Array:
        """Mean of the vertices, shape (2,)."""
        return self.vertices.mean(axis=0)


def _inside(points: Array, begin: Array, end: Array) -> Flags:
    """Whether a ray from each point crosses an odd number of edges."""
    x, y = points[:, :1], points[:, 1:]
    above = (begin[:, 1] > y) != (end[:, 1] > y)
    slope = (end[:, 0] - begin[:, 0]) / np.where(above, end[:, 1] - begin[:, 1], 1.0)
    crossing = begin[:, 0] + slope * (y - begin[:, 1])
    return (above & (crossing > x)).sum(axis=1) % 2 == 1


def _distance_to_edges(points: Array, begin: Array, end: Array) -> Array:
    along = end - begin
    delta = points[:, None] - begin
    square = np.maximum((along * along).sum(axis=-1), 1e-18)
    part = np.clip((delta * along).sum(axis=-1) / square, 0.0, 1.0)
    gap = delta - part[..., None] * along
    return np.sqrt((gap * gap).sum(axis=-1).min(axis=1))


@dataclass(frozen=True)
class Region:
    """
    One alternative of a goal given in the map, as CommonRoad's goal states are.

    `places`: the car's centre has to be in any one of them; none: anywhere. `heading` is an
    interval on the circle, from its first to its second angle counter-clockwise [rad], `speed`
    [m/s] and `time` since the start of the drive [s] are intervals; None: any.

    Raises:
        ValueError: an interval is not finite or ends before it begins.

    """

    time: tuple[float, float]
    places: tuple[Place, ...] = ()
    heading: tuple[float, float] | None = None
    speed: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Check the intervals."""
        for name in ('time', 'heading', 'speed'):
            interval = getattr(self, name)
            if interval is None:
                continue
            low, high = (number(f'goal.{name}', value) for value in interval)
            if high < low:
                raise ValueError(
                    f'goal.{name} is [{low}, {high}]: expected an end that is not before its start'
                )

    def fulfilled(self, times: Array, centers: Array, speeds: Array) -> dict[str, Flags]:
        """
        Tell for each instant which of the aspects hold.

        Args:
            times: shape (n,) [s].
            centers: poses (x, y, yaw) of the car's centre, shape (n, 3).
            speeds: shape (n,) [m/s].

        """
        return {
            'place': self._in_place(centers[:, :2]),
            'heading': self.allows_heading(centers[:, 2]),
            'speed': _within(speeds, self.speed, 0.0),
            'time': _within(times, self.time, SAME_TIME),
        }

    def _in_place(self, points: Array) -> Flags:
        if not self.places:
            return np.ones(len(points), bool)
        return np.any([place.contains(points) for place in self.places], axis=0)

    def allows_heading(self, yaw: Array) -> Flags:
        """Tell of headings, shape (n,) [rad], whether they lie in its interval, shape (n,)."""
        if self.heading is None:
            return np.ones(len(yaw), bool)
        low, high = self.heading
        if high - low >= 2 * np.pi - ANY_HEADING:
            return np.ones(len(yaw), bool)
        return (yaw - low + EDGE) % (2 * np.pi) <= high - low + 2 * EDGE


def _within(values: Array, interval: tuple[float, float] | None, slack: float) -> Flags:
    if interval is None:
        return np.ones(len(values), bool)
    return (values >= interval[0] - slack) & (values <= interval[1] + slack)


class Track(NamedTuple):
    """
    Where a car was at some instants.

    `times` since the drive's start, shape (n,) [s]; `states` of the rear axle, map frame, shape
    (n, 5); `stations` of the rear axle along the road, shape (n,) [m].
    """

    times: Array
    states: Array
    stations: Array


Judge = Callable[[Track], Mapping[str, Flags]]


@dataclass(frozen=True)
class Arrival:
    """
    The alternatives of a goal, and how a drive is held against them.

    Each of `judges` tells for each instant of a track which of ASPECTS hold; an aspect that it
    leaves out is not asked for. With a `step` only its multiples since the drive's start count
    [s]; with a `hold` all aspects have to hold for that long on end [s].
    """

    judges: tuple[Judge, ...]
    step: float = 0.0
    hold: float = 0.0

    def missed(self, track: Track) -> tuple[str, ...]:
        """
        Return what a drive missed of its goal; nothing where it reached it.

        Of several alternatives it is that of which least was missed. The place counts first, then
        heading and speed there, then the time at which all three held. What held, but not for as
        long as it has to, is missed too; of a drive that was there too briefly, it is the time.
        """
        track = self._judged(track)
        if len(track.times) == 0:
            return ('time',)
        lacking = [self._lacking(track.times, judge(track)) for judge in self.judges]
        return min(lacking, key=lambda each: [name in each for name in ASPECTS])

    def reached(self, track: Track) -> bool:
        """Tell whether a drive reached its goal."""
        return not self.missed(track)

    def holds(self, track: Track) -> Flags:
        """Tell for each instant whether all aspects of an alternative hold, shape (n,)."""
        judged = [judge(track) for judge in self.judges]
        every = np.ones(len(track.times), bool)
        return np.any([np.all([every, *held.values()], axis=0) for held in judged], axis=0)

    def _judged(self, track: Track) -> Track:
        """Return the track at the instants that count."""
        times = track.times
        if self.step <= 0.0 or len(times) == 0:
            return track
        first = np.ceil((times[0] - SAME_TIME) / self.step)
        last = np.floor((times[-1] + SAME_TIME) / self.step)
        at = np.arange(first, last + 1) * self.step
        columns = np.array(track.states.T)
        columns[YAW] = np.unwrap(columns[YAW])
        states = np.stack([np.interp(at, times, column) for column in columns], axis=-1)
        return Track(at, states, np.interp(at, times, track.stations))

    def _lacking(self, times: Array, held: Mapping[str, Flags]) -> tuple[str, ...]:
        """Return the aspects that keep a drive from one alternative."""
        every = np.ones(len(times), bool)
        place, heading, speed, time = (held.get(name, every) for name in ASPECTS)
        if not place.any():
            return ('place',)
        if not self._long_enough(times, place & heading & speed):
            alone = (('heading', heading), ('speed', speed))
            never = [name for name, flags in alone if not flags[place].any()]
            brief = [
                name
                for name, flags in alone
                if not flags[place].all() and not self._long_enough(times, place & flags)
            ]
            if never or brief:
                return tuple(never or brief)
            return ('time',) if (heading & speed)[place].all() else ('heading', 'speed')
        good = self._long_enough(times, place & heading & speed & time)
        return () if good else ('time',)

    def _long_enough(self, times: Array, flags: Flags) -> bool:
        if self.hold <= 0.0:
            return bool(flags.any())
        edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
        spans = times[edges[1::2] - 1] - times[edges[::2]]
        return bool((spans >= self.hold - SAME_TIME).any())


def arrival_in(regions: Sequence[Region], rear_to_center: float, step: float) -> Arrival:
    """
    Return the arrival in any one of some regions.

    Args:
        regions: the alternatives.
        rear_to_center: from the rear axle to the car's centre [m].
        step: only its multiples are judged [s].

    """

    def judge_of(region: Region) -> Judge:
        def judge(track: Track) -> Mapping[str, Flags]:
            centers = track.states[:, :3].copy()
            centers[:, 0] += rear_to_center * np.cos(centers[:, YAW])
            centers[:, 1] += rear_to_center * np.sin(centers[:, YAW])
            return region.fulfilled(track.times, centers, track.states[:, SPEED])

        return judge

    return Arrival(tuple(judge_of(region) for region in regions), step)
