# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From a network of lanelets to a road: the route, its reference path, its corridor."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.road import Road, road_from_polyline

CHANGE_COST = 30.0  # what a lane change counts in a route's length [m]
CHANGE_DELAY = 5.0  # a lane change begins this far ahead of the start [m]
CHANGE_LENGTH = 50.0  # and takes at most this long [m]
RUN_UP = 15.0  # the road begins at least this far behind the start [m]
RUN_OUT = 200.0  # and goes on this far behind the goal, while there are lanelets [m]
SEAM = 0.08  # gaps between neighbouring lanelets that count as closed [m]
EDGE_RESERVE = 0.02  # the corridor keeps inside the lanelets by this much [m]
LEAST_WIDTH = 0.3  # of the corridor on either side of the reference path, where it is off [m]
OPENING = 40.0  # the opposite lane is open this far before and behind what blocks ours [m]
TAPER = 10.0  # over this length the opening widens [m]
SMOOTHINGS = (8.0, 6.0, 4.0, 3.0, 2.0)  # standard deviations that a path is tried with [m]
LARGEST_SHIFT = 0.25  # smoothing may move the path by this much [m]
END_RESERVE = 1.0  # near a road's ends normals can leave through a lanelet's end [m]


@dataclass(frozen=True)
class Lanelet:
    """
    One piece of a lane: bounds in driving direction, shape (P, 2), map frame, and neighbours.

    A neighbour is an id and whether it leads the same way; `speed_limit` is NaN where unknown.
    """

    id: int
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    successors: tuple[int, ...]
    predecessors: tuple[int, ...]
    left_neighbour: tuple[int, bool] | None
    right_neighbour: tuple[int, bool] | None
    speed_limit: float = float('nan')

    @cached_property
    def center(self) -> NDArray[np.float64]:
        """Centre line, shape (P, 2)."""
        return (self.left + self.right) / 2

    @cached_property
    def polygon(self) -> NDArray[np.float64]:
        """Outline, shape (2 P, 2)."""
        return np.concatenate([self.left, self.right[::-1]])

    @property
    def length(self) -> float:
        """Length of the centre line [m]."""
        return float(np.hypot(*np.diff(self.center, axis=0).T).sum())

    def neighbours(self, same_direction: bool) -> tuple[int, ...]:
        """Return the ids of the neighbours that lead the same way, or the opposite way."""
        both = (self.left_neighbour, self.right_neighbour)
        return tuple(n[0] for n in both if n is not None and n[1] == same_direction)

    def contains(self, point: NDArray[np.float64]) -> bool:
        """Tell whether a point lies inside, by the number of edges that a ray crosses."""
        a, b = self.polygon, np.roll(self.polygon, -1, axis=0)
        above = (a[:, 1] > point[1]) != (b[:, 1] > point[1])
        slope = (b[:, 0] - a[:, 0]) / np.where(above, b[:, 1] - a[:, 1], 1.0)
        crossing = a[:, 0] + slope * (point[1] - a[:, 1])
        return bool((above & (crossing > point[0])).sum() % 2)

    def heading_at(self, point: NDArray[np.float64]) -> float:
        """Direction of the centre line next to a point [rad]."""
        middle = (self.center[1:] + self.center[:-1]) / 2
        nearest = int(np.argmin(((middle - point) ** 2).sum(axis=1)))
        return float(np.arctan2(*np.diff(self.center, axis=0)[nearest, ::-1]))

    def distance(self, point: NDArray[np.float64]) -> float:
        """Distance from a point to the nearest vertex of the centre line, 0 inside [m]."""
        if self.contains(point):
            return 0.0
        return float(np.sqrt(((self.center - point) ** 2).sum(axis=1).min()))


Network = Mapping[int, Lanelet]
Rows = list[list[int]]


def locate(network: Network, point: NDArray[np.float64], heading: float) -> int:
    """
    Return the lanelet that a point lies in and that leads best in a heading.

    A point outside all takes the nearest one that leads the same way.
    """

    def turn(lanelet: Lanelet) -> float:
        return 1.0 - float(np.cos(lanelet.heading_at(point) - heading))

    inside = [lanelet for lanelet in network.values() if lanelet.contains(point)]
    if inside:
        return min(inside, key=turn).id
    return min(network.values(), key=lambda each: each.distance(point) + 20.0 * turn(each)).id


def find_route(network: Network, start: int, goals: Collection[int]) -> list[int] | None:
    """
    Return the shortest way from a lanelet to one of the goals, lane changes allowed.

    Dijkstra's algorithm over successors and neighbours that lead the same way; None where there
    is no way.
    """
    queue = [(0.0, start, [start])]
    done: set[int] = set()
    while queue:
        cost, here, way = heapq.heappop(queue)
        if here in goals:
            return way
        if here in done:
            continue
        done.add(here)
        lanelet = network[here]
        steps = [(each, lanelet.length) for each in lanelet.successors]
        steps += [(each, CHANGE_COST) for each in lanelet.neighbours(same_direction=True)]
        for other, extra in steps:
            if other in network and other not in done:
                heapq.heappush(queue, (cost + extra, other, [*way, other]))
    return None


