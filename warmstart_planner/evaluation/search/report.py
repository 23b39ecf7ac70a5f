# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a search found, as a row, and the rows as a table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from warmstart_planner.evaluation.benchmark import read_benchmark
from warmstart_planner.evaluation.judge import CHECKS
from warmstart_planner.evaluation.search.answer import driven_of, own_verdict
from warmstart_planner.evaluation.search.search import Finding, search
from warmstart_planner.evaluation.solution import write_solution
from warmstart_planner.scenarios import load_scenario
from warmstart_planner.simulation.report import text_table

HEAD = ('scenario', 'drive failed', 'search', 'limits', 'states', 'time [s]', 'what it does')
STANDS = 0.1  # slower than that the car stands [m/s]

Row = dict[str, Any]


def searched(path: Path, drive: Mapping[str, Any], solution: Path, widths: Sequence[int]) -> Row:
    """
    Search a file and return its row; write what is found.

    Args:
        path: of the scenario.
        drive: row of the drive that failed.
        solution: file that is written where one is found.
        widths: of the beams that are tried.

    """
    begin = time.perf_counter()
    scenario = load_scenario(path)
    finding = search(scenario, widths)
    seconds = time.perf_counter() - begin
    row = {
        'file': path.name,
        'scenario': drive['scenario'],
        'failed': [name for name in CHECKS if not drive['judge']['checks'][name]],
        'missed': drive['missed'],
        'impossible': finding.impossible,
        'found': finding.plan is not None,
        'tries': [asdict(each) for each in finding.tries],
        'states': sum(each.states for each in finding.tries),
        'seconds': round(seconds, 1),
        'cell_m': finding.task.surface.cell,
        'solution': '',
        'judge': {},
        'motion': {},
        'own': {},
    }
    if finding.plan is None:
        return row
    driven = driven_of(finding.plan, finding.task)
    write_solution(
        solution, read_benchmark(path), driven, scenario.vehicle, 'KS', 'SM1', seconds
    )  # fmt: skip
    verdict = own_verdict(finding.plan, finding.task, scenario)
    return {
        **row,
        'solution': str(solution),
        'own': asdict(verdict),
        'motion': motion_of(finding),
    }


def motion_of(finding: Finding) -> dict[str, float]:
    """Return in numbers what a found drive does."""
    driven = driven_of(finding.plan, finding.task)
    controls = finding.plan.controls
    return {
        'seconds': float(driven.times[-1]),
        'metres': float(np.abs(driven.speed).mean() * driven.times[-1]),
        'speed_start': float(driven.speed[0]),
        'speed_least': float(driven.speed.min()),
        'speed_most': float(driven.speed.max()),
        'speed_end': float(driven.speed[-1]),
        'stands': float((np.abs(driven.speed) < STANDS).sum() * driven.dt),
        'reverses': float((driven.speed < -STANDS).sum() * driven.dt),
        'braking_most': float(-controls[:, 0].min()),
        'acceleration_most': float(controls[:, 0].max()),
        'steering_most': float(np.abs(driven.steering).max()),
        'turn': float(driven.yaw[-1] - driven.yaw[0]),
    }


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for the terminal."""
    return text_table(HEAD, [_line(row) for row in rows])


def _line(row: Row) -> tuple[str, ...]:
    failed = ', '.join(row['failed'])
    if 'goal' in row['failed']:
        failed += f' ({", ".join(row["missed"])})'
    return (
        row['scenario'],
        failed,
        _found(row),
        row['tries'][-1]['limits'] if row['found'] else '-',
        f'{row["states"]:,}',
        f'{row["seconds"]:.0f}',
        _motion(row['motion']) or row['impossible'] or '-',
    )


def _found(row: Row) -> str:
    if row['impossible']:
        return 'impossible'
    if not row['found']:
        return 'none found'
    verdict = row['judge']
    if verdict.get('error'):
        return f'found, judge: {verdict["error"]}'
    if not verdict:
        return 'found'
    bad = [name for name in CHECKS if not verdict['checks'][name]]
    return f'found, not {", ".join(bad)}' if bad else 'found, passed'


def _motion(motion: Mapping[str, float]) -> str:
    if not motion:
        return ''
    said = [
        f'{motion["metres"]:.0f} m in {motion["seconds"]:.1f} s',
        f'{motion["speed_start"]:.1f} to {motion["speed_end"]:.1f} m/s',
        f'least {motion["speed_least"]:.1f}, most {motion["speed_most"]:.1f}',
        f'brakes {motion["braking_most"]:.1f}, accelerates {motion["acceleration_most"]:.1f}',
    ]
    if motion['stands'] > 0:
        said.append(f'stands {motion["stands"]:.1f} s')
    if motion['reverses'] > 0:
        said.append(f'reverses {motion["reverses"]:.1f} s')
    return ', '.join(said)


def lines(row: Row) -> Iterator[str]:
    """Yield what was tried of a row, line by line."""
    yield f'{row["scenario"]}: {_found(row)} {row["impossible"]}'.rstrip()
    for each in row['tries']:
        end = f'until {each["until"]:.1f} s' + (', some left out' if each['cut'] else '')
        yield (
            f'  {each["limits"]}, width {each["width"]}: {each["states"]:,} states '
            f'in {each["seconds"]:.0f} s, {end}'
        )
    for name, why in row['judge'].get('reasons', {}).items():
        yield f'  judge: {name}: {why}'
    if row['own']:
        off = row['own']['off_road']
        yield f'  our own verdict: {row["own"]["collisions"]} collisions, off road {off:.3f} m'
