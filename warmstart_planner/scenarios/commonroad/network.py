# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Lanelets and what signs say of them."""

from __future__ import annotations

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.scenarios.commonroad.elements import (
    child,
    id_of,
    number_of,
    point_of,
    refs_of,
    to_float,
)
from warmstart_planner.scenarios.lanelets import Lanelet, Network
from warmstart_planner.scenarios.scenario import ScenarioError

SPEED_LIMIT_SIGNS = ('274', 'R2-1', 'maxSpeed', 's301')  # by country; their value is in m/s
_BOUNDS = ('leftBound', 'rightBound')


def read_network(root: etree._Element) -> Network:
    """Read all lanelets."""
    signs = dict(_speed_signs(root))
    lanelets = [_lanelet(element, signs) for element in root.findall('lanelet')]
    if not lanelets:
        raise ScenarioError('lanelet: the file has none, expected at least one')
    return Network({lanelet.id: lanelet for lanelet in lanelets})


def _speed_signs(root: etree._Element) -> list[tuple[int, float]]:
    found = []
    for sign in root.findall('trafficSign'):
        for element in sign.findall('trafficSignElement'):
            value = element.find('additionalValue')
            if element.findtext('trafficSignID') in SPEED_LIMIT_SIGNS and value is not None:
                where = f'trafficSign {sign.get("id")}'
                found.append((id_of(sign, 'id', where), to_float(value.text, where)))
    return found


def _lanelet(element: etree._Element, signs: dict[int, float]) -> Lanelet:
    id_ = id_of(element, 'id', 'lanelet')
    where = f'lanelet {id_}'
    left, right = (_bound(child(element, tag, where), where) for tag in _BOUNDS)
    if len(left) != len(right) or len(left) < 2:
        raise ScenarioError(
            f'{where} has {len(left)} left and {len(right)} right points: expected equally many, '
            '2 or more'
        )
    limits = [signs[ref] for ref in refs_of(element, 'trafficSignRef', where) if ref in signs]
    if element.find('speedLimit') is not None:
        limits.append(number_of(element, 'speedLimit', where))
    return Lanelet(
        id=id_,
        left=left,
        right=right,
        successors=refs_of(element, 'successor', where),
        predecessors=refs_of(element, 'predecessor', where),
        left_neighbour=_neighbour(element, 'adjacentLeft', where),
        right_neighbour=_neighbour(element, 'adjacentRight', where),
        speed_limit=min(limits, default=float('nan')),
    )


def _bound(element: etree._Element, where: str) -> NDArray[np.float64]:
    points = [point_of(point, f'{where}.{element.tag}') for point in element.findall('point')]
    return np.array(points).reshape(-1, 2)


def _neighbour(element: etree._Element, tag: str, where: str) -> tuple[int, bool] | None:
    found = element.find(tag)
    if found is None:
        return None
    return id_of(found, 'ref', f'{where}.{tag}'), found.get('drivingDir') == 'same'
