# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The C compiler: how it is called, with which flags."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

FLAGS = (
    '-O3',
    '-march=native',
    '-fno-math-errno',
    '-fno-semantic-interposition',  # else even CasADi's square is a call through a table
    '-fPIC',
    '-shared',
    '-std=gnu11',
)


def compile_library(sources: Sequence[Path], output: Path, options: Sequence[str] = ()) -> None:
    """
    Compile C sources into a shared library.

    Args:
        sources: the files, of which errors name the first.
        output: the library.
        options: folders of headers and libraries, as the compiler's options.

    Raises:
        RuntimeError: there is no C compiler, or it refuses the sources; the message has its words.

    """
    compiler = os.environ.get('CC', 'cc')
    # libraries stand behind what uses them
    command = [compiler, *FLAGS, *map(str, sources), *options, '-lm', '-o', str(output)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError(
            f'C compiler {compiler!r} is not installed: expected one on PATH or in CC'
        ) from None
    if done.returncode:
        raise RuntimeError(f'{compiler} failed on {sources[0]}:\n{done.stderr[-2000:]}')
