# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The one cost and the one list of constraints of the planning problem.

SCP, MPC, benchmark solvers, rewards and merit all read these functions. They are written with
numpy's element-wise functions, which CasADi's symbols answer too: a state is indexed by its first
axis, and whatever batch shape lies behind it is kept. Lengths are in the ego-centred frame of
`transcription`; a constraint is fulfilled where it is >= 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from warmstart_planner.vehicle import (
    ACCELERATION,
    PX,
    PY,
    SPEED,
    STEERING_RATE,
    YAW,
    VehicleParameters,
    lateral_acceleration,
)

ANCHORS = 12  # local arcs that describe the road ahead
OBSTACLE_FIELDS = ('x', 'y', 'cos', 'sin', 'half_length', 'half_width', 'radius')
ANCHOR_FIELDS = (
    'x',
    'y',
    'cos',
    'sin',
    'curvature',
    'station',
    'left',
    'left_slope',
    'right',
    'right_slope',
    'offset',
    'offset_slope',
    'speed',
    'speed_slope',
)
SCALAR_FIELDS = ('grip', 'stop_station', 'blend_square')  # of the road, before its anchors
GRIP, STOP_STATION, BLEND_SQUARE = range(len(SCALAR_FIELDS))
WINDOW_FIELDS = (  # where a node is wanted
    'least',
    'most',
    'right',
    'left',
    'slowest',
    'fastest',
    'clockwise',
    'anticlockwise',
)
ROAD_PARAMETERS = len(SCALAR_FIELDS) + ANCHORS * len(ANCHOR_FIELDS)
OBSTACLE_PARAMETERS = len(OBSTACLE_FIELDS)
ROAD_ROWS = 4
YAW_ARM = 10.0  # distance that counts as much as a radian, where a node is wanted [m/rad]
BENT = 0.05  # curvature from which a side touches an edge where both are parallel [1/m]
ARRIVAL_SQUARE = 2.0  # up to which a distance counts by its square [m, m/s]
SMOOTH_ABSOLUTE = 0.03  # rounding of |.| on sines and cosines
SMOOTH_CENTRE = 0.1  # rounding of |.| on distances between centres [m]
SHARPNESS = 10.0  # of the soft maximum over separating axes [1/m]


@dataclass(frozen=True)
class CostWeights:
    """
    Weights of the squared residuals, per second along the horizon, once at its end.

    `speed` [s^2/m^2], `offset` [1/m^2] and `heading` weigh the distance from the road's target;
    `arrival` [1/m^2, s^2/m^2] weighs once how far from where and how fast a goal's time wants
    it the car is then.
    `acceleration`, `lateral_acceleration` [s^4/m^2] and `steering_rate` [s^2/rad^2] weigh
    comfort; the `terminal_*` ones stand for what comes after the horizon.
    `violation` is the exact penalty per metre (or m/s^2) and second, `violation_square` the
    quadratic one.
    """

    speed: float = 0.2
    offset: float = 0.3
    heading: float = 5.0
    acceleration: float = 0.3
    lateral_acceleration: float = 0.3
    steering_rate: float = 5.0
    terminal_speed: float = 0.4
    terminal_offset: float = 1.0
    terminal_heading: float = 20.0
    arrival: float = 10.0
    violation: float = 300.0
    violation_square: float = 10.0


class RoadCoordinates(NamedTuple):
    """
    Where a point is on the road; what the blended arcs say there.

    `curvature` is the arcs', `curvature_here` the path's, which changes by `curvature_slope`.
    """

    station: Any
    offset: Any
    heading_cos: Any
    heading_sin: Any
    curvature: Any
    left: Any
    left_slope: Any
    right: Any
    right_slope: Any
    target_offset: Any
    target_speed: Any
    curvature_here: Any
    curvature_slope: Any


