# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The functions that SCP is generated from, against finite differences of their own."""

import numpy as np
import pytest

from warmstart_planner import objective
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import KeepSpeed, PlanningProblem
from warmstart_planner.road import road_from_segments
from warmstart_planner.scp.functions import STAGE_ROWS, TERMINAL_ROWS, casadi_functions
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle, roll_out

pytestmark = pytest.mark.filterwarnings('ignore::FutureWarning:casadi')

CAR = load_vehicle()
WEIGHTS = CostWeights()
DT = 0.1
MODEL = ('next', 'cost', 'rows', 'A', 'B', 'Q', 'S', 'R', 'q', 'r', 'C', 'D')


@pytest.fixture(scope='module')
def functions():
    return {f.name(): f for f in casadi_functions(CAR, WEIGHTS, DT)}


@pytest.fixture(scope='module')
def road():
    path = road_from_segments([(30.0, 0.0, 0.05), (30.0, 0.05, -0.05), (60.0, -0.05, 0)], 4, 3, 14)
    start = np.array([*path.poses(10.0), 7.0, 0.0])
    problem = PlanningProblem(initial_state=start, road=path, goal=KeepSpeed(9.0), vehicle=CAR)
    return transcribe(problem, Margins()).road


def points(count=12):
    """States and controls about the road ahead, slow and fast, straight and slipping."""
    rng = np.random.default_rng(2)
    for _ in range(count):
        x = rng.normal(0, 1, 5) * [8.0, 2.0, 0.4, 3.0, 0.3] + [10.0, 2.0, 0.2, 7.0, 0.0]
        yield x, rng.normal(0, 1, 2) * [3.0, 0.2]


def arrays(function, *inputs):
    outputs = function(*inputs)
    return [np.array(value).squeeze() for value in outputs]


def slope(function, z, h=1e-6):
    """Central differences of a function of one vector, derivative on the last axis."""
    steps = h * np.eye(len(z))
    return np.stack([(function(z + d) - function(z - d)) / (2 * h) for d in steps], axis=-1)


def test_the_stage_model_holds_the_derivatives_of_the_stage_value(functions, road):
    for x, u in points():
        value, model = functions['stage_value'], functions['stage_model']
        got = dict(zip(MODEL, arrays(model, x, u, road), strict=True))
        z = np.concatenate([x, u])
        exact = [
            slope(lambda z, i=i, f=value: arrays(f, z[:5], z[5:], road)[i], z) for i in range(3)
        ]
        for index, (by_x, by_u) in enumerate((('A', 'B'), ('q', 'r'), ('C', 'D'))):
            whole = np.concatenate([got[by_x], got[by_u]], axis=-1)
            np.testing.assert_allclose(whole, exact[index], rtol=1e-5, atol=1e-4)


