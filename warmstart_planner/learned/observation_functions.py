# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The symbolic functions that observations are made of.

Everything here is derived from `vehicle` and `objective`; nothing is defined a second time.
"""

from __future__ import annotations

from typing import Any

import casadi as ca
import numpy as np

from warmstart_planner import objective
from warmstart_planner.learned.observation_fields import (
    LOOK_AHEADS,
    MOVING_OBSTACLE_PARAMETERS,
    STOP_DISTANCE_MAX,
)
from warmstart_planner.vehicle import (
    CONTROL_SIZE,
    SPEED,
    STATE_SIZE,
    STEERING,
    YAW,
    VehicleParameters,
    step,
)

POSE_SIZE = 4


def casadi_functions(vehicle: VehicleParameters) -> list[ca.Function]:
    """
    Return the functions that observation.c calls.

    - `car_pose(x)`: centre of the car's box, cosine and sine of its heading.
    - `road_view(x, road)`: what `CAR_FIELDS` and `ROAD_FIELDS` at each of LOOK_AHEADS name.
    - `obstacle_view(pose, obstacle)`: what `OBSTACLE_VIEW_FIELDS` names.
    - `motion(x, u, dt)`: next state.
    """
    x, u, dt = ca.SX.sym('x', STATE_SIZE), ca.SX.sym('u', CONTROL_SIZE), ca.SX.sym('dt')
    road = ca.SX.sym('road', objective.ROAD_PARAMETERS)
    pose = ca.SX.sym('pose', POSE_SIZE)
    obstacle = ca.SX.sym('obstacle', MOVING_OBSTACLE_PARAMETERS)
    heading = np.cos(x[YAW]), np.sin(x[YAW])
    return [
        _function('car_pose', [x], [*objective.box_centre(x, vehicle), *heading]),
        _function('road_view', [x, road], _road_view(x, heading, road, vehicle)),
        _function('obstacle_view', [pose, obstacle], _obstacle_view(pose, obstacle)),
        _function('motion', [x, u, dt], step(x, u, dt, vehicle.wheelbase)),
    ]


def _road_view(x: Any, heading: Any, road: Any, vehicle: VehicleParameters) -> list[Any]:
    cx, cy = objective.box_centre(x, vehicle)
    points = [
        objective.road_coordinates(cx + ahead * heading[0], cy + ahead * heading[1], road)
        for ahead in LOOK_AHEADS
    ]
    stop_distance = road[1] - (points[0].station + vehicle.length / 2)
    bounded = np.fmax(np.fmin(stop_distance, STOP_DISTANCE_MAX), -STOP_DISTANCE_MAX)
    values = [x[SPEED], x[STEERING], road[0], bounded]
    for point in points:
        cosine, sine = objective.heading_error(x, point)
        values += [
            point.offset - point.target_offset,
            sine,
            cosine,
            point.curvature,
            point.left - point.offset,
            point.right + point.offset,
            point.target_speed,
        ]
    return values


def _obstacle_view(pose: Any, obstacle: Any) -> list[Any]:
    cx, cy, c, s = (pose[i] for i in range(POSE_SIZE))
    x, y, cosine, sine, half_length, half_width, radius, vx, vy = (
        obstacle[i] for i in range(MOVING_OBSTACLE_PARAMETERS)
    )

    def turned(along_x: Any, along_y: Any) -> list[Any]:
        return [c * along_x + s * along_y, c * along_y - s * along_x]

    return [
        1.0,
        *turned(x - cx, y - cy),
        *turned(cosine, sine),
        *turned(vx, vy),
        half_length,
        half_width,
        radius,
    ]


def _function(name: str, inputs: list[Any], values: list[Any]) -> ca.Function:
    return ca.Function(name, inputs, ca.cse([ca.densify(ca.vertcat(*values))]))
