# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A vehicle, which has nothing that only training installs, can be benchmarked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = re.findall(
    r'^benchmark-[\w-]+: development\b.*\n.*-m ([\w.]+)', (ROOT / 'Makefile').read_text(), re.M
)
PINS = re.findall(r'^([\w-]+)==', (ROOT / 'requirements' / 'training.txt').read_text(), re.M)
PROGRAM = """
import sys
class Absent:
    def find_spec(self, name, path, target=None):
        if name.partition('.')[0] in {names}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import {module}
"""


def test_there_are_such_benchmarks():
    assert len(PROGRAMS) >= 5


@pytest.mark.parametrize('module', PROGRAMS)
def test_a_benchmark_needs_nothing_that_only_training_installs(module):
    names = {name.replace('-', '_') for name in PINS}
    text = PROGRAM.format(names=names, module=module)
    done = subprocess.run(
        [sys.executable, '-c', text], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ''
    assert done.returncode == 0
