# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The command line of a program: its options are the fields of a dataclass.

tyro makes the flags: a field's type, default and comment are what `--help` shows of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

Options = TypeVar('Options')
CONFIGURATION = (
    tyro.conf.FlagCreatePairsOff,  # --resume, and no --no-resume beside it
    tyro.conf.EnumChoicesFromValues,
    tyro.conf.OmitArgPrefixes,
)


class OptionError(Exception):
    """An option that cannot be used; the message names it, its value and what was expected."""


def at_least(options: Any, **least: float) -> None:
    """
    Hold options to their least values; one that is None has none.

    Raises:
        OptionError: a value is below.

    """
    for name, bound in least.items():
        value = getattr(options, name)
        if value is not None and value < bound:
            flag = name.replace('_', '-')
            raise OptionError(f'--{flag} is {value}: expected at least {bound}')


def parsed(
    kind: type[Options],
    program: str,
    about: str | None,
    arguments: Sequence[str] | None = None,
    default: Options | None = None,
) -> Options:
    """
    Return the options that a command line gives.

    Args:
        kind: dataclass of the options; it may raise OptionError.
        program: name that errors and the help begin with.
        about: docstring of the program's module, whose first line the help shows.
        arguments: of the command line; by default this process' own.
        default: options in place of the class's own defaults.

    Raises:
        OptionError: a value cannot be used.
        SystemExit: an option is unknown or of another type, or help was asked for.

    """
    return tyro.cli(
        kind,
        prog=program,
        description=(about or '').strip().split('\n\n')[0],
        args=arguments,
        config=CONFIGURATION,
        **({} if default is None else {'default': default}),
    )


def run(
    work: Callable[[Options], int | None],
    kind: type[Options],
    program: str,
    about: str | None,
    arguments: Sequence[str] | None = None,
    refusals: tuple[type[Exception], ...] = (ValueError, OSError),
) -> int:
    """
    Run a program; return its exit status: 2, and one line, where it cannot do what was asked.

    Args:
        work: what the program does; returns its exit status, None for 0.
        kind: dataclass of its options.
        program: name that errors and the help begin with.
        about: docstring of the program's module.
        arguments: of the command line; by default this process' own.
        refusals: errors that say what the user can mend.

    """
    try:
        return work(parsed(kind, program, about, arguments)) or 0
    except (OptionError, *refusals) as error:
        print(f'{program}: {error}', file=sys.stderr)
        return 2
