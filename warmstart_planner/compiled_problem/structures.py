# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A problem as compiled code reads it, made once for each problem."""

from __future__ import annotations

import ctypes
from dataclasses import astuple, fields
from functools import cache

import numpy as np

from warmstart_planner.generation.c_layout import address_of, numbers_of
from warmstart_planner.generation.c_layout import fields as c_fields
from warmstart_planner.obstacles import sizes_of
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.road import Road
from warmstart_planner.targets import Target
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import STATE_SIZE, VehicleParameters

UNKNOWN = float('nan')
KEPT = '_compiled'  # beside the fields of what was read once


class RoadStructure(ctypes.Structure):
    """Where the arrays of a `Road` lie; `longest` of its segments [m]."""

    _fields_ = [
        *c_fields(address_of('const double'), *(field.name for field in fields(Road))),
        ('longest', ctypes.c_double),
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

    _fields_ = c_fields(ctypes.c_double, *Target._fields)


class ProblemStructure(ctypes.Structure):
    """
    A `PlanningProblem`; a station that is not known is NaN.

    `counts` of each obstacle's `poses` (x, y, yaw), which follow each other; `sizes`: obstacles x
    size_nodes x 3. Compiled code finds `here` and `blocked_station` where it needs them.
    """

    _fields_ = [
        ('road', RoadStructure),
        ('vehicle', VehicleStructure),
        ('target', TargetStructure),
        ('state', ctypes.c_double * STATE_SIZE),
        *c_fields(
            ctypes.c_double,
            *('stamp', 'friction', 'station', 'dt', 'here', 'blocked_station'),
        ),
        *c_fields(ctypes.c_int, 'steps', 'obstacles', 'size_nodes'),
        ('counts', address_of('const int')),
        *c_fields(address_of('const double'), 'poses', 'sizes'),
    ]


class NumbersStructure(ctypes.Structure):
    """Where the fields of a `Transcription` go."""

    _fields_ = c_fields(
        address_of('double'),
        *('initial_state', 'road', 'obstacles', 'state_lower', 'state_upper'),
    )


class LatticeStructure(ctypes.Structure):
    """
    What a `Lattice` of the guided search is made with, from `stages` on, and what it turns out as.

    There is room for `most_stations` rows of the table `road`, and for 2 stages + 1 of
    `obstacles`.
    """

    _fields_ = [
        *c_fields(ctypes.c_int, 'stages', 'per_stage', 'most_stations', 'most_lines'),
        ('most_speeds', ctypes.c_int),
        *c_fields(
            ctypes.c_double,
            *('station_step', 'offset_step', 'speed_step', 'behind', 'look_back', 'off_road'),
        ),
        *c_fields(address_of('double'), 'road', 'obstacles'),
        *c_fields(
            ctypes.c_double,
            *('station', 'offset', 'speed', 'lateral_speed', 'stop', 'line_step'),
        ),
        *c_fields(ctypes.c_int, 'stations', 'speeds', 'first_line', 'lines'),
    ]


class ShiftStructure(ctypes.Structure):
    """
    Plans of one grid, and where they go.

    `count` plans of so many `nodes`, `dt` apart, which begin `begin` before the problem's stamp;
    `states`: count x nodes x STATE_SIZE, `controls`: count x (nodes - 1) x CONTROL_SIZE; what was
    moved has the problem's nodes.
    """

    _fields_ = [
        *c_fields(ctypes.c_int, 'count', 'nodes'),
        *c_fields(ctypes.c_double, 'dt', 'begin'),
        *c_fields(address_of('const double'), 'states', 'controls'),
        *c_fields(address_of('double'), 'moved_states', 'moved_controls'),
    ]


STRUCTURES = (
    RoadStructure,
    VehicleStructure,
    MarginsStructure,
    TargetStructure,
    ProblemStructure,
    NumbersStructure,
    LatticeStructure,
    ShiftStructure,
)


def structure_of(problem: PlanningProblem) -> ProblemStructure:
    """Return a problem's structure, made once, without its target."""
    made: ProblemStructure | None = problem.__dict__.get(KEPT)
    if made is not None:
        return made
    obstacles = problem.obstacles
    known = [len(obstacle.poses) for obstacle in obstacles]
    poses = np.concatenate([o.poses for o in obstacles]) if obstacles else np.empty((0, 3))
    sizes = sizes_of(obstacles, max(known)) if obstacles else np.empty((0, 1, 3))
    counts = (ctypes.c_int * len(obstacles))(*known)
    made = ProblemStructure(
        _road(problem.road),
        _vehicle(problem.vehicle),
        (),
        tuple(problem.initial_state.tolist()),
        problem.stamp,
        problem.friction,
        UNKNOWN if problem.station is None else problem.station,
        problem.horizon.dt,
        problem.__dict__.get('here', UNKNOWN),
        problem.__dict__.get('blocked_station', UNKNOWN),
        problem.horizon.steps,
        len(obstacles),
        sizes.shape[1],
        ctypes.addressof(counts),
        poses.ctypes.data,
        sizes.ctypes.data,
    )
    made.arrays = counts, poses, sizes  # whose addresses it holds
    problem.__dict__[KEPT] = made
    return made


def targeted(problem: PlanningProblem) -> ProblemStructure:
    """Return a problem's structure, made once."""
    target = problem.target
    made = structure_of(problem)
    made.target = target
    return made


@cache
def margins_structure(margins: Margins) -> MarginsStructure:
    """Return the structure of margins."""
    return MarginsStructure(*astuple(margins))


def _road(road: Road) -> RoadStructure:
    """Return a road's structure, made once: roads never change."""
    made = road.__dict__.get(KEPT)
    if made is None:
        arrays = [getattr(road, field.name) for field in fields(Road)]
        longest = float(np.hypot(np.diff(road.x), np.diff(road.y)).max())
        made = RoadStructure(*(each.ctypes.data for each in arrays), longest, len(road.station))
        road.__dict__[KEPT] = made
    return made


@cache
def _vehicle(car: VehicleParameters) -> VehicleStructure:
    return VehicleStructure(*astuple(car)[1:])
