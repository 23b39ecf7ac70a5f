# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of a drive: the summary, its table, and the CSV of the driven path."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation.record import DriveRecord, counts
from warmstart_planner.vehicle import PX, PY, SPEED, STEERING, YAW, VehicleParameters
from warmstart_planner.verification import DriveVerdict, box_distance

CSV_COLUMNS = ('t', 'x', 'y', 'yaw', 'v', 'steering')


def summary(
    record: DriveRecord, verdict: DriveVerdict, missed: Sequence[str], driven_csv: str | Path = ''
) -> dict[str, Any]:
    """
    Return the figures of a drive, as `summary.json` has them.

    Times are in milliseconds, lengths in metres; `rungs_planner` and `rungs_controller` count the
    steps of the safety ladder. A figure without data is NaN (null in JSON).

    Args:
        record: of the drive.
        verdict: the verifier's on it.
        missed: what was missed of the goal: place, heading, speed, time; nothing if reached.
        driven_csv: path of the CSV that `write_csv` wrote.

    """
    plan_ms = [1e3 * plan.seconds for plan in record.plans]
    control_ms = [1e3 * control.seconds for control in record.controls]
    errors = record.tracking_errors()
    errors = errors[np.isfinite(errors)]
    iterations = [plan.iterations for plan in record.plans]
    return {
        'goal_reached': not missed,
        'missed': list(missed),
        'collisions': int(verdict.collisions),
        'min_clearance_m': float(verdict.min_clearance),
        'off_road_m': float(verdict.off_road),
        'off_corridor_m': float(verdict.off_corridor),
        'speeding_mps': float(verdict.speeding),
        'tracking_rms_m': float(np.sqrt(np.mean(errors**2))) if len(errors) else float('nan'),
        'plan_ms_p50': _percentile(plan_ms, 50),
        'plan_ms_p99': _percentile(plan_ms, 99),
        'control_ms_p50': _percentile(control_ms, 50),
        'control_ms_p99': _percentile(control_ms, 99),
        'scp_iterations_mean': float(np.mean(iterations)) if iterations else float('nan'),
        'plans': len(record.plans),
        'plans_feasible': sum(plan.feasible for plan in record.plans),
        'rungs_planner': counts([plan.rung for plan in record.plans]),
        'rungs_controller': counts([control.rung for control in record.controls]),
        'sources': counts([plan.source for plan in record.plans]),
        'duration_s': float(record.times[-1] - record.times[0]),
        'distance_m': float(np.hypot(*np.diff(record.states[:, :2], axis=0).T).sum()),
        'driven_csv': str(driven_csv),
    }


def summary_table(figures: Mapping[str, Any]) -> str:
    """Return a summary as a table for the terminal."""
    f = figures
    rows = [
        ('goal reached', _reached(f['missed'])),
        ('collisions', str(f['collisions'])),
        ('minimum clearance', _metres(f['min_clearance_m'])),
        ('off the road', _metres(f['off_road_m'])),
        ('out of the corridor', _metres(f['off_corridor_m'])),
        ('beyond the speed limit', f'{f["speeding_mps"]:.1f} m/s'),
        ('tracking error (RMS)', _metres(f['tracking_rms_m'])),
        ('planning time p50 / p99', f'{f["plan_ms_p50"]:.1f} / {f["plan_ms_p99"]:.1f} ms'),
        ('control time p50 / p99', f'{f["control_ms_p50"]:.2f} / {f["control_ms_p99"]:.2f} ms'),
        ('SCP iterations (mean)', f'{f["scp_iterations_mean"]:.1f}'),
        ('plans, of them feasible', f'{f["plans"]}, {f["plans_feasible"]}'),
        ('planner rungs', _counted(f['rungs_planner'])),
        ('controller rungs', _counted(f['rungs_controller'])),
        ('plans by source', _counted(f['sources'])),
        ('driven', f'{f["distance_m"]:.0f} m in {f["duration_s"]:.1f} s'),
    ]
    return text_table(('figure', 'value'), rows)


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned plain text: the first column to the left, numbers to the right."""
    cells = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    right = [i > 0 and len(header) > 2 for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        return '  '.join(parts).rstrip()

    rule = '  '.join('-' * width for width in widths)
    return '\n'.join([line(cells[0]), rule, *(line(row) for row in cells[1:])])


def centers(states: NDArray[np.float64], vehicle: VehicleParameters) -> NDArray[np.float64]:
    """Poses (x, y, yaw) of the vehicle's centre, shape (T, 3), yaw unwrapped."""
    yaw = np.unwrap(states[:, YAW])
    ahead = vehicle.rear_to_center
    x = states[:, PX] + ahead * np.cos(yaw)
    return np.stack([x, states[:, PY] + ahead * np.sin(yaw), yaw], axis=-1)


def write_csv(path: str | Path, record: DriveRecord, vehicle: VehicleParameters) -> None:
    """
    Write the driven path: `t,x,y,yaw,v,steering` of the vehicle's centre, t from 0.

    Raises:
        OSError: the file cannot be written.

    """
    poses = centers(record.states, vehicle)
    columns = [
        record.times - record.times[0],
        *poses.T,
        record.states[:, SPEED],
        record.states[:, STEERING],
    ]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream)
        writer.writerow(CSV_COLUMNS)
        writer.writerows([[f'{value:.6f}' for value in row] for row in zip(*columns, strict=True)])


def clearances(scenario: Scenario, record: DriveRecord) -> NDArray[np.float64]:
    """Distance from the car to the nearest obstacle at each time, shape (T,), inf: none [m]."""
    car = scenario.car
    ego = centers(record.states, car)
    nearest = np.full(len(ego), np.inf)
    for participant in scenario.traffic:
        for chosen, poses in _present(participant, record.times):
            delta = poses[:, :2] - ego[chosen, :2]
            cos, sin = np.cos(ego[chosen, 2]), np.sin(ego[chosen, 2])
            relative = np.stack(
                [cos * delta[:, 0] + sin * delta[:, 1], cos * delta[:, 1] - sin * delta[:, 0]]
            )
            half_length, half_width, radius = participant.sizes_over(record.times[chosen]).T
            distance = box_distance(
                relative,
                poses[:, 2] - ego[chosen, 2],
                (car.length / 2, car.width / 2),
                (half_length, half_width),
                radius,
            )
            nearest[chosen] = np.minimum(nearest[chosen], distance)
    return nearest


def _present(participant: Any, times: NDArray[np.float64]) -> list[tuple[Any, Any]]:
    poses = [participant.pose_at(float(t)) for t in times]
    chosen = np.array([pose is not None for pose in poses])
    if not chosen.any():
        return []
    return [(chosen, np.array([pose for pose in poses if pose is not None]))]


def _percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share)) if len(values) else float('nan')


def _reached(missed: Sequence[str]) -> str:
    return f'NO, missed: {", ".join(missed)}' if missed else 'yes'


def _metres(value: float) -> str:
    return '-' if not np.isfinite(value) else f'{value:.2f} m'


def _counted(numbers: Mapping[str, int]) -> str:
    return ', '.join(f'{name} {count}' for name, count in numbers.items()) or '-'
