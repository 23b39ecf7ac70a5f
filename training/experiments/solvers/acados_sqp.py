# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""acados' full-step Gauss-Newton SQP on partially condensed QPs, in its fast settings."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from training.experiments.solvers.nlp import Formulation, Task
from training.experiments.solvers.solving import Attempt, trajectory_of
from warmstart_planner.generation import acados, compilation, generated
from warmstart_planner.generation.symbolic import numpy_on_symbols
from warmstart_planner.objective import OBSTACLE_PARAMETERS, ROAD_PARAMETERS, ROAD_ROWS
from warmstart_planner.transcription import control_bounds
from warmstart_planner.vehicle import CONTROL_SIZE, SPEED, STATE_SIZE, STEERING

CONDENSED_STAGES = 10
QP_TOLERANCE = 1e-4
TOLERANCE = 1e-2
STATIONARITY_TOLERANCE = 1e-1  # 1e-2 takes 1.8 times as long on the medium tier, cost as good
ITERATIONS_MAX = 25  # 50 take twice as long on failures and solve 1 of 300 more
FAR = 1e6  # upper bound of rows that have only a lower one
BOUNDED = np.array([SPEED, STEERING])
JSON = 'ocp.json'


class AcadosSqp:
    """One generated solver for each number of obstacles."""

    name = 'acados_sqp'

    def __init__(self, formulations: dict[int, Formulation]) -> None:
        """Load the solvers, generating what is missing; keys are capacities."""
        self._solvers = {c: _load(generate(form)) for c, form in formulations.items()}

    def solve(self, task: Task) -> Attempt:
        """Solve; the time is that of the C call alone, not of setting and getting numbers."""
        capacity = task.capacity()
        solver = self._solvers[capacity]
        _enter(solver, task, capacity)
        with _silent():
            status = solver.solve()
        steps = task.bound.problem.horizon.steps
        states = np.stack([solver.get(k, 'x') for k in range(steps + 1)])
        controls = np.stack([solver.get(k, 'u') for k in range(steps)])
        return Attempt(
            trajectory_of(task, states, controls),
            float(np.ravel(solver.get_stats('time_tot'))[0]),
            int(np.ravel(solver.get_stats('sqp_iter'))[0]),
            str(status),
        )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep what C code prints from the terminal."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, 'wb') as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _enter(solver: Any, task: Task, capacity: int) -> None:
    numbers = task.bound.numbers
    steps = task.bound.problem.horizon.steps
    solver.reset()
    obstacles = task.node_obstacles(capacity)
    for k in range(steps + 1):
        solver.set(k, 'p', np.concatenate([task.road, obstacles[k]]))
        solver.set(k, 'x', task.states[k])
        if k < steps:
            solver.set(k, 'u', task.controls[k])
        if k > 0:
            solver.constraints_set(k, 'lbx', numbers.state_lower[k, BOUNDED])
            solver.constraints_set(k, 'ubx', numbers.state_upper[k, BOUNDED])
    for side in ('lbx', 'ubx'):
        solver.constraints_set(0, side, task.states[0])
    # no control changes the first node's other rows: they are slack
    rows = np.full(ROAD_ROWS + 1 + capacity, -FAR)
    rows[ROAD_ROWS] = 0.0
    solver.constraints_set(0, 'lh', rows)


def generate(form: Formulation) -> Path:
    """Generate and compile the solver of a formulation unless it is there; return its folder."""
    options = (
        CONDENSED_STAGES,
        QP_TOLERANCE,
        TOLERANCE,
        STATIONARITY_TOLERANCE,
        ITERATIONS_MAX,
    )
    key = {
        **form.key(),
        'options': list(options),
        'source': generated.source_digest(Path(__file__)),
        **acados.toolchain(),
    }

    def build(folder: Path) -> list[str]:
        template = acados.import_acados_template()
        ocp = _ocp(template, form)
        ocp.code_export_directory = str(folder)
        with contextlib.redirect_stdout(io.StringIO()):
            template.AcadosOcpSolver.generate(ocp, json_file=str(folder / JSON))
        make = ['make', '-C', str(folder), 'ocp_shared_lib']
        done = subprocess.run(make, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f'compiling acados SQP failed:\n{done.stderr[-2000:]}')
        return [f'libacados_ocp_solver_{ocp.model.name}.so', JSON]

    return generated.generate('benchmark/acados', key, build)


