# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Generate and compile the tracking solver. Nothing else in the controller needs a compiler.

What differs between acados versions is decided here, and in what this file defines for
solve_tracking.c: by looking at what the installed version offers, not by its number.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
from pathlib import Path
from typing import Any

import casadi
import numpy as np

from warmstart_planner.generation import acados, generated
from warmstart_planner.generation.symbolic import numpy_on_symbols
from warmstart_planner.learned.observation import library as observation_library
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking import formulation, merit_library
from warmstart_planner.mpc.tracking.solver import NAME, SOURCE, library_name, solver_key
from warmstart_planner.vehicle import (
    CONTROL_SIZE,
    SPEED,
    STATE_SIZE,
    STEERING,
    VehicleParameters,
    step,
)

HEADER = 'custom_update_function.h'
CONDENSED_STAGES = 5
FAR = 1e3  # upper bound of constraints that have only a lower one


def generate(vehicle: VehicleParameters, settings: ControllerSettings) -> Path:
    """
    Generate and compile whatever a controller needs and is not there; return the solver's folder.

    Raises:
        RuntimeError: the compiler failed.

    """

    def build(folder: Path) -> list[str]:
        _build(folder, vehicle, settings)
        return [library_name()]

    observation_library.generate(vehicle)
    merit_library.generate(vehicle, settings)
    return generated.generate(NAME, solver_key(vehicle, settings), build)


def _build(folder: Path, vehicle: VehicleParameters, settings: ControllerSettings) -> None:
    template = acados.import_acados_template()
    layout = formulation.Layout(settings.obstacles)
    ocp = template.AcadosOcp()
    ocp.model.name = NAME
    _set_horizon(ocp, settings)
    with numpy_on_symbols():
        _set_model(ocp, layout, vehicle, settings)
    _set_cost(ocp)
    _set_bounds(ocp, vehicle)
    _set_constraints(ocp, layout, settings)
    _set_options(ocp)
    _set_folder(ocp, folder)
    (folder / SOURCE.name).write_text(SOURCE.read_text())
    (folder / HEADER).write_text(_header(layout, settings))
    with contextlib.redirect_stdout(io.StringIO()):
        template.AcadosOcpSolver.generate(ocp, json_file=str(folder / f'{NAME}.json'))
    _compile(folder)


def _compile(folder: Path) -> None:
    command = ['make', '-C', str(folder), 'ocp_shared_lib']
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError('make is not installed: compiling a solver needs it') from None
    if done.returncode or not (folder / library_name()).is_file():
        raise RuntimeError(f'compiling the tracking solver failed:\n{done.stderr[-2000:]}')


def _set_horizon(ocp: Any, settings: ControllerSettings) -> None:
    if hasattr(ocp.solver_options, 'N_horizon'):
        ocp.solver_options.N_horizon = settings.steps
    else:
        ocp.dims.N = settings.steps
    ocp.solver_options.tf = settings.duration


def _set_model(
    ocp: Any,
    layout: formulation.Layout,
    vehicle: VehicleParameters,
    settings: ControllerSettings,
) -> None:
    model = ocp.model
    x = model.x = casadi.SX.sym('x', STATE_SIZE)
    u = model.u = casadi.SX.sym('u', CONTROL_SIZE)
    p = model.p = casadi.SX.sym('p', layout.size)
    ocp.parameter_values = np.zeros(layout.size)
    model.disc_dyn_expr = casadi.vertcat(*step(x, u, settings.dt, vehicle.wheelbase))
    path = casadi.vertcat(*formulation.residuals(x, u, p, vehicle.wheelbase))
    model.cost_y_expr = model.cost_y_expr_0 = path
    model.cost_y_expr_e = casadi.vertcat(*formulation.state_residuals(x, p, vehicle.wheelbase))
    separations = formulation.state_constraints(x, p, layout, vehicle)
    friction = formulation.friction_shares(x, u, p, vehicle)
    model.con_h_expr = casadi.vertcat(*separations, *friction)
    if hasattr(model, 'con_h_expr_0'):
        model.con_h_expr_0 = model.con_h_expr
    model.con_h_expr_e = casadi.vertcat(*separations)


def _set_cost(ocp: Any) -> None:
    sizes = {'_0': formulation.RESIDUALS, '': formulation.RESIDUALS}
    for suffix, size in {**sizes, '_e': formulation.STATE_RESIDUALS}.items():
        setattr(ocp.cost, f'cost_type{suffix}', 'NONLINEAR_LS')
        setattr(ocp.cost, f'W{suffix}', np.eye(size))
        setattr(ocp.cost, f'yref{suffix}', np.zeros(size))


