# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The symbolic functions that observations are made of.

Everything here is derived from `vehicle` and `objective`; nothing is defined a second time. Where
points are on the road, most of the work by far, is a function of its own: observation.c asks it
for the points of all cars and obstacles side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import casadi as ca
import numpy as np

from warmstart_planner import objective
from warmstart_planner.driver_model.on_road import OnRoad, on_road
from warmstart_planner.learned.observation.fields import (
    FORESIGHT,
    LOOK_AHEADS,
    MOVING_OBSTACLE_PARAMETERS,
    SIDE_GAP,
    STOP_DISTANCE_MAX,
)
from warmstart_planner.objective import GRIP, STOP_STATION, RoadCoordinates
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
THERE_SIZE = len(RoadCoordinates._fields)
POINTS = len(LOOK_AHEADS) + 1  # of a car, of which road coordinates are wanted


def casadi_functions(vehicle: VehicleParameters) -> list[ca.Function]:
    """
    Return the functions that observation.c calls.

    - `car_points(x)`: x and y of a car's POINTS, the LOOK_AHEADS and the middle of the front axle.
    - `on_the_road(x, y, road)`: `RoadCoordinates` of a point.
    - `road_view(x, there, road)`: what `CAR_FIELDS` and `ROAD_FIELDS` at each of LOOK_AHEADS name;
      and the car's place, PLACE_FIELDS: station and offset from the path to aim at of its box's
      centre, speed, the road's width beside the path, speed to aim at, distance of the bumper to
      where the car has to stop, and grip. `there` are the road coordinates of its points.
    - `axle_view(x, there)`: AXLE_FIELDS, offset of the front axle from the path to aim at, heading
      relative to the path there, and lateral acceleration.
    - `obstacle_on_road(obstacle, centre)`: an `OnRoad`, from the road coordinates of its centre.
    - `meeting(place, on_road)`: how a car and an obstacle meet, see `_meeting`.
    - `motion(x, u, dt)`: next state.
    """
    x, u, dt = ca.SX.sym('x', STATE_SIZE), ca.SX.sym('u', CONTROL_SIZE), ca.SX.sym('dt')
    road = ca.SX.sym('road', objective.ROAD_PARAMETERS)
    place = ca.SX.sym('place', len(PLACE_FIELDS))
    obstacle = ca.SX.sym('obstacle', MOVING_OBSTACLE_PARAMETERS)
    known = ca.SX.sym('on_road', ON_ROAD_SIZE)
    px, py = ca.SX.sym('px'), ca.SX.sym('py')
    there = ca.SX.sym('there', THERE_SIZE, POINTS)
    points = [RoadCoordinates(*ca.vertsplit(there[:, i])) for i in range(POINTS)]
    centre = ca.SX.sym('centre', THERE_SIZE)
    met = _meeting(place, OnRoad(*(known[i] for i in range(ON_ROAD_SIZE))), vehicle)
    return [
        _function('car_points', [x], *_car_points(x, vehicle)),
        _function('on_the_road', [px, py, road], objective.road_coordinates(px, py, road)),
        _function('road_view', [x, there, road], *_road_view(x, points[:-1], road, vehicle)),
        _function('axle_view', [x, there], _axle_view(x, points[-1], vehicle)),
        _function('obstacle_on_road', [obstacle, centre], _obstacle_on_road(obstacle, centre)),
        _function('meeting', [place, known], met),
        _function('motion', [x, u, dt], step(x, u, dt, vehicle.wheelbase)),
    ]


def _car_points(x: Any, vehicle: VehicleParameters) -> tuple[list[Any], list[Any]]:
    cx, cy = objective.box_centre(x, vehicle)
    starts = [(cx, cy, ahead) for ahead in LOOK_AHEADS] + [(x[PX], x[PY], vehicle.wheelbase)]
    return (
        [px + ahead * np.cos(x[YAW]) for px, _, ahead in starts],
        [py + ahead * np.sin(x[YAW]) for _, py, ahead in starts],
    )


def _road_view(
    x: Any, points: list[RoadCoordinates], road: Any, vehicle: VehicleParameters
) -> tuple[list[Any], list[Any]]:
    here = points[0]
    stop_distance = road[STOP_STATION] - (here.station + vehicle.length / 2)
    bounded = np.fmax(np.fmin(stop_distance, STOP_DISTANCE_MAX), -STOP_DISTANCE_MAX)
    values = [x[SPEED], x[STEERING], road[GRIP], bounded]
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
        road[GRIP],
    ]
    return values, place


def _axle_view(x: Any, there: RoadCoordinates, vehicle: VehicleParameters) -> list[Any]:
    cosine, sine = objective.heading_error(x, there)
    return [
        there.offset - there.target_offset,
        np.arctan2(sine, cosine),
        lateral_acceleration(x, vehicle.wheelbase),
    ]


def _obstacle_on_road(obstacle: Any, centre: Any) -> OnRoad:
    return on_road(obstacle, RoadCoordinates(*ca.vertsplit(centre)))


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
