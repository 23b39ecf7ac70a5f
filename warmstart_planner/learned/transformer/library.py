# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled Decision Transformer of lanes/: how it is generated, found and called."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import casadi as ca

from warmstart_planner import objective, vehicle
from warmstart_planner.generation import c_layout, compilation, generated
from warmstart_planner.generation.c_layout import address_of, fields
from warmstart_planner.generation.options import generate_options
from warmstart_planner.generation.symbolic import numpy_on_symbols
from warmstart_planner.learned import context
from warmstart_planner.learned.transformer import architecture, merit_rows
from warmstart_planner.learned.transformer.architecture import POINT_FIELDS
from warmstart_planner.learned.transformer.weights import Sizes
from warmstart_planner.objective import CostWeights, RoadCoordinates
from warmstart_planner.problem import MAX_OBSTACLES
from warmstart_planner.scp import lane_code
from warmstart_planner.scp.library import LANES as NUMBERS
from warmstart_planner.vehicle import CONTROL_SIZE, SPEED, STATE_SIZE, VehicleParameters

NAME = 'transformer'
LIBRARY = 'libtransformer.so'
LANES = Path(__file__).with_name('lanes')
INTERFACE = LANES / 'interface.cpp'
HEADER = 'functions.hpp'
FLOATS = ctypes.POINTER(ctypes.c_float)
MOST_LAYERS = 8  # of each kind
MOST_CANDIDATES = 64
HEAD_TILE = 8  # features of a head that are mixed at once
# fields of objective.RoadCoordinates that have other names among a point's
FIELDS = {'heading_cos': 'cos', 'heading_sin': 'sin', 'target_speed': 'speed'}


class SizesStructure(ctypes.Structure):
    """The `Sizes` of a network, and its number of heads, which weights do not show."""

    _fields_ = fields(ctypes.c_int, 'heads', *(field.name for field in dataclasses.fields(Sizes)))


class InputsStructure(ctypes.Structure):
    """Where the inputs of a `ModelCard` lie, whose shapes it says."""

    _fields_ = [
        *fields(address_of('const float'), 'state', 'road', 'obstacles'),
        ('present', address_of('const uint8_t')),
        *fields(address_of('const float'), 'relative_return', 'constraint_to_go'),
    ]


class OutputsStructure(ctypes.Structure):
    """Where the outputs of a `ModelCard` go, whose shapes it says."""

    _fields_ = fields(
        address_of('float'),
        'states',
        'controls',
        'predicted_return',
        'failure_probability',
        'log_probability',
        'unfamiliarity',
    )


LAYOUT = c_layout.header(
    SizesStructure,
    InputsStructure,
    OutputsStructure,
    MOST_LAYERS=MOST_LAYERS,
    MOST_CANDIDATES=MOST_CANDIDATES,
    HEAD_TILE=HEAD_TILE,
)


def key(car: VehicleParameters, weights: CostWeights, dt: float) -> dict[str, Any]:
    """Return all that the compiled network depends on: not its weights, nor its size."""
    sources = (
        *sorted(LANES.iterdir()),
        NUMBERS / 'number.hpp',
        NUMBERS / 'elementary.hpp',
        Path(__file__),
        *(
            Path(module.__file__)
            for module in (architecture, context, lane_code, merit_rows, objective, vehicle)
        ),
    )
    return {
        'vehicle': car.numbers,
        'weights': asdict(weights),
        'dt': dt,
        'sources': generated.source_digest(*sources),
        'layout': LAYOUT,
        'casadi': ca.__version__,
        **compilation.toolchain(compilation.CPP),
    }


def generate(car: VehicleParameters, weights: CostWeights, dt: float) -> Path:
    """Generate and compile the network unless it is current; return its folder."""

    def build(folder: Path) -> list[str]:
        with numpy_on_symbols():
            (folder / HEADER).write_text(_header(car, weights, dt))
        (folder / c_layout.HEADER).write_text(LAYOUT)
        options = [f'-I{LANES}', f'-I{NUMBERS}', f'-I{folder}']
        compilation.compile_library(compilation.CPP, [INTERFACE], folder / LIBRARY, options)
        return [LIBRARY]

    return generated.generate(NAME, key(car, weights, dt), build)


@cache
def load(car: VehicleParameters, weights: CostWeights, dt: float) -> ctypes.CDLL:
    """
    Load the compiled network.

    Raises:
        SolverMissingError: it is not generated for this car, cost and step.

    """
    folder = generated.require(NAME, key(car, weights, dt), generate_options(car) | {'dt': dt})
    sizes, inputs, outputs = map(
        ctypes.POINTER, (SizesStructure, InputsStructure, OutputsStructure)
    )
    workspace, weights_address = ctypes.c_void_p, ctypes.c_void_p
    functions = {
        'transformer_create': (workspace, sizes, weights_address, ctypes.c_size_t),
        'transformer_destroy': (None, workspace),
        'transformer_run': (None, workspace, inputs, outputs),
    }
    return compilation.open_library(folder / LIBRARY, functions)


