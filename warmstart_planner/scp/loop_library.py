# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The loop of loop.c on HPIPM: how it is generated, found and called."""

from __future__ import annotations

import ctypes
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from warmstart_planner import acados, generated, objective, vehicle
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.symbolic import numpy_on_symbols
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters

NAME = 'scp_loop'
LIBRARY = 'libscp_loop.so'
LOOP = Path(__file__).with_name('loop.c')
HISTORY_COLUMNS = 8
WORK_SIZE = 4096  # of loop.c
DOUBLES = ctypes.POINTER(ctypes.c_double)


class SettingsStructure(ctypes.Structure):
    """Mirrors `settings_t` of loop.c."""

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
                'defect_tolerance',
                'penalty',
                'penalty_square',
                'defect_penalty',
                'qp_tolerance',
            )
        ),
        ('state_scale', ctypes.c_double * STATE_SIZE),
        ('control_scale', ctypes.c_double * CONTROL_SIZE),
        *(
            (name, ctypes.c_int)
            for name in (
                'iteration_limit',
                'qp_iteration_limit',
                'qp_blocks',
                'stall_limit',
                'penalty_raises',
            )
        ),
    ]


class ProblemStructure(ctypes.Structure):
    """Mirrors `problem_t` of loop.c."""

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


class OutcomeStructure(ctypes.Structure):
    """Mirrors `outcome_t` of loop.c."""

    _fields_ = [
        *(
            (name, ctypes.c_int)
            for name in (
                'status',
                'iterations',
                'qp_iterations',
                'accepted',
                'virtual_iterations',
                'feasible',
            )
        ),
        *(
            (name, ctypes.c_double)
            for name in ('cost', 'violation', 'defect', 'merit', 'penalty', 'seconds')
        ),
    ]


def key(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> dict[str, Any]:
    """Return all that the compiled loop depends on."""
    sources = (LOOP, Path(__file__).with_name('functions.py'))
    return {
        'vehicle': asdict(car),
        'weights': asdict(weights),
        'horizon': asdict(horizon),
        'sources': generated.source_digest(
            *sources, Path(objective.__file__), Path(vehicle.__file__)
        ),
        **acados.toolchain(),
    }


def generate(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> Path:
    """Generate and compile the loop unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        from warmstart_planner.scp import functions

        with numpy_on_symbols():
            symbolic = functions.casadi_functions(car, weights, horizon.dt)
        needed = max(max(f.sz_w(), f.sz_iw()) for f in symbolic)
        if needed > WORK_SIZE:
            raise RuntimeError(f'functions need {needed} work numbers: loop.c has {WORK_SIZE}')
        functions.write_c_code(symbolic, folder, 'functions')
        acados.compile_library([LOOP], folder / LIBRARY, includes=[folder])
        return [LIBRARY]

    return generated.generate(NAME, key(car, weights, horizon), build)


@cache
def load(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> ctypes.CDLL:
    """
    Load the compiled loop.

    Raises:
        SolverMissingError: it is not generated for this car, cost and horizon.

    """
    folder = generated.require(NAME, key(car, weights, horizon))
    acados.preload_libraries()
    library = ctypes.CDLL(str(folder / LIBRARY))
    problem, settings = ctypes.POINTER(ProblemStructure), ctypes.POINTER(SettingsStructure)
    library.scp_create.argtypes = [ctypes.c_int]
    library.scp_create.restype = ctypes.c_void_p
    library.scp_destroy.argtypes = [ctypes.c_void_p]
    library.scp_destroy.restype = None
    library.scp_roll_out.argtypes = [ctypes.c_void_p, problem, DOUBLES, DOUBLES]
    library.scp_roll_out.restype = None
    library.scp_score.argtypes = [ctypes.c_void_p, problem, settings, DOUBLES, DOUBLES, DOUBLES]
    library.scp_score.restype = None
    library.scp_solve.argtypes = [
        ctypes.c_void_p,
        problem,
        settings,
        ctypes.c_double,
        *[DOUBLES] * 4,
        ctypes.POINTER(OutcomeStructure),
    ]
    library.scp_solve.restype = None
    return library


def pointer(array: np.ndarray) -> Any:
    """Address of a contiguous float array, as C's `double *`."""
    return array.ctypes.data_as(DOUBLES)
