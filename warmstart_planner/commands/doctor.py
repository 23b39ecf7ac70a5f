# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Check what planning and driving need: versions, compilers, solvers, models, ROS.

Prints a line for each, and what to do about what is missing. Exit status: 0 when all is there that
driving without ROS needs, 1 when it is not, 2 for a vehicle that is not known.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from warmstart_planner.files.resources import PACKAGE, share_folder
from warmstart_planner.generation.acados import AcadosMissingError, version
from warmstart_planner.generation.compilation import CPP, C, Language, target
from warmstart_planner.generation.generated import solver_root
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.processes.system import missing_module
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle

PACKAGES = ('numpy', 'scipy', 'casadi', 'onnxruntime', 'matplotlib')
MARKS = {'good': 'ok', 'lacking': 'MISSING', 'optional': '-'}


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do; `state` is one of MARKS."""

    what: str
    state: str
    found: str
    remedy: str = ''

    def __str__(self) -> str:
        line = f'{MARKS[self.state]:8}{self.what:28}{self.found}'
        return f'{line}\n{"":8}-> {self.remedy}' if self.remedy else line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the vehicle."""
    parser.add_argument(
        '--vehicle', default=DEFAULT_VEHICLE, help="car by name, or its file's path"
    )


def run(options: argparse.Namespace) -> int:
    """Check everything; return the exit status."""
    try:
        vehicle = load_vehicle(options.vehicle)
    except ValueError as error:
        print(f'doctor: {error}', file=sys.stderr)
        return 2
    lacking = False
    for finding in findings(vehicle):
        print(finding, flush=True)
        lacking |= finding.state == 'lacking'
    return int(lacking)


def findings(vehicle: VehicleParameters) -> Iterator[Finding]:
    """Yield what is found of everything that driving this car needs."""
    yield _ourselves()
    yield Finding('python', 'good', f'{platform.python_version()} in {sys.prefix}')
    for package in PACKAGES:
        yield _package(package)
    casadi = _casadi_in_use()
    yield casadi
    yield _acados()
    yield Finding('processor', 'good', target())
    yield from map(_compiler, (C, CPP))
    yield _make()
    if casadi.state == 'good':
        yield from _solvers(vehicle)
        yield from _models(vehicle)
    yield _ros()


def _ourselves() -> Finding:
    try:
        installed = metadata.version(PACKAGE.name)
    except metadata.PackageNotFoundError:
        installed = 'not installed by pip'
    return Finding(PACKAGE.name, 'good', f'{installed}, in {PACKAGE}')


def _package(name: str) -> Finding:
    try:
        return Finding(name, 'good', metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, 'lacking', 'not installed', f'pip install {name}')


def _casadi_in_use() -> Finding:
    """CasADi shares its folder with the one inside comma-deps-acados, which is another version."""
    remedy = 'pip install --force-reinstall --no-deps casadi, after acados'
    try:
        import casadi
    except ImportError as error:
        return Finding('casadi in use', 'lacking', f'cannot be imported: {error}', remedy)
    used, wanted = casadi.__version__, metadata.version('casadi')
    if used != wanted:
        return Finding('casadi in use', 'lacking', f'{used}, the one inside acados', remedy)
    return Finding('casadi in use', 'good', used)


def _acados() -> Finding:
    try:
        return Finding('acados', 'good', version())
    except AcadosMissingError as error:
        return Finding('acados', 'lacking', 'not found', str(error))


def _compiler(language: Language) -> Finding:
    name = os.environ.get(language.variable, language.compiler)
    found = shutil.which(name)
    what = f'{language.name} compiler'
    if found:
        return Finding(what, 'good', found)
    remedy = f'sudo apt-get install build-essential, or name one in {language.variable}'
    return Finding(what, 'lacking', f'{name} is not on PATH', remedy)


def _make() -> Finding:
    found = shutil.which('make')
    if found:
        return Finding('make', 'good', found)
    return Finding('make', 'lacking', 'not on PATH', 'sudo apt-get install make')


def _solvers(vehicle: VehicleParameters) -> Iterator[Finding]:
    from warmstart_planner.commands.generate import solvers  # needs CasADi

    for solver in solvers(vehicle, CostWeights(), Horizon()):
        what, fault = f'solver {solver.name}', solver.fault
        if fault:
            yield Finding(what, 'lacking', 'not there or not current', fault)
        else:
            yield Finding(what, 'good', str(solver_root()))


def _models(vehicle: VehicleParameters) -> Iterator[Finding]:
    from warmstart_planner.learned.cards.card_format import CardError  # needs CasADi
    from warmstart_planner.proposals.registry import BUILT_IN, load_source
    from warmstart_planner.proposals.spec import LoadOptions, Origin

    options = LoadOptions(vehicle, Horizon())
    for spec in BUILT_IN:
        if spec.origin is not Origin.LEARNED:
            continue
        what = f'model {spec.name}'
        try:
            if spec.fits(options):
                load_source(spec.name, options)
                yield Finding(what, 'good', str(share_folder() / 'models'))
            else:
                yield Finding(what, 'optional', f'not for {vehicle.name}: it is left out')
        except (CardError, RuntimeError) as error:
            yield Finding(what, 'lacking', 'cannot be loaded', str(error))


def _ros() -> Finding:
    missing = missing_module()
    if not missing:
        return Finding('ROS 2', 'good', os.environ.get('ROS_DISTRO') or 'as wheels')
    remedy = (
        'only the nodes and `demo` need it: `make demo` in a checkout, or source ROS 2 and the '
        'workspace in which this package was built'
    )
    return Finding('ROS 2', 'optional', f'no module {missing}', remedy)
