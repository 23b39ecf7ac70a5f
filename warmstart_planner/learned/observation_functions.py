# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The symbolic functions that observations are made of.

Everything here is derived from `vehicle` and `objective`; nothing is defined a second time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import casadi as ca
import numpy as np

from warmstart_planner import objective
from warmstart_planner.learned.observation_fields import (
    FORESIGHT,
    LOOK_AHEADS,
    MOVING_OBSTACLE_PARAMETERS,
    SIDE_GAP,
    STOP_DISTANCE_MAX,
)
from warmstart_planner.learned.on_road import OnRoad, on_road
from warmstart_planner.vehicle import (
    CONTROL_SIZE,
    PX,
    PY,
    SPEED,
    STATE_SIZE,
    STEERING,
    YAW,
    VehicleParameters,
    lateral_acceleration,
    step,
)

PLACE_FIELDS = ('station', 'offset', 'speed', 'left', 'right', 'target', 'stop', 'grip')
AXLE_FIELDS = ('offset', 'heading', 'lateral')
ON_ROAD_SIZE = len(OnRoad._fields)


def casadi_functions(vehicle: VehicleParameters) -> list[ca.Function]:
    """
    Return the functions that observation.c calls.

    - `road_view(x, road)`: what `CAR_FIELDS` and `ROAD_FIELDS` at each of LOOK_AHEADS name; and
      the car's place, PLACE_FIELDS: station and offset from the path to aim at of its box's
      centre, speed, the road's width beside the path, speed to aim at, distance of the bumper to
      where the car has to stop, and grip.
    - `axle_view(x, road)`: AXLE_FIELDS, offset of the front axle from the path to aim at, heading
      relative to the path there, and lateral acceleration.
    - `obstacle_on_road(obstacle, road)`: an `OnRoad`.
    - `meeting(place, on_road)`: how a car and an obstacle meet, see `_meeting`.
    - `motion(x, u, dt)`: next state.
    """
    x, u, dt = ca.SX.sym('x', STATE_SIZE), ca.SX.sym('u', CONTROL_SIZE), ca.SX.sym('dt')
    road = ca.SX.sym('road', objective.ROAD_PARAMETERS)
    place = ca.SX.sym('place', len(PLACE_FIELDS))
    obstacle = ca.SX.sym('obstacle', MOVING_OBSTACLE_PARAMETERS)
    known = ca.SX.sym('on_road', ON_ROAD_SIZE)
    there = objective.road_coordinates(obstacle[0], obstacle[1], road)
    met = _meeting(place, OnRoad(*(known[i] for i in range(ON_ROAD_SIZE))), vehicle)
    return [
        _function('road_view', [x, road], *_road_view(x, road, vehicle)),
        _function('axle_view', [x, road], _axle_view(x, road, vehicle)),
        _function('obstacle_on_road', [obstacle, road], on_road(obstacle, there)),
        _function('meeting', [place, known], met),
        _function('motion', [x, u, dt], step(x, u, dt, vehicle.wheelbase)),
    ]


def _road_view(x: Any, road: Any, vehicle: VehicleParameters) -> tuple[list[Any], list[Any]]:
    cx, cy = objective.box_centre(x, vehicle)
    points = [
        objective.road_coordinates(cx + ahead * np.cos(x[YAW]), cy + ahead * np.sin(x[YAW]), road)
        for ahead in LOOK_AHEADS
    ]
    here = points[0]
    stop_distance = road[1] - (here.station + vehicle.length / 2)
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
    place = [
        here.station,
        here.offset - here.target_offset,
        x[SPEED],
        here.left - here.target_offset,
        here.right + here.target_offset,
        here.target_speed,
        stop_distance,
        road[0],
    ]
    return values, place


def _axle_view(x: Any, road: Any, vehicle: VehicleParameters) -> list[Any]:
    reach = vehicle.wheelbase
    there = objective.road_coordinates(
        x[PX] + reach * np.cos(x[YAW]), x[PY] + reach * np.sin(x[YAW]), road
    )
    cosine, sine = objective.heading_error(x, there)
    return [
        there.offset - there.target_offset,
        np.arctan2(sine, cosine),
        lateral_acceleration(x, vehicle.wheelbase),
    ]


def _meeting(place: Any, obstacle: OnRoad, vehicle: VehicleParameters) -> list[Any]:
    """
    Return how a car meets an obstacle.

    Returns:
        `gap` from bumper to obstacle along the road, negative where the car is not before it;
        `past`, how far the obstacle's end lies before the car's rear end; `low` and `high`,
        between which offsets of the car from its place it is in the way [m].

    """
    station, offset, speed = (
        place[PLACE_FIELDS.index(name)] for name in ('station', 'offset', 'speed')
    )
    gap = obstacle.station - obstacle.reach_along - (station + vehicle.length / 2)
    past = obstacle.station + obstacle.reach_along - (station - vehicle.length / 2)
    arrival = np.fmin(np.fmax(gap, 0.0) / np.fmax(speed, 1.0), FORESIGHT)
    aside = obstacle.drift * arrival
    reach = obstacle.reach_across + vehicle.width / 2 + SIDE_GAP
    centre = obstacle.offset - offset
    return [
        gap,
        past,
        centre + np.fmin(aside, 0.0) - reach,
        centre + np.fmax(aside, 0.0) + reach,
    ]


def _function(name: str, inputs: list[Any], *outputs: Iterable[Any]) -> ca.Function:
    columns = [ca.densify(ca.vertcat(*values)) for values in outputs]
    return ca.Function(name, inputs, ca.cse(columns))
