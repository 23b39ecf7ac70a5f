# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From a route to a road: smoothed path, corridor, speed limits."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.road import Road, road_from_polyline
from warmstart_planner.scenarios.lanelets.lanelet import (
    Lanelet,
    Network,
    drivable_area,
    joint,
    passable_end,
)
from warmstart_planner.scenarios.lanelets.paths import ReferencePath, reference_path
from warmstart_planner.scenarios.lanelets.routes import Rows
from warmstart_planner.vehicle import VehicleParameters

SEAM = 0.08  # gaps between neighbouring lanelets that count as closed [m]
EDGE_RESERVE = 0.02  # the corridor keeps inside the lanelets by this much [m]
ROOM = 1.5  # beyond what the car sweeps: a lane with less is left, as far as there is road [m]
TURNING = 6.0  # a car swings out this far before and behind a bend, too [m]
SLOPE = 0.6  # of an edge at most: a car cannot use what is uneven of the lanes'
LEAST_WIDTH = 0.3  # of the corridor on either side of the reference path, where it is off [m]
LOCAL_TURN = np.pi / 2  # a lanelet is near while the path to it turns by no more than this [rad]
LOCAL_REACH = 5.0  # or no farther away along the path than this [m]
OPENING = 40.0  # the opposite lane is open this far before and behind what blocks ours [m]
TAPER = 10.0  # over this length the opening widens [m]
SMOOTHINGS = (8.0, 6.0, 4.0, 3.0, 2.0)  # standard deviations that a path is tried with [m]
LARGEST_SHIFT = 0.25  # smoothing may move the path by this much [m]
GAP_REACH = 0.75  # before and behind a gap between lanelets the corridor keeps to its end [m]
END_RESERVE = 1.0  # near a road's ends normals can leave through a lanelet's end [m]

BESIDE = 20.0  # lanelets farther than this from the path are not beside it [m]
ALONG = np.pi / 12  # lanelets that lead along the path turn by no more than this [rad]

Stretch = tuple[float, float]
Place = tuple[NDArray[np.float64], float, float]  # an outline, and the stations it lies between


def road_along(
    network: Network,
    rows: Rows,
    start: NDArray[np.float64],
    default_limit: float,
    car: VehicleParameters,
) -> Road:
    """
    Build the road along a route: smoothed path, corridor of all lanes that lead the same way.

    Where these leave less room than the car needs, as narrow lanes and turns do, the corridor
    takes in as much of the road beside them as is lacking. The speed limit at each station is
    that of the lanelet that the path lies in there.

    Args:
        network: all lanelets by id.
        rows: the route, grouped by `route_rows`.
        start: where the drive begins (x, y).
        default_limit: speed limit in lanelets that have none [m/s].
        car: that is to fit.

    Returns:
        The road, from at least RUN_UP behind the start.

    """
    path = reference_path(network, rows, start)
    road = _smoothed(path.points, default_limit)
    left, right = corridor(network, rows, road, start)
    limit = _limits(network, path, road, default_limit)
    narrow = replace(road, left_width=left, right_width=right, speed_limit=limit)
    wanted = car.swept_width(_sharpest_about(road)) + ROOM
    roomy = with_room(network, narrow, wanted)
    return _evened(_within_passable(network, rows, roomy))


def _sharpest_about(road: Road) -> NDArray[np.float64]:
    """Return the largest curvature within TURNING of each station, shape (M,) [1/m]."""
    first = np.searchsorted(road.station, road.station - TURNING)
    beyond = np.searchsorted(road.station, road.station + TURNING, side='right')
    bend = np.abs(road.curvature)
    return np.array([bend[i:j].max() for i, j in zip(first, beyond, strict=True)])


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


def _arc_of(path: ReferencePath, road: Road) -> NDArray[np.float64]:
    """Return where on the path each of the road's samples comes from, shape (M,) [m]."""
    return np.linspace(0.0, path.arc[-1], len(road.station))


def _limits(
    network: Network, path: ReferencePath, road: Road, default_limit: float
) -> NDArray[np.float64]:
    limits = np.array([network[each].speed_limit for each in path.lanelets])
    limits = np.where(np.isfinite(limits), limits, default_limit)
    last = np.searchsorted(path.arc, _arc_of(path, road), side='right') - 1
    return limits[last]


def stretches(
    network: Network, rows: Rows, road: Road, start: NDArray[np.float64]
) -> list[Stretch]:
    """Return between which stations each row of a route lies on the road along it [m]."""
    path = reference_path(network, rows, start)
    station = np.interp(path.arc, _arc_of(path, road), road.station)
    inside = [station[path.rows == row] for row in range(len(rows))]
    return [(float(each[0]), float(each[-1])) for each in inside]


