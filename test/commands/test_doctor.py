# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The doctor: what is missing is named, and with what to do about it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from warmstart_planner.commands import doctor
from warmstart_planner.commands.command_line import main
from warmstart_planner.generation import generated
from warmstart_planner.learned.cards.card_format import NoModelError
from warmstart_planner.proposals import registry
from warmstart_planner.vehicle import load_vehicle

ROOT = Path(__file__).resolve().parents[2]


def findings():
    return {finding.what: finding for finding in doctor.findings(load_vehicle())}


def test_what_is_there_is_good_and_needs_nothing_done():
    found = findings()
    for what in ('python', 'numpy', 'casadi in use', 'acados', 'model decision_transformer'):
        assert (found[what].state, found[what].remedy) == ('good', ''), what


def test_missing_solvers_are_named_with_the_command_and_the_status_says_so(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
    assert main(['doctor']) == 1
    lines = capsys.readouterr().out.splitlines()
    for name in ('scp', 'tracking', 'merit', 'observation', 'judge', 'guided', 'transformer'):
        (at,) = [i for i, line in enumerate(lines) if line.startswith(f'MISSING solver {name} ')]
        assert 'run `' in lines[at + 1]


@pytest.mark.parametrize(('variable', 'what'), [('CC', 'C compiler'), ('CXX', 'C++ compiler')])
def test_a_missing_compiler_is_named_with_the_package_that_has_it(monkeypatch, variable, what):
    monkeypatch.setenv(variable, 'no-such-compiler')
    finding = findings()[what]
    assert (finding.state, finding.found) == ('lacking', 'no-such-compiler is not on PATH')
    assert 'apt-get install build-essential' in finding.remedy
    assert variable in finding.remedy


def test_without_make_the_controller_s_solver_cannot_be_compiled(monkeypatch):
    monkeypatch.setenv('PATH', '')
    assert findings()['make'].state == 'lacking'


def test_the_casadi_inside_acados_is_told_from_the_one_that_is_wanted(monkeypatch):
    monkeypatch.setattr('casadi.__version__', '3.6.0')
    finding = findings()['casadi in use']
    assert finding.state == 'lacking'
    assert '3.6.0, the one inside acados' in finding.found
    assert 'pip install --force-reinstall --no-deps casadi' in finding.remedy


def test_a_casadi_that_cannot_be_imported_is_named_and_the_rest_is_looked_at(tmp_path):
    (tmp_path / 'casadi.py').write_text('raise ImportError("made for another Python")')
    done = subprocess.run(
        [sys.executable, '-m', 'warmstart_planner', 'doctor'],
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}:{ROOT}'},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, '')
    found = 'cannot be imported: made for another Python'
    assert re.search(f'MISSING casadi in use +{found}\n +-> pip install .*casadi', done.stdout)
    assert '\nok      C compiler ' in done.stdout


def test_a_model_that_cannot_be_loaded_is_named_with_the_reason(monkeypatch):
    def load(name, options):
        raise NoModelError(f'{name}.json')

    monkeypatch.setattr(registry, 'load_source', load)
    finding = findings()['model iql_lstm']
    assert finding.state == 'lacking'
    assert 'iql_lstm.json' in finding.remedy


def test_a_model_of_another_car_is_left_out_which_is_no_fault():
    found = {finding.what: finding for finding in doctor.findings(load_vehicle('commonroad_1'))}
    assert found['model decision_transformer'].state == 'optional'


def test_a_missing_ros_is_no_fault_and_says_who_needs_it(monkeypatch):
    monkeypatch.setattr('warmstart_planner.processes.system.ROS_MODULES', ('no_rclpy_here',))
    finding = findings()['ROS 2']
    assert (finding.state, finding.found) == ('optional', 'no module no_rclpy_here')
    assert 'only the nodes and `demo` need it' in finding.remedy


def test_an_unknown_car_is_one_line(capsys):
    assert main(['doctor', '--vehicle', 'tank']) == 2
    assert capsys.readouterr().err.startswith("doctor: vehicle is 'tank'")
