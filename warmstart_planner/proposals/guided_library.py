# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled search of guided.c, and road_ways.c: how they are generated, found and called."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

from warmstart_planner.generation import compilation, generated
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

NAME = 'guided'
LIBRARY = 'libguided.so'
SOURCES = tuple(Path(__file__).with_name(name) for name in ('guided.c', 'road_ways.c'))
MAX_LINES, MAX_SPEEDS = 64, 64  # of guided.c: what the keys of its nodes have bits for
PRICES = 2  # of guided.c
# numbers are finite: their minimum and maximum are one instruction each, of many lanes
OPTIONS = ('-ffinite-math-only', '-fno-signed-zeros', '-fno-trapping-math', '-lm')


class PriceStructure(ctypes.Structure):
    """Mirrors `price_t` of guided.c: what guided.py's OverlapPrice holds."""

    _fields_ = [(name, ctypes.c_double) for name in ('linear', 'square', 'guidance')]


class SearchStructure(ctypes.Structure):
    """
    Mirrors `search_t` of guided.c: a lattice, the car on it, and what it costs.

    Stations are relative to the car's centre; line i has the offset (first_line + i) times
    `offset_step`, row i the station i times `station_step` less `behind`, level i the speed i
    times `speed_step`. `fastest_gain` and `fastest_loss` are levels in a stage of a `duration`.
    A beam has at most `per_class` nodes of each of at most `classes` homotopy classes. `stop` is
    where the front bumper has to be able to stop. `lateral_share` is the weight of lateral
    acceleration, which lines overstate. `apart` is kept between ways of a class [m]. There is a
    search for each of the `prices` of overlaps.
    `road` and `obstacles_at` are the tables that guided.py makes.
    """

    _fields_ = [
        *(
            (name, ctypes.c_int)
            for name in (
                'stages',
                'stations',
                'lines',
                'speeds',
                'obstacles',
                'first_line',
                'fastest_gain',
                'fastest_loss',
                'beam',
                'classes',
                'per_class',
                'ways',
            )
        ),
        *(
            (name, ctypes.c_double)
            for name in (
                'duration',
                'station_step',
                'offset_step',
                'speed_step',
                'behind',
                'offset',
                'lateral_speed',
                'speed',
                'length',
                'width',
                'grip',
                'stop',
                'speed_weight',
                'offset_weight',
                'heading_weight',
                'acceleration_weight',
                'lateral_weight',
                'terminal_speed_weight',
                'terminal_offset_weight',
                'lateral_share',
                'apart',
            )
        ),
        ('prices', PriceStructure * PRICES),
        ('road', ctypes.c_void_p),
        ('obstacles_at', ctypes.c_void_p),
    ]


class WaysStructure(ctypes.Structure):
    """
    Mirrors `road_ways_t` of road_ways.c: what road_ways.py's RoadWays holds, and a problem's car.

    `vertices` of the road, whose arrays are `road_station`, `road_x`, `road_y`, `road_heading`.
    """

    _fields_ = [
        *((name, ctypes.c_int) for name in ('ways', 'stages', 'per_stage', 'steps', 'vertices')),
        *(
            (name, ctypes.c_double)
            for name in (
                'dt',
                'station',
                'lateral_speed',
                'rear_to_center',
                'wheelbase',
                'steering_max',
            )
        ),
        ('control_lower', ctypes.c_double * CONTROL_SIZE),
        ('control_upper', ctypes.c_double * CONTROL_SIZE),
        ('initial_state', ctypes.c_double * STATE_SIZE),
        *(
            (name, ctypes.c_void_p)
            for name in ('road_station', 'road_x', 'road_y', 'road_heading', 'knots')
        ),
    ]


def key() -> dict[str, Any]:
    """Return all that the compiled search depends on; car and horizon come with each problem."""
    sources = generated.source_digest(*SOURCES)
    return {'sources': sources, 'options': OPTIONS, **compilation.toolchain(compilation.C)}


def generate() -> Path:
    """Compile the search unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        compilation.compile_library(compilation.C, SOURCES, folder / LIBRARY, OPTIONS)
        return [LIBRARY]

    return generated.generate(NAME, key(), build)


@cache
def load() -> ctypes.CDLL:
    """
    Load the compiled search.

    Raises:
        SolverMissingError: it is not generated.

    """
    search, ways = ctypes.POINTER(SearchStructure), ctypes.POINTER(WaysStructure)
    address, whole, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_double
    functions = {
        'guided_memory': (ctypes.c_size_t, search),
        'guided_search': (None, search, *5 * [address]),
        'guided_in_turn': (whole, *3 * [whole], real, *2 * [address], whole, address),
        'road_ways_states': (None, ways, address, address),
    }
    return compilation.open_library(generated.require(NAME, key()) / LIBRARY, functions)
