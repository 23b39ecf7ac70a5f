# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The one place that knows where acados is and which version.

Two installations are served: a source build named by ACADOS_SOURCE_DIR with the top-level package
`acados_template`, as vehicle computers have it, and PyPI's `comma-deps-acados`, which carries
everything inside the package `acados`. The first wins where both are present.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

# in the order in which they need one another
SHARED_LIBRARIES = ('libqpOASES_e.so', 'libblasfeo.so', 'libhpipm.so', 'libacados.so')
COMPILER_FLAGS = ('-O3', '-march=native', '-fno-math-errno', '-fPIC', '-shared', '-std=gnu11')


class AcadosMissingError(RuntimeError):
    """No acados is installed; the message says how to get it."""


@dataclass(frozen=True)
class Installation:
    """Where one acados is: its `include` and `lib` parent, its Python module, its version."""

    prefix: Path
    module: str
    version: str


@cache
def installation() -> Installation:
    """Find acados.

    Raises:
        AcadosMissingError: neither a source build nor the packaged one is there.

    """
    source = os.environ.get('ACADOS_SOURCE_DIR')
    if source and importlib.util.find_spec('acados_template'):
        version = importlib.metadata.version('acados_template')
        return Installation(Path(source), 'acados_template', version)
    packaged = importlib.util.find_spec('acados')
    if packaged and packaged.submodule_search_locations:
        prefix = Path(packaged.submodule_search_locations[0]) / 'install'
        version = importlib.metadata.version('comma-deps-acados')
        return Installation(prefix, 'acados.acados_template', version)
    raise AcadosMissingError(
        'acados is not installed: `pip install comma-deps-acados`, or build it from source, '
        'install its acados_template and set ACADOS_SOURCE_DIR'
    )


def version() -> str:
    """Version of the acados in use."""
    return installation().version


@cache
def preload_libraries() -> None:
    """Load acados' shared libraries for the process, so that generated ones find them."""
    folder = installation().prefix / 'lib'
    for name in SHARED_LIBRARIES:
        path = folder / name
        if path.is_file():
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


@cache
def import_acados_template() -> ModuleType:
    """Import `acados_template` of the acados in use, with the environment that it wants."""
    found = installation()
    os.environ.setdefault('ACADOS_SOURCE_DIR', str(found.prefix))
    if found.module != 'acados_template':
        template = found.prefix.parent / 'acados_template'
        os.environ.setdefault('ACADOS_PYTHON_INTERFACE_PATH', str(template))
    preload_libraries()
    return importlib.import_module(found.module)


def include_directories() -> tuple[Path, ...]:
    """Directories of the headers of acados, BLASFEO and HPIPM."""
    root = installation().prefix / 'include'
    return (root, root / 'acados', root / 'blasfeo' / 'include', root / 'hpipm' / 'include')


def compile_library(
    sources: Sequence[Path], output: Path, includes: Sequence[Path] = ()
) -> None:
    """Compile C sources into a shared library that uses BLASFEO and HPIPM.

    Raises:
        RuntimeError: there is no C compiler, or it refuses the sources; the message has its words.

    """
    headers = [f'-I{path}' for path in (*includes, *include_directories())]
    libraries = [f'-L{installation().prefix / "lib"}', '-lhpipm', '-lblasfeo', '-lm']
    command = [
        os.environ.get('CC', 'cc'),
        *COMPILER_FLAGS,
        *headers,
        *map(str, sources),
        *libraries,
        '-o',
        str(output),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError(
            f'C compiler {command[0]!r} is not installed: expected one on PATH or in CC'
        ) from None
    if done.returncode:
        raise RuntimeError(f'{command[0]} failed on {sources[0]}:\n{done.stderr[-2000:]}')
