# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of figures as text: columns are declared once, rich lays them out."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

MISSING = '-'
WIDE = 400  # columns of a terminal: a table is never folded, since its text also goes to files

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """
    One column of a table.

    Args:
        heading: with the unit, where there is one.
        cell: key of the row's value, or what makes a value of a row.
        form: format of the value, as of `format`; a value without one is a name, to the left,
            others are to the right.

    """

    heading: str
    cell: str | Callable[[Row], Any]
    form: str = ''

    def text(self, row: Row) -> str:
        """Return a row's cell; a dash for a value that is missing or not a number."""
        value = self.cell(row) if callable(self.cell) else row.get(self.cell)
        unknown = value is None or value != value
        return MISSING if unknown else format(value, self.form)


def table(columns: Sequence[Column], rows: Iterable[Row], title: str = '', note: str = '') -> str:
    """Return rows as a table, with a line above and one below where they say something."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        grid.add_column(Text(column.heading), justify='right' if column.form else 'left')
    for row in rows:
        grid.add_row(*(Text(column.text(row)) for column in columns))
    sheet = io.StringIO()
    Console(file=sheet, width=WIDE).print(grid)
    lines = [line.rstrip() for line in sheet.getvalue().splitlines()]
    return '\n'.join([*([title] if title else []), *lines, *([note] if note else [])])
