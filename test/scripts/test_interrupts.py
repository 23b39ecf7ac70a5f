# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, whenever it comes, ends everything quietly, with an exit status that says so."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

ROOT = Path(__file__).resolve().parents[2]
QUIET = """\
import time
from warmstart_planner.processes.interruption import end_quietly_on_ctrl_c
end_quietly_on_ctrl_c(7, 'ended')
print('ready', flush=True)
time.sleep(30)
"""


@pytest.mark.integration
@pytest.mark.parametrize(
    ('what', 'begin', 'end'),
    [
        ('nodes', 0.0, 0.2),
        ('nodes', 0.2, 2.5),
        ('demo', 0.0, 1.0),
        ('demo', 1.0, 4.0),
    ],
    ids=['python starts', 'nodes start', 'demo starts', "demo's nodes start"],
)
def test_ctrl_c_at_any_time_leaves_neither_tracebacks_nor_processes(tmp_path, what, begin, end):
    given = ['--what', what, '--n', '3', '--begin', str(begin), '--end', str(end)]
    done = subprocess.run(
        [sys.executable, 'scripts/interrupts.py', *given, '--out', str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, 'ROS_DOMAIN_ID': str(os.getpid() % 101 + 1)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    kept = [path.read_text() for path in tmp_path.iterdir()]
    assert done.returncode == 0, '\n'.join([done.stdout, done.stderr, *kept])
    assert 'presses     3' in done.stdout


def test_ctrl_c_before_a_program_is_ready_ends_it_without_a_traceback():
    process = subprocess.Popen(
        [sys.executable, '-c', QUIET],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (7, 'ended')


def test_ctrl_c_that_was_held_back_while_python_started_counts():
    held = ['env', '--block-signal=INT']
    if subprocess.run([*held, 'true'], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip('env of these coreutils cannot hold a signal back')
    process = subprocess.Popen(
        [*held, sys.executable, '-c', QUIET], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode in (7, -signal.SIGINT)  # -2: before `env` itself had started
