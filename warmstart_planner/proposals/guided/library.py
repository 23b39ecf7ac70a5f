# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled search.c and road_ways.c: how they are generated, found and called."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

from warmstart_planner.generation import c_layout, compilation, generated
from warmstart_planner.generation.c_layout import address_of, fields
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

NAME = 'guided'
LIBRARY = 'libguided.so'
SOURCES = tuple(Path(__file__).with_name(name) for name in ('search.c', 'road_ways.c'))
MAX_LINES, MAX_SPEEDS = 64, 64  # what the keys of search.c's nodes have bits for
PRICES = 2  # of overlap: a search for each
# numbers are finite: their minimum and maximum are one instruction each, of many lanes
OPTIONS = ('-ffinite-math-only', '-fno-signed-zeros', '-fno-trapping-math', '-lm')


class PriceStructure(ctypes.Structure):
    """What source.py's OverlapPrice holds."""

    _fields_ = fields(ctypes.c_double, 'linear', 'square', 'guidance')


class SearchStructure(ctypes.Structure):
    """
    A lattice, the car on it, and what it costs.

    Stations are relative to the car's centre; line i has the offset (first_line + i) times
    `offset_step`, row i the station i times `station_step` less `behind`, level i the speed i
    times `speed_step`. `fastest_gain` and `fastest_loss` are levels in a stage of a `duration`.
    A beam has at most `per_class` nodes of each of at most `classes` homotopy classes. `stop` is
    where the front bumper has to be able to stop. `lateral_share` is the weight of lateral
    acceleration, which lines overstate. `apart` is kept between ways of a class [m]. There is a
    search for each of the `prices` of overlaps.
    `road` and `obstacles_at` are the tables that source.py makes: stations x road_t, and
    (2 stages + 1) x obstacles x obstacle_t.
    """

    _fields_ = [
        *fields(
            ctypes.c_int,
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
        ),
        *fields(
            ctypes.c_double,
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
        ),
        ('prices', PriceStructure * PRICES),
        *fields(address_of('const double'), 'road', 'obstacles_at'),
    ]


class RoadWaysStructure(ctypes.Structure):
    """
    What road_ways.py's RoadWays holds, and a problem's car.

    `vertices` of the road, whose arrays are `road_station`, `road_x`, `road_y`, `road_heading`;
    `knots`: ways x (stages + 1) x 3.
    """

    _fields_ = [
        *fields(ctypes.c_int, 'ways', 'stages', 'per_stage', 'steps', 'vertices'),
        *fields(
            ctypes.c_double,
            'dt',
            'station',
            'lateral_speed',
            'rear_to_center',
            'wheelbase',
            'steering_max',
        ),
        *fields(ctypes.c_double * CONTROL_SIZE, 'control_lower', 'control_upper'),
        ('initial_state', ctypes.c_double * STATE_SIZE),
        *fields(
            address_of('const double'),
            *('road_station', 'road_x', 'road_y', 'road_heading', 'knots'),
        ),
    ]


LAYOUT = c_layout.header(
    PriceStructure, SearchStructure, RoadWaysStructure, MAX_LINES=MAX_LINES, PRICES=PRICES
)


def key() -> dict[str, Any]:
    """Return all that the compiled search depends on; car and horizon come with each problem."""
    return {
        'sources': generated.source_digest(*SOURCES),
        'layout': LAYOUT,
        'options': OPTIONS,
        **compilation.toolchain(compilation.C),
    }


def generate() -> Path:
    """Compile the search unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        (folder / c_layout.HEADER).write_text(LAYOUT)
        options = [f'-I{folder}', *OPTIONS]
        compilation.compile_library(compilation.C, SOURCES, folder / LIBRARY, options)
        return [LIBRARY]

    return generated.generate(NAME, key(), build)


@cache
def load() -> ctypes.CDLL:
    """
    Load the compiled search.

    Raises:
        SolverMissingError: it is not generated.

    """
    search, ways = ctypes.POINTER(SearchStructure), ctypes.POINTER(RoadWaysStructure)
    address, whole, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_double
    functions = {
        'guided_memory': (ctypes.c_size_t, search),
        'guided_search': (None, search, *5 * [address]),
        'guided_in_turn': (whole, *3 * [whole], real, *2 * [address], whole, address),
        'road_ways_states': (None, ways, address, address),
    }
    return compilation.open_library(generated.require(NAME, key()) / LIBRARY, functions)
