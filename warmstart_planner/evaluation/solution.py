# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drives as solution files, which CommonRoad's website and tools read.

The format is that of commonroad-io's `CommonRoadSolutionWriter`: under a benchmark id such as
`KS2:SM1:DEU_Muc-1_1_T-1:2020a` (vehicle model and type, cost function, scenario, version of the
format) a list of states.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.evaluation.benchmark import Benchmark
from warmstart_planner.evaluation.driven import Driven

VEHICLE_TYPES = {'commonroad_1': 1, 'commonroad_2': 2, 'commonroad_3': 3}  # by packaged name
VEHICLE_MODELS = ('KS', 'ST')  # kinematic single-track; single-track with tyres


def benchmark_id(benchmark: Benchmark, vehicle: str, model: str, cost: str) -> str:
    """
    Return the id of a solution.

    Args:
        benchmark: that is solved.
        vehicle: name of the car, a key of VEHICLE_TYPES.
        model: one of VEHICLE_MODELS.
        cost: name of the cost function.

    Raises:
        ValueError: CommonRoad has no such vehicle, or the model is not written.

    """
    if vehicle not in VEHICLE_TYPES:
        raise ValueError(f'vehicle is {vehicle!r}: expected one of {", ".join(VEHICLE_TYPES)}')
    if model not in VEHICLE_MODELS:
        raise ValueError(f'vehicle model is {model!r}: expected {" or ".join(VEHICLE_MODELS)}')
    return f'{model}{VEHICLE_TYPES[vehicle]}:{cost}:{benchmark.name}:{benchmark.version}'


def write_solution(
    path: str | Path,
    benchmark: Benchmark,
    driven: Driven,
    vehicle: str,
    model: str,
    cost: str,
    seconds: float,
) -> None:
    """
    Write a drive as a solution.

    Args:
        path: of the file; its folder is made.
        benchmark: that is solved.
        driven: at its time steps.
        vehicle: name of the car, a key of VEHICLE_TYPES.
        model: of the vehicle, one of VEHICLE_MODELS.
        cost: name of the cost function that the solution is compared by.
        seconds: that the planner computed.

    Raises:
        ValueError: CommonRoad has no such vehicle, or the model is not written.
        OSError: the file cannot be written.

    """
    root = etree.Element(
        'CommonRoadSolution',
        benchmark_id=benchmark_id(benchmark, vehicle, model, cost),
        computation_time=repr(float(seconds)),
    )
    trajectory = etree.SubElement(
        root, f'{model.lower()}Trajectory', planningProblem=str(benchmark.problem)
    )
    columns = _columns(driven, model)
    for k in range(len(driven.times)):
        state = etree.SubElement(trajectory, f'{model.lower()}State')
        for tag, values in columns.items():
            etree.SubElement(state, tag).text = repr(float(values[k]))
        etree.SubElement(state, 'time').text = str(benchmark.first_step + k)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    etree.ElementTree(root).write(
        str(path), pretty_print=True, xml_declaration=True, encoding='utf-8'
    )


def _columns(driven: Driven, model: str) -> dict[str, NDArray[np.float64]]:
    kinematic = {
        'x': driven.x,
        'y': driven.y,
        'steeringAngle': driven.steering,
        'velocity': driven.speed,
        'orientation': _within_two_turns(driven.yaw),
    }
    if model == 'KS':
        return kinematic
    # the speed of this model is that of the centre of gravity, which lies in the car's centre
    moving = {'velocity': driven.speed / np.cos(driven.slip_angle)}
    slipping = {'yawRate': driven.yaw_rate, 'slipAngle': driven.slip_angle}
    return {**kinematic, **moving, **slipping}


def _within_two_turns(yaw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return angles in [-2 pi, 2 pi], which is what commonroad-io takes."""
    return np.where(np.abs(yaw) > 2 * np.pi, np.remainder(yaw, 2 * np.pi), yaw)
