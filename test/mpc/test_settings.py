# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings: what is refused, and by which words."""

from pathlib import Path

import pytest
import yaml

from warmstart_planner.mpc import ControllerSettings, Mode

FILE = Path(__file__).parents[2] / 'config' / 'controller.yaml'


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'mode': 'fast'}, "controller.mode is 'fast': expected one of 'rti', 'converged'"),
        (
            {'warm_start': 'cold'},
            "controller.warm_start is 'cold': expected one of 'shifted', 'policy', 'best'",
        ),
        ({'steps': 0}, 'controller.steps is 0'),
        ({'steps': 2.5}, 'controller.steps is 2.5'),
        ({'period': float('nan')}, 'controller.period is nan'),
        ({'actuator_delay': -0.1}, 'controller.actuator_delay is -0.1'),
        ({'weights.lateral': -1.0}, 'controller.weights.lateral is -1.0'),
        ({'weights': 3.0}, 'controller.weights is 3.0: expected a group'),
        ({'weights.sideways': 1.0}, 'controller.weights.sideways is not a setting'),
        ({'speling': 1.0}, 'controller.speling is not a setting'),
        ({'braking.firm': 0.0}, 'braking.firm is 0.0'),
        ({'supervision.state_age_max': 'old'}, "supervision.state_age_max is 'old'"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        ControllerSettings.from_mapping(values)


def test_names_may_be_nested_or_dotted():
    dotted = ControllerSettings.from_mapping({'weights.lateral': 7.0, 'mode': 'converged'})
    nested = ControllerSettings.from_mapping({'weights': {'lateral': 7.0}, 'mode': 'converged'})
    assert dotted == nested
    assert dotted.weights.lateral == 7.0
    assert dotted.mode is Mode.CONVERGED


def test_the_parameter_file_holds_the_defaults():
    values = yaml.safe_load(FILE.read_text())['/**/controller']['ros__parameters']
    assert values.pop('vehicle') == 'commonroad_2'
    for of_the_node in ('autostart', 'niceness', 'rollout_age_max'):
        values.pop(of_the_node)
    assert ControllerSettings.from_mapping(values) == ControllerSettings()
