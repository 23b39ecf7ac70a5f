# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A drive's record as one file: plain arrays in NumPy's zip format, nothing pickled."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import Trajectory
from warmstart_planner.simulation.record import ControlRecord, DriveRecord, PlanRecord
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

PLAN_FIELDS = ('stamp', 'available', 'seconds', 'iterations', 'rung', 'source', 'feasible')
CONTROL_FIELDS = ('stamp', 'seconds', 'acceleration', 'steering_angle', 'rung')


def write_record(path: str | Path, record: DriveRecord, outcome: str) -> None:
    """
    Write a record and how the drive ended; missing folders are made.

    Raises:
        OSError: the file cannot be written.

    """
    arrays: dict[str, Any] = {
        'outcome': outcome,
        'times': record.times,
        'states': record.states,
    }
    for field in PLAN_FIELDS:
        arrays[f'plan_{field}'] = np.array([getattr(plan, field) for plan in record.plans])
    for field in CONTROL_FIELDS:
        arrays[f'control_{field}'] = np.array([getattr(each, field) for each in record.controls])
    arrays.update(_packed([plan.reference for plan in record.plans]))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('wb') as stream:
        np.savez_compressed(stream, **arrays)


def read_record(path: str | Path) -> tuple[DriveRecord, str]:
    """
    Read a record and how the drive ended.

    Raises:
        ValueError: the file is missing, no record, or what it holds does not fit together.

    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _record(arrays), str(arrays['outcome'])
    except (OSError, KeyError, IndexError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f'drive record {path} cannot be read: {error}') from None


def _packed(references: list[Trajectory | None]) -> dict[str, NDArray[Any]]:
    """All references one behind the other; a length of 0 stands for none."""
    known = [each for each in references if each is not None]
    none = np.zeros((0, STATE_SIZE)), np.zeros((0, CONTROL_SIZE))
    return {
        'reference_length': np.array([0 if r is None else len(r.states) for r in references], int),
        'reference_stamp': np.array([r.stamp for r in known]),
        'reference_dt': np.array([r.dt for r in known]),
        'reference_states': np.concatenate([none[0], *(r.states for r in known)]),
        'reference_controls': np.concatenate([none[1], *(r.controls for r in known)]),
    }


def _unpacked(arrays: dict[str, NDArray[Any]]) -> list[Trajectory | None]:
    references: list[Trajectory | None] = []
    states, controls, known = 0, 0, 0
    for length in arrays['reference_length'].tolist():
        if length == 0:
            references.append(None)
            continue
        references.append(
            Trajectory(
                float(arrays['reference_stamp'][known]),
                float(arrays['reference_dt'][known]),
                arrays['reference_states'][states : states + length],
                arrays['reference_controls'][controls : controls + length - 1],
            )
        )
        states, controls, known = states + length, controls + length - 1, known + 1
    return references


def _record(arrays: dict[str, NDArray[Any]]) -> DriveRecord:
    plans = _rows(arrays, 'plan', PLAN_FIELDS)
    return DriveRecord(
        times=arrays['times'],
        states=arrays['states'],
        plans=tuple(
            PlanRecord(**row, reference=reference)
            for row, reference in zip(plans, _unpacked(arrays), strict=True)
        ),
        controls=tuple(ControlRecord(**row) for row in _rows(arrays, 'control', CONTROL_FIELDS)),
    )


def _rows(
    arrays: dict[str, NDArray[Any]], prefix: str, fields: tuple[str, ...]
) -> list[dict[str, Any]]:
    columns = [arrays[f'{prefix}_{field}'].tolist() for field in fields]
    return [dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)]