# widths of the corridor to the left and right by station [m]
Edges = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def road_coordinates(px: Any, py: Any, road: Any) -> RoadCoordinates:
    """
    Smooth road coordinates of a point, in closed form, without a projection.

    The path is given by `ANCHORS` circular arcs that osculate it. Each arc has exact coordinates
    of its own; they are blended with weights that fall with the fourth power of the squared
    distance, so that within half a spacing the nearest arc decides and all is smooth.

    Args:
        px: point [m].
        py: point [m].
        road: `ROAD_PARAMETERS` numbers as `transcription.road_parameters` packs them.

    """
    total = 0.0
    sums: list[Any] = [0.0] * len(RoadCoordinates._fields)
    size = len(ANCHOR_FIELDS)
    slopes = _curvature_slopes(road)
    for anchor in range(ANCHORS):
        first = len(SCALAR_FIELDS) + anchor * size
        (
            ax,
            ay,
            c,
            s,
            kappa,
            station,
            left,
            dleft,
            right,
            dright,
            offset,
            doffset,
            speed,
            dspeed,
        ) = (road[first + i] for i in range(size))
        dx, dy = px - ax, py - ay
        along, across = c * dx + s * dy, c * dy - s * dx
        weight = 1.0 / (road[BLEND_SQUARE] + dx * dx + dy * dy)
        weight = weight * weight
        weight = weight * weight
        lateral, ratio = _beside_arc(along, across, kappa)
        advance = along / ratio
        turn_cos, turn_sin = (1.0 - kappa * across) / ratio, kappa * along / ratio
        values = (
            station + advance,
            lateral,
            c * turn_cos - s * turn_sin,
            s * turn_cos + c * turn_sin,
            kappa,
            left + dleft * advance,
            dleft,
            right + dright * advance,
            dright,
            offset + doffset * advance,
            speed + dspeed * advance,
            kappa + slopes[anchor] * advance,
            slopes[anchor],
        )
        total = total + weight
        sums = [have + weight * value for have, value in zip(sums, values, strict=True)]
    return RoadCoordinates(*(value / total for value in sums))


def _of_anchors(road: Any, name: str) -> list[Any]:
    first, size = len(SCALAR_FIELDS) + ANCHOR_FIELDS.index(name), len(ANCHOR_FIELDS)
    return [road[first + anchor * size] for anchor in range(ANCHORS)]


def _curvature_slopes(road: Any) -> list[Any]:
    """Return by how much the curvature changes along the road at each anchor [1/m^2]."""
    curvature, station = (_of_anchors(road, name) for name in ('curvature', 'station'))
    ends = [(max(k - 1, 0), min(k + 1, ANCHORS - 1)) for k in range(ANCHORS)]
    return [(curvature[j] - curvature[i]) / (station[j] - station[i]) for i, j in ends]


def _beside_arc(along: Any, across: Any, curvature: Any) -> tuple[Any, Any]:
    """
    Offset of a point from a circular arc [m], and its distance to the centre over the radius.

    Exact for circles, regular for straight lines.

    Args:
        along: of the point, along the arc's tangent where the arc starts [m].
        across: to the left of that tangent [m].
        curvature: of the arc [1/m].

    """
    square = along * along + across * across
    ratio = np.sqrt(1.0 - 2.0 * curvature * across + curvature * curvature * square + 1e-9)
    return (2.0 * across - curvature * square) / (1.0 + ratio), ratio


def box_centre(x: Any, vehicle: VehicleParameters) -> tuple[Any, Any]:
    """Centre of the car's box for a state [m]."""
    reach = vehicle.rear_to_center
    return x[PX] + reach * np.cos(x[YAW]), x[PY] + reach * np.sin(x[YAW])


def heading_error(x: Any, on_road: RoadCoordinates) -> tuple[Any, Any]:
    """Cosine and sine of the car's heading relative to the road's."""
    c, s = np.cos(x[YAW]), np.sin(x[YAW])
    return (
        c * on_road.heading_cos + s * on_road.heading_sin,
        s * on_road.heading_cos - c * on_road.heading_sin,
    )


def tracking_residuals(x: Any, on_road: RoadCoordinates, vehicle: VehicleParameters) -> list[Any]:
    """
    Speed, lateral and heading deviation from the road's target [m/s, m, -, -].

    The heading is compared at the rear axle, where the car drives along its own axis. Its two
    residuals, sine and one minus cosine, together are four times the squared sine of half the
    angle, which rises up to the opposite direction.
    """
    cosine, sine = heading_error(x, on_road)
    return [
        x[SPEED] - on_road.target_speed,
        on_road.offset - on_road.target_offset,
        sine + on_road.curvature * vehicle.rear_to_center,
        1.0 - cosine,
    ]


def stage_residuals(
    x: Any, u: Any, on_road: RoadCoordinates, vehicle: VehicleParameters, weights: CostWeights
) -> list[Any]:
    """Weighted residuals; their sum of squares is the cost per second."""
    speed, offset, heading, turned = tracking_residuals(x, on_road, vehicle)
    return [
        weights.speed**0.5 * speed,
        weights.offset**0.5 * offset,
        weights.heading**0.5 * heading,
        weights.heading**0.5 * turned,
        weights.acceleration**0.5 * u[ACCELERATION],
        weights.lateral_acceleration**0.5 * lateral_acceleration(x, vehicle.wheelbase),
        weights.steering_rate**0.5 * u[STEERING_RATE],
    ]


