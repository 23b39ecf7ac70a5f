# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A file that keeps what a long run has found so far, so that it can be gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from warmstart_planner.files.measurement import plain
from warmstart_planner.files.structured import structured


class Record(Protocol):
    """What a journal keeps: a frozen dataclass, of plain values and of others of its kind."""

    @property
    def key(self) -> str:
        """What tells the record from all others."""


Kept = TypeVar('Kept', bound=Record)


class JournalError(ValueError):
    """A file of records that cannot be gone on with; the message says why."""


class Journal(Generic[Kept]):
    """
    Records in a file of JSON lines, under a first line that says what they are of.

    NaN and infinities are kept, as Python's JSON writes them. A line that a stopped run left
    unfinished is dropped.

    Args:
        path: of the file; its folder is made.
        kind: the records' class, as which they are read (`files.structured`).
        about: what the records depend on; a file about something else is not gone on with.
        resume: keep the records that are there; else the file begins anew.

    Raises:
        JournalError: the file to go on with is about something else or cannot be read.

    """

    def __init__(
        self,
        path: Path,
        kind: type[Kept],
        about: Mapping[str, Any],
        resume: bool,
    ) -> None:
        self._path, self._kind = path, kind
        self._about = plain(about)
        known = self._known() if resume and path.exists() else ()
        self.records: dict[str, Kept] = {record.key: record for record in known}
        path.parent.mkdir(parents=True, exist_ok=True)
        content = [self._about, *(asdict(record) for record in self.records.values())]
        path.write_text(''.join(map(_line, content)), encoding='utf-8')

    def add(self, record: Kept) -> None:
        """Keep a record."""
        self.records[record.key] = record
        with self._path.open('a', encoding='utf-8') as file:
            file.write(_line(asdict(record)))

    def _known(self) -> Iterable[Kept]:
        first, *lines = self._path.read_text(encoding='utf-8').splitlines() or ['']
        about = self._parsed(first, 1)
        for name, value in self._about.items():
            if about.get(name) != value:
                raise JournalError(
                    f'{self._path}: {name} is {about.get(name)!r}: expected {value!r}, as it was '
                    'begun; it can be begun anew, or another file named'
                )
        for number, line in enumerate(lines, start=2):
            if number == len(lines) + 1 and not _is_whole(line):
                return
            yield self._record(line, number)

    def _record(self, line: str, number: int) -> Kept:
        content = self._parsed(line, number)
        try:
            return structured(self._kind, content)
        except ValueError as error:
            raise JournalError(f'{self._path}, line {number}: {error}') from None

    def _parsed(self, line: str, number: int) -> dict[str, Any]:
        try:
            content = json.loads(line)
        except ValueError as error:
            raise JournalError(f'{self._path}, line {number}: is not JSON: {error}') from None
        if not isinstance(content, dict):
            raise JournalError(f'{self._path}, line {number}: expected a mapping')
        return content


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, default=lambda number: number.tolist()) + '\n'


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
