# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Where generated solvers live, and the card that says what each was generated for.

Nothing is generated or compiled while a vehicle drives: a program that needs a solver asks for it
here, by its key, and refuses to start when it is missing or was made for something else.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CARD = 'card.json'
SCHEMA = 1
ENVIRONMENT_VARIABLE = 'WARMSTART_PLANNER_SOLVERS'
PACKAGE = 'warmstart_planner'
PROGRAM = 'generate'  # of the installed package, as `ros2 run` finds it


class SolverMissingError(RuntimeError):
    """A generated solver is missing or does not fit; the message says what to run."""


def solver_root() -> Path:
    """
    Return the folder of all generated solvers.

    The environment's; else `build/solvers` of the sources; else a folder of the user's: the
    cache where pip installed the package, below ROS_HOME where colcon did.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named)
    package = Path(__file__).resolve().parents[1]
    if (package.parent / 'package.xml').is_file():
        return package.parent / 'build' / 'solvers'
    if _is_of_a_wheel(package):
        home = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    else:
        home = Path(os.environ.get('ROS_HOME', Path.home() / '.ros'))
    return home / PACKAGE / 'solvers'


def _is_of_a_wheel(package: Path) -> bool:
    return (package / 'share').is_dir()


def command(options: Mapping[str, object]) -> str:
    """
    Return the shell command that generates the solvers, with options of `generate` by name.

    It is one that works for this Python: `make` for the environment that `make setup` made, `ros2
    run` where colcon installed the package, our own program where pip did, the module otherwise.
    """
    given = {name: str(value) for name, value in options.items()}
    package = Path(__file__).resolve().parents[1]
    if Path(sys.prefix).resolve() == (package.parent / '.venv').resolve():
        options = [f'{name.upper()}={shlex.quote(value)}' for name, value in given.items()]
        return ' '.join(['make solvers', *options])
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    if _is_of_a_wheel(package):
        begin = f'warmstart-planner {PROGRAM}'
    elif any(Path(each, 'lib', PACKAGE, PROGRAM).is_file() for each in prefixes if each):
        begin = f'ros2 run {PACKAGE} {PROGRAM}'
    else:
        begin = f'python3 -m {PACKAGE}.commands.{PROGRAM}'
    return ' '.join([begin, *(f'--{name} {shlex.quote(value)}' for name, value in given.items())])


def solver_folder(name: str, key: dict[str, Any]) -> Path:
    """Folder of one solver; its name holds a hash of the key."""
    return solver_root() / f'{name}-{_digest(key)}'


def require(name: str, key: dict[str, Any], options: Mapping[str, object] | None = None) -> Path:
    """
    Return the folder of a generated solver that fits the key.

    Args:
        name: the solver's name.
        key: all that it depends on (JSON values), by content: what it is called by is no part.
        options: of `generate`, with which it makes this solver; errors name them.

    Raises:
        SolverMissingError: there is none, or its card is unreadable or says otherwise.

    """
    folder, remedy = solver_folder(name, key), command(options or {})
    card_file = folder / CARD
    if not card_file.is_file():
        others = ' and '.join(_other_targets(name, key))
        here = f' for this processor ({key["target"]}), only for {others},' if others else ''
        raise SolverMissingError(
            f'solver {name!r} is not generated{here} in {folder}: run `{remedy}` first'
        )
    try:
        card = json.loads(card_file.read_text())
    except (OSError, ValueError) as error:
        raise SolverMissingError(
            f'solver card {card_file} is unreadable ({error}): run `{remedy}` again'
        ) from None
    if not isinstance(card, dict) or not isinstance(card.get('files'), dict):
        raise SolverMissingError(
            f'solver card {card_file} holds no object with files: run `{remedy}` again'
        )
    wanted = {'schema': SCHEMA, 'name': name, 'key': json.loads(json.dumps(key))}
    for field, value in wanted.items():
        if card.get(field) != value:
            raise SolverMissingError(
                f'solver card {card_file} has {field} {card.get(field)!r}: '
                f'expected {value!r}; run `{remedy}` again'
            )
    for file, digest in card['files'].items():
        path = folder / file
        if not path.is_file() or file_digest(path) != digest:
            raise SolverMissingError(f'solver file {path} is missing or changed: run `{remedy}`')
    return folder


def generate(name: str, key: dict[str, Any], build: Callable[[Path], list[str]]) -> Path:
    """
    Generate a solver unless one that fits is there.

    Args:
        name: the solver's name.
        key: all that it depends on.
        build: fills a folder and returns the names of the files to guard by hash.

    Returns:
        The folder, complete: it is moved into place only when all is written.

    """
    try:
        return require(name, key)
    except SolverMissingError:
        pass
    folder = solver_folder(name, key)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f'.{folder.name}-', dir=folder.parent))
    try:
        files = build(work)
        card = {
            'schema': SCHEMA,
            'name': name,
            'key': key,
            'files': {file: file_digest(work / file) for file in files},
        }
        (work / CARD).write_text(json.dumps(card, indent=1))
        work.chmod(0o755)
        _replace(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return require(name, key)


def source_digest(*paths: Path) -> str:
    """Hash of source files that a solver is generated from, for use in its key."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _other_targets(name: str, key: dict[str, Any]) -> list[str]:
    """Name the processors for which the same solver is there."""
    targets = set()
    for card_file in solver_root().glob(f'{name}-*/{CARD}'):
        try:
            other = json.loads(card_file.read_text())['key']
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(other, dict) and _but_processor(other) == _but_processor(key):
            targets.add(str(other.get('target')))
    return sorted(targets)


def _but_processor(key: dict[str, Any]) -> Any:
    rest = {field: value for field, value in key.items() if field not in ('target', 'flags')}
    return json.loads(json.dumps(rest))


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]


def _replace(work: Path, folder: Path) -> None:
    try:
        work.rename(folder)
    except OSError:
        # another run finished first, or a broken one is in the way
        try:
            require_same = json.loads((folder / CARD).read_text())['files']
        except (OSError, ValueError, KeyError, TypeError):
            require_same = None
        mine = json.loads((work / CARD).read_text())['files']
        if require_same != mine:
            shutil.rmtree(folder, ignore_errors=True)
            work.rename(folder)
