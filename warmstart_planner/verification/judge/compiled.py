# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled judge: how it is generated, found and called."""

from __future__ import annotations

import ctypes
import weakref
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.generation import c_layout, compilation, generated
from warmstart_planner.generation.c_layout import address_of, numbers_of
from warmstart_planner.obstacles import poses_of, sizes_of
from warmstart_planner.problem import PlanningProblem, StopBefore, Trajectory
from warmstart_planner.road import Road
from warmstart_planner.vehicle import GRAVITY, STATE_SIZE, VehicleParameters
from warmstart_planner.verification import collision, corridor, limits, motion, path, terminal
from warmstart_planner.verification.tolerances import DEFAULT_TOLERANCES, Tolerances
from warmstart_planner.verification.verdict import GROUPS, Verdict, check_grid

NAME = 'judge'
LIBRARY = 'libjudge.so'
SOURCE = Path(__file__).with_name('judge.c')
CONSTANTS = {
    motion: ('SUBSTEPS', 'ABSURD'),
    path: (
        'COARSE',
        'FOLLOWED',
        'UNSURE',
        'UNEVEN',
        'CROSSWISE',
        'PROJECTION_ROUNDS',
        'PROJECTION_LOST',
    ),
    collision: ('DIVISIONS', 'DIVISION_ROUNDS'),
    limits: ('RETURNING',),
    terminal: ('STOPPING_SHARE',),
}
KEPT = '_judged'  # beside the fields of a road that was read once
ROAD_ARRAYS = ('station', 'x', 'y', 'curvature', 'left_width', 'right_width', 'speed_limit')


class VehicleStructure(ctypes.Structure):
    """A `VehicleParameters`."""

    _fields_ = numbers_of(VehicleParameters)


class TolerancesStructure(ctypes.Structure):
    """A `Tolerances`."""

    _fields_ = numbers_of(Tolerances)


class RoadStructure(ctypes.Structure):
    """Where the arrays of a `Road` lie."""

    _fields_ = [
        *c_layout.fields(address_of('const double'), *ROAD_ARRAYS),
        ('vertices', ctypes.c_int),
    ]


class ProblemStructure(ctypes.Structure):
    """
    What of a `PlanningProblem` is judged.

    `poses` of obstacles at the nodes: obstacles x nodes x 3; `sizes`: the same, or obstacles x 1 x
    3 where none varies; `outline`: points about the car's box, 2 x outline_points; `near`: station
    about where the car begins, NaN: unknown; `stop_station`: of a goal to stop before, infinite:
    none.
    """

    _fields_ = [
        ('vehicle', VehicleStructure),
        ('tolerances', TolerancesStructure),
        ('road', RoadStructure),
        *c_layout.fields(address_of('const double'), 'poses', 'sizes', 'outline'),
        *c_layout.fields(ctypes.c_int, 'obstacles', 'nodes', 'size_nodes', 'outline_points'),
        *c_layout.fields(ctypes.c_double, 'friction', 'near', 'stop_station'),
        ('initial_state', ctypes.c_double * STATE_SIZE),
    ]


class TrajectoryStructure(ctypes.Structure):
    """A `Trajectory` of so many nodes."""

    _fields_ = [
        *c_layout.fields(address_of('const double'), 'states', 'controls'),
        ('nodes', ctypes.c_int),
        ('dt', ctypes.c_double),
    ]


class VerdictStructure(ctypes.Structure):
    """A `Verdict`: `largest` has the violation of each of GROUPS."""

    _fields_ = [
        *c_layout.fields(ctypes.c_double, 'violation', 'clearance', 'speeding'),
        ('largest', ctypes.c_double * len(GROUPS)),
    ]


LAYOUT = c_layout.header(
    VehicleStructure,
    TolerancesStructure,
    RoadStructure,
    ProblemStructure,
    TrajectoryStructure,
    VerdictStructure,
)


def constants() -> str:
    """Return the constants of the Python modules as C's."""
    numbers = c_layout.constants_of(CONSTANTS) | {'GRAVITY': GRAVITY}
    rows = [', '.join(map(repr, row)) for row in motion.integration_weights().tolist()]
    return c_layout.defines(numbers) + (
        'static const double integration_weights[SUBSTEPS + 1][SUBSTEPS + 1] = {\n'
        + ''.join(f'    {{{row}}},\n' for row in rows)
        + '};\n'
    )


def key() -> dict[str, Any]:
    """Return all that the compiled judge depends on: no vehicle, no horizon."""
    sources = sorted(SOURCE.parent.glob('*.c'))
    return {
        'sources': generated.source_digest(*sources),
        'constants': constants(),
        'layout': LAYOUT,
        **compilation.toolchain(compilation.C),
    }


