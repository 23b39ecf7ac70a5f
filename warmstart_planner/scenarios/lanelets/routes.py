# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Ways through a network of lanelets."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from warmstart_planner.scenarios.lanelets.lanelet import Network

CHANGE_COST = 30.0  # what a lane change counts in a route's length [m]
RUN_OUT = 200.0  # the road goes on this far behind the goal, while there are lanelets [m]

Rows = list[list[int]]
Node = tuple[int, bool]  # a lanelet, and whether a successor has been taken on the way to it


def find_routes(
    network: Network,
    starts: Collection[int],
    goals: Collection[int],
    around: Collection[int] = (),
) -> dict[int, list[int]]:
    """
    Return the cheapest way to each goal that can be reached, the cheapest of them first.

    Dijkstra's algorithm over successors and neighbours that lead the same way, all for cars.

    Args:
        network: all lanelets.
        starts: ids of the lanelets to begin in, the best one first; to begin in the next one
            counts as much as a lane change.
        goals: ids of the lanelets to reach.
        around: goals that count only after at least one successor, since they lie behind the car
            in the row that it starts in: the same lanelet can stand first and last in their way.

    Returns:
        By goal, the lanelets of the way, each a successor or a neighbour of the one before it.

    """
    wanted = set(goals) | set(around)
    queue: list[tuple[float, int, Node, Node | None]] = []
    for start in starts:
        if start in network and network[start].for_cars:
            rank = len(queue)
            heapq.heappush(queue, (rank * CHANGE_COST, rank, (start, False), None))
    before: dict[Node, Node | None] = {}
    ways: dict[int, list[int]] = {}
    pushed = len(queue)
    while queue and len(ways) < len(wanted):
        cost, _, node, previous = heapq.heappop(queue)
        if node in before:
            continue
        before[node] = previous
        here, moved = node
        if here in wanted and here not in ways and (moved or here not in around):
            ways[here] = _way_to(node, before)
        for other, extra in _steps(network, node):
            if other not in before:
                heapq.heappush(queue, (cost + extra, pushed, other, node))
                pushed += 1
    return ways


def _steps(network: Network, node: Node) -> list[tuple[Node, float]]:
    here, moved = node
    lanelet = network[here]
    steps = [((each, True), lanelet.length) for each in lanelet.successors]
    steps += [((each, moved), CHANGE_COST) for each in lanelet.neighbours(same_direction=True)]
    return [step for step in steps if step[0][0] in network and network[step[0][0]].for_cars]


def _way_to(node: Node | None, before: dict[Node, Node | None]) -> list[int]:
    way = []
    while node is not None:
        way.append(node[0])
        node = before[node]
    return way[::-1]


def reason_unreachable(network: Network, starts: Collection[int], goal: int) -> str:
    """Return why no way leads from any of some lanelets to a goal that has none."""
    if goal in network.left_out:
        return f'lanelet {goal} is left out: {network.left_out[goal]}'
    if goal not in network:
        return f'lanelet {goal} is not in the file'
    if not network[goal].for_cars:
        return f'lanelet {goal} is {network[goal].kind or "no road for cars"}'
    names = ' or '.join(str(start) for start in starts)
    reason = f'no successors or lane changes lead from lanelet {names} to {goal}'
    blocking = _blocking(network, starts, goal)
    if blocking is None:
        return reason
    if blocking in network.left_out:
        return f'{reason}: lanelet {blocking} is left out: {network.left_out[blocking]}'
    return f'{reason}: lanelet {blocking} is {network[blocking].kind or "no road for cars"}'


def _blocking(network: Network, starts: Collection[int], goal: int) -> int | None:
    """Return the first closed lanelet of the shortest way that ignores what is closed."""
    ways = {start: (start,) for start in starts}
    queue = list(ways)
    while queue and goal not in ways:
        here = queue.pop(0)
        for other in _beyond(network, here):
            if other not in ways:
                ways[other] = (*ways[here], other)
                queue.append(other)
    closed = (e for e in ways.get(goal, ()) if e not in network or not network[e].for_cars)
    return next(closed, None)


def _beyond(network: Network, here: int) -> list[int]:
    if here in network.left_out:
        onward = list(network.left_out[here].following)
    else:
        onward = [*network[here].successors, *network[here].neighbours(same_direction=True)]
        onward += [id_ for id_, each in network.left_out.items() if here in each.preceding]
    return [each for each in onward if each in network or each in network.left_out]


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

    free = [e for e in choices if e in network and network[e].for_cars and e not in known]
    return min(free, key=turn) if free else None
