# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The one place that knows where acados is and which version.

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
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from warmstart_planner.generation import compilation

# In the order in which they need one another.
SHARED_LIBRARIES = ('libqpOASES_e.so', 'libblasfeo.so', 'libhpipm.so', 'libacados.so')
OPTIONAL_LIBRARIES = ('libqpOASES_e.so',)


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
    """
    Find acados.

    Returns:
        The source build that ACADOS_SOURCE_DIR names, or else the packaged one.

    Raises:
        AcadosMissingError: neither is there, or the source build is not complete.

    """
    packaged = _packaged()
    source = os.environ.get('ACADOS_SOURCE_DIR')
    # import_acados_template() sets the variable for the packaged one too.
    if source and not (packaged and Path(source) == packaged.prefix):
        return _source_build(Path(source))
    if packaged:
        return packaged
    raise AcadosMissingError(
        f'acados is not installed for {sys.executable}: pip install comma-deps-acados casadi '
        '(both in one command), or build acados from source, pip install its '
        'interfaces/acados_template and set ACADOS_SOURCE_DIR'
    )


def _packaged() -> Installation | None:
    found = importlib.util.find_spec('acados')
    if not found or not found.submodule_search_locations:
        return None
    prefix = Path(found.submodule_search_locations[0]) / 'install'
    return Installation(prefix, 'acados.acados_template', _version_of('comma-deps-acados'))


def _source_build(prefix: Path) -> Installation:
    for needed in ('include/acados_c/ocp_nlp_interface.h', 'lib/libacados.so'):
        if not (prefix / needed).is_file():
            raise AcadosMissingError(
                f'ACADOS_SOURCE_DIR={prefix} has no {needed}: expected a built acados '
                '(cmake --build . --target install), or the variable unset'
            )
    if not importlib.util.find_spec('acados_template'):
        raise AcadosMissingError(
            f'ACADOS_SOURCE_DIR={prefix}, but {sys.executable} has no acados_template: '
            f'pip install {prefix}/interfaces/acados_template, or unset the variable'
        )
    return Installation(prefix, 'acados_template', _version_of('acados_template'))


def _version_of(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return 'unknown'


def version() -> str:
    """Return the version of the acados in use, "unknown" where it was not installed by pip."""
    return installation().version


def toolchain() -> dict[str, Any]:
    """Return what a compiled solver depends on beside its sources: acados, flags, processor."""
    return {'acados': version(), **compilation.toolchain(compilation.C)}


def library_directory() -> Path:
    """Return the directory of acados' shared libraries."""
    return installation().prefix / 'lib'


@cache
def preload_libraries() -> None:
    """
    Load acados' shared libraries into the process, so that generated ones find them.

    Raises:
        AcadosMissingError: one of them cannot be loaded.

    """
    for path in (library_directory() / name for name in SHARED_LIBRARIES):
        # A source build may leave solvers out; HPIPM and BLASFEO are what generated code needs.
        if not path.is_file() and path.name in OPTIONAL_LIBRARIES:
            continue
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise AcadosMissingError(f'{path} of acados {version()}: {error}') from None


@cache
def import_acados_template() -> ModuleType:
    """Import `acados_template` of the acados in use, with the environment that it wants."""
    found = installation()
    os.environ['ACADOS_SOURCE_DIR'] = str(found.prefix)
    if found.module != 'acados_template':
        template = found.prefix.parent / 'acados_template'
        os.environ['ACADOS_PYTHON_INTERFACE_PATH'] = str(template)
    preload_libraries()
    return importlib.import_module(found.module)


def include_directories() -> tuple[Path, ...]:
    """Directories of the headers of acados, BLASFEO and HPIPM."""
    root = installation().prefix / 'include'
    return (root, root / 'acados', root / 'blasfeo' / 'include', root / 'hpipm' / 'include')


def compile_library(sources: Sequence[Path], output: Path, includes: Sequence[Path] = ()) -> None:
    """
    Compile C sources into a shared library that uses BLASFEO and HPIPM.

    Raises:
        RuntimeError: there is no C compiler, or it refuses the sources; the message has its words.

    """
    headers = [f'-I{path}' for path in (*includes, *include_directories())]
    libraries = [f'-L{library_directory()}', '-lhpipm', '-lblasfeo', '-lm']
    compilation.compile_library(compilation.C, sources, output, [*headers, *libraries])
