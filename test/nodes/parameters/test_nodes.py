# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of each node are those of its packaged file, with range and unit."""

from dataclasses import fields

import pytest
import yaml

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.files.resources import share_folder
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.nodes.managed_node.lifecycle import AUTOSTART, NICENESS
from warmstart_planner.nodes.parameters import controller, planner, proposal, simulator

NODES = {
    'planner': (planner.DECLARATIONS, planner.settings_from),
    'controller': (controller.DECLARATIONS, controller.settings_from),
    'simulator': (simulator.DECLARATIONS, simulator.settings_from),
    'proposal': (proposal.DECLARATIONS, proposal.settings_from),
}


def flat(tree, prefix=''):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


@pytest.mark.parametrize('node', NODES)
def test_the_packaged_file_holds_every_parameter_with_a_value_that_is_taken(node):
    declarations, settings_from = NODES[node]
    text = (share_folder() / 'config' / f'{node}.yaml').read_text(encoding='utf-8')
    packaged = dict(flat(yaml.safe_load(text)[f'/**/{node}']['ros__parameters']))
    declared = {each.name: each for each in (AUTOSTART, NICENESS, *declarations)}
    assert packaged.keys() == declared.keys()
    for name, value in packaged.items():
        assert type(value) is type(declared[name].default), name
        declared[name].check(value)
    settings_from(packaged)


@pytest.mark.parametrize('node', NODES)
def test_every_number_has_a_range_and_a_unit(node):
    for each in NODES[node][0]:
        assert each.description
        if isinstance(each.default, (int, float)) and not isinstance(each.default, bool):
            assert each.unit, each.name
            assert each.low <= each.default <= each.high, each.name


def test_every_setting_of_the_controller_is_a_parameter_or_compiled_in():
    compiled = {'steps', 'dt', 'obstacles', 'violation', 'violation_square', 'friction_violation'}
    groups = {'weights', 'supervision', 'braking'}
    named = {name.split('.')[0] for name in controller.NAMES}
    assert named | compiled == {each.name for each in fields(ControllerSettings)}
    for group in groups:
        names = {n.split('.')[1] for n in controller.NAMES if n.startswith(group)}
        assert names == {each.name for each in fields(getattr(ControllerSettings(), group))}
