# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The tracking problem: what each stage's parameters are, its residuals and its constraints.

The functions are generic over numpy and CasADi: the generated solver and the merit that judges
starts are made from the same lines. All lengths are in the ego-centred frame, whose origin is the
car's predicted pose at the first stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from warmstart_planner import objective
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.vehicle import (
    ACCELERATION,
    CONTROL_SIZE,
    PX,
    PY,
    SPEED,
    STATE_SIZE,
    STEERING,
    STEERING_RATE,
    YAW,
    VehicleParameters,
    lateral_acceleration,
)

ROAD_FIELDS = ('x', 'y', 'cos', 'sin', 'curvature', 'left', 'left_slope', 'right', 'right_slope')
STATE_RESIDUALS = 5
RESIDUALS = STATE_RESIDUALS + CONTROL_SIZE
FRICTION_ROWS = 6
LATERAL_SCALE = STATE_SIZE + CONTROL_SIZE
GRIP = LATERAL_SCALE + 1
REFERENCE_STATE = slice(0, STATE_SIZE)
REFERENCE_CONTROL = slice(STATE_SIZE, STATE_SIZE + CONTROL_SIZE)
WEIGHT_ROOTS = slice(GRIP + 1, GRIP + 1 + RESIDUALS)
ROAD = slice(WEIGHT_ROOTS.stop, WEIGHT_ROOTS.stop + len(ROAD_FIELDS))


@dataclass(frozen=True)
class Layout:
    """
    Sizes that follow from the number of obstacles a stage sees.

    A stage's parameters are the reference's state and control, the lateral scale [m/s], the grip
    [m/s^2], the square roots of the weights, the road's local arc, and the obstacles.
    """

    obstacles: int

    @property
    def size(self) -> int:
        """Length of a stage's parameter vector."""
        return ROAD.stop + self.obstacles * objective.OBSTACLE_PARAMETERS

    @property
    def state_constraints(self) -> int:
        """Rows of `state_constraints`."""
        return self.obstacles + objective.ROAD_ROWS

    def obstacle(self, index: int) -> slice:
        """Where the index-th obstacle lies in the parameter vector."""
        first = ROAD.stop + index * objective.OBSTACLE_PARAMETERS
        return slice(first, first + objective.OBSTACLE_PARAMETERS)


def state_residuals(x: Any, p: Any, wheelbase: float) -> list[Any]:
    """
    Weighted deviation of a state from the reference, in the reference's own frame.

    Longitudinal and lateral distance, lateral speed, speed, and lateral acceleration: heading and
    steering errors are weighed by the lateral motion that they make at the stage's speed.
    """
    reference = p[REFERENCE_STATE]
    roots = p[WEIGHT_ROOTS]
    scale = p[LATERAL_SCALE]
    cosine, sine = np.cos(reference[YAW]), np.sin(reference[YAW])
    dx, dy = x[PX] - reference[PX], x[PY] - reference[PY]
    errors = [
        cosine * dx + sine * dy,
        cosine * dy - sine * dx,
        scale * (x[YAW] - reference[YAW]),
        x[SPEED] - reference[SPEED],
        scale * scale / wheelbase * (x[STEERING] - reference[STEERING]),
    ]
    return [roots[i] * error for i, error in enumerate(errors)]


def residuals(x: Any, u: Any, p: Any, wheelbase: float) -> list[Any]:
    """Weighted residuals of a stage; half their sum of squares is the cost per second."""
    reference = p[REFERENCE_CONTROL]
    roots = p[WEIGHT_ROOTS]
    scale = p[LATERAL_SCALE]
    errors = [
        u[ACCELERATION] - reference[ACCELERATION],
        scale * scale / wheelbase * (u[STEERING_RATE] - reference[STEERING_RATE]),
    ]
    return state_residuals(x, p, wheelbase) + [
        roots[STATE_RESIDUALS + i] * error for i, error in enumerate(errors)
    ]


