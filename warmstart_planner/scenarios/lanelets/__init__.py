# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From a network of lanelets to a road: the route, its reference path, its corridor."""

from warmstart_planner.scenarios.lanelets.corridor import (
    corridor,
    open_around,
    opposite_way,
    road_along,
    same_way,
    stretches,
)
from warmstart_planner.scenarios.lanelets.lanelet import (
    Lanelet,
    LeftOut,
    Network,
    Piece,
    distances,
    drivable_area,
)
from warmstart_planner.scenarios.lanelets.paths import RUN_UP, ReferencePath, reference_path
from warmstart_planner.scenarios.lanelets.routes import (
    RUN_OUT,
    Rows,
    extend_rows,
    find_routes,
    longest_route,
    reason_unreachable,
    route_rows,
)
from warmstart_planner.scenarios.lanelets.starts import starts

__all__ = [
    'RUN_OUT',
    'RUN_UP',
    'Lanelet',
    'LeftOut',
    'Network',
    'ReferencePath',
    'Piece',
    'Rows',
    'corridor',
    'distances',
    'drivable_area',
    'extend_rows',
    'find_routes',
    'longest_route',
    'open_around',
    'opposite_way',
    'reason_unreachable',
    'reference_path',
    'road_along',
    'route_rows',
    'same_way',
    'starts',
    'stretches',
]
