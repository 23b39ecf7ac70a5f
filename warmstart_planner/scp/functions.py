# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The symbolic functions of SCP's convexification.

Everything here is derived from `vehicle` and `objective`; nothing is defined a second time.
Matrices are dense; `templates` packs what the lanes read of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    stages = _Stages(x)
    centre = stages.add(ca.vertcat(*objective.box_centre(x, vehicle)))
    coordinates = objective.road_coordinates(centre[0], centre[1], road)
    on_road = objective.RoadCoordinates(*ca.vertsplit(stages.add(ca.vertcat(*coordinates))))
    left, right = (stages.through(width) for width in objective.road_edges(road))
    edges = objective.road_clearances(x, on_road, (left, right), vehicle)

    following = ca.vertcat(*step(x, u, dt, vehicle.wheelbase))
    residual = ca.vertcat(*objective.stage_residuals(x, u, on_road, vehicle, weights))
    cost = dt * ca.sumsqr(residual)
    rows = ca.vertcat(*edges, objective.friction_reserve(x, u, road[GRIP], vehicle))
    jx, ju = stages.jacobian(residual), ca.jacobian(residual, u)
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
        stages.jacobian(rows),
        ca.jacobian(rows, u),
    ]

    end = ca.vertcat(*objective.terminal_residuals(x, on_road, vehicle, weights))
    stopping = objective.stopping_reserve(x, on_road, road[STOP_STATION], road[GRIP], vehicle)
    end_rows = ca.vertcat(*edges, stopping)
    je = stages.jacobian(end)
    end_model = [
        ca.sumsqr(end),
        end_rows,
        2 * je.T @ je,
        2 * je.T @ end,
        stages.jacobian(end_rows),
    ]

    window = ca.SX.sym('window', len(objective.WINDOW_FIELDS))
    aside = ca.vertcat(*objective.arrival_residuals(x, on_road, window, weights))
    ja = stages.jacobian(aside)
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
        _function('stage_value', [x, u, road], stages.resolved(model[:3])),
        _function('stage_model', [x, u, road], stages.resolved(model)),
        _function('terminal_value', [x, road], stages.resolved(end_model[:2])),
        _function('terminal_model', [x, road], stages.resolved(end_model)),
        _function('arrival_value', [x, road, window], stages.resolved(arrival_model[:1])),
        _function('arrival_model', [x, road, window], stages.resolved(arrival_model)),
        _function('obstacle_value', [x, obstacle], [separation]),
        _function('obstacle_model', [x, obstacle], obstacle_model),
    ]


class _Stages:
    """
    Expressions that stand between a variable and what depends on it.

    Derivatives are multiplied along them: through what has two inputs and a dozen outputs, such
    as the coordinates of a point on the road, two directions lead, whatever is made of it later.

    Args:
        x: the variable.

    """

    def __init__(self, x: Any) -> None:
        self._x = x
        self._symbols: list[Any] = []
        self._values: list[Any] = []
        self._slopes: list[Any] = []  # by x

    def add(self, value: Any) -> Any:
        """Return a symbol that stands for an expression."""
        symbol = ca.SX.sym(f'stage{len(self._symbols)}', ca.SX(value).numel())
        self._slopes.append(self.jacobian(value))
        self._symbols.append(symbol)
        self._values.append(value)
        return symbol

    def through(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function of which argument and result are stages."""
        return lambda argument: self.add(function(self.add(argument)))

    def jacobian(self, value: Any) -> Any:
        """Return the derivatives of an expression by the variable, through all stages."""
        slope = ca.jacobian(value, self._x)
        for symbol, through in zip(self._symbols, self._slopes, strict=True):
            slope = slope + ca.jacobian(value, symbol) @ through
        return slope

    def resolved(self, values: Sequence[Any]) -> list[Any]:
        """Return expressions with what their symbols stand for."""
        for symbol, value in zip(self._symbols[::-1], self._values[::-1], strict=True):
            values = ca.substitute([ca.SX(each) for each in values], [symbol], [value])
        return list(values)


def _function(name: str, inputs: list[Any], outputs: list[Any]) -> ca.Function:
    dense = ca.cse([ca.densify(ca.SX(output)) for output in outputs])
    return ca.Function(name, inputs, dense)
