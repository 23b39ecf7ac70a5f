# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The lanelets that a car can start in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.lanelets.lanelet import Lanelet, Network, distances
from warmstart_planner.scenarios.scenario import ScenarioError

START_TURN = np.radians(75.0)  # a car starts in lanelets that lead its way within this [rad]
START_ASIDE = 2.0  # and that it is at most this far outside of [m]
EQUALLY_NEAR = 0.1  # lanelets that lie equally near, but for this, all count [m]
LEFT_OUT_REACH = 2.5  # a point so near to the bounds of one left out may lie in it [m]


def starts(network: Network, point: NDArray[np.float64], heading: float) -> tuple[int, ...]:
    """
    Return the lanelets that a car can start in, the one that leads its way best first.

    These are all lanelets for cars that hold the point and lead the car's way; where there is
    none, the nearest one that does, at most START_ASIDE away, unless the car stands on a lanelet
    that is no road for cars, or is left out.

    Args:
        network: all lanelets.
        point: the car's place (x, y), map frame [m].
        heading: where it faces [rad].

    Raises:
        ScenarioError: there is none; the message names the lanelets at that place and says why
            the car cannot start in them.

    """
    point = np.asarray(point, float)
    turns = {each.id: _turn(each, point, heading) for each in network.values()}
    ours = [e for e in network.values() if e.for_cars and turns[e.id] < START_TURN]
    found = [each.id for each in ours if each.contains(point)]
    if not found and ours and not _is_elsewhere(network, point):
        away = {each.id: each.distance(point) for each in ours}
        nearest = min(away.values())
        if nearest <= START_ASIDE:
            found = [id_ for id_, gap in away.items() if gap <= nearest + EQUALLY_NEAR]
    if not found:
        raise ScenarioError(_reasons_of_no_lane(network, point, turns))
    return tuple(sorted(found, key=lambda id_: turns[id_]))


def _turn(lanelet: Lanelet, point: NDArray[np.float64], heading: float) -> float:
    turn = lanelet.heading_at(point) - heading
    return float(np.abs((turn + np.pi) % (2 * np.pi) - np.pi))


def _is_elsewhere(network: Network, point: NDArray[np.float64]) -> bool:
    """Tell whether a point lies in a lanelet that is no road for cars, or is left out."""
    closed = (each for each in network.values() if not each.for_cars)
    return bool(_left_out_at(network, point)) or any(each.contains(point) for each in closed)


def _left_out_at(network: Network, point: NDArray[np.float64]) -> list[int]:
    """Return the lanelets left out that a point may lie in."""
    return [
        id_
        for id_, left_out in network.left_out.items()
        if len(left_out.outline) > 1
        and distances(point[None], left_out.outline)[0] <= LEFT_OUT_REACH
    ]


def _reasons_of_no_lane(
    network: Network, point: NDArray[np.float64], turns: dict[int, float]
) -> str:
    reasons = []
    for lanelet in network.values():
        if lanelet.contains(point):
            if not lanelet.for_cars:
                reasons.append(f'lanelet {lanelet.id} is {lanelet.kind or "no road for cars"}')
            else:
                way = 'against' if turns[lanelet.id] > np.pi / 2 else 'across'
                degrees = np.degrees(turns[lanelet.id])
                reasons.append(f'faces {way} lanelet {lanelet.id} (turned by {degrees:.0f} deg)')
    for id_ in _left_out_at(network, point):
        reasons.append(f'lanelet {id_} there is left out: {network.left_out[id_]}')
    away = {each.id: each.distance(point) for each in network.values() if each.for_cars}
    if not reasons and away:
        nearest = min(away, key=lambda id_: away[id_])
        reasons.append(f'{away[nearest]:.1f} m beside the nearest lanelet, {nearest}')
    if not away:
        reasons.append('no lanelet is for cars')
    return (
        f'start is at ({point[0]:.2f}, {point[1]:.2f}), {"; ".join(reasons)}: expected on the '
        'road, in a lanelet for cars that leads the way the car faces'
    )
