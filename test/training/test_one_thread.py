# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that work on many processes, or measure times, have one thread for numerics."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from warmstart_planner.processes.parallel import THREAD_VARIABLES

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import importlib.abc, os, sys
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == 'numpy':
            print([os.environ.get(each) for each in {variables}])
            os._exit(0)
sys.meta_path.insert(0, Watch())
import {module}
"""
USERS = sorted(
    '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    for path in (ROOT / 'training').rglob('*.py')
    if 'import training.one_thread' in path.read_text()
)


def test_there_are_such_programs():
    assert len(USERS) > 5


@pytest.mark.parametrize('module', USERS)
def test_the_number_of_threads_is_said_before_numpy_is_loaded(module):
    text = PROGRAM.format(module=module, variables=THREAD_VARIABLES)
    environment = {**os.environ, 'OMP_NUM_THREADS': '7', 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(
        [sys.executable, '-c', text], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split('\n')[0] == str(['1'] * len(THREAD_VARIABLES))