def test_the_model_repeats_the_values_it_is_linearised_about(functions, road):
    for x, u in points():
        value = arrays(functions['stage_value'], x, u, road)
        model = arrays(functions['stage_model'], x, u, road)
        for a, b in zip(value, model[:3], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(value[0], arrays_of_one(functions['dynamics'](x, u)))
        end, end_model = functions['terminal_value'], functions['terminal_model']
        for a, b in zip(arrays(end, x, road), arrays(end_model, x, road)[:2], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def arrays_of_one(value):
    return np.array(value).squeeze()


def test_the_terminal_model_holds_the_derivatives_of_the_terminal_value(functions, road):
    for x, _ in points():
        _, _, _, q, c = arrays(functions['terminal_model'], x, road)
        value = functions['terminal_value']
        exact = [slope(lambda z, i=i, f=value: arrays(f, z, road)[i], x) for i in range(2)]
        np.testing.assert_allclose(q, exact[0], rtol=1e-5, atol=1e-3)
        np.testing.assert_allclose(c, exact[1], rtol=1e-5, atol=1e-4)


def test_the_quadratic_model_of_the_cost_is_convex(functions, road):
    for x, u in points():
        got = dict(zip(MODEL, arrays(functions['stage_model'], x, u, road), strict=True))
        hessian = np.block([[got['Q'], got['S'].T], [got['S'], got['R']]])
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-10)
        assert np.linalg.eigvalsh(hessian).min() > -1e-9
        end = arrays(functions['terminal_model'], x, road)[2]
        assert np.linalg.eigvalsh(end).min() > -1e-9


def test_the_quadratic_model_is_the_square_of_the_linearised_residuals(functions, road):
    """Gauss-Newton: 2 dt J'J, with J by finite differences of the objective's residuals."""

    def residuals(z):
        on_road = objective.road_coordinates(*objective.box_centre(z, CAR), road)
        return np.array(objective.stage_residuals(z[:5], z[5:], on_road, CAR, WEIGHTS))

    def end_residuals(x):
        on_road = objective.road_coordinates(*objective.box_centre(x, CAR), road)
        return np.array(objective.terminal_residuals(x, on_road, CAR, WEIGHTS))

    for x, u in points():
        got = dict(zip(MODEL, arrays(functions['stage_model'], x, u, road), strict=True))
        hessian = np.block([[got['Q'], got['S'].T], [got['S'], got['R']]])
        jacobian = slope(residuals, np.concatenate([x, u]))
        np.testing.assert_allclose(hessian, 2 * DT * jacobian.T @ jacobian, rtol=1e-5, atol=1e-4)
        jacobian = slope(end_residuals, x)
        end = arrays(functions['terminal_model'], x, road)[2]
        np.testing.assert_allclose(end, 2 * jacobian.T @ jacobian, rtol=1e-5, atol=1e-3)


def test_the_dynamics_are_the_vehicle_s(functions):
    for x, u in points():
        x[3] = abs(x[3]) + 1.0
        u = np.clip(u, -1.0, 1.0) * 0.2
        states, applied = roll_out(x, u[None], DT, CAR)
        got = arrays_of_one(functions['dynamics'](x, applied[0]))
        np.testing.assert_allclose(got, states[1], rtol=1e-12, atol=1e-12)


def test_the_rows_are_the_objective_s_in_the_order_that_the_loop_reads(functions, road):
    for x, u in points():
        on_road = objective.road_coordinates(*objective.box_centre(x, CAR), road)
        edges = objective.road_clearances(x, on_road, objective.road_edges(road), CAR)
        rows = arrays(functions['stage_value'], x, u, road)[2]
        grip, stop = road[objective.GRIP], road[objective.STOP_STATION]
        friction = objective.friction_reserve(x, u, grip, CAR)
        assert rows.shape == (STAGE_ROWS,)
        np.testing.assert_allclose(rows, [*edges, friction], atol=1e-9)
        end = arrays(functions['terminal_value'], x, road)[1]
        stopping = objective.stopping_reserve(x, on_road, stop, grip, CAR)
        assert end.shape == (TERMINAL_ROWS,)
        np.testing.assert_allclose(end, [*edges, stopping], atol=1e-9)


def test_the_obstacle_model_holds_separation_and_gradients(functions):
    rng = np.random.default_rng(3)
    for x, _ in points():
        place = x[:2] + rng.uniform(-6, 6, 2)
        yaw = rng.uniform(-3, 3)
        obstacle = np.array([*place, np.cos(yaw), np.sin(yaw), 2.2, 0.9, 0.3])
        model = functions['obstacle_model']
        value, gradient, along_axes, axes_slope, _ = arrays(model, x, obstacle)
        assert value == pytest.approx(objective.obstacle_separation(x, obstacle, CAR))
        np.testing.assert_allclose(
            gradient,
            slope(lambda z, o=obstacle: objective.obstacle_separation(z, o, CAR), x),
            rtol=1e-4,
            atol=1e-5,
        )

        def axes(z, o=obstacle):
            return np.array(objective.axis_separations(z, o, CAR)[:4])

        np.testing.assert_allclose(along_axes, axes(x), atol=1e-12)
        np.testing.assert_allclose(axes_slope, slope(axes, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    'window',
    [
        (0.0, 5.0, -0.5, 0.5, 3.0, 8.0, -0.1, 0.1),
        (20.0, 25.0, 3.0, 4.0, 9.0, 12.0, 0.5, 0.8),
    ],
)
def test_the_arrival_model_holds_the_derivatives_of_the_arrival_value(functions, road, window):
    for x, _ in points():
        cost, curvature, gradient = arrays(functions['arrival_model'], x, road, window)

        def value(z):
            return float(functions['arrival_value'](z, road, window))

        assert value(x) == pytest.approx(cost)
        np.testing.assert_allclose(gradient, slope(value, x), rtol=1e-4, atol=1e-4)
        assert np.linalg.eigvalsh(curvature).min() >= -1e-9
        np.testing.assert_array_equal(curvature[4], 0.0)
