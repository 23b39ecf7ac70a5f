# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled observation: how it is generated, found and called."""

from __future__ import annotations

import ctypes
import dataclasses
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from warmstart_planner import objective, vehicle
from warmstart_planner.driver_model import on_road, plain_rule
from warmstart_planner.driver_model.on_road import OnRoad
from warmstart_planner.driver_model.plain_rule import SIDES, PlainSettings
from warmstart_planner.generation import acados, c_layout, compilation, generated
from warmstart_planner.generation.c_layout import address_of
from warmstart_planner.generation.options import generate_options
from warmstart_planner.generation.symbolic import numpy_on_symbols, write_c_code
from warmstart_planner.learned.observation import fields
from warmstart_planner.vehicle import CONTROL_SIZE, VehicleParameters

NAME = 'observation'
LIBRARY = 'libobservation.so'
LOOPS = Path(__file__).with_name('observation.c')
RULE = Path(plain_rule.__file__).with_suffix('.c')
DOUBLES = ctypes.POINTER(ctypes.c_double)
FLOATS = ctypes.POINTER(ctypes.c_float)


class RollOutStructure(ctypes.Structure):
    """
    Cars that are rolled out together.

    Bounds are those of the controls, and of speed and steering, which they move. Arrays: `road`
    (ROAD_PARAMETERS,), `obstacles` (obstacle_count, obstacle_nodes, MOVING_OBSTACLE_PARAMETERS),
    `states` (cars, nodes, STATE_SIZE), `controls` (cars, nodes - 1, CONTROL_SIZE).
    """

    _fields_ = [
        *c_layout.fields(ctypes.c_int, 'cars', 'nodes', 'obstacle_count', 'obstacle_nodes'),
        ('dt', ctypes.c_double),
        *c_layout.fields(
            ctypes.c_double * CONTROL_SIZE,
            *('control_lower', 'control_upper', 'moved_lower', 'moved_upper'),
        ),
        *c_layout.fields(address_of('const double'), 'road', 'obstacles'),
        *c_layout.fields(address_of('double'), 'states', 'controls'),
    ]


LAYOUT = c_layout.header(RollOutStructure)


def key(car: VehicleParameters) -> dict[str, Any]:
    """Return all that the compiled observation depends on."""
    return {
        'vehicle': car.numbers,
        'layout': LAYOUT,
        'sources': generated.source_digest(
            LOOPS,
            RULE,
            Path(__file__).with_name('functions.py'),
            *(
                Path(module.__file__)
                for module in (fields, on_road, plain_rule, objective, vehicle)
            ),
        ),
        **acados.toolchain(),
    }


def generate(car: VehicleParameters) -> Path:
    """Generate and compile the observation unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        from warmstart_planner.learned.observation import functions

        with numpy_on_symbols():
            symbolic = functions.casadi_functions(car)
        road_view = next(each for each in symbolic if each.name() == 'road_view')
        sizes = {
            'ROAD_VIEW': road_view.numel_out(0),
            'POINTS': functions.POINTS,
            'THERE_SIZE': functions.THERE_SIZE,
            'PLACE_SIZE': len(functions.PLACE_FIELDS),
            'AXLE_SIZE': len(functions.AXLE_FIELDS),
            'OBSTACLE_SIZE': fields.MOVING_OBSTACLE_PARAMETERS,
            'ON_ROAD_SIZE': functions.ON_ROAD_SIZE,
            **_places('PLACE', functions.PLACE_FIELDS),
            **_places('AXLE', functions.AXLE_FIELDS),
            **_places('ON_ROAD', OnRoad._fields),
            'LINES': len(fields.LINES),
            'LEFTMOST': fields.LINES[0],
            'LINE_SPACING': fields.LINE_SPACING,
            'SCAN_VIEW': len(fields.SCAN_FIELDS),
            'GAP_MIN': fields.GAP_MIN,
            'RULE_SIDES': SIDES,
            'RULE_NUMBERS': ', '.join(field.name for field in dataclasses.fields(PlainSettings)),
            'PLAIN_RULE': _braces(dataclasses.astuple(PlainSettings())),
            'CAR_LENGTH': car.length,
            'CAR_WIDTH': car.width,
            'CAR_WHEELBASE': car.wheelbase,
            'CAR_STEERING_MAX': car.steering_max,
            'CONTROL_LOWER': _braces(car.control_lower),
            'CONTROL_UPPER': _braces(car.control_upper),
            'WORK_SIZE': max(1, *(max(f.sz_w(), f.sz_iw()) for f in symbolic)),
        }
        (folder / 'sizes.h').write_text(c_layout.defines(sizes))
        (folder / c_layout.HEADER).write_text(LAYOUT)
        write_c_code(symbolic, folder, 'functions')
        _leave_out_checks(folder / 'functions.c')
        acados.compile_library([LOOPS], folder / LIBRARY, includes=[folder, RULE.parent])
        return [LIBRARY]

    return generated.generate(NAME, key(car), build)


def _leave_out_checks(code: Path) -> None:
    """
    Leave out of CasADi's code the question whether an argument and a result are wanted: all are.

    Asked for each number anew, it keeps compilers from doing several points in one instruction.
    """
    text = code.read_text()
    text = re.sub(r'arg\[(\d+)\]\? (arg\[\1\]\[\d+\]) : 0', r'\2', text)
    code.write_text(re.sub(r'if \(res\[\d+\]!=0\) ', '', text))


def _places(prefix: str, names: Sequence[str]) -> dict[str, int]:
    """Return where named numbers stand, as C knows it."""
    return {f'{prefix}_{name.upper()}': place for place, name in enumerate(names)}


def _braces(values: Iterable[float]) -> str:
    return f'{{{", ".join(repr(float(value)) for value in values)}}}'


@cache
def load(car: VehicleParameters) -> ctypes.CDLL:
    """
    Load the compiled observation.

    Raises:
        SolverMissingError: it is not generated for this car.

    """
    folder = generated.require(NAME, key(car), generate_options(car))
    acados.preload_libraries()
    roll_out, node = ctypes.POINTER(RollOutStructure), ctypes.c_int
    functions = {
        'observation_observe': (None, roll_out, node, node, FLOATS),
        'observation_rule': (None, roll_out, DOUBLES, DOUBLES, DOUBLES),
        'observation_advance': (None, roll_out, node, node),
        'observation_drive': (None, roll_out, node, DOUBLES, FLOATS),
    }
    return compilation.open_library(folder / LIBRARY, functions)
