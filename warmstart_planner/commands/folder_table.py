# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
From a folder of scenario files to a table, whoever drives them.

Rows that are done are kept in a journal beside what is written of each file, and not driven again.
Where CommonRoad's own checker is installed, it judges all solutions.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from warmstart_planner.evaluation.judge import is_installed, verdicts
from warmstart_planner.evaluation.scenes import BROKEN_OFF, Row, files_in, names_of
from warmstart_planner.evaluation.table import (
    differences,
    reasons,
    summary_lines,
    summary_of,
    sums,
    table,
)
from warmstart_planner.files.journal import Journal
from warmstart_planner.files.measurement import commit, write_measurement
from warmstart_planner.processes.parallel import positive, show_progress

Item = TypeVar('Item')
# drives files to rows, as they are done; each has a name for what is written of it in the folder
Driver = Callable[[Mapping[Path, str], Path], Iterable[Row]]


@dataclass(frozen=True)
class KeptRow:
    """A row as the journal keeps it, with the hash of its file's content."""

    file: str
    digest: str
    row: Row

    @property
    def key(self) -> str:
        """Name of the file."""
        return self.file


def add_folder_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the folder, what is written, by default to `out`, and how much is driven at once."""
    add = parser.add_argument
    add('--folder', type=Path, required=True, help='with .xml or .yaml scenarios')
    add('--out', type=json_path, default=Path(out))
    add('--workers', type=positive, default=2, help='processes')
    add('--n', type=positive, help='only the first so many files')
    add('--anew', action='store_true', help='drive also what is driven already')


def drive_folder(
    options: argparse.Namespace, drive: Driver, about: Mapping[str, Any], seed: int
) -> int:
    """
    Drive the files of a folder, write and print their table; return the exit status.

    It is 0 when all drives came to an end, whatever it was, 1 when one broke off with an error.

    Args:
        options: of `add_folder_arguments`.
        drive: what drives.
        about: what the rows depend on, besides the files and the commit.
        seed: of all noise.

    Raises:
        ValueError: there are no files, or rows that were driven otherwise.
        OSError: a file cannot be written.
        JudgeError: the judge's process ended.

    """
    folder = options.out.with_suffix('')
    if folder.resolve() == options.folder.resolve():
        raise ValueError(f'out is {str(options.out)!r}: expected another name than the folder')
    names = names_of(files_in(options.folder)[: options.n])
    about = {**about, 'folder': str(options.folder.resolve()), 'commit': commit()}
    journal = Journal(folder / 'journal.jsonl', KeptRow, about, not options.anew)
    rows = _driven_rows(names, lambda todo: drive(todo, folder), journal)
    if is_installed():
        rows = _judged_rows(list(names), rows, options.workers, journal)
    found = summary_of(rows)
    write_measurement(options.out, seed, rows, {'summary': found})
    for text in (table(rows), reasons(rows), differences(rows), sums(rows), summary_lines(found)):
        print(text, end='\n' if text else '')
    print(f'written to {options.out} and {folder}/')
    return 1 if any(row['outcome'] == BROKEN_OFF for row in rows) else 0


def _driven_rows(
    names: Mapping[Path, str],
    drive: Callable[[Mapping[Path, str]], Iterable[Row]],
    journal: Journal[KeptRow],
) -> list[Row]:
    """
    Return the rows of files in their order, of those that the journal has as they are there.

    Progress and what the reader warned of go to standard error. Drives that broke off are not
    kept: they are tried again next time.
    """
    digests = {path.name: _digest(path) for path in names}
    rows = {
        name: journal.records[name].row
        for name, digest in digests.items()
        if name in journal.records and journal.records[name].digest == digest
    }
    if rows:
        print(f'{len(rows)} of {len(names)} files are driven already', file=sys.stderr)
    todo = {path: name for path, name in names.items() if path.name not in rows}
    for row in with_progress(drive(todo), len(todo), 'drives'):
        rows[row['file']] = row
        if row['outcome'] != BROKEN_OFF:
            journal.add(KeptRow(row['file'], digests[row['file']], row))
        for warning in row['warnings']:
            print(f'{row["file"]}: {warning}', file=sys.stderr)
    return [rows[path.name] for path in names]


def _judged_rows(
    files: Sequence[Path], rows: Sequence[Row], workers: int, journal: Journal[KeptRow]
) -> list[Row]:
    """Return rows with the judge's verdict on their solutions, under `judge`, and keep them."""
    by_file = {path: row for path, row in zip(files, rows, strict=True)}
    cases = [
        (path, Path(row['solution']))
        for path, row in by_file.items()
        if row['solution'] and not row.get('judge')
    ]
    for (path, _), verdict in with_progress(verdicts(cases, workers), len(cases), 'judged'):
        by_file[path] = {**by_file[path], 'judge': asdict(verdict)}
        kept = journal.records[path.name]
        journal.add(replace(kept, row=by_file[path]))
    return list(by_file.values())


def with_progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Pass items on, and show how many of a total there have been."""
    for done, item in enumerate(items, start=1):
        yield item
        show_progress(done, total, what)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def json_path(text: str) -> Path:
    """Return an option's text as the path of a JSON file; argparse reports any other."""
    if Path(text).suffix != '.json':
        raise argparse.ArgumentTypeError(f'is {text!r}: expected a .json file')
    return Path(text)
