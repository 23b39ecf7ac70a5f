# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""All changes are validated, then all are applied; a refusal says why."""

import math
from dataclasses import dataclass

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from rclpy.parameter import Parameter as RosParameter

from warmstart_planner.nodes.parameters.declaration import Parameter
from warmstart_planner.nodes.parameters.validation import Parameters

DECLARATIONS = (
    Parameter('low', 1.0, 'Lower end', unit='m', low=0.0, high=10.0),
    Parameter('high', 2.0, 'Upper end', unit='m', low=0.0, high=10.0),
    Parameter('mode', 'fast', 'How', choices=('fast', 'slow')),
    Parameter('count', 3, 'How many', unit='1', low=1, high=5, read_only=True),
)


@dataclass(frozen=True)
class Band:
    low: float
    high: float


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