def terminal_residuals(
    x: Any, on_road: RoadCoordinates, vehicle: VehicleParameters, weights: CostWeights
) -> list[Any]:
    """Weighted residuals at the horizon's end; their sum of squares is the terminal cost."""
    speed, offset, heading, turned = tracking_residuals(x, on_road, vehicle)
    return [
        weights.terminal_speed**0.5 * speed,
        weights.terminal_offset**0.5 * offset,
        weights.terminal_heading**0.5 * heading,
        weights.terminal_heading**0.5 * turned,
    ]


def arrival_residuals(
    x: Any, on_road: RoadCoordinates, window: Any, weights: CostWeights
) -> list[Any]:
    """
    Weighted distances from where a node is wanted; their sum of squares is its cost.

    The square of a distance beyond `ARRIVAL_SQUARE` rises no longer than in proportion to it, so
    that a goal that is out of reach does not outweigh what is forbidden on the way.

    Args:
        x: state.
        on_road: of the centre of the car's box.
        window: the numbers of `WINDOW_FIELDS`: stations, offsets [m], speeds [m/s], yaws [rad].
        weights: of the cost.

    """
    values = (on_road.station, on_road.offset, x[SPEED], x[YAW])
    scales = (1.0, 1.0, 1.0, YAW_ARM)
    beyond = []
    for i, (value, scale) in enumerate(zip(values, scales, strict=True)):
        low, high = window[2 * i], window[2 * i + 1]
        beyond += [np.fmax(scale * (low - value), 0.0), np.fmax(scale * (value - high), 0.0)]
    return [weights.arrival**0.5 * _slower_than_linear(each) for each in beyond]


def _slower_than_linear(distance: Any) -> Any:
    """Return what is the distance where it is small; its square rises in proportion then."""
    ratio = distance / ARRIVAL_SQUARE
    return distance / np.sqrt(np.sqrt(1.0 + ratio * ratio))


def road_edges(road: Any) -> Edges:
    """
    Return the widths of the corridor to the left and right by station [m].

    Lines about the anchors are blended as in `road_coordinates`, by the distance along the road
    alone: a corner may be where another line stands for the edge than at the car's centre.
    """

    def width(side: str, station: Any) -> Any:
        total, blended = 0.0, 0.0
        lines = (_of_anchors(road, name) for name in ('station', side, f'{side}_slope'))
        for there, value, slope in zip(*lines, strict=True):
            away = station - there
            weight = 1.0 / (road[BLEND_SQUARE] + away * away)
            weight = weight * weight
            weight = weight * weight
            total, blended = total + weight, blended + weight * (value + slope * away)
        return blended / total

    return partial(width, 'left'), partial(width, 'right')


def road_clearances(
    x: Any, on_road: RoadCoordinates, edges: Edges, vehicle: VehicleParameters
) -> list[Any]:
    """
    Distance of the car's sides to the corridor's edges [m].

    Order: front left, front right, rear left, rear right. Of each half of a side it is that of
    the point that comes nearest to the edge: on the outer side of a bend a corner, on the inner
    side the point where the side is parallel to the edge, if that is in this half.

    Args:
        x: state.
        on_road: of the centre of the car's box.
        edges: width of the corridor to the left and right by station.
        vehicle: the car.

    """
    cosine, sine = heading_error(x, on_road)
    half_length, half_width = vehicle.length / 2, vehicle.width / 2
    offset = on_road.offset
    sides = zip((1.0, -1.0), edges, (on_road.left_slope, on_road.right_slope), strict=True)
    rows = []
    for end, (side, width, slope) in product((1.0, -1.0), tuple(sides)):
        # the arc that ends beside the path as far as the clothoid does, half a length on
        change = on_road.curvature_slope * (end * half_length / 3)
        curvature = on_road.curvature_here + change
        bend = np.fmax(side * curvature, 0.0)
        # where the road is straight, corners: a side's point may not jump along the side
        least = half_length * np.fmax(1.0 - bend / BENT, 0.0)
        tilt = end * (side * sine - slope) * (1.0 - curvature * offset)
        reach = end * np.fmin(np.fmax(tilt / (bend + 1e-3), least), half_length)
        along = reach * cosine - side * half_width * sine
        across = offset + reach * sine + side * half_width * cosine
        beside, ratio = _beside_arc(along, across, curvature)
        rows.append(width(on_road.station + along / ratio) - side * beside)
    return rows


def friction_reserve(x: Any, u: Any, grip: Any, vehicle: VehicleParameters) -> Any:
    """Return grip minus the total acceleration asked for: what the circle leaves [m/s^2]."""
    lateral = lateral_acceleration(x, vehicle.wheelbase)
    return grip - np.sqrt(u[ACCELERATION] * u[ACCELERATION] + lateral * lateral + 1e-4)


