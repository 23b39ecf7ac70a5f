# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled lanes of SCP: how they are generated, found and called."""

from __future__ import annotations

import ctypes
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import casadi
import numpy as np

from warmstart_planner import objective, vehicle
from warmstart_planner.generation import c_layout, compilation, generated
from warmstart_planner.generation.c_layout import address_of, fields
from warmstart_planner.generation.options import generate_options
from warmstart_planner.generation.symbolic import numpy_on_symbols
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters

NAME = 'scp'
LIBRARY = 'libscp.so'
LANES = Path(__file__).with_name('lanes')
INTERFACE = LANES / 'interface.cpp'
HISTORY_COLUMNS = 7
SCORE_COLUMNS = 4
DOUBLES = ctypes.POINTER(ctypes.c_double)


class ProblemStructure(ctypes.Structure):
    """
    A problem as the lanes read it, in its own frame.

    Arrays: `initial_state` (STATE_SIZE,), `road` (ROAD_PARAMETERS,), `obstacles` (obstacle_count,
    steps + 1, OBSTACLE_PARAMETERS), `obstacle_reach` (obstacle_count,): radius of a circle about
    each obstacle, with margin [m]; bounds of states (steps + 1, STATE_SIZE); `windows` (steps + 1,
    WINDOW_FIELDS): where each node is wanted. `car_reach` is the
    radius of a circle about the car's box, `car_center` the distance of its centre ahead of the
    rear axle.
    """

    _fields_ = [
        *fields(ctypes.c_int, 'steps', 'obstacle_count'),
        ('dt', ctypes.c_double),
        *fields(
            address_of('const double'),
            'initial_state',
            'road',
            'obstacles',
            'obstacle_reach',
            'state_lower',
            'state_upper',
            'windows',
        ),
        *fields(ctypes.c_double * CONTROL_SIZE, 'control_lower', 'control_upper'),
        *fields(ctypes.c_double, 'car_reach', 'car_center', 'wheelbase'),
    ]


PROBLEMS = ctypes.POINTER(ctypes.POINTER(ProblemStructure))


class SettingsStructure(ctypes.Structure):
    """The settings of `ScpSettings`, and the prices of the merit."""

    _fields_ = [
        *fields(
            ctypes.c_double,
            'initial_radius',
            'smallest_radius',
            'largest_radius',
            'accept_ratio',
            'shrink_ratio',
            'grow_ratio',
            'shrink_factor',
            'grow_factor',
            'step_tolerance',
            'merit_tolerance',
            'violation_tolerance',
            'penalty',
            'penalty_square',
            'defect_penalty',
            'qp_complementarity',
            'qp_gap',
        ),
        ('state_scale', ctypes.c_double * STATE_SIZE),
        ('control_scale', ctypes.c_double * CONTROL_SIZE),
        *fields(
            ctypes.c_int,
            'iteration_limit',
            'qp_iterations',
            'qp_iteration_limit',
            'stall_limit',
            'penalty_raises',
        ),
    ]


class OutcomeStructure(ctypes.Structure):
    """How a search ended."""

    _fields_ = [
        *fields(ctypes.c_int, 'status', 'iterations', 'qp_iterations', 'accepted', 'feasible'),
        *fields(ctypes.c_double, 'cost', 'violation', 'merit', 'penalty', 'multiplier', 'seconds'),
    ]


class TaskStructure(ctypes.Structure):
    """
    What is asked, and where the answers go.

    `seconds` are for all iterations; `wide`: lanes of float, or one lane of double; as few
    unfinished searches as `stragglers` are not waited for; `count` starts. All arrays are by
    start: `states` and `controls` hold the starts before and the refined trajectories after;
    `history` has a row of HISTORY_COLUMNS for each of iteration_limit iterations: merit,
    violation, radius, ratio, whether the QP was solved, its iterations, seconds.
    """

    _fields_ = [
        ('problem', address_of('const problem_t *const')),
        ('settings', address_of('const settings_t')),
        ('seconds', ctypes.c_double),
        *fields(ctypes.c_int, 'wide', 'stragglers', 'count'),
        *fields(address_of('double'), 'states', 'controls'),
        ('multiplier', address_of('const double')),
        ('history', address_of('double')),
        ('outcome', address_of('outcome_t')),
    ]


LAYOUT = c_layout.header(
    ProblemStructure,
    SettingsStructure,
    OutcomeStructure,
    TaskStructure,
    HISTORY_COLUMNS=HISTORY_COLUMNS,
    SCORE_COLUMNS=SCORE_COLUMNS,
)


def key(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> dict[str, Any]:
    """Return all that the compiled lanes depend on, the processor included."""
    here = Path(__file__)
    sources = (
        *sorted(LANES.iterdir()),
        here.with_name('functions.py'),
        here.with_name('lane_code.py'),
        here.with_name('templates.py'),
        Path(objective.__file__),
        Path(vehicle.__file__),
    )
    return {
        'vehicle': car.numbers,
        'weights': asdict(weights),
        'horizon': asdict(horizon),
        'sources': generated.source_digest(*sources),
        'layout': LAYOUT,
        'casadi': casadi.__version__,
        **compilation.toolchain(compilation.CPP),
    }


def generate(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> Path:
    """Generate and compile the lanes unless they are current; return their folder."""

    def build(folder: Path) -> list[str]:
        from warmstart_planner.scp.templates import SOURCE, write_templates

        with numpy_on_symbols():
            write_templates(car, weights, horizon, folder)
        (folder / c_layout.HEADER).write_text(LAYOUT)
        sources = [INTERFACE, folder / SOURCE]
        compilation.compile_library(
            compilation.CPP, sources, folder / LIBRARY, include_options(folder)
        )
        return [LIBRARY]

    return generated.generate(NAME, key(car, weights, horizon), build)


def include_options(folder: Path) -> list[str]:
    """Return the compiler's options that find the lanes' headers, generated ones in a folder."""
    return [f'-I{LANES}', f'-I{folder}']


@cache
def load(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> ctypes.CDLL:
    """
    Load the compiled lanes.

    Raises:
        SolverMissingError: they are not generated for this car, cost and horizon, or not for this
            machine's processor.

    """
    options = generate_options(car, weights, horizon)
    folder = generated.require(NAME, key(car, weights, horizon), options)
    workspace, count = ctypes.c_void_p, ctypes.c_int
    settings, task = ctypes.POINTER(SettingsStructure), ctypes.POINTER(TaskStructure)
    functions = {
        'scp_width': (ctypes.c_int,),
        'scp_create': (workspace,),
        'scp_destroy': (None, workspace),
        'scp_roll_out': (None, workspace, PROBLEMS, count, DOUBLES, DOUBLES),
        'scp_score': (None, workspace, PROBLEMS, settings, count, *3 * [DOUBLES]),
        'scp_solve': (None, workspace, task, DOUBLES),
    }
    return compilation.open_library(folder / LIBRARY, functions)


def pointer(array: np.ndarray) -> Any:
    """Address of a contiguous float array, as C's `double *`."""
    return array.ctypes.data_as(DOUBLES)
