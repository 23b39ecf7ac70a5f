# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters: all are validated, then all are applied; a refusal says why."""

import math
from dataclasses import dataclass, fields

import pytest
import yaml

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from rclpy.parameter import Parameter as RosParameter

from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.nodes import (
    controller_parameters,
    planner_parameters,
    proposal_parameters,
    simulator_parameters,
)
from warmstart_planner.nodes.lifecycle import AUTOSTART, NICENESS
from warmstart_planner.nodes.parameters import Parameter, Parameters, replaced
from warmstart_planner.resources import share_folder


@dataclass(frozen=True)
class Band:
    low: float
    high: float


DECLARATIONS = (
    Parameter('low', 1.0, 'Lower end', unit='m', low=0.0, high=10.0),
    Parameter('high', 2.0, 'Upper end', unit='m', low=0.0, high=10.0),
    Parameter('mode', 'fast', 'How', choices=('fast', 'slow')),
    Parameter('count', 3, 'How many', unit='1', low=1, high=5, read_only=True),
)
NODES = {
    'planner': (planner_parameters.DECLARATIONS, planner_parameters.settings_from),
    'controller': (controller_parameters.DECLARATIONS, controller_parameters.settings_from),
    'simulator': (simulator_parameters.DECLARATIONS, simulator_parameters.settings_from),
    'proposal': (proposal_parameters.DECLARATIONS, proposal_parameters.settings_from),
}


def build(values):
    if values['low'] >= values['high']:
        raise ValueError(f'low is {values["low"]}: expected less than high ({values["high"]})')
    return Band(values['low'], values['high'])


@pytest.fixture
def applied():
    return []


@pytest.fixture
def parameters(ros_node, applied):
    return Parameters(ros_node, DECLARATIONS, build, applied.append)


def change(node, **values):
    return node.set_parameters_atomically(
        [RosParameter(name, value=value) for name, value in values.items()]
    )


def test_a_good_change_is_applied_once_and_as_a_whole(ros_node, parameters, applied):
    assert change(ros_node, low=3.0, high=4.0).successful
    assert parameters.settings == Band(3.0, 4.0)
    assert applied == [Band(3.0, 4.0)]


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ({'low': 5.0}, 'low is 5.0: expected less than high'),
        ({'low': 3.0, 'high': 20.0}, 'high out of range'),
        ({'low': math.nan}, 'low'),
        ({'mode': 'odd'}, "mode is 'odd': expected one of fast, slow"),
        ({'low': 1.5, 'mode': 'odd'}, 'mode'),
        ({'count': 4}, 'read-only'),
        ({'low': 2}, 'INTEGER'),
    ],
)
def test_a_refused_change_says_why_and_changes_nothing(
    ros_node, parameters, applied, values, reason
):
    result = change(ros_node, **values)
    assert not result.successful
    assert reason in result.reason
    assert parameters.settings == Band(1.0, 2.0)
    assert parameters.values()['mode'] == 'fast'
    assert applied == []


def test_a_change_of_others_parameters_is_none_of_ours(ros_node, parameters, applied):
    ros_node.declare_parameter('foreign', 1)
    assert change(ros_node, foreign=2).successful
    assert applied == []


def test_a_descriptor_tells_range_unit_and_choices(ros_node, parameters):
    low = ros_node.describe_parameter('low')
    assert '[m]' in low.description
    assert (low.floating_point_range[0].from_value, low.floating_point_range[0].to_value) == (
        0,
        10,
    )
    assert ros_node.describe_parameter('count').read_only
    assert 'fast, slow' in ros_node.describe_parameter('mode').additional_constraints


def test_a_start_with_a_bad_value_is_refused(ros_node):
    bad = Parameter('far', 20.0, 'Too far', low=0.0, high=10.0)
    with pytest.raises(ValueError, match='far'):
        Parameters(ros_node, (bad,), lambda values: values)


def test_nested_settings_are_replaced_by_dotted_names():
    settings = replaced(
        ControllerSettings(),
        {'period': 0.04, 'weights.lateral': 7.0},
        ('period', 'weights.lateral'),
    )
    assert (settings.period, settings.weights.lateral) == (0.04, 7.0)
    assert settings.weights.speed == ControllerSettings().weights.speed


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
    named = {name.split('.')[0] for name in controller_parameters.NAMES}
    assert named | compiled == {each.name for each in fields(ControllerSettings)}
    for group in groups:
        names = {n.split('.')[1] for n in controller_parameters.NAMES if n.startswith(group)}
        assert names == {each.name for each in fields(getattr(ControllerSettings(), group))}
