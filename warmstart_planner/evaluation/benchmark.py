# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a CommonRoad file says of its benchmark, as far as solutions and costs need it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lxml import etree


class BenchmarkError(ValueError):
    """A file that is no benchmark; names the file, the field and what was expected."""


@dataclass(frozen=True)
class Benchmark:
    """
    A scenario file's benchmark, with its first planning problem.

    `name` is the file's benchmark id and `version` that of its format. Time steps are `dt` long
    [s] and the problem starts at `first_step`. `desired_speed` is the least speed that a goal
    state asks for [m/s], None where none does.
    """

    name: str
    version: str
    problem: int
    dt: float
    first_step: int
    desired_speed: float | None


def read_benchmark(path: str | Path) -> Benchmark:
    """
    Read the benchmark of a CommonRoad file.

    Raises:
        BenchmarkError: the file cannot be read, or lacks one of the values.

    """
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        root = etree.parse(str(path), parser).getroot()
        problem = root.find('planningProblem')
        speeds = [
            float(_text(speed, 'intervalStart' if speed.find('exact') is None else 'exact'))
            for speed in problem.iterfind('goalState/velocity')
        ]
        return Benchmark(
            name=root.attrib['benchmarkID'],
            version=root.attrib['commonRoadVersion'],
            problem=int(problem.attrib['id']),
            dt=float(root.attrib['timeStepSize']),
            first_step=int(_text(problem, 'initialState/time/exact')),
            desired_speed=min(speeds, default=None),
        )
    except (OSError, etree.XMLSyntaxError, AttributeError, KeyError, ValueError) as error:
        raise BenchmarkError(
            f'{path}: is no CommonRoad benchmark ({error}): expected benchmarkID, '
            'commonRoadVersion, timeStepSize and a planningProblem with its times as numbers'
        ) from None


def _text(element: etree._Element, path: str) -> str:
    found = element.findtext(path)
    if found is None:
        raise ValueError(f'{element.tag}/{path} is missing')
    return found
