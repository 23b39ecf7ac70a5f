# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The symbolic functions of SCP's convexification.

Everything here is derived from `vehicle` and `objective`; nothing is defined a second time.
Matrices are dense; `templates` packs what the lanes read of them.
"""

from __future__ import annotations

from typing import Any

import casadi as ca

from warmstart_planner import objective
from warmstart_planner.objective import GRIP, STOP_STATION, CostWeights
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters, step

STAGE_ROWS = objective.ROAD_ROWS + 1  # road corners, then friction
TERMINAL_ROWS = objective.ROAD_ROWS + 1  # road corners, then stopping


def casadi_functions(
    vehicle: VehicleParameters, weights: CostWeights, dt: float
) -> list[ca.Function]:
    """
    Return the functions of dynamics, cost and rows, with their derivatives.

    - `dynamics(x, u)`: next state.
    - `stage_value(x, u, road)`: next state, cost over dt, rows (road, friction).
    - `stage_model(x, u, road)`: the same, and A, B, Gauss-Newton Q, S (nu x nx), R, q, r, and the
      rows' derivatives C (by x) and D (by u).
    - `terminal_value(x, road)`: cost, rows (road, stopping).
    - `terminal_model(x, road)`: the same, and Q, q, C.
    - `arrival_value(x, road, window)`: cost of a node that is wanted somewhere.
    - `arrival_model(x, road, window)`: the same, and Q, q.
    - `obstacle_value(x, obstacle)`: separation less margin.
    - `obstacle_model(x, obstacle)`: the same, its gradient by the state, the separations along
      the four axes, their gradients (4 x nx) and the boxes' alignment.
    """
    x, u = ca.SX.sym('x', STATE_SIZE), ca.SX.sym('u', CONTROL_SIZE)
    road = ca.SX.sym('road', objective.ROAD_PARAMETERS)
    obstacle = ca.SX.sym('obstacle', objective.OBSTACLE_PARAMETERS)
    on_road = objective.road_coordinates(*objective.box_centre(x, vehicle), road)
    edges = objective.road_clearances(x, on_road, vehicle)

    following = ca.vertcat(*step(x, u, dt, vehicle.wheelbase))
    residual = ca.vertcat(*objective.stage_residuals(x, u, on_road, vehicle, weights))
    cost = dt * ca.sumsqr(residual)
    rows = ca.vertcat(*edges, objective.friction_reserve(x, u, road[GRIP], vehicle))
    jx, ju = ca.jacobian(residual, x), ca.jacobian(residual, u)
    model = [
        following,
        cost,
        rows,
        ca.jacobian(following, x),
        ca.jacobian(following, u),
        2 * dt * jx.T @ jx,
        2 * dt * ju.T @ jx,
        2 * dt * ju.T @ ju,
        2 * dt * jx.T @ residual,
        2 * dt * ju.T @ residual,
        ca.jacobian(rows, x),
        ca.jacobian(rows, u),
    ]

    end = ca.vertcat(*objective.terminal_residuals(x, on_road, vehicle, weights))
    stopping = objective.stopping_reserve(x, on_road, road[STOP_STATION], road[GRIP], vehicle)
    end_rows = ca.vertcat(*edges, stopping)
    je = ca.jacobian(end, x)
    end_model = [
        ca.sumsqr(end),
        end_rows,
        2 * je.T @ je,
        2 * je.T @ end,
        ca.jacobian(end_rows, x),
    ]

    window = ca.SX.sym('window', len(objective.WINDOW_FIELDS))
    aside = ca.vertcat(*objective.arrival_residuals(x, on_road, window, weights))
    ja = ca.jacobian(aside, x)
    arrival_model = [ca.sumsqr(aside), 2 * ja.T @ ja, 2 * ja.T @ aside]

    separation = objective.obstacle_separation(x, obstacle, vehicle)
    axes = objective.axis_separations(x, obstacle, vehicle)
    along_axes = ca.vertcat(*axes[:4])
    obstacle_model = [
        separation,
        ca.gradient(separation, x),
        along_axes,
        ca.jacobian(along_axes, x),
        axes.alignment,
    ]
    return [
        _function('dynamics', [x, u], model[:1]),
        _function('stage_value', [x, u, road], model[:3]),
        _function('stage_model', [x, u, road], model),
        _function('terminal_value', [x, road], end_model[:2]),
        _function('terminal_model', [x, road], end_model),
        _function('arrival_value', [x, road, window], arrival_model[:1]),
        _function('arrival_model', [x, road, window], arrival_model),
        _function('obstacle_value', [x, obstacle], [separation]),
        _function('obstacle_model', [x, obstacle], obstacle_model),
    ]


def _function(name: str, inputs: list[Any], outputs: list[Any]) -> ca.Function:
    dense = ca.cse([ca.densify(ca.SX(output)) for output in outputs])
    return ca.Function(name, inputs, dense)
