# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Copies of the source tree that an example has changed, to run programs in."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from warmstart_planner.generation import generated

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ('warmstart_planner', 'training', 'config', 'models', 'scripts')
FILES = ('Makefile', 'pyproject.toml')
PATCH = 'changes.patch'


@dataclass(frozen=True)
class ChangedTree:
    """A copy of the source tree."""

    folder: Path

    @property
    def environment(self):
        """What programs see: this tree's modules, solvers of its own, a compiler that is quick."""
        path = os.pathsep.join([str(self.folder), os.environ.get('PYTHONPATH', '')])
        solvers = {generated.ENVIRONMENT_VARIABLE: str(self.folder / 'solvers')}
        return {**os.environ, **solvers, 'PYTHONPATH': path, 'CXX': str(self.folder / 'quick_cxx')}

    def python(self, *arguments):
        """Run Python in the tree; return what it prints. It must end well."""
        return self.run(sys.executable, *arguments)

    def run(self, *command):
        """Run a command in the tree; return what it prints. It must end well."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope='module')
def changed_tree(tmp_path_factory):
    """Return a function that copies the tree and applies an example to it."""

    def changed(example):
        source, folder = ROOT / 'examples' / example, tmp_path_factory.mktemp(example)
        for name in SOURCES:
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__')
            )
        for name in FILES:
            shutil.copy(ROOT / name, folder)
        shutil.copytree(source, folder, dirs_exist_ok=True)
        # a repository of its own: git would leave out what lies in one that ignores it
        subprocess.run(['git', 'init', '--quiet'], cwd=folder, check=True)
        subprocess.run(['git', 'apply', PATCH], cwd=folder, check=True)
        compiler = folder / 'quick_cxx'
        compiler.write_text(f'#!/bin/sh\nexec {os.environ.get("CXX", "c++")} "$@" -O0\n')
        compiler.chmod(0o755)
        return ChangedTree(folder)

    return changed
