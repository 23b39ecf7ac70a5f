# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The reference path of a route: its points, and the lanelet that each of them lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.lanelets.lanelet import Network
from warmstart_planner.scenarios.lanelets.routes import RUN_OUT, Rows

CHANGE_DELAY = 5.0  # a lane change begins this far ahead of the start [m]
CHANGE_LENGTH = 50.0  # and takes at most this long [m]
RUN_UP = 15.0  # the road begins at least this far behind the start [m]


@dataclass(frozen=True)
class ReferencePath:
    """
    A polyline along a route: points, shape (M, 2), map frame, with the row and lanelet of each.

    `rows` holds the index of the row that a point lies in, -1 in the run-up before the first;
    `lanelets` holds the id of its lanelet.
    """

    points: NDArray[np.float64]
    rows: NDArray[np.int64]
    lanelets: NDArray[np.int64]

    @cached_property
    def arc(self) -> NDArray[np.float64]:
        """Length of the path up to each point, shape (M,) [m]."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.points, axis=0).T))])


def reference_path(network: Network, rows: Rows, start: NDArray[np.float64]) -> ReferencePath:
    """
    Centre line of a route, with smooth lane changes where a row has several lanelets.

    Args:
        network: all lanelets by id.
        rows: the route, grouped by `route_rows`.
        start: where the drive begins; no lane change begins before it, and the path is led
            straight back to RUN_UP behind it where the route begins later. Where the network
            ends, the path is led straight on: maps end, roads do not.

    """
    points, lanelets = [], []
    for row in rows:
        path, lane = _row_path([network[each].center for each in row], start)
        points.append(path)
        lanelets.append(np.array(row)[lane])
    index = np.repeat(np.arange(len(rows)), [len(path) for path in points])
    path = ReferencePath(np.concatenate(points), index, np.concatenate(lanelets))
    path = _with_run_up(path, start)
    last = network[rows[-1][-1]]
    return path if last.successors else _with_run_out(path)


def _row_path(
    lines: Sequence[NDArray[np.float64]], start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the path through lanes side by side, and the index of the lane at each point."""
    if len(lines) == 1:
        return lines[0], np.zeros(len(lines[0]), int)
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
    path = (1 - weight) * lanes[low, index] + weight * lanes[low + 1, index]
    return path, np.rint(lane).astype(int)


def _resample(line: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    along = np.linspace(0.0, arc[-1], count)
    return np.stack([np.interp(along, arc, line[:, i]) for i in (0, 1)], axis=-1)


def _with_run_up(path: ReferencePath, start: NDArray[np.float64]) -> ReferencePath:
    first = path.points[0]
    way = path.points[np.argmax(np.hypot(*(path.points - first).T) > 0.5)] - first
    way = way / np.hypot(*way)
    lacking = RUN_UP - float((start - first) @ way)
    if not 0.0 < lacking < 2 * RUN_UP:
        return path
    return ReferencePath(
        np.concatenate([[first - lacking * way], path.points]),
        np.concatenate([[-1], path.rows]),
        np.concatenate([path.lanelets[:1], path.lanelets]),
    )


def _with_run_out(path: ReferencePath) -> ReferencePath:
    last = path.points[-1]
    away = np.hypot(*(path.points - last).T)
    way = last - path.points[np.flatnonzero(away > 0.5)[-1]]
    beyond = last + RUN_OUT * way / np.hypot(*way)
    return ReferencePath(
        np.concatenate([path.points, [beyond]]),
        np.append(path.rows, -1),
        np.append(path.lanelets, path.lanelets[-1]),
    )
