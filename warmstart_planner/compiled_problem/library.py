# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The library of problem.c: how it is generated, found and called."""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import blockage, objective, problem, road, targets, transcription, vehicle
from warmstart_planner.compiled_problem.structures import (
    STRUCTURES,
    LatticeStructure,
    MarginsStructure,
    NumbersStructure,
    ProblemStructure,
    ShiftStructure,
    margins_structure,
    structure_of,
    targeted,
)
from warmstart_planner.generation import c_layout, compilation, generated
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.transcription import Frame, Margins, Transcription, arrival_windows
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

NAME = 'problem'
LIBRARY = 'libproblem.so'
SOURCE = Path(__file__).with_name('problem.c')
CONSTANTS = {
    road: ('LOCAL', 'AGAINST', 'SAME_PLACE', 'LOCAL_TURN'),
    blockage: ('STANDING_MOTION',),
    transcription: (
        'BEHIND',
        'BEYOND',
        'FARTHEST',
        'LEAST_SPEED',
        'FAST_ACCELERATION',
        'RETURN_USE',
        'STEP_WINDOW',
        'FINE_RADIUS',
    ),
    targets: ('GOAL_APPROACH', 'LATERAL_COMFORT', 'LATERAL_MOST', 'COMFORT_DECELERATION'),
    objective: ('ANCHORS', 'OBSTACLE_PARAMETERS'),
    problem: ('MAX_OBSTACLES',),
    vehicle: ('GRAVITY', 'SPEED'),
}

_log = logging.getLogger(__name__)

LAYOUT = c_layout.header(*STRUCTURES)


def constants() -> str:
    """Return the constants of the Python modules as C's."""
    numbers = c_layout.constants_of(CONSTANTS)
    numbers |= {f'BLOCKAGE_{name}': getattr(blockage, name) for name in ('BEHIND', 'DISTANCE')}
    numbers |= {
        'STATES': STATE_SIZE,
        'CONTROLS': CONTROL_SIZE,
        'ANCHOR_SIZE': len(objective.ANCHOR_FIELDS),
    }
    return c_layout.defines(numbers)


def key() -> dict[str, Any]:
    """Return all that the library depends on: no vehicle, no horizon."""
    return {
        'sources': generated.source_digest(*sorted(SOURCE.parent.glob('*.c'))),
        'constants': constants(),
        'layout': LAYOUT,
        **compilation.toolchain(compilation.C),
    }


def generate() -> Path:
    """Compile the library unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        (folder / 'constants.h').write_text(constants())
        (folder / c_layout.HEADER).write_text(LAYOUT)
        options = [f'-I{folder}', '-lm']
        compilation.compile_library(compilation.C, [SOURCE], folder / LIBRARY, options)
        return [LIBRARY]

    return generated.generate(NAME, key(), build)


@cache
def load() -> ctypes.CDLL | None:
    """Return the library; None where it is not generated, which a warning tells once."""
    try:
        folder = generated.require(NAME, key())
    except SolverMissingError as error:
        _log.warning('numpy reads problems, which takes longer: %s', error)
        return None
    problem, margins, numbers, lattice, shift = map(
        ctypes.POINTER,
        (
            ProblemStructure,
            MarginsStructure,
            NumbersStructure,
            LatticeStructure,
            ShiftStructure,
        ),
    )
    functions = {
        'transcribe': (ctypes.c_int, problem, margins, numbers),
        'build_lattice': (None, problem, margins, lattice),
        'shift_plans': (None, problem, shift),
    }
    return compilation.open_library(folder / LIBRARY, functions)


def transcribe(problem: PlanningProblem, margins: Margins) -> Transcription | None:
    """
    Return the numbers of a problem, as `transcription.by_numpy`; None where nothing is compiled.

    The problem's own `here` and `blocked_station` are known from then on.

    Raises:
        MemoryError: there is none.

    """
    library = load()
    if library is None:
        return None
    given = targeted(problem)
    made, addresses = _arrays(len(problem.obstacles), problem.horizon.steps + 1)
    if library.transcribe(given, margins_structure(margins), NumbersStructure(*addresses)):
        raise MemoryError('there is no memory for the stations of the road ahead')
    _remember(problem, given)
    return Transcription(Frame(*given.state[:3]), *made, arrival_windows(problem))


def build_lattice(problem: PlanningProblem, margins: Margins, lattice: LatticeStructure) -> bool:
    """Fill a lattice in, as `lattice.by_numpy`; False where nothing is compiled."""
    library = load()
    if library is None:
        return False
    given = targeted(problem)
    library.build_lattice(given, margins_structure(margins), lattice)
    _remember(problem, given)
    return True


def shift(problem: PlanningProblem, plans: ShiftStructure) -> bool:
    """Move plans on, as `shifted.by_numpy`; False where nothing is compiled."""
    library = load()
    if library is None:
        return False
    given = structure_of(problem)
    library.shift_plans(given, plans)
    problem.__dict__['here'] = given.here
    return True


def _remember(problem: PlanningProblem, given: ProblemStructure) -> None:
    """Keep what compiled code has found out about a problem."""
    problem.__dict__.update(here=given.here, blocked_station=given.blocked_station)


def _arrays(obstacles: int, nodes: int) -> tuple[list[NDArray[np.float64]], list[int]]:
    """Return arrays for the fields of a transcription, which share one memory, and where."""
    places = _places(obstacles, nodes)
    memory = np.empty(places[-1][1])
    first, size = memory.ctypes.data, memory.itemsize
    arrays = [memory[begin:end].reshape(shape) for begin, end, shape in places]
    return arrays, [first + size * begin for begin, *_ in places]


@cache
def _places(obstacles: int, nodes: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return where a transcription's arrays begin and end, and their shapes."""
    shapes = (
        (STATE_SIZE,),
        (objective.ROAD_PARAMETERS,),
        (obstacles, nodes, objective.OBSTACLE_PARAMETERS),
        (nodes, STATE_SIZE),
        (nodes, STATE_SIZE),
    )
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes]).tolist()
    return list(zip([0, *ends[:-1]], ends, shapes, strict=True))