# -------------------------------------------------------------------------- what is generated


def _header(car: VehicleParameters, weights: CostWeights, dt: float) -> str:
    """Return the constants, and the functions of cost and violation as templates."""
    functions = _functions(car, weights)
    return '\n'.join(
        [
            '// Generated by warmstart_planner/learned/transformer/library.py.',
            '#pragma once',
            '#include "number.hpp"\n',
            'namespace learned {\n',
            _constants(car, weights, dt),
            *(lane_code.definition(*function) for function in functions),
            '}  // namespace learned\n',
        ]
    )


def _constants(car: VehicleParameters, weights: CostWeights, dt: float) -> str:
    whole = {
        'POINT_SIZE': len(POINT_FIELDS),
        'ANCHORS': objective.ANCHORS,
        'ANCHOR_SIZE': len(objective.ANCHOR_FIELDS),
        'ROAD_SIZE': objective.ROAD_PARAMETERS,
        'OBSTACLES': MAX_OBSTACLES,
        'OBSTACLE_SIZE': objective.OBSTACLE_PARAMETERS,
        'OBSTACLE_FEATURES': len(architecture.OBSTACLE),
        'SAMPLES': context.OBSTACLE_SAMPLES,
        'STATES': STATE_SIZE,
        'CONTROLS': CONTROL_SIZE,
        'STEP_COLUMNS': len(architecture.STEP.names),
        'CANDIDATE_FEATURES': architecture.CANDIDATE_FEATURES,
        'SCALED_MERIT': architecture.CANDIDATE_FEATURES + architecture.MERIT,
        'STRIDE': merit_rows.STRIDE,
        'SOON': merit_rows.SOON,
    }
    real = {
        'NEAREST': architecture.NEAREST,
        'COST_SCALE': architecture.COST_SCALE,
        'RISK': architecture.RISK,
        'ABSENT': merit_rows.ABSENT,
        'VIOLATED': merit_rows.VIOLATED,
        'PRICE': weights.violation,
        'TIME_STEP': dt,
        'WHEELBASE': car.wheelbase,
        'REAR_TO_CENTER': car.rear_to_center,
    }
    bounds = {
        'CONTROL_LOWER': car.control_lower,
        'CONTROL_UPPER': car.control_upper,
        'STATE_LOWER': car.state_lower[SPEED:],
        'STATE_UPPER': car.state_upper[SPEED:],
    }
    lines = [f'constexpr int {name} = {value};' for name, value in whole.items()]
    lines += [f'constexpr double {name} = {float(value)!r};' for name, value in real.items()]
    lines += [
        f'constexpr double {name}[CONTROLS] = {{{", ".join(map(repr, map(float, value)))}}};'
        for name, value in bounds.items()
    ]
    return '\n'.join([*lines, ''])


def _functions(car: VehicleParameters, weights: CostWeights) -> list[lane_code.Function]:
    """Return what the network's merit.py in training puts together, as expressions of one node."""
    x, u = ca.SX.sym('x', STATE_SIZE), ca.SX.sym('u', CONTROL_SIZE)
    heading, centre = ca.SX.sym('heading', 2), ca.SX.sym('centre', 2)
    point = ca.SX.sym('point', len(POINT_FIELDS))
    obstacle = ca.SX.sym('obstacle', objective.OBSTACLE_PARAMETERS)
    grip, stop = ca.SX.sym('grip'), ca.SX.sym('stop')
    at = _coordinates(dict(zip(POINT_FIELDS, ca.vertsplit(point), strict=True)))
    stage = ca.vertcat(*objective.stage_residuals(x, u, at, car, weights))
    end = ca.vertcat(*objective.terminal_residuals(x, at, car, weights))
    rows = [
        *merit_rows.edge_distances(heading, at, car),
        objective.friction_reserve(x, u, grip, car),
    ]
    return [
        (
            'stage',
            {'x': x, 'u': u, 'heading': heading, 'point': point, 'grip': grip},
            {'cost': ca.sumsqr(stage), 'rows': rows},
        ),
        (
            'end',
            {'x': x, 'point': point, 'stop': stop, 'grip': grip},
            {
                'cost': ca.sumsqr(end),
                'reserve': objective.stopping_reserve(x, at, stop, grip, car),
            },
        ),
        (
            'separation',
            {'centre': centre, 'heading': heading, 'obstacle': obstacle},
            {'gap': merit_rows.separation(centre, heading, obstacle, car)},
        ),
    ]


def _coordinates(point: Mapping[str, Any]) -> RoadCoordinates:
    """Return a point's fields as the objective reads them; None where it does not."""
    return RoadCoordinates(*(point.get(FIELDS.get(n, n)) for n in RoadCoordinates._fields))
