# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The command `warmstart-planner`: help for all of it, completion, one line for bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from warmstart_planner.commands.command_line import COMMANDS, main
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking.generate import generate as generate_mpc
from warmstart_planner.vehicle import load_vehicle

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def completed(tmp_path):
    """Return what the shell would offer after a line, asked as argcomplete's script asks."""

    def complete(line):
        answer = tmp_path / 'answer'
        asked = {
            '_ARGCOMPLETE': '1',
            '_ARGCOMPLETE_STDOUT_FILENAME': str(answer),
            'COMP_LINE': line,
            'COMP_POINT': str(len(line)),
        }
        code = 'from warmstart_planner.commands.command_line import script; script()'
        environment = {**os.environ, **asked}
        subprocess.run([sys.executable, '-c', code], cwd=ROOT, env=environment, check=True)
        return {word.strip() for word in answer.read_text().split('\013')}

    return complete


class TestHelp:
    def test_the_program_s_names_every_command(self, capsys):
        with pytest.raises(SystemExit, match='0'):
            main(['--help'])
        said = capsys.readouterr().out
        assert {*COMMANDS} <= {line.split()[0] for line in said.splitlines() if line.strip()}

    @pytest.mark.parametrize('name', COMMANDS)
    def test_every_command_s_says_how_it_is_called_and_explains_each_option(self, name, capsys):
        with pytest.raises(SystemExit, match='0'):
            main([name, '--help'])
        said = capsys.readouterr().out
        assert said.startswith(f'usage: warmstart-planner {name} ')
        assert '\noptions:\n' in said

    @pytest.mark.parametrize('given', [[], ['fly'], ['drive'], ['drive', 'cut_in', '--fast']])
    def test_what_is_no_command_ends_with_the_usage(self, given, capsys):
        with pytest.raises(SystemExit, match='2'):
            main(given)
        assert capsys.readouterr().err.startswith('usage: warmstart-planner')

    def test_python_runs_the_package_too(self):
        done = subprocess.run(
            [sys.executable, '-m', 'warmstart_planner', '--help'],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.startswith('usage: warmstart-planner')


class TestCompletion:
    def test_of_commands(self, completed):
        assert completed('warmstart-planner d') == {'drive', 'demo', 'doctor'}

    def test_of_the_options_of_one(self, completed):
        assert completed('warmstart-planner drive --se') == {'--seed'}

    def test_of_scenarios_and_files(self, completed):
        assert completed('warmstart-planner drive cut') == {'cut_in'}
        assert completed('warmstart-planner plan setu') == {'setup.py'}


@pytest.mark.parametrize('command', ['drive', 'plan'])
@pytest.mark.parametrize(
    ('given', 'reported'),
    [
        (['moon'], "scenario is 'moon'"),
        (['none.yaml'], 'none.yaml'),
        (['free_road', '--sources', 'oracle'], "sources has 'oracle'"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    command, given, reported, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main([command, *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f'{command}: ')
    assert reported in line


def test_without_ros_the_demo_says_what_it_needs_and_what_does_without(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr('warmstart_planner.processes.system.ROS_MODULES', ('no_rclpy_here',))
    assert main(['demo', '--out', str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert 'no_rclpy_here is not found, and the demo runs ROS 2 nodes' in line
    assert '`warmstart-planner drive` needs no ROS' in line


def test_a_plan_is_a_picture_and_a_line_for_each_candidate(planner_solvers, tmp_path, capsys):
    generate_mpc(load_vehicle(), ControllerSettings())
    out = tmp_path / 'new' / 'plan.png'
    assert main(['plan', 'narrow_gap', '--out', str(out), '--sources', 'guided,zero_control']) == 0
    head, _, *rows, result, path = capsys.readouterr().out.splitlines()
    assert head.split() == ['source', 'cost', 'violation', 'iterations', 'ended']
    assert {row.split()[0] for row in rows} == {'guided', 'zero_control'}
    assert result.startswith('optimised from guided')
    assert path == str(out)
    assert Image.open(out).format == 'PNG'


@pytest.mark.slow
def test_a_drive_is_a_folder_with_figures_picture_and_path(planner_solvers, tmp_path, capsys):
    generate_mpc(load_vehicle(), ControllerSettings())
    out = tmp_path / 'new' / 'drive'
    command = ['drive', 'free_road', '--prediction', 'lane_following']
    assert main([*command, '--out', str(out), '--sources', '']) == 0
    assert 'goal reached             yes' in capsys.readouterr().out
    figures = json.loads((out / 'summary.json').read_text())
    assert (figures['scenario'], figures['outcome'], figures['missed']) == (
        'free_road', 'goal', [],
    )  # fmt: skip
    assert Image.open(out / 'drive.png').format == 'PNG'
    assert (out / 'driven.csv').read_text().startswith('t,x,y,yaw,v,steering')
