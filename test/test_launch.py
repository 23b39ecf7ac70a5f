# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files offer the conventional arguments and start what `system.py` describes."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

launch = pytest.importorskip('launch', reason='ros2 launch is not installed')
pytest.importorskip('launch_ros', reason='ros2 launch is not installed')

LAUNCH = Path(__file__).resolve().parents[1] / 'launch'
CONVENTIONAL = [
    'use_sim_time',
    'params_file',
    'namespace',
    'rviz',
    'rviz_config',
    'autostart',
    'log_level',
    'record',
    'model_dir',
]


def description(name):
    spec = importlib.util.spec_from_file_location('launch_file', LAUNCH / f'{name}.launch.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def nodes(name, **given):
    """Return the node actions of a launch with arguments, by executable."""
    from launch_ros.actions import Node

    context = launch.LaunchContext()
    context.launch_configurations.update(given)
    found = []
    for entity in description(name).entities:
        found += entity.visit(context) or []
    return {action.node_executable: action for action in found if isinstance(action, Node)}


@pytest.mark.parametrize('name', ['simulation', 'vehicle'])
def test_the_first_arguments_are_the_conventional_ones_and_all_are_described(name):
    arguments = description(name).get_launch_arguments()
    assert [a.name for a in arguments][: len(CONVENTIONAL)] == CONVENTIONAL
    assert all(a.description for a in arguments)


def test_the_simulation_starts_the_four_nodes_and_rviz_on_request():
    four = {'proposal', 'planner', 'controller', 'simulator'}
    assert set(nodes('simulation')) == four
    assert set(nodes('simulation', rviz='true')) == {*four, 'rviz2'}


def test_the_vehicle_has_no_simulator():
    assert set(nodes('vehicle')) == {'proposal', 'planner', 'controller'}


RUN = """\
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
given = [text.split(':=') for text in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
included = IncludeLaunchDescription(source, launch_arguments=given)
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


def run(name, *given, **environment):
    """Run a launch as `ros2 launch` does, until it ends; return its exit status and its lines."""
    pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')
    done = subprocess.run(
        [sys.executable, '-c', RUN, str(LAUNCH / f'{name}.launch.py'), *given],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=40,  # less than the simulator waits for a first command
    )
    assert 'escalating' not in done.stdout
    return done.returncode, done.stdout


@pytest.mark.integration
def test_a_planner_that_cannot_start_ends_the_launch_with_its_reason(tmp_path):
    status, output = run('simulation', WARMSTART_PLANNER_SOLVERS=str(tmp_path))
    assert status == 1
    assert 'cannot configure' in output
    assert 'cannot start: the reason is in its lines above' in output


@pytest.mark.integration
def test_a_scenario_that_is_not_there_is_no_success():
    status, output = run('simulation', 'scenario:=nowhere')
    assert status == 1
    assert 'nowhere' in output
    assert 'simulator cannot start: the reason is in its lines above' in output


@pytest.mark.integration
def test_a_vehicle_without_a_solver_ends_the_launch_with_its_reason(tmp_path):
    status, output = run('vehicle', 'autostart:=true', WARMSTART_PLANNER_SOLVERS=str(tmp_path))
    assert status == 1
    assert 'cannot start: the reason is in its lines above' in output


def test_a_bad_argument_is_refused_by_name():
    with pytest.raises(ValueError, match="params_file is '/nowhere'"):
        nodes('simulation', params_file='/nowhere')
