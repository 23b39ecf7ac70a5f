# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Search the scenes that `commonroad` did not solve for a solution, with minutes for each.

Reads the rows that `commonroad` has written of a folder, and searches each file that failed a
check of the judge. What is found is written beside the drive's solution, as
NAME.search.solution.xml, and judged. Where none is found there may be one all the same, unless
the table says why it is impossible.
Exit status: 0 when all was searched, whatever was found, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from warmstart_planner.commands.folder_table import json_path
from warmstart_planner.evaluation.judge import Judge, JudgeError, is_installed
from warmstart_planner.evaluation.search.report import lines, searched, table
from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.processes.parallel import in_parallel, positive

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog='commonroad-search', description=(__doc__ or '').strip())
    add = parser.add_argument
    add('--folder', type=Path, required=True, help='with the scenarios')
    add('--driven', type=json_path, default=Path('out/commonroad.json'), help='rows to look at')
    add('--out', type=json_path, default=Path('out/commonroad-search.json'))
    add('--widths', type=positive, nargs='+', default=[3000, 12000, 40000], help='of the beams')
    add('--files', nargs='+', default=[], help='only those of this name')
    add('--workers', type=positive, default=2, help='processes')
    try:
        return _run(parser.parse_args(arguments))
    except (ValueError, OSError, JudgeError) as error:
        print(f'commonroad-search: {error}', file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    if not is_installed():
        raise ValueError('there is no .venv-judge: expected what make judge installs')
    missed = [
        row
        for row in _rows(options.driven)
        if _failed(row) and (not options.files or row['file'] in options.files)
    ]
    target = options.driven.with_suffix('')
    jobs = [
        (options.folder / row['file'], row, target / f'{row["scenario"]}.search.solution.xml',
         tuple(options.widths))
        for row in missed
    ]  # fmt: skip
    found = []
    with Judge() as judge:
        for row in in_parallel(searched, jobs, options.workers):
            if row['solution']:
                verdict = judge.verdict(options.folder / row['file'], Path(row['solution']))
                row = {**row, 'judge': asdict(verdict)}
            found.append(row)
            print('\n'.join(lines(row)), file=sys.stderr, flush=True)
    found.sort(key=lambda row: row['file'])
    write_measurement(options.out, 0, found, {'widths': options.widths})
    print(table(found))
    print(f'written to {options.out}; solutions to {target}/')
    return 0


def _rows(path: Path) -> list[Row]:
    """Read the rows of drives; ValueError where there are none that were judged."""
    try:
        rows = json.loads(path.read_text(encoding='utf-8'))['rows']
    except (json.JSONDecodeError, KeyError):
        raise ValueError(f'{path}: has no rows: expected what make commonroad writes') from None
    if not any(row.get('judge') for row in rows):
        raise ValueError(f'{path}: no row was judged: expected rows of make commonroad with judge')
    return rows


def _failed(row: Mapping[str, Any]) -> bool:
    """Whether a drive was judged, and failed a check."""
    verdict = row.get('judge') or {}
    return bool(verdict.get('checks')) and not all(verdict['checks'].values())


if __name__ == '__main__':
    sys.exit(main())
