# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Obstacles of the format as traffic."""

from __future__ import annotations

import numpy as np
from lxml import etree

from warmstart_planner.scenarios.commonroad.elements import (
    child,
    composed,
    pose_of,
    shape_of,
    value_of,
)
from warmstart_planner.scenarios.scenario import TrafficParticipant

KINDS = {
    'truck': 'truck',
    'train': 'truck',
    'bus': 'bus',
    'bicycle': 'bicycle',
    'motorcycle': 'motorcycle',
    'pedestrian': 'pedestrian',
}
STATIC_KINDS = ('unknown', 'constructionZone', 'roadBoundary', 'building', 'pillar')


def read_traffic(root: etree._Element, dt: float, start: float) -> list[TrafficParticipant]:
    """Read all obstacles, of both formats, with times from the problem's start on."""
    found = []
    for element in root.iterchildren('obstacle', 'staticObstacle', 'dynamicObstacle'):
        role = element.findtext('role') or element.tag.removesuffix('Obstacle')
        found.append(_participant(element, role, dt, start))
    return found


def _participant(
    element: etree._Element, role: str, dt: float, start: float
) -> TrafficParticipant:
    name = f'{role}_{element.get("id")}'
    where = f'obstacle {element.get("id")}'
    shape = shape_of(child(element, 'shape', where), f'{where}.shape')
    initial = child(element, 'initialState', where)
    times = [value_of(initial, 'time', where)]
    poses = [composed(pose_of(initial, where), shape.pose)]
    for state in element.findall('trajectory/state'):
        times.append(value_of(state, 'time', where))
        poses.append(composed(pose_of(state, where), shape.pose))
    half = np.array([shape.half_length, shape.half_width])
    for occupancy in element.findall('occupancySet/occupancy'):
        area = shape_of(child(occupancy, 'shape', where), f'{where}.occupancy')
        times.append(value_of(occupancy, 'time', where))
        poses.append(area.pose)
        half = np.maximum(half, [area.half_length + area.radius, area.half_width + area.radius])
    order = np.unique(times, return_index=True)[1]
    kind = element.findtext('type') or 'unknown'
    fallback = 'static' if kind in STATIC_KINDS else 'car'
    return TrafficParticipant(
        name=name,
        half_length=half[0],
        half_width=half[1],
        radius=shape.radius if half.max() == 0.0 else 0.0,
        times=np.array(times)[order] * dt - start,
        poses=np.array(poses)[order],
        kind=KINDS.get(kind, fallback),
    )