def stopping_reserve(
    x: Any, on_road: RoadCoordinates, stop_station: Any, grip: Any, vehicle: VehicleParameters
) -> Any:
    """Distance left to the stop station after braking with half of the grip [m]."""
    front = on_road.station + vehicle.length / 2
    return stop_station - front - x[SPEED] * x[SPEED] / grip


# cosine and sine of its direction, half length and half width [m]
Box = tuple[tuple[Any, Any], Any, Any]


class Separations(NamedTuple):
    """Separations of two boxes along their four axes [m]; positive along any: they are apart."""

    ego_along: Any
    ego_across: Any
    other_along: Any
    other_across: Any
    alignment: Any


def axis_separations(x: Any, obstacle: Any, vehicle: VehicleParameters) -> Separations:
    """
    Separations of the car's box and an obstacle's rounded box along the boxes' axes [m].

    `alignment` is the cosine of the angle between the boxes, rounded and without its sign: it
    tells which of the obstacle's axes lies along the car's.

    Args:
        x: state.
        obstacle: the numbers of `OBSTACLE_FIELDS`; `radius` includes the wanted margin.
        vehicle: the car.

    """
    ox, oy, oc, os, half_length, half_width, radius = (
        obstacle[i] for i in range(OBSTACLE_PARAMETERS)
    )
    cx, cy = box_centre(x, vehicle)
    return box_separations(
        (cx - ox, cy - oy),
        ((np.cos(x[YAW]), np.sin(x[YAW])), vehicle.length / 2, vehicle.width / 2),
        ((oc, os), half_length, half_width),
        radius,
        absolute_cosine=_smooth_absolute,
        absolute_distance=_centre_distance,
    )


def box_separations(
    delta: tuple[Any, Any],
    ego: Box,
    other: Box,
    radius: Any = 0.0,
    absolute_cosine: Callable[[Any], Any] = np.fabs,
    absolute_distance: Callable[[Any], Any] = np.fabs,
) -> Separations:
    """
    Separations of two boxes along their axes [m]: the separating-axis theorem.

    Args:
        delta: x and y of the first box's centre less the second's [m].
        ego: the first box.
        other: the second box.
        radius: by which the second is larger, round its corners [m].
        absolute_cosine: absolute value of a sine or cosine.
        absolute_distance: absolute value of a distance [m].

    """
    (c, s), length, width = ego
    (oc, os), other_length, other_width = other
    dx, dy = delta
    parallel, crossing = absolute_cosine(c * oc + s * os), absolute_cosine(c * os - s * oc)
    return Separations(
        absolute_distance(c * dx + s * dy)
        - (length + radius + other_length * parallel + other_width * crossing),
        absolute_distance(c * dy - s * dx)
        - (width + radius + other_length * crossing + other_width * parallel),
        absolute_distance(oc * dx + os * dy)
        - (other_length + radius + length * parallel + width * crossing),
        absolute_distance(oc * dy - os * dx)
        - (other_width + radius + length * crossing + width * parallel),
        parallel,
    )


def obstacle_separation(x: Any, obstacle: Any, vehicle: VehicleParameters) -> Any:
    """
    Smooth signed separation of the car's box and an obstacle's rounded box [m].

    The separating-axis theorem for two boxes: they are apart where the largest of the four
    separations along their axes is positive. The maximum is a Boltzmann average, which is never
    above it, and absolute values are rounded, so one differentiable row serves any pair of
    positions, overlapping ones included.

    Args:
        x: state.
        obstacle: the numbers of `OBSTACLE_FIELDS`; `radius` includes the wanted margin.
        vehicle: the car.

    """
    return _soft_maximum(list(axis_separations(x, obstacle, vehicle)[:4]))


def _smooth_absolute(value: Any) -> Any:
    """Round the absolute value of a sine or cosine; exact at 0 and 1, as for aligned boxes."""
    rounded = np.sqrt(value * value + SMOOTH_ABSOLUTE**2) - SMOOTH_ABSOLUTE
    return rounded / (np.sqrt(1.0 + SMOOTH_ABSOLUTE**2) - SMOOTH_ABSOLUTE)


def _centre_distance(value: Any) -> Any:
    return np.sqrt(value * value + SMOOTH_CENTRE**2) - SMOOTH_CENTRE


def _soft_maximum(values: list[Any]) -> Any:
    top = values[0]
    for value in values[1:]:
        top = np.fmax(top, value)
    weights = [np.exp(SHARPNESS * (value - top)) for value in values]
    total = sum(weights[1:], weights[0])
    weighted = [weight * value for weight, value in zip(weights, values, strict=True)]
    return sum(weighted[1:], weighted[0]) / total
