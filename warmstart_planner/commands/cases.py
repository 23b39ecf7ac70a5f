# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive a folder of inputs that are easily got wrong, and compare with a table of what is right.

The table, `expected.yaml` of the folder, has for each file what has to hold: `refused` (words of
the one error), or any of `goal` (reached or not), `stands` (at the end), `on_road` (never off the
road nor out of the corridor), `limit` (the speed limit in force at the start [m/s]) and `distance`
(driven: the least and the most [m]). No drive may collide. Exit status: 0 when all hold, 1 when
one does not, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from warmstart_planner.checks import number
from warmstart_planner.commands.folder_table import json_path, with_progress
from warmstart_planner.evaluation.scenes import (
    BROKEN_OFF,
    REFUSED,
    TABLE,
    Row,
    Setup,
    drive_scenes,
    files_in,
    names_of,
)
from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.files.strict_yaml import parse
from warmstart_planner.files.structured import structured
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.problem import STANDING_SPEED
from warmstart_planner.processes.parallel import positive
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.report import text_table

OFF_ROAD = 0.05  # leaving road or corridor by no more than this is none [m]
SAME_LIMIT = 0.01  # [m/s]


@dataclass(frozen=True)
class Expected:
    """
    What has to hold for one file; None: not asked.

    `refused` is words of the error, `limit` in m/s, `distance` the least and the most in m.

    Raises:
        ValueError: nothing is asked, `refused` is asked beside something else, or a value is of
            another kind.

    """

    refused: str | None = None
    goal: bool | None = None
    stands: bool | None = None
    on_road: bool | None = None
    limit: float | None = None
    distance: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Check what is asked."""
        asked = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        if not asked or ('refused' in asked and len(asked) > 1):
            raise ValueError(
                f'asked is {", ".join(asked) or "nothing"}: expected refused alone, or others'
            )
        if self.refused == '':
            raise ValueError('refused is empty: expected words of the error')
        if self.limit is not None:
            number('limit', self.limit, at_least=0.0)
        if self.distance is not None:
            least, most = self.distance
            number('distance', most, at_least=number('distance', least, at_least=0.0))

    def differences(self, row: Row) -> list[str]:
        """Return what a drive's row does not fulfil."""
        if row['outcome'] == BROKEN_OFF:
            return [f'broke off: {row["message"]}']
        if self.refused is not None:
            if row['outcome'] != REFUSED:
                return [f'driven: expected to be refused ({self.refused!r})']
            known = self.refused in row['message']
            return [] if known else [f'refused without {self.refused!r}: {row["message"]}']
        if row['outcome'] == REFUSED:
            return [f'refused: {row["message"]}']
        return [*self._differing_facts(row), *self._differing_numbers(row)]

    def _differing_facts(self, row: Row) -> list[str]:
        off = max(row['off_road_m'], row['off_corridor_m'])
        found = {
            'goal': row['goal_reached'],
            'stands': row['final_speed_mps'] < STANDING_SPEED,
            'on_road': off <= OFF_ROAD,
        }
        return [
            f'{name} is {_word(value)}: expected {_word(getattr(self, name))}'
            for name, value in found.items()
            if getattr(self, name) not in (None, value)
        ]

    def _differing_numbers(self, row: Row) -> list[str]:
        found = []
        limit, distance = row['speed_limit_mps'], row['distance_m']
        if self.limit is not None and abs(limit - self.limit) > SAME_LIMIT:
            found.append(f'limit is {limit:.2f}: expected {self.limit}')
        if self.distance is not None and not self.distance[0] <= distance <= self.distance[1]:
            found.append(f'distance is {distance:.1f}: expected in {list(self.distance)}')
        if row['collisions']:
            found.append(f'collisions is {row["collisions"]}: expected 0')
        return found


def _word(value: bool) -> str:
    return str(value).lower()


def read_expected(path: Path) -> dict[str, Expected]:
    """
    Read a table; empty where there is none.

    Raises:
        ValueError: it is no YAML, not a mapping of mappings, or an entry is unknown or wrong; the
            message names table, file and entry.
        OSError: it cannot be read.

    """
    if not path.exists():
        return {}
    try:
        table = parse(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    if not isinstance(table, Mapping):
        raise ValueError(f'{path} holds {table!r}: expected for each file what has to hold')
    try:
        return {name: structured(Expected, entry, name) for name, entry in table.items()}
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None


def compare(rows: Mapping[str, Row], expected: Mapping[str, Expected]) -> dict[str, list[str]]:
    """Return by file what differs; a file that is expected and missing differs, too."""
    result = {
        name: expected[name].differences(row) if name in expected else []
        for name, row in rows.items()
    }
    missing = {name: ['there is no such file'] for name in expected if name not in rows}
    return result | missing


def drive_cases(
    files: Sequence[Path], configuration: SimulationConfiguration, folder: Path, workers: int
) -> dict[str, Row]:
    """
    Drive files as they are to be compared, and return their rows by name.

    Args:
        files: of scenarios.
        configuration: of the simulated world.
        folder: for the driven paths.
        workers: processes.

    Raises:
        SolverMissingError: the solvers have to be generated first.
        OSError: a driven path cannot be written.

    """
    setup = Setup(configuration, deadline=float('inf'))
    driven = drive_scenes(names_of(files), setup, folder, workers)
    rows = {row['file']: row for row in with_progress(driven, len(files), 'drives')}
    return {path.name: rows[path.name] for path in files}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    options = _parse(arguments)
    try:
        configuration = replace(
            read_configuration(default_configuration_path()), seed=options.seed
        )
        expected = read_expected(options.folder / TABLE)
        files = files_in(options.folder)
        driven = options.out.with_suffix('')
        rows = drive_cases(files, configuration, driven, options.workers)
        differences = compare(rows, expected)
        judged = [{**row, 'differences': differences[row['file']]} for row in rows.values()]
        write_measurement(options.out, options.seed, judged)
    except (ValueError, OSError, SolverMissingError) as error:
        print(f'cases: {error}', file=sys.stderr)
        return 2
    print(_table(rows, expected, differences))
    if not expected:
        print(f'there is no {options.folder / TABLE}: nothing is compared')
    wrong = sum(bool(each) for each in differences.values())
    print(f'{len(expected) - wrong} of {len(expected)} as expected; written to {options.out}')
    return 1 if wrong else 0


def _table(
    rows: Mapping[str, Row],
    expected: Mapping[str, Expected],
    differences: Mapping[str, list[str]],
) -> str:
    def verdict(name: str) -> str:
        if name not in expected:
            return 'not in the table'
        return 'DIFFERS' if differences[name] else 'as expected'

    names = sorted({*rows, *expected})
    lines = [(name, str(rows.get(name, {}).get('outcome', '-')), verdict(name)) for name in names]
    said = [f'{name}: {each}' for name in names for each in differences[name]]
    return '\n'.join([text_table(('file', 'outcome', 'verdict'), lines), *said])


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='cases', description=(__doc__ or '').strip())
    add = parser.add_argument
    add('--folder', type=Path, required=True, help=f'with scenarios and {TABLE}')
    add('--out', type=json_path, default=Path('out/cases.json'))
    add('--workers', type=positive, default=2, help='processes')
    add('--seed', type=int, default=1, help='of all noise')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main())