def generate() -> Path:
    """Compile the judge unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        (folder / 'constants.h').write_text(constants())
        (folder / c_layout.HEADER).write_text(LAYOUT)
        options = [f'-I{folder}', '-lm']
        compilation.compile_library(compilation.C, [SOURCE], folder / LIBRARY, options)
        return [LIBRARY]

    return generated.generate(NAME, key(), build)


@cache
def load() -> ctypes.CDLL:
    """
    Load the compiled judge.

    Raises:
        SolverMissingError: it is not generated.

    """
    problem, trajectory, verdict = map(
        ctypes.POINTER, (ProblemStructure, TrajectoryStructure, VerdictStructure)
    )
    judge, to_go = ctypes.c_void_p, ctypes.c_void_p
    functions = {
        'judge_create': (judge, problem),
        'judge_destroy': (None, judge),
        'judge_verdict': (ctypes.c_int, judge, trajectory, verdict, to_go),
    }
    return compilation.open_library(generated.require(NAME, key()) / LIBRARY, functions)


class Judge:
    """
    The judge of one problem's trajectories: `verify`, compiled.

    Road and obstacles are converted once, at construction; one instance may serve several threads.

    Args:
        problem: that the trajectories are for.
        tolerances: violations up to these are none.

    Raises:
        SolverMissingError: the judge is not generated.

    """

    def __init__(
        self, problem: PlanningProblem, tolerances: Tolerances = DEFAULT_TOLERANCES
    ) -> None:
        self.problem = problem
        self.tolerances = tolerances
        self._bound = _Bound(problem, tolerances, problem.horizon.steps + 1)

    def verdict(self, trajectory: Trajectory) -> Verdict:
        """
        Judge a trajectory, as `verify` does.

        Raises:
            ValueError: the trajectory has another stamp or dt than the problem.

        """
        check_grid(self.problem, trajectory)
        bound = self._bound
        if len(trajectory.states) > bound.nodes:
            # obstacles have to be known for as long
            bound = self._bound = _Bound(self.problem, self.tolerances, len(trajectory.states))
        return bound.verdict(trajectory)


class _Bound:
    """A problem in the form that the library reads, for trajectories of up to some nodes."""

    def __init__(self, problem: PlanningProblem, tolerances: Tolerances, nodes: int) -> None:
        self.nodes = nodes
        self._library = load()
        road, vehicle, obstacles = problem.road, problem.vehicle, problem.obstacles
        outline = _rows(corridor.outline(vehicle.length, vehicle.width))
        poses, sizes = _rows(poses_of(obstacles, nodes)), _rows(sizes_of(obstacles, nodes))
        self._arrays = road, poses, sizes, outline  # whose addresses are read later
        structure = ProblemStructure(
            _structure(VehicleStructure, vehicle),
            _structure(TolerancesStructure, tolerances),
            _road(road),
            *(array.ctypes.data for array in (poses, sizes, outline)),
            len(obstacles),
            nodes,
            sizes.shape[1] if obstacles else 1,
            outline.shape[1],
            problem.friction,
            np.nan if problem.station is None else problem.station,
            problem.goal.station if isinstance(problem.goal, StopBefore) else np.inf,
            (ctypes.c_double * STATE_SIZE)(*problem.initial_state),
        )
        self._judge = self._library.judge_create(structure)
        if not self._judge:
            raise MemoryError('no memory for the judge')
        weakref.finalize(self, self._library.judge_destroy, self._judge)

    def verdict(self, trajectory: Trajectory) -> Verdict:
        states, controls = _rows(trajectory.states), _rows(trajectory.controls)
        to_go = np.empty(len(states))
        given = TrajectoryStructure(
            states.ctypes.data, controls.ctypes.data, len(states), trajectory.dt
        )
        found = VerdictStructure()
        if not self._library.judge_verdict(self._judge, given, found, to_go.ctypes.data):
            raise MemoryError('no memory for a verdict')
        return Verdict(
            found.violation == 0.0,
            found.violation,
            found.clearance,
            *found.largest,
            to_go,
            found.speeding,
        )


def _rows(values: ArrayLike) -> NDArray[np.float64]:
    """Return values as C reads them, row by row."""
    return np.ascontiguousarray(values, dtype=float)


def _road(road: Road) -> RoadStructure:
    """Return a road's structure, made once: roads never change."""
    made = road.__dict__.get(KEPT)
    if made is None:
        addresses = (getattr(road, name).ctypes.data for name in ROAD_ARRAYS)
        made = road.__dict__[KEPT] = RoadStructure(*addresses, len(road.station))
    return made


@cache
def _structure(kind: type[ctypes.Structure], value: Any) -> ctypes.Structure:
    return kind(*(getattr(value, name) for name, _ in kind._fields_))