def route_rows(network: Network, route: Sequence[int]) -> Rows:
    """Group a route into rows: the lanelets of one row lie side by side."""
    rows: Rows = [[route[0]]]
    for before, here in zip(route, route[1:], strict=False):
        if here in network[before].successors:
            rows.append([here])
        else:
            rows[-1].append(here)
    return rows


def extend_rows(network: Network, rows: Rows, run_up: bool, run_out: float) -> Rows:
    """Add predecessors before a route, where wanted, and successors up to a length behind it."""
    rows = [list(row) for row in rows]
    known = {each for row in rows for each in row}
    if run_up:
        before = _straightest(network, rows[0][0], network[rows[0][0]].predecessors, known)
        if before is not None:
            rows.insert(0, [before])
            known.add(before)
    length = 0.0
    while length < run_out:
        after = _straightest(network, rows[-1][-1], network[rows[-1][-1]].successors, known)
        if after is None:
            break
        rows.append([after])
        known.add(after)
        length += network[after].length
    return rows


def longest_route(network: Network, start: int, length: float) -> list[int]:
    """Follow successors, straight on where there is a choice, for at least a length [m]."""
    rows = extend_rows(network, [[start]], False, length)
    return [row[0] for row in rows]


def _straightest(
    network: Network, here: int, choices: Iterable[int], known: Collection[int]
) -> int | None:
    lanelet = network[here]
    way = lanelet.center[-1] - lanelet.center[0]

    def turn(other: int) -> float:
        along = network[other].center[-1] - network[other].center[0]
        return -float(way @ along / max(np.hypot(*along), 1e-9))

    free = [each for each in choices if each in network and each not in known]
    return min(free, key=turn) if free else None


