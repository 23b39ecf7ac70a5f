# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled merit of starts: how it is generated, found and called."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import objective
from warmstart_planner import vehicle as vehicle_module
from warmstart_planner.generation import acados, c_layout, compilation, generated
from warmstart_planner.generation.options import generate_options
from warmstart_planner.generation.symbolic import numpy_on_symbols, write_c_code
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking import formulation
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters

NAME = 'merit'
LIBRARY = 'libmerit.so'
SOURCE = Path(__file__).with_name('merit.c')
DOUBLES = ctypes.POINTER(ctypes.c_double)


def key(vehicle: VehicleParameters, settings: ControllerSettings) -> dict[str, Any]:
    """Return all that the compiled merit depends on."""
    sources = (SOURCE, __file__, formulation.__file__, objective.__file__, vehicle_module.__file__)
    names = ('steps', 'dt', 'obstacles', 'violation', 'violation_square', 'friction_violation')
    return {
        **acados.toolchain(),
        'sources': generated.source_digest(*map(Path, sources)),
        'vehicle': vehicle.numbers,
        **{name: getattr(settings, name) for name in names},
    }


def generate(vehicle: VehicleParameters, settings: ControllerSettings) -> Path:
    """Generate and compile the merit unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        with numpy_on_symbols():
            function = _function(vehicle, settings)
        sizes = {
            'WORK_SIZE': max(
                getattr(function, f'sz_{kind}')() for kind in ('w', 'iw', 'arg', 'res')
            ),
            'STATES': (settings.steps + 1) * STATE_SIZE,
            'CONTROLS': settings.steps * CONTROL_SIZE,
        }
        (folder / 'sizes.h').write_text(c_layout.defines(sizes))
        write_c_code([function], folder, 'functions')
        acados.compile_library([SOURCE], folder / LIBRARY, includes=[folder])
        return [LIBRARY]

    return generated.generate(NAME, key(vehicle, settings), build)


def _function(vehicle: VehicleParameters, settings: ControllerSettings) -> Any:
    """Return merit(states, controls, parameters), a column each stage, as a CasADi function."""
    import casadi as ca

    steps, size = settings.steps, formulation.Layout(settings.obstacles).size
    x, u, p = (ca.SX.sym('stage', count) for count in (STATE_SIZE, CONTROL_SIZE, size))
    stage = ca.Function(
        'stage', [x, u, p], [ca.cse(formulation.stage_merit(x, u, p, vehicle, settings))]
    )
    end = ca.Function('end', [x, p], [ca.cse(formulation.end_merit(x, p, vehicle, settings))])
    states = ca.MX.sym('states', STATE_SIZE, steps + 1)
    controls = ca.MX.sym('controls', CONTROL_SIZE, steps)
    parameters = ca.MX.sym('parameters', size, steps + 1)
    path = ca.sum2(stage.map(steps)(states[:, :steps], controls, parameters[:, :steps]))
    total = settings.dt * path + end(states[:, steps], parameters[:, steps])
    return ca.Function('merit', [states, controls, parameters], [total])


class Merit:
    """
    The merit as a function of many starts.

    Raises:
        SolverMissingError: it is not generated for this car and these settings.

    """

    def __init__(self, vehicle: VehicleParameters, settings: ControllerSettings) -> None:
        folder = generated.require(NAME, key(vehicle, settings), generate_options(vehicle))
        acados.preload_libraries()
        functions = {'merits': (None, ctypes.c_int, *4 * [DOUBLES])}
        self._merits = compilation.open_library(folder / LIBRARY, functions).merits

    def __call__(
        self,
        states: NDArray[np.float64],
        controls: NDArray[np.float64],
        parameters: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the merits (K,) of states (K, N + 1, 5) and controls (K, N, 2), ego-centred."""
        result = np.empty(len(states))
        arrays = [np.ascontiguousarray(each) for each in (states, controls, parameters)]
        pointers = (each.ctypes.data_as(DOUBLES) for each in (*arrays, result))
        self._merits(len(states), *pointers)
        return result
