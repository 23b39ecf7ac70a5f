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
from warmstart_planner.generation import compilation, generated
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
    """Mirrors `problem_t` of lanes/problem.hpp."""

    _fields_ = [
        ('steps', ctypes.c_int),
        ('obstacle_count', ctypes.c_int),
        ('dt', ctypes.c_double),
        *(
            (name, DOUBLES)
            for name in (
                'initial_state',
                'road',
                'obstacles',
                'obstacle_reach',
                'state_lower',
                'state_upper',
            )
        ),
        ('control_lower', ctypes.c_double * CONTROL_SIZE),
        ('control_upper', ctypes.c_double * CONTROL_SIZE),
        ('car_reach', ctypes.c_double),
        ('car_center', ctypes.c_double),
        ('wheelbase', ctypes.c_double),
    ]


PROBLEMS = ctypes.POINTER(ctypes.POINTER(ProblemStructure))


class SettingsStructure(ctypes.Structure):
    """Mirrors `settings_t` of lanes/search.hpp."""

    _fields_ = [
        *(
            (name, ctypes.c_double)
            for name in (
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
            )
        ),
        ('state_scale', ctypes.c_double * STATE_SIZE),
        ('control_scale', ctypes.c_double * CONTROL_SIZE),
        *(
            (name, ctypes.c_int)
            for name in (
                'iteration_limit',
                'qp_iterations',
                'qp_iteration_limit',
                'stall_limit',
                'penalty_raises',
            )
        ),
    ]


class OutcomeStructure(ctypes.Structure):
    """Mirrors `outcome_t` of lanes/search.hpp."""

    _fields_ = [
        *(
            (name, ctypes.c_int)
            for name in ('status', 'iterations', 'qp_iterations', 'accepted', 'feasible')
        ),
        *(
            (name, ctypes.c_double)
            for name in ('cost', 'violation', 'merit', 'penalty', 'multiplier', 'seconds')
        ),
    ]


class TaskStructure(ctypes.Structure):
    """Mirrors `task_t` of lanes/solver.hpp."""

    _fields_ = [
        ('problem', PROBLEMS),
        ('settings', ctypes.POINTER(SettingsStructure)),
        ('seconds', ctypes.c_double),
        *((name, ctypes.c_int) for name in ('wide', 'stragglers', 'count')),
        *((name, DOUBLES) for name in ('states', 'controls', 'multiplier', 'history')),
        ('outcome', ctypes.POINTER(OutcomeStructure)),
    ]


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
        'casadi': casadi.__version__,
        **compilation.toolchain(compilation.CPP),
    }


def generate(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> Path:
    """Generate and compile the lanes unless they are current; return their folder."""

    def build(folder: Path) -> list[str]:
        from warmstart_planner.scp.templates import SOURCE, write_templates

        with numpy_on_symbols():
            write_templates(car, weights, horizon, folder)
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
