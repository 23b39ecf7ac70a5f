# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files offer the conventional arguments and start what `system.py` describes."""

import importlib.util
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


def test_a_bad_argument_is_refused_by_name():
    with pytest.raises(ValueError, match="params_file is '/nowhere'"):
        nodes('simulation', params_file='/nowhere')
