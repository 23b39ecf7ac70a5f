# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
SCP one start at a time on HPIPM: what the lanes replaced, kept to measure them against.

`hpipm_loop.c` has the same merit, trust region and penalty; its QPs are HPIPM's, partially
condensed, and it linearises about guesses that cannot be driven, with virtual controls.
"""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from warmstart_planner import objective, vehicle
from warmstart_planner.generation import acados, c_layout, compilation, generated
from warmstart_planner.generation.c_layout import fields
from warmstart_planner.generation.symbolic import numpy_on_symbols, write_c_code
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, Trajectory
from warmstart_planner.scp import functions
from warmstart_planner.scp.library import DOUBLES, ProblemStructure, pointer
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.scp.solver import BoundProblem, Score
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters

NAME = 'scp_loop'
LIBRARY = 'libscp_loop.so'
LOOP = Path(__file__).with_name('hpipm_loop.c')
HISTORY_COLUMNS = 8
WORK_SIZE = 4096  # numbers that the generated functions may need to work with
OWN_SETTINGS = {'defect_tolerance': 0.01, 'qp_tolerance': 1e-3, 'qp_blocks': 15}


class SettingsStructure(ctypes.Structure):
    """The lanes' settings that the loop has too, and its own."""

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
            'defect_tolerance',
            'penalty',
            'penalty_square',
            'defect_penalty',
            'qp_tolerance',
        ),
        ('state_scale', ctypes.c_double * STATE_SIZE),
        ('control_scale', ctypes.c_double * CONTROL_SIZE),
        *fields(
            ctypes.c_int,
            'iteration_limit',
            'qp_iteration_limit',
            'qp_blocks',
            'stall_limit',
            'penalty_raises',
        ),
    ]


class OutcomeStructure(ctypes.Structure):
    """How the loop ended."""

    _fields_ = [
        *fields(
            ctypes.c_int,
            'status',
            'iterations',
            'qp_iterations',
            'accepted',
            'virtual_iterations',
            'feasible',
        ),
        *fields(ctypes.c_double, 'cost', 'violation', 'defect', 'merit', 'penalty', 'seconds'),
    ]


LAYOUT = c_layout.header(
    ProblemStructure,
    SettingsStructure,
    OutcomeStructure,
    HISTORY_COLUMNS=HISTORY_COLUMNS,
    WORK_SIZE=WORK_SIZE,
)


def key(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> dict[str, Any]:
    """Return all that the compiled loop depends on."""
    sources = (LOOP, Path(functions.__file__))
    return {
        'vehicle': asdict(car),
        'weights': asdict(weights),
        'horizon': asdict(horizon),
        'sources': generated.source_digest(
            *sources, Path(objective.__file__), Path(vehicle.__file__)
        ),
        'layout': LAYOUT,
        **acados.toolchain(),
    }


def generate(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> Path:
    """Generate and compile the loop unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        with numpy_on_symbols():
            symbolic = functions.casadi_functions(car, weights, horizon.dt)
        needed = max(max(f.sz_w(), f.sz_iw()) for f in symbolic)
        if needed > WORK_SIZE:
            raise RuntimeError(
                f'functions need {needed} work numbers: expected at most {WORK_SIZE}'
            )
        write_c_code(symbolic, folder, 'functions')
        (folder / c_layout.HEADER).write_text(LAYOUT)
        acados.compile_library([LOOP], folder / LIBRARY, includes=[folder])
        return [LIBRARY]

    return generated.generate(NAME, key(car, weights, horizon), build)


@dataclass(frozen=True)
class LoopResult:
    """What of a result the comparison asks for; the names are those of `ScpResult`."""

    trajectory: Trajectory
    within_tolerance: bool
    score: Score
    iterations: int


@cache
def load(car: VehicleParameters, weights: CostWeights, horizon: Horizon) -> ctypes.CDLL:
    """
    Load the compiled loop.

    Raises:
        SolverMissingError: it is not generated for this car, cost and horizon.

    """
    folder = generated.require(NAME, key(car, weights, horizon))
    acados.preload_libraries()
    problem, settings = ctypes.POINTER(ProblemStructure), ctypes.POINTER(SettingsStructure)
    outcome = ctypes.POINTER(OutcomeStructure)
    workspace, seconds = ctypes.c_void_p, ctypes.c_double
    functions = {
        'scp_create': (workspace, ctypes.c_int),
        'scp_destroy': (None, workspace),
        'scp_roll_out': (None, workspace, problem, DOUBLES, DOUBLES),
        'scp_score': (None, workspace, problem, settings, DOUBLES, DOUBLES, DOUBLES),
        'scp_solve': (None, workspace, problem, settings, seconds, *4 * [DOUBLES], outcome),
    }
    return compilation.open_library(folder / LIBRARY, functions)


class HpipmLoop:
    """The loop for one car and horizon, with the lanes' settings and some of its own."""

    def __init__(
        self, vehicle: VehicleParameters, horizon: Horizon, weights: CostWeights | None = None
    ) -> None:
        """Generate the loop unless it is there, and allocate its workspace."""
        weights = weights or CostWeights()
        generate(vehicle, weights, horizon)
        self._library = load(vehicle, weights, horizon)
        self._settings = _settings_structure(weights)
        self._workspace = ctypes.c_void_p(self._library.scp_create(horizon.steps))
        if not self._workspace:
            raise MemoryError('SCP workspace could not be allocated')
        weakref.finalize(self, self._library.scp_destroy, self._workspace)

    def solve(self, bound: BoundProblem, start: Trajectory) -> LoopResult:
        """Refine a start; map frame."""
        states, controls = bound.localise(start)
        history = np.full((self._settings.iteration_limit, HISTORY_COLUMNS), np.nan)
        multiplier, outcome = np.zeros(1), OutcomeStructure()
        self._library.scp_solve(
            self._workspace,
            ctypes.byref(bound.structure),
            ctypes.byref(self._settings),
            np.inf,
            *(pointer(array) for array in (states, controls, multiplier, history)),
            ctypes.byref(outcome),
        )
        score = Score(outcome.merit, outcome.cost, outcome.violation, outcome.defect)
        trajectory = bound.globalise(states, controls)
        return LoopResult(trajectory, bool(outcome.feasible), score, outcome.iterations)


def _settings_structure(weights: CostWeights) -> SettingsStructure:
    structure = SettingsStructure()
    values = vars(ScpSettings()) | OWN_SETTINGS
    values |= {'penalty': weights.violation, 'penalty_square': weights.violation_square}
    for name, _ in SettingsStructure._fields_:
        value = values[name]
        if isinstance(value, tuple):
            getattr(structure, name)[:] = value
        else:
            setattr(structure, name, value)
    return structure
