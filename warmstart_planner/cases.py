# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive a folder of inputs that are easily got wrong, and compare with a table of what is right.

The table, `expected.yaml` of the folder, has for each file what has to hold: `refused` (words of
the one error), or any of `goal` (reached or not), `stands` (at the end), `on_road` (never off the
road nor out of the corridor) and `limit` (the speed limit in force at the start [m/s]). No drive
may collide. Exit status: 0 when all hold, 1 when one does not, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from warmstart_planner.drive_files import REFUSED, Row, drive_file, files_in
from warmstart_planner.generated import SolverMissingError
from warmstart_planner.measurement import write_measurement
from warmstart_planner.parallel import in_parallel, show_progress
from warmstart_planner.scenarios.road_goals import STANDING_SPEED
from warmstart_planner.simulation.configuration import (
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.report import text_table
from warmstart_planner.strict_yaml import parse

TABLE = 'expected.yaml'
OFF_ROAD = 0.05  # leaving road or corridor by no more than this is none [m]
SAME_LIMIT = 0.01  # [m/s]


@dataclass(frozen=True)
class Expected:
    """What has to hold for one file; None: not asked."""

    refused: str | None = None
    goal: bool | None = None
    stands: bool | None = None
    on_road: bool | None = None
    limit: float | None = None

    def differences(self, row: Row) -> list[str]:
        """Return what a drive's row does not fulfil."""
        if self.refused is not None:
            if row['outcome'] != REFUSED:
                return [f'was driven: expected to be refused ({self.refused!r})']
            known = self.refused in row['message']
            return [] if known else [f'error without {self.refused!r}: {row["message"]}']
        if row['outcome'] == REFUSED:
            return [f'refused: {row["message"]}']
        stands = row['final_speed_mps'] < STANDING_SPEED
        off = max(row['off_road_m'], row['off_corridor_m'])
        found = {'goal': row['goal_reached'], 'stands': stands, 'on_road': off <= OFF_ROAD}
        result = [
            f'{name} is {value}: expected {getattr(self, name)}'
            for name, value in found.items()
            if getattr(self, name) not in (None, value)
        ]
        limit = row['speed_limit_mps']
        if self.limit is not None and abs(limit - self.limit) > SAME_LIMIT:
            result.append(f'limit is {limit:.2f}: expected {self.limit}')
        if row['collisions']:
            result.append(f'{row["collisions"]} collisions: expected none')
        return result


def read_expected(path: Path) -> dict[str, Expected]:
    """
    Read a table; empty where there is none.

    Raises:
        ValueError: it is not a mapping of mappings, or has an unknown entry.

    """
    if not path.exists():
        return {}
    known = [field.name for field in fields(Expected)]
    table: dict[str, Expected] = {}
    for name, entries in parse(path.read_text(encoding='utf-8')).items():
        if not isinstance(entries, Mapping) or not set(entries) <= set(known):
            raise ValueError(f'{path}: {name} is {entries!r}: expected some of {", ".join(known)}')
        table[name] = Expected(**entries)
    return table


def compare(rows: Mapping[str, Row], expected: Mapping[str, Expected]) -> dict[str, list[str]]:
    """Return by file what differs; a file that is expected and missing differs, too."""
    result = {
        name: expected[name].differences(row) if name in expected else []
        for name, row in rows.items()
    }
    missing = {name: ['there is no such file'] for name in expected if name not in rows}
    return result | missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    options = _parse(arguments)
    try:
        configuration = replace(
            read_configuration(default_configuration_path()), seed=options.seed
        )
        files = [path for path in files_in(options.folder) if path.name != TABLE]
        expected = read_expected(options.folder / TABLE)
    except ValueError as error:
        print(f'cases: {error}', file=sys.stderr)
        return 2
    driven = options.out.with_suffix('')
    jobs = [(path, configuration, driven / f'{path.stem}.csv') for path in files]
    rows: dict[str, Row] = {}
    try:
        for name, row in in_parallel(_drive, jobs, options.workers):
            rows[name] = row
            show_progress(len(rows), len(jobs), 'cases')
    except SolverMissingError as error:
        print(f'cases: {error}', file=sys.stderr)
        return 2
    differences = compare(rows, expected)
    print(_table(rows, expected, differences))
    write_measurement(options.out, options.seed, [_row(rows, differences, n) for n in rows])
    wrong = sum(bool(each) for each in differences.values())
    print(f'{len(expected) - wrong} of {len(expected)} as expected; written to {options.out}')
    return 1 if wrong else 0


def _drive(path: Path, configuration: Any, csv: Path) -> tuple[str, Row]:
    return path.name, drive_file(path, configuration, float('inf'), csv)


def _row(rows: Mapping[str, Row], differences: Mapping[str, list[str]], name: str) -> Row:
    return {'file': name, **rows[name], 'differences': differences[name]}


def _table(
    rows: Mapping[str, Row],
    expected: Mapping[str, Expected],
    differences: Mapping[str, list[str]],
) -> str:
    def verdict(name: str) -> str:
        if name not in expected:
            return 'not in the table'
        return '; '.join(differences[name]) or 'as expected'

    lines = []
    for name in sorted({*rows, *expected}):
        row = rows.get(name, {})
        lines.append((name, str(row.get('outcome', '-')), verdict(name)))
    return text_table(('file', 'outcome', 'verdict'), lines)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='cases', description=(__doc__ or '').strip())
    add = parser.add_argument
    add('--folder', type=Path, required=True, help=f'with scenarios and {TABLE}')
    add('--out', type=Path, default=Path('out/cases.json'))
    add('--workers', type=int, default=2, help='processes')
    add('--seed', type=int, default=1, help='of all noise')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main())
