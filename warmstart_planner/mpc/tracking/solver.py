# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The generated tracking solver, called through one flat buffer.

The compiled library is loaded directly: neither CasADi nor acados_template is needed to drive.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import objective
from warmstart_planner import vehicle as vehicle_module
from warmstart_planner.generation import acados, generated
from warmstart_planner.generation.options import generate_options
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking import formulation
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters

NAME = 'tracking'
SOURCE = Path(__file__).with_name('solve_tracking.c')
# the order of solve_tracking.c
ITERATIONS_MAX, TOLERANCE, TIME_LIMIT, RESET, HEADER_SIZE = range(5)
STATUS, QP_STATUS, ITERATIONS, CHANGE, RESIDUAL, SOLVE_TIME, RESULTS_SIZE = range(7)
STATUS_NAMES = {
    0: 'solved',
    1: 'failure',
    2: 'iteration_limit',
    3: 'minimum_step',
    4: 'qp_failure',
    100: 'not_finite',
    101: 'time_limit',
}
# ended early, yet at a finite iterate of solved QPs
USABLE = ('solved', 'iteration_limit', 'time_limit')


@dataclass(frozen=True)
class Solution:
    """
    What a solve gave: ego-centred states (N + 1, 5) and controls (N, 2), and how it ended.

    `change` is the largest change of a state or control in the last iteration, `residual` the
    largest KKT residual (NaN where not solved), `solve_time` in seconds.
    """

    states: NDArray[np.float64]
    controls: NDArray[np.float64]
    status: str
    iterations: int
    change: float
    residual: float
    solve_time: float

    @property
    def usable(self) -> bool:
        """Whether its controls may reach the car."""
        return self.status in USABLE


def library_name() -> str:
    """File name of the compiled solver in its folder."""
    return f'libacados_ocp_solver_{NAME}.so'


def solver_key(vehicle: VehicleParameters, settings: ControllerSettings) -> dict[str, Any]:
    """Return all that the generated code depends on; its hash names the solver's folder."""
    generator = Path(__file__).with_name('generate.py')
    sources = [
        SOURCE,
        generator,
        formulation.__file__,
        objective.__file__,
        vehicle_module.__file__,
    ]
    return {
        **acados.toolchain(),
        'sources': generated.source_digest(*(Path(source) for source in sources)),
        'vehicle': vehicle.numbers,
        'steps': settings.steps,
        'dt': settings.dt,
        'obstacles': settings.obstacles,
        'violation': settings.violation,
        'violation_square': settings.violation_square,
        'friction_violation': settings.friction_violation,
    }


class TrackingSolver:
    """
    The compiled solver with its memory.

    Raises:
        SolverMissingError: it was not generated, or for something else.

    """

    def __init__(self, settings: ControllerSettings, vehicle: VehicleParameters) -> None:
        folder = generated.require(NAME, solver_key(vehicle, settings), generate_options(vehicle))
        self._steps = settings.steps
        self._parameters = formulation.Layout(settings.obstacles).size
        self._open(folder / library_name())
        self._allocate()
        self._reset_wanted = True

    def _open(self, path: Path) -> None:
        acados.preload_libraries()
        library = ctypes.CDLL(str(path))
        create_capsule = getattr(library, f'{NAME}_acados_create_capsule')
        create_capsule.restype = ctypes.c_void_p
        create = getattr(library, f'{NAME}_acados_create')
        create.argtypes = [ctypes.c_void_p]
        self._solve = getattr(library, f'{NAME}_acados_custom_update')
        self._solve.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        self._free = [
            getattr(library, f'{NAME}_acados_{name}') for name in ('free', 'free_capsule')
        ]
        for free in self._free:
            free.argtypes = [ctypes.c_void_p]
        self._capsule = create_capsule()
        if create(self._capsule) != 0:
            raise RuntimeError(f'acados could not set up the solver {path}')

    def _allocate(self) -> None:
        nodes = self._steps + 1
        shapes = {
            'header': (HEADER_SIZE,),
            'initial_state': (STATE_SIZE,),
            'parameters': (nodes, self._parameters),
            'states': (nodes, STATE_SIZE),
            'controls': (self._steps, CONTROL_SIZE),
            'results': (RESULTS_SIZE,),
        }
        self._buffer = np.zeros(sum(int(np.prod(shape)) for shape in shapes.values()))
        self._part = {}
        first = 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            self._part[name] = self._buffer[first : first + size].reshape(shape)
            first += size

    def solve(
        self,
        initial_state: NDArray[np.float64],
        parameters: NDArray[np.float64],
        states: NDArray[np.float64],
        controls: NDArray[np.float64],
        iterations_max: int,
        tolerance: float,
        time_limit: float,
    ) -> Solution:
        """
        Solve from a start.

        Args:
            initial_state: shape (5,), ego-centred.
            parameters: shape (N + 1, Layout.size).
            states: start of the states, shape (N + 1, 5).
            controls: start of the controls, shape (N, 2).
            iterations_max: 1 for one real-time iteration.
            tolerance: on the largest KKT residual, to call it solved.
            time_limit: checked between iterations [s].

        Returns:
            The solution. After one that is not usable, all memory of the solver is reset before
            the next solve: a failed QP leaves NaN behind.

        """
        part = self._part
        part['header'][:] = (iterations_max, tolerance, time_limit, self._reset_wanted)
        part['initial_state'][:] = initial_state
        part['parameters'][:] = parameters
        part['states'][:] = states
        part['controls'][:] = controls
        part['results'][:] = np.nan
        self._solve(self._capsule, self._buffer.ctypes.data, len(self._buffer))
        results = part['results']
        code = int(results[STATUS]) if np.isfinite(results[STATUS]) else 1
        solution = Solution(
            states=part['states'].copy(),
            controls=part['controls'].copy(),
            status=STATUS_NAMES.get(code, f'acados_{code}'),
            iterations=int(np.nan_to_num(results[ITERATIONS])),
            change=float(results[CHANGE]),
            residual=float(results[RESIDUAL]),
            solve_time=float(results[SOLVE_TIME]),
        )
        self._reset_wanted = not solution.usable
        return solution

    def reset(self) -> None:
        """Forget everything, QP memory included, before the next solve."""
        self._reset_wanted = True

    def __del__(self) -> None:
        """Free the solver's memory."""
        if getattr(self, '_capsule', None):
            for free in self._free:
                free(self._capsule)
            self._capsule = None
