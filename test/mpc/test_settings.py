# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings: what is refused, and by which words."""

from pathlib import Path

import pytest
import yaml

from warmstart_planner.files.structured import structured
from warmstart_planner.mpc import ControllerSettings, Mode, TrackingWeights

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
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        ControllerSettings(**values)


def test_a_negative_weight_is_named():
    with pytest.raises(ValueError, match=r'controller.weights.lateral is -1.0'):
        TrackingWeights(lateral=-1.0)


def test_a_mode_may_be_given_by_its_name():
    assert ControllerSettings(mode='converged').mode is Mode.CONVERGED


def test_the_parameter_file_holds_the_defaults():
    values = yaml.safe_load(FILE.read_text())['/**/controller']['ros__parameters']
    assert values.pop('vehicle') == 'commonroad_2'
    for of_the_node in ('autostart', 'niceness', 'roll_out_age_max'):
        values.pop(of_the_node)
    assert structured(ControllerSettings, values) == ControllerSettings()