def _set_bounds(ocp: Any, vehicle: VehicleParameters) -> None:
    constraints = ocp.constraints
    constraints.x0 = np.zeros(STATE_SIZE)
    constraints.idxbu = np.arange(CONTROL_SIZE)
    constraints.lbu, constraints.ubu = vehicle.control_lower, vehicle.control_upper
    bounded = np.array([SPEED, STEERING])
    for suffix in ('', '_e'):
        setattr(constraints, f'idxbx{suffix}', bounded)
        setattr(constraints, f'lbx{suffix}', vehicle.state_lower[bounded])
        setattr(constraints, f'ubx{suffix}', vehicle.state_upper[bounded])


def _set_constraints(ocp: Any, layout: formulation.Layout, settings: ControllerSettings) -> None:
    separations, friction = layout.state_constraints, formulation.FRICTION_ROWS
    rows = {'': (separations, friction), '_e': (separations, 0)}
    if hasattr(ocp.model, 'con_h_expr_0'):
        rows['_0'] = rows['']
    for suffix, counts in rows.items():
        linear = np.repeat([settings.violation, settings.friction_violation], counts)
        setattr(ocp.constraints, f'lh{suffix}', np.repeat([0.0, -1.0], counts))
        setattr(ocp.constraints, f'uh{suffix}', np.repeat([FAR, 1.0], counts))
        setattr(ocp.constraints, f'idxsh{suffix}', np.arange(sum(counts)))
        for side in 'lu':
            setattr(ocp.cost, f'z{side}{suffix}', linear)
            setattr(ocp.cost, f'Z{side}{suffix}', np.full(sum(counts), settings.violation_square))


def _set_options(ocp: Any) -> None:
    options = ocp.solver_options
    options.integrator_type = 'DISCRETE'
    options.hessian_approx = 'GAUSS_NEWTON'
    options.nlp_solver_type = 'SQP_RTI'
    options.qp_solver = 'PARTIAL_CONDENSING_HPIPM'
    options.qp_solver_cond_N = CONDENSED_STAGES
    options.qp_solver_iter_max = 50
    options.qp_tol = 1e-4
    options.hpipm_mode = 'SPEED'
    options.print_level = 0


def _set_folder(ocp: Any, folder: Path) -> None:
    ocp.code_export_directory = str(folder)
    ocp.solver_options.custom_update_filename = SOURCE.name
    ocp.solver_options.custom_update_header_filename = HEADER
    ocp.solver_options.custom_update_copy = False


def _header(layout: formulation.Layout, settings: ControllerSettings) -> str:
    """Sizes and the C interface's argument order, for solve_tracking.c."""
    interface = (acados.include_directories()[0] / 'acados_c' / 'ocp_nlp_interface.h').read_text()

    def takes(function: str, kind: str) -> bool:
        declared = re.search(rf'\b{function}\((.*?)\)', interface, re.DOTALL)
        if declared is None:
            raise RuntimeError(
                f'acados has no {function}: expected a version with its C interface'
            )
        return kind in declared[1]

    both_out = takes('ocp_nlp_out_set', 'ocp_nlp_in')
    both_in = takes('ocp_nlp_constraints_model_set', 'ocp_nlp_out')
    with_config = takes('ocp_nlp_get', 'ocp_nlp_config')
    definitions = {
        'SOLVER(name)': f'{NAME}##name',
        'STAGES': settings.steps,
        'STATES': STATE_SIZE,
        'CONTROLS': CONTROL_SIZE,
        'PARAMETERS': layout.size,
        'OUT_ARGUMENTS(in, out)': 'out, in' if both_out else 'out',
        'IN_ARGUMENTS(in, out)': 'in, out' if both_in else 'in',
        'GET_ARGUMENTS(config, solver)': 'config, solver' if with_config else 'solver',
    }
    capsule = f'{NAME}_solver_capsule *capsule'
    lines = [
        '#ifndef CUSTOM_UPDATE_FUNCTION_H_',
        '#define CUSTOM_UPDATE_FUNCTION_H_',
        f'#include "acados_solver_{NAME}.h"',
        *(f'#define {name} {value}' for name, value in definitions.items()),
        f'int custom_update_init_function({capsule});',
        f'int custom_update_function({capsule}, double *data, int data_len);',
        f'int custom_update_terminate_function({capsule});',
        '#endif',
    ]
    return '\n'.join(lines) + '\n'