def same_way(network: Network, lanelets: Iterable[int]) -> set[int]:
    """Return some lanelets and all for cars that lie beside them and lead the same way."""
    found: set[int] = set()
    queue = list(lanelets)
    while queue:
        here = queue.pop()
        if here in found or here not in network or not network[here].for_cars:
            continue
        found.add(here)
        queue += network[here].neighbours(same_direction=True)
    return found


def opposite_way(network: Network, lanelets: Iterable[int]) -> set[int]:
    """Return the lanelets for cars that lie beside some and lead the opposite way."""
    beside = {n for each in lanelets for n in network[each].neighbours(same_direction=False)}
    return {each for each in beside if each in network and network[each].for_cars}


def corridor(
    network: Network,
    rows: Rows,
    road: Road,
    start: NDArray[np.float64],
    opposite: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Measure how far the lanes along a route reach to the left and right of its road's path.

    Along each normal, the exact intersection with the outline of every lanelet that is near along
    the path gives intervals; those that touch, but for a seam, are joined, and the one about the
    path is the corridor. Where the route passes over, under or along itself, the lanelets of the
    other pass are not near and do not count. Where the path is outside of all lanelets (the
    run-up), the nearest measured widths hold.

    Args:
        network: all lanelets by id.
        rows: the route, grouped by `route_rows`; its lanelets count, those for cars beside
            them that lead the same way, and the parts of all others that lead along the path.
        road: the road along it.
        start: where the drive begins (x, y), as for `road_along`.
        opposite: whether lanes that lead the opposite way count, too.

    Returns:
        Left and right widths, shape (M,) each [m].

    """
    origin = np.stack([road.x, road.y], axis=-1)
    normal = np.stack([-np.sin(road.heading), np.cos(road.heading)], axis=-1)
    intervals: list[list[tuple[float, float]]] = [[] for _ in origin]
    spans = stretches(network, rows, road, start)
    places = [
        place
        for row, span in zip(rows, spans, strict=True)
        for place in _pieces(network, row, span, opposite)
    ]
    for row, after, span in zip(rows, rows[1:], spans, strict=False):
        joints = (joint(*pair) for pair in _successions(network, row, after))
        places += [(each, span[1], span[1]) for each in joints if each is not None]
    for outline, begin, end in places:
        near = np.flatnonzero(_near(road, begin, end))
        for k, pairs in zip(near, _crossings(outline, origin[near], normal[near]), strict=True):
            intervals[k] += pairs
    known = {each for row in rows for each in same_way(network, row)}
    for each in network.values():
        if each.for_cars and each.id not in known:
            _add_along(each, road, origin, normal, intervals)
    left, right = np.full(len(origin), np.nan), np.full(len(origin), np.nan)
    for k in range(len(origin)):
        found = _interval_about(intervals[k], 0.0)
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


def with_room(network: Network, road: Road, wanted: NDArray[np.float64]) -> Road:
    """
    Widen a corridor to a width wherever it is narrower, both sides alike.

    What the road surface lacks on one side is taken on the other; it is that of all lanes for
    cars, whichever way they lead.

    Args:
        network: all lanelets by id.
        road: with the corridor of its lanes.
        wanted: width by station, shape (M,) [m].

    """
    lacking = wanted - road.left_width - road.right_width
    on_left, on_right = np.zeros_like(lacking), np.zeros_like(lacking)
    narrow = np.flatnonzero(lacking > 0.0)
    for k, found in zip(narrow, _surface(network, road, narrow), strict=True):
        around = _interval_about(found, 0.0)
        if around is not None:
            on_left[k] = max(around[1] - EDGE_RESERVE - road.left_width[k], 0.0)
            on_right[k] = max(-around[0] - EDGE_RESERVE - road.right_width[k], 0.0)
    on_left = np.minimum(on_left, np.maximum(lacking / 2, lacking - on_right))
    on_right = np.minimum(on_right, lacking - on_left)
    return replace(
        road,
        left_width=road.left_width + np.maximum(on_left, 0.0),
        right_width=road.right_width + np.maximum(on_right, 0.0),
    )


def _evened(road: Road) -> Road:
    """Return a road of which no edge turns by more than SLOPE, inside the edges that it has."""
    return replace(
        road,
        left_width=_tapered(road, road.left_width),
        right_width=_tapered(road, road.right_width),
    )


def _tapered(road: Road, width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the most of a width by station that nowhere changes faster than SLOPE."""
    rising = np.minimum.accumulate(width - SLOPE * road.station) + SLOPE * road.station
    back = (rising + SLOPE * road.station)[::-1]
    return np.minimum.accumulate(back)[::-1] - SLOPE * road.station


def _surface(
    network: Network, road: Road, samples: NDArray[np.int64]
) -> list[list[tuple[float, float]]]:
    """Return between which offsets the normals at a road's samples lie in lanes for cars."""
    origin = np.stack([road.x, road.y], axis=-1)[samples]
    heading = road.heading[samples]
    normal = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    intervals: list[list[tuple[float, float]]] = [[] for _ in samples]
    for outline in drivable_area(network):
        low, high = outline.min(axis=0) - BESIDE, outline.max(axis=0) + BESIDE
        near = np.flatnonzero(((origin > low) & (origin < high)).all(axis=-1))
        for k, pairs in zip(near, _crossings(outline, origin[near], normal[near]), strict=True):
            intervals[k] += pairs
    return intervals


def _pieces(network: Network, row: Iterable[int], stretch: Stretch, opposite: bool) -> list[Place]:
    """Return the pieces of all lanelets of a row, with the stations that they lie between."""
    ours = same_way(network, row)
    begin, length = stretch[0], stretch[1] - stretch[0]
    found = [
        (piece.outline, begin + piece.first * length, begin + piece.last * length)
        for each in ours
        for piece in network[each].pieces
    ]
    if opposite:
        found += [
            (piece.outline, begin + (1 - piece.last) * length, begin + (1 - piece.first) * length)
            for each in opposite_way(network, ours) - ours
            for piece in network[each].pieces
        ]
    return found


def _successions(
    network: Network, row: Iterable[int], after: Iterable[int]
) -> list[tuple[Lanelet, Lanelet]]:
    """Return the pairs of lanelets of two rows that follow one another."""
    following = same_way(network, after)
    return [
        (network[here], network[there])
        for here in same_way(network, row)
        for there in network[here].successors
        if there in following
    ]


def _within_passable(network: Network, rows: Rows, road: Road) -> Road:
    """Narrow a corridor to where successive lanelets meet, if that is passed on its path."""
    widths = {1.0: road.left_width.copy(), -1.0: road.right_width.copy()}  # by side
    origin = np.stack([road.x, road.y], axis=-1)
    pairs = (_successions(network, *each) for each in zip(rows, rows[1:], strict=False))
    for pair in itertools.chain.from_iterable(pairs):
        end = passable_end(*pair)
        if end is None:
            continue
        side, point = end
        if any(each.for_cars and each.contains(point) for each in network.values()):
            continue  # another lanelet lies over the gap
        nearest = int(np.hypot(*(point - origin).T).argmin())
        away, heading = point - origin[nearest], road.heading[nearest]
        offset = side * (np.cos(heading) * away[1] - np.sin(heading) * away[0])
        if offset > LEAST_WIDTH:
            about = np.abs(road.station - road.station[nearest]) <= GAP_REACH
            widths[side][about] = np.minimum(widths[side][about], offset)
    return replace(road, left_width=widths[1.0], right_width=widths[-1.0])


def _add_along(
    lanelet: Lanelet,
    road: Road,
    origin: NDArray[np.float64],
    normal: NDArray[np.float64],
    intervals: list[list[tuple[float, float]]],
) -> None:
    """Add where the normals of a path cross the parts of a lanelet that lead along the path."""
    low, high = origin.min(axis=0) - BESIDE, origin.max(axis=0) + BESIDE
    outline = lanelet.polygon
    if (outline.max(axis=0) < low).any() or (outline.min(axis=0) > high).any():
        return
    center = lanelet.center
    for k in range(len(center) - 1):
        ahead = center[k + 1] - center[k]
        away = np.hypot(*(origin - (center[k] + center[k + 1]) / 2).T)
        turn = np.arctan2(ahead[1], ahead[0]) - road.heading
        along = np.cos(turn) >= np.cos(ALONG)
        near = np.flatnonzero(along & (away < BESIDE + np.hypot(*ahead)))
        if len(near) == 0:
            continue
        bounds = [lanelet.left[k], lanelet.left[k + 1], lanelet.right[k + 1], lanelet.right[k]]
        pairs = _crossings(np.array(bounds), origin[near], normal[near])
        for sample, found in zip(near, pairs, strict=True):
            intervals[sample] += found


def _near(road: Road, begin: float, end: float) -> NDArray[np.bool_]:
    """Tell where a road is near to one of its stretches: no loop lies between the two."""
    turned = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(road.heading)))])
    low, high = np.interp([begin, end], road.station, turned)
    by_turn = (turned >= low - LOCAL_TURN) & (turned <= high + LOCAL_TURN)
    by_reach = road.station >= begin - LOCAL_REACH
    return by_turn | (by_reach & (road.station <= end + LOCAL_REACH))


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