def _load(folder: Path) -> Any:
    """Load a generated solver from where it is now, which is not where it was generated."""
    template = acados.import_acados_template()
    content = json.loads((folder / JSON).read_text())
    content['code_export_directory'] = str(folder)
    moved = folder / 'moved.json'
    moved.write_text(json.dumps(content))
    with contextlib.redirect_stdout(io.StringIO()):
        return template.AcadosOcpSolver(None, str(moved), build=False, generate=False)


@numpy_on_symbols()
def _ocp(template: Any, form: Formulation) -> Any:
    ocp = template.AcadosOcp()
    steps, car = form.horizon.steps, form.vehicle
    ocp.dims.N = steps
    model, options, constraints, cost = ocp.model, ocp.solver_options, ocp.constraints, ocp.cost
    model.name = f'benchmark_{form.obstacles}'
    x = model.x = ca.SX.sym('x', STATE_SIZE)
    u = model.u = ca.SX.sym('u', CONTROL_SIZE)
    p = model.p = ca.SX.sym('p', ROAD_PARAMETERS + form.obstacles * OBSTACLE_PARAMETERS)
    road, obstacles = p[:ROAD_PARAMETERS], p[ROAD_PARAMETERS:]
    ocp.parameter_values = np.zeros(p.numel())
    model.disc_dyn_expr = form.next_state(x, u)
    model.cost_y_expr = model.cost_y_expr_0 = ca.cse(form.path_residuals(x, u, road))
    model.cost_y_expr_e = ca.cse(form.end_residuals(x, road))
    model.con_h_expr = ca.cse(form.path_rows(x, u, road, obstacles))
    model.con_h_expr_e = ca.cse(form.end_rows(x, road, obstacles))

    for suffix, residuals in (
        ('_0', model.cost_y_expr_0),
        ('', model.cost_y_expr),
        ('_e', model.cost_y_expr_e),
    ):
        size = residuals.numel()
        setattr(cost, f'cost_type{suffix}', 'NONLINEAR_LS')
        setattr(cost, f'W{suffix}', 2.0 * np.eye(size))  # acados halves the squares
        setattr(cost, f'yref{suffix}', np.zeros(size))
    # acados multiplies a stage's slack cost by its dt, as its other cost, but not the last one's
    _set_slacks(ocp, '', form.path_weights / form.horizon.dt, form)
    _set_slacks(ocp, '_e', form.path_weights, form)
    constraints.x0 = np.zeros(STATE_SIZE)
    constraints.idxbu = np.arange(CONTROL_SIZE)
    constraints.lbu, constraints.ubu = control_bounds(car)
    for suffix in ('', '_e'):
        setattr(constraints, f'idxbx{suffix}', BOUNDED)
        setattr(constraints, f'lbx{suffix}', car.state_lower[BOUNDED])
        setattr(constraints, f'ubx{suffix}', car.state_upper[BOUNDED])

    options.tf = form.horizon.duration
    options.integrator_type = 'DISCRETE'
    options.hessian_approx = 'GAUSS_NEWTON'
    options.nlp_solver_type = 'SQP'
    options.nlp_solver_max_iter = ITERATIONS_MAX
    options.nlp_solver_tol_stat = STATIONARITY_TOLERANCE
    for part in ('eq', 'ineq', 'comp'):
        setattr(options, f'nlp_solver_tol_{part}', TOLERANCE)
    options.qp_solver = 'PARTIAL_CONDENSING_HPIPM'
    options.qp_solver_cond_N = CONDENSED_STAGES
    options.qp_solver_iter_max = 50
    options.qp_tol = QP_TOLERANCE
    options.hpipm_mode = 'SPEED'
    options.ext_fun_compile_flags = ' '.join(compilation.optimisation())
    options.print_level = 0
    return ocp


def _set_slacks(ocp: Any, suffix: str, weights: NDArray[np.float64], form: Formulation) -> None:
    setattr(ocp.constraints, f'lh{suffix}', np.zeros(form.rows))
    setattr(ocp.constraints, f'uh{suffix}', np.full(form.rows, FAR))
    setattr(ocp.constraints, f'idxsh{suffix}', np.arange(form.rows))
    for side in 'lu':
        setattr(ocp.cost, f'z{side}{suffix}', form.weights.violation * weights)
        setattr(ocp.cost, f'Z{side}{suffix}', form.weights.violation_square * weights)
