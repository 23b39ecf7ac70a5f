# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Documents' commands and programs, as a reader would type and run them."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def environment():
    """Return an environment to run our modules in from anywhere."""
    # whoever runs the tests may be a make itself
    outside = {name: value for name, value in os.environ.items() if not name.startswith('MAKE')}
    path = os.pathsep.join([str(ROOT), outside.get('PYTHONPATH', '')])
    return {**outside, 'PYTHONPATH': path}


def run_python(folder, *arguments):
    """Run Python in a folder; return what it said. It must end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope='session')
def make():
    """
    Return a function that runs what a make target runs, set-up left out, in a folder.

    It takes the command, the folder and further arguments; it returns what was said.
    """

    def run(command, folder, *more):
        said = subprocess.run(
            [*shlex.split(command), '--dry-run'],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        *_, last = said.replace('\\\n', ' ').strip().splitlines()
        module = re.search(r' -m ((?:warmstart_planner|training)\..*)', last).group(1)
        return run_python(folder, '-m', *shlex.split(module), *more)

    return run


@pytest.fixture(scope='session')
def python():
    """Return a function that runs Python in a folder and returns what it said."""
    return run_python
