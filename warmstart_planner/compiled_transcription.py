# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled transcription: how it is generated, found and called."""

from __future__ import annotations

import ctypes
import logging
from dataclasses import astuple, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import blockage, objective, problem, road, targets, vehicle
from warmstart_planner import transcription as numpy_transcription
from warmstart_planner.generation import c_layout, compilation, generated
from warmstart_planner.generation.c_layout import address_of, numbers_of
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.obstacles import sizes_of
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.road import Road
from warmstart_planner.targets import Target
from warmstart_planner.transcription import (
    Frame,
    Margins,
    Transcription,
    arrival_windows,
)
from warmstart_planner.vehicle import STATE_SIZE, VehicleParameters

NAME = 'transcription'
LIBRARY = 'libtranscription.so'
SOURCE = Path(__file__).with_name('transcription.c')
CONSTANTS = {
    road: ('LOCAL', 'AGAINST', 'SAME_PLACE', 'LOCAL_TURN'),
    blockage: ('STANDING_MOTION',),
    numpy_transcription: (
        'BEHIND',
        'BEYOND',
        'FARTHEST',
        'LEAST_SPEED',
        'FAST_ACCELERATION',
        'RETURN_USE',
        'STEP_WINDOW',
    ),
    targets: ('GOAL_APPROACH', 'LATERAL_COMFORT', 'LATERAL_MOST', 'COMFORT_DECELERATION'),
    objective: ('ANCHORS', 'OBSTACLE_PARAMETERS'),
    problem: ('MAX_OBSTACLES',),
    vehicle: ('GRAVITY', 'SPEED'),
}
UNKNOWN = float('nan')

_log = logging.getLogger(__name__)


class RoadStructure(ctypes.Structure):
    """Where the arrays of a `Road` lie."""

    _fields_ = [
        *c_layout.fields(address_of('const double'), *(field.name for field in fields(Road))),
        ('vertices', ctypes.c_int),
    ]


class VehicleStructure(ctypes.Structure):
    """A `VehicleParameters`."""

    _fields_ = numbers_of(VehicleParameters)


class MarginsStructure(ctypes.Structure):
    """A `Margins`."""

    _fields_ = numbers_of(Margins)


class TargetStructure(ctypes.Structure):
    """A `Target`."""

    _fields_ = c_layout.fields(ctypes.c_double, *Target._fields)


class ProblemStructure(ctypes.Structure):
    """
    A `PlanningProblem`; a station that is not known is NaN.

    `counts` of each obstacle's `poses` (x, y, yaw), which follow each other; `sizes`: obstacles x
    size_nodes x 3.
    """

    _fields_ = [
        ('road', RoadStructure),
        ('vehicle', VehicleStructure),
        ('margins', MarginsStructure),
        ('target', TargetStructure),
        ('state', ctypes.c_double * STATE_SIZE),
        *c_layout.fields(ctypes.c_double, 'friction', 'station', 'dt'),
        *c_layout.fields(ctypes.c_int, 'steps', 'obstacles', 'size_nodes'),
        ('counts', address_of('const int')),
        *c_layout.fields(address_of('const double'), 'poses', 'sizes'),
    ]


class NumbersStructure(ctypes.Structure):
    """Where the fields of a `Transcription` go; what is found out about the road on the way."""

    _fields_ = [
        *c_layout.fields(
            address_of('double'),
            *('initial_state', 'road', 'obstacles', 'state_lower', 'state_upper'),
        ),
        *c_layout.fields(ctypes.c_double, 'here', 'blocked_station'),
    ]


LAYOUT = c_layout.header(
    RoadStructure,
    VehicleStructure,
    MarginsStructure,
    TargetStructure,
    ProblemStructure,
    NumbersStructure,
)


def constants() -> str:
    """Return the constants of the Python modules as C's."""
    numbers = {
        name: getattr(module, name) for module, names in CONSTANTS.items() for name in names
    }
    numbers |= {f'BLOCKAGE_{name}': getattr(blockage, name) for name in ('BEHIND', 'DISTANCE')}
    numbers |= {'STATES': STATE_SIZE, 'ANCHOR_SIZE': len(objective.ANCHOR_FIELDS)}
    return ''.join(f'#define {name} {value!r}\n' for name, value in numbers.items())


def key() -> dict[str, Any]:
    """Return all that the compiled transcription depends on: no vehicle, no horizon."""
    return {
        'sources': generated.source_digest(SOURCE),
        'constants': constants(),
        'layout': LAYOUT,
        **compilation.toolchain(compilation.C),
    }


def generate() -> Path:
    """Compile the transcription unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        (folder / 'constants.h').write_text(constants())
        (folder / c_layout.HEADER).write_text(LAYOUT)
        options = [f'-I{folder}', '-lm']
        compilation.compile_library(compilation.C, [SOURCE], folder / LIBRARY, options)
        return [LIBRARY]

    return generated.generate(NAME, key(), build)


@cache
def load() -> Any:
    """Return the compiled function; None where it is not generated, which a warning tells once."""
    try:
        folder = generated.require(NAME, key())
    except SolverMissingError as error:
        _log.warning('numpy transcribes problems, which takes longer: %s', error)
        return None
    problem, numbers = ctypes.POINTER(ProblemStructure), ctypes.POINTER(NumbersStructure)
    functions = {'transcribe': (ctypes.c_int, problem, numbers)}
    return compilation.open_library(folder / LIBRARY, functions).transcribe


def transcribe(problem: PlanningProblem, margins: Margins) -> Transcription | None:
    """
    Return the numbers of a problem, as `transcription.by_numpy`; None where nothing is compiled.

    The problem's own `here` and `blocked_station` are known from then on.

    Raises:
        MemoryError: there is none.

    """
    call = load()
    if call is None:
        return None
    obstacles, nodes = problem.obstacles, problem.horizon.steps + 1
    sizes = sizes_of(obstacles, nodes) if obstacles else np.empty((0, 1, 3))
    poses = np.concatenate([o.poses for o in obstacles]) if obstacles else np.empty((0, 3))
    counts = (ctypes.c_int * len(obstacles))(*(len(o.poses) for o in obstacles))
    state = problem.initial_state.tolist()
    given = ProblemStructure(
        _road(problem.road),
        _vehicle(problem.vehicle),
        _margins(margins),
        problem.target,
        tuple(state),
        problem.friction,
        UNKNOWN if problem.station is None else problem.station,
        problem.horizon.dt,
        problem.horizon.steps,
        len(obstacles),
        sizes.shape[1],
        ctypes.addressof(counts),
        poses.ctypes.data,
        sizes.ctypes.data,
    )
    made, addresses = _arrays(len(obstacles), nodes)
    numbers = NumbersStructure(*addresses)
    if call(given, numbers):
        raise MemoryError('there is no memory for the stations of the road ahead')
    problem.__dict__.update(here=numbers.here, blocked_station=numbers.blocked_station)
    return Transcription(Frame(*state[:3]), *made, arrival_windows(problem))


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


def _road(road: Road) -> RoadStructure:
    """Return a road's structure, made once: roads never change."""
    made = road.__dict__.get('_transcribed')
    if made is None:
        arrays = [getattr(road, field.name) for field in fields(Road)]
        made = RoadStructure(*(each.ctypes.data for each in arrays), len(road.station))
        road.__dict__['_transcribed'] = made
    return made


@cache
def _vehicle(car: VehicleParameters) -> VehicleStructure:
    return VehicleStructure(*astuple(car)[1:])


@cache
def _margins(margins: Margins) -> MarginsStructure:
    return MarginsStructure(*astuple(margins))