def state_constraints(x: Any, p: Any, layout: Layout, vehicle: VehicleParameters) -> list[Any]:
    """Separation from each obstacle and clearance to the road's edges, >= 0 where fulfilled."""
    rows = [
        objective.obstacle_separation(x, p[layout.obstacle(i)], vehicle)
        for i in range(layout.obstacles)
    ]
    on_road = _on_road(x, p[ROAD], vehicle)
    return rows + objective.road_clearances(x, on_road, _edges(p[ROAD]), vehicle)


def friction_shares(x: Any, u: Any, p: Any, vehicle: VehicleParameters) -> list[Any]:
    """
    Components of the acceleration in some directions, in shares of the grip, in [-1, 1].

    The circle of `objective.friction_reserve`, cut by its tangents: beside the lateral limit the
    circle's own linearisation leaves the longitudinal acceleration free, and full steps then jump
    from one side to the other. Six pairs of tangents exceed the circle by at most 3.5 %.
    """
    lateral = lateral_acceleration(x, vehicle.wheelbase)
    angles = np.pi / FRICTION_ROWS * np.arange(FRICTION_ROWS)
    return [
        (float(np.cos(angle)) * u[ACCELERATION] + float(np.sin(angle)) * lateral) / p[GRIP]
        for angle in angles
    ]


def stage_merit(
    x: Any, u: Any, p: Any, vehicle: VehicleParameters, settings: ControllerSettings
) -> Any:
    """Return what the solver minimises at a stage, per second: cost and penalties."""
    shares = friction_shares(x, u, p, vehicle)
    sliding = (
        _penalty(np.fabs(share) - 1.0, settings.friction_violation, settings) for share in shares
    )
    cost = _half_square(residuals(x, u, p, vehicle.wheelbase))
    return cost + _closeness(x, p, vehicle, settings) + sum(sliding)


def end_merit(x: Any, p: Any, vehicle: VehicleParameters, settings: ControllerSettings) -> Any:
    """Return what the solver minimises at the horizon's end."""
    cost = _half_square(state_residuals(x, p, vehicle.wheelbase))
    return cost + _closeness(x, p, vehicle, settings)


def _closeness(x: Any, p: Any, vehicle: VehicleParameters, settings: ControllerSettings) -> Any:
    """Penalty for obstacles and edges that are too close."""
    rows = state_constraints(x, p, Layout(settings.obstacles), vehicle)
    return sum(_penalty(-row, settings.violation, settings) for row in rows)


def _penalty(excess: Any, linear: float, settings: ControllerSettings) -> Any:
    violation = np.fmax(excess, 0.0)
    return linear * violation + settings.violation_square / 2 * violation * violation


def _half_square(rows: list[Any]) -> Any:
    return sum(row * row for row in rows) / 2


def _edges(road: Any) -> objective.Edges:
    """Return the corridor's widths by station from the stage's own road point."""
    left, left_slope, right, right_slope = (
        road[ROAD_FIELDS.index(name)] for name in ('left', 'left_slope', 'right', 'right_slope')
    )
    return lambda station: left + left_slope * station, (
        lambda station: right + right_slope * station
    )


def _on_road(x: Any, road: Any, vehicle: VehicleParameters) -> objective.RoadCoordinates:
    """
    Road coordinates of the car's centre about the stage's own road point.

    The stage's prediction stays within metres of the reference, so the parabola that osculates
    the path there replaces its arc.
    """
    rx, ry, cosine, sine, curvature, left, left_slope, right, right_slope = (
        road[i] for i in range(len(ROAD_FIELDS))
    )
    px, py = objective.box_centre(x, vehicle)
    dx, dy = px - rx, py - ry
    along = cosine * dx + sine * dy
    turn = curvature * along
    return objective.RoadCoordinates(
        station=along,
        offset=cosine * dy - sine * dx - turn * along / 2,
        heading_cos=cosine - sine * turn,
        heading_sin=sine + cosine * turn,
        curvature=curvature,
        left=left + left_slope * along,
        left_slope=left_slope,
        right=right + right_slope * along,
        right_slope=right_slope,
        target_offset=0.0,
        target_speed=0.0,
        curvature_here=curvature,
        curvature_slope=0.0,
    )