def reference_path(
    network: Network, rows: Rows, start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Centre line of a route, with smooth lane changes where a row has several lanelets.

    Args:
        network: all lanelets by id.
        rows: the route, grouped by `route_rows`.
        start: where the drive begins; no lane change begins before it.

    Returns:
        Points, shape (M, 2), and the speed limit at each, shape (M,), NaN where unknown.

    """
    points, limits = [], []
    for row in rows:
        path = _row_path([network[each].center for each in row], start)
        points.append(path)
        limits.append(np.full(len(path), network[row[-1]].speed_limit))
    return np.concatenate(points), np.concatenate(limits)


def _row_path(
    lines: Sequence[NDArray[np.float64]], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    if len(lines) == 1:
        return lines[0]
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(lines[0], axis=0).T))])
    along = np.linspace(0.0, arc[-1], max(int(arc[-1]), 2) + 1)
    lanes = np.stack([_resample(line, len(along)) for line in lines])
    offset = np.hypot(*(lanes[0] - start).T)
    begin = along[int(np.argmin(offset))] + CHANGE_DELAY if offset.min() < 10.0 else 0.0
    changes = len(lines) - 1
    span = max(min(CHANGE_LENGTH * changes, (arc[-1] - begin) * 0.7), 1.0)
    part = np.clip((along - begin) / span, 0.0, 1.0)
    lane = changes * part**3 * (10 - 15 * part + 6 * part**2)
    low = np.minimum(lane.astype(int), changes - 1)
    index = np.arange(len(along))
    weight = (lane - low)[:, None]
    return (1 - weight) * lanes[low, index] + weight * lanes[low + 1, index]


def _resample(line: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    along = np.linspace(0.0, arc[-1], count)
    return np.stack([np.interp(along, arc, line[:, i]) for i in (0, 1)], axis=-1)


def road_along(
    network: Network, rows: Rows, start: NDArray[np.float64], default_limit: float
) -> Road:
    """
    Build the road along a route: smoothed path, corridor of all lanes that lead the same way.

    Args:
        network: all lanelets by id.
        rows: the route, grouped by `route_rows`.
        start: where the drive begins (x, y).
        default_limit: speed limit where no lanelet of the route has one [m/s].

    Returns:
        The road, from at least RUN_UP behind the start.

    """
    points, limits = reference_path(network, rows, start)
    points, limits = _with_run_up(points, limits, start)
    road = _smoothed(points, default_limit)
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    known = np.isfinite(limits)
    if known.any():
        limit = np.interp(road.station / road.end, arc[known] / arc[-1], limits[known])
    else:
        limit = np.full(len(road.station), default_limit)
    left, right = corridor(network, same_way(network, rows), road)
    return replace(road, left_width=left, right_width=right, speed_limit=limit)


def _smoothed(points: NDArray[np.float64], speed_limit: float) -> Road:
    """
    Smooth a path as much as it stays in place: surveyed lanes wobble, corners must not be cut.

    The road comes with a corridor one metre wide on either side.
    """
    ones = np.ones(len(points))
    for smoothing in SMOOTHINGS:
        road = road_from_polyline(points, ones, ones, speed_limit, smoothing)
        if np.abs(road.left_width - 1.0).max() <= LARGEST_SHIFT:
            break
    return replace(road, left_width=np.ones_like(road.x), right_width=np.ones_like(road.x))


def _with_run_up(
    points: NDArray[np.float64], limits: NDArray[np.float64], start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first = points[0]
    way = points[np.argmax(np.hypot(*(points - first).T) > 0.5)] - first
    way = way / np.hypot(*way)
    lacking = RUN_UP - float((start - first) @ way)
    if not 0.0 < lacking < 2 * RUN_UP:
        return points, limits
    return np.concatenate([[first - lacking * way], points]), np.concatenate([limits[:1], limits])


def same_way(network: Network, rows: Rows) -> set[int]:
    """Return a route's lanelets and all that lie beside them and lead the same way."""
    found: set[int] = set()
    queue = [each for row in rows for each in row]
    while queue:
        here = queue.pop()
        if here in found or here not in network:
            continue
        found.add(here)
        queue += network[here].neighbours(same_direction=True)
    return found


def opposite_way(network: Network, lanelets: Iterable[int]) -> set[int]:
    """Return the lanelets that lie beside some and lead the opposite way."""
    beside = {n for each in lanelets for n in network[each].neighbours(same_direction=False)}
    return beside & set(network)


def corridor(
    network: Network, lanelets: Iterable[int], road: Road
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Measure how far the union of lanelets reaches to the left and right of a path.

    Along each normal, the exact intersection with every outline gives intervals; those that
    touch, but for a seam, are joined, and the one about the path is the corridor. Where the path
    is outside of all lanelets (the run-up), the nearest measured widths hold.

    Returns:
        Left and right widths, shape (M,) each [m].

    """
    origin = np.stack([road.x, road.y], axis=-1)
    normal = np.stack([-np.sin(road.heading), np.cos(road.heading)], axis=-1)
    crossings = [_crossings(network[each].polygon, origin, normal) for each in lanelets]
    left, right = np.full(len(origin), np.nan), np.full(len(origin), np.nan)
    for k in range(len(origin)):
        intervals = [pair for each in crossings for pair in each[k]]
        found = _interval_about(intervals, 0.0)
        if found is not None:
            right[k] = max(-found[0] - EDGE_RESERVE, LEAST_WIDTH)
            left[k] = max(found[1] - EDGE_RESERVE, LEAST_WIDTH)
    inner = (road.station > road.start + END_RESERVE) & (road.station < road.end - END_RESERVE)
    measured = np.isfinite(left) & inner
    if not measured.any():
        raise ValueError('route: its centre line lies in none of its lanelets')
    station = road.station
    left = np.interp(station, station[measured], left[measured])
    right = np.interp(station, station[measured], right[measured])
    return left, right


def _crossings(
    polygon: NDArray[np.float64], origin: NDArray[np.float64], normal: NDArray[np.float64]
) -> list[list[tuple[float, float]]]:
    """Intervals of each line origin + t normal that lie inside a polygon."""
    corner = polygon[None] - origin[:, None]
    across = corner[..., 0] * normal[:, None, 1] - corner[..., 1] * normal[:, None, 0]
    along = (corner * normal[:, None]).sum(axis=-1)
    side = across > 0
    cut = side != np.roll(side, -1, axis=1)
    next_across, next_along = np.roll(across, -1, axis=1), np.roll(along, -1, axis=1)
    part = across / np.where(cut, across - next_across, 1.0)
    place = along + part * (next_along - along)
    result = []
    for k in range(len(origin)):
        ends = np.sort(place[k, cut[k]])
        pairs = zip(ends[::2], ends[1::2], strict=True)
        result.append([(float(a), float(b)) for a, b in pairs])
    return result


def _interval_about(
    intervals: list[tuple[float, float]], value: float
) -> tuple[float, float] | None:
    joined: list[list[float]] = []
    for low, high in sorted(intervals):
        if joined and low <= joined[-1][1] + SEAM:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    for low, high in joined:
        if low <= value <= high:
            return low, high
    return None


def open_around(
    road: Road, wider: tuple[NDArray[np.float64], NDArray[np.float64]], stations: Iterable[float]
) -> Road:
    """Widen the corridor near stations, up to the widths given, with a taper at both ends."""
    left, right = road.left_width.copy(), road.right_width.copy()
    for station in stations:
        away = np.abs(road.station - station)
        share = np.clip((OPENING - away) / TAPER, 0.0, 1.0)
        left = np.maximum(left, road.left_width + share * (wider[0] - road.left_width))
        right = np.maximum(right, road.right_width + share * (wider[1] - road.right_width))
    return replace(road, left_width=left, right_width=right)
