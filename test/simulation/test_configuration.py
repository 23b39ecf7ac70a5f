# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

from dataclasses import FrozenInstanceError

import pytest

from warmstart_planner.simulation.configuration import (
    ConfigurationError,
    SimulationConfiguration,
    configuration_from_mapping,
    default_configuration_path,
    read_configuration,
)


def test_the_packaged_configuration_is_valid_and_disturbs_everything():
    found = read_configuration(default_configuration_path())
    assert found.ego_noise.position > 0
    assert found.obstacle_noise.position > 0
    assert found.transport.loss_probability > 0
    assert found.wind.gust > 0
    assert found.actuators.delay > 0


def test_what_is_left_out_keeps_its_default():
    found = configuration_from_mapping({'seed': 7, 'plant': {'mass_factor': 1.2}})
    assert found.seed == 7
    assert found.plant.mass_factor == 1.2
    assert found.plant.friction_factor == SimulationConfiguration().plant.friction_factor


def test_impulses_are_a_list():
    found = configuration_from_mapping({'impulses': [{'time': 2, 'yaw_rate': 0.1}, {'time': 1}]})
    assert [impulse.time for impulse in found.impulses] == [2.0, 1.0]


def test_a_configuration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        SimulationConfiguration().seed = 3


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'sed': 1}, 'sed is unknown: expected one of seed, prediction'),
        ({'plant': {'colour': 1}}, r'plant\.colour is unknown: expected one of friction_factor'),
        ({'plant': {'mass_factor': 9}}, r'plant\.mass_factor is 9.0: expected a number in'),
        ({'plant': {'mass_factor': float('nan')}}, r'plant\.mass_factor is nan'),
        ({'plant': {'mass_factor': 'heavy'}}, r"plant\.mass_factor is 'heavy': expected a number"),
        ({'plant': {'mass_factor': True}}, r'plant\.mass_factor is True: expected a number'),
        ({'plant': {'mass_factor': None}}, r'plant\.mass_factor is None: expected a number'),
        (
            {'plant': {'model': 'bicycle'}},
            r"plant\.model is 'bicycle': expected one of tyres,",
        ),
        ({'plant': 3}, 'plant is 3: expected a mapping'),
        ({'seed': -1}, 'seed is -1: expected an integer'),
        ({'seed': 1.5}, 'seed is 1.5: expected a whole number'),
        ({'prediction': 'psychic'}, "prediction is 'psychic': expected one of ground_truth"),
        ({'prediction': ['ground_truth']}, 'prediction is .*: expected a text'),
        ({'impulses': {'time': 1}}, 'impulses is .*: expected a list'),
        ({'impulses': [{'time': -1}]}, r'impulses\[0\]\.time is -1.0'),
        ({'transport': {'loss_probability': 1.5}}, r'transport\.loss_probability is 1.5'),
        ({'integration_step': 0.1}, 'integration_step is 0.1'),
        ([1, 2], r'the file is \[1, 2\]: expected a mapping'),
        (None, 'the file is None: expected a mapping'),
    ],
)
def test_a_bad_value_gives_one_error_with_field_value_and_expectation(content, message):
    with pytest.raises(ConfigurationError, match=message):
        configuration_from_mapping(content)


def test_a_file_is_yaml_1_2_with_each_key_once(tmp_path):
    path = tmp_path / 'configuration.yaml'
    path.write_text('seed: 3\ntransport: {delay: 5e-2}\nego_noise: {position: .1}\n')
    found = read_configuration(path)
    assert (found.transport.delay, found.ego_noise.position) == (0.05, 0.1)
    path.write_text('seed: 3\nwind:\n  speed: 1.0\nwind:\n  gust: 1.0\n')
    with pytest.raises(ConfigurationError, match='wind is given twice, again in line 4'):
        read_configuration(path)
    path.write_text('seed: 1_000\n')
    with pytest.raises(ConfigurationError, match="seed is '1_000': expected a whole number"):
        read_configuration(path)


def test_errors_of_a_file_name_the_file(tmp_path):
    missing = tmp_path / 'missing.yaml'
    with pytest.raises(ConfigurationError, match=r'missing\.yaml'):
        read_configuration(missing)
    for text in ('seed: [', 'seed: -1', '', '\x00'):
        path = tmp_path / 'bad.yaml'
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=r'bad\.yaml') as error:
            read_configuration(path)
        assert '\n' not in str(error.value)
