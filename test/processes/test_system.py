# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The description of the system is whole: every topic has both ends, every file exists."""

import pytest
import yaml

from warmstart_planner.files.resources import share_folder
from warmstart_planner.processes.system import (
    VEHICLE_TOPICS,
    WORLD_TOPICS,
    SystemArguments,
    simulation_processes,
    vehicle_processes,
)


def by_name(processes):
    return {process.name: process for process in processes}


def test_the_simulation_has_four_processes_and_the_vehicle_three():
    arguments = SystemArguments()
    assert set(by_name(simulation_processes(arguments))) == {
        'proposal',
        'planner',
        'controller',
        'simulator',
    }
    assert 'simulator' not in by_name(vehicle_processes(arguments))


def test_what_one_node_sends_another_takes():
    sent, taken = {}, {}
    for process in simulation_processes(SystemArguments()):
        for own, topic in process.remappings:
            if own in WORLD_TOPICS:
                continue
            (sent if '/output/' in own else taken).setdefault(topic, []).append(process.name)
    for_people = {'odometry', 'path', 'prediction', 'result'}
    from_people = {'goal_pose'}
    assert set(sent) - set(taken) == for_people
    assert set(taken) - set(sent) == from_people
    assert all(len(senders) == 1 for senders in sent.values())


def test_all_parameter_files_exist_and_the_users_comes_last(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('')
    for process in simulation_processes(SystemArguments(params_file=str(own))):
        assert all(file.is_file() for file in process.parameter_files)
        assert process.parameter_files[-1] == own


def test_the_source_of_simulated_time_does_not_wait_for_it():
    processes = by_name(simulation_processes(SystemArguments(use_sim_time=True)))
    assert processes['simulator'].parameters['use_sim_time'] is False
    assert processes['simulator'].parameters['publish_clock'] is True
    assert processes['planner'].parameters['use_sim_time'] is True


def test_what_is_not_given_is_left_to_the_parameters():
    simulator = by_name(simulation_processes(SystemArguments()))['simulator']
    assert not {'scenario', 'mode', 'seed'} & set(simulator.parameters)
    given = SystemArguments(scenario='cut_in', mode='lockstep', seed=3)
    chosen = by_name(simulation_processes(given))['simulator'].parameters
    assert (chosen['scenario'], chosen['mode'], chosen['seed']) == ('cut_in', 'lockstep', 3)


def test_a_folder_of_models_overrides_the_parameters_only_where_it_is_given():
    proposal = by_name(vehicle_processes(SystemArguments()))['proposal']
    assert 'model_dir' not in proposal.parameters
    given = by_name(vehicle_processes(SystemArguments(model_dir='/models/new')))['proposal']
    assert given.parameters['model_dir'] == '/models/new'


def test_one_car_is_given_to_all_nodes_by_name_or_by_its_path_from_anywhere(tmp_path, monkeypatch):
    assert not any('vehicle' in p.parameters for p in simulation_processes(SystemArguments()))
    monkeypatch.chdir(tmp_path)
    for given, passed in (('commonroad_1', 'commonroad_1'), ('a.yaml', str(tmp_path / 'a.yaml'))):
        processes = simulation_processes(SystemArguments(vehicle=given))
        assert {process.parameters['vehicle'] for process in processes} == {passed}


def test_weights_of_the_cost_are_the_planners(tmp_path):
    file = str(tmp_path / 'weights.yaml')
    processes = vehicle_processes(SystemArguments(weights=file))
    given = {process.name: process.parameters.get('weights') for process in processes}
    assert given == {'proposal': None, 'planner': file, 'controller': None}


def test_a_vehicles_own_topics_take_the_place_of_ours():
    topics = {name: f'/car/{name}' for name in VEHICLE_TOPICS}
    processes = by_name(vehicle_processes(SystemArguments(), topics))
    assert ('~/input/state', '/car/vehicle_state') in processes['controller'].remappings
    assert ('~/output/command', '/car/command') in processes['controller'].remappings
    assert ('~/output/problem', 'problem') in processes['planner'].remappings


def test_every_topic_that_a_vehicle_may_rename_is_one_of_the_system():
    used = {t for p in vehicle_processes(SystemArguments()) for _, t in p.remappings}
    assert set(VEHICLE_TOPICS) <= used


@pytest.mark.parametrize('text', ["it's", '', 'a b', 'true', '1.0'])
def test_a_text_stays_a_text_on_the_command_line(text):
    process = by_name(simulation_processes(SystemArguments(record=text)))['simulator']
    given = dict(a.split(':=', 1) for a in process.ros_arguments() if a.startswith('record'))
    assert yaml.safe_load(given['record']) == text


def test_each_simulated_world_has_a_time_and_transforms_of_its_own():
    for process in simulation_processes(SystemArguments(namespace='car1')):
        arguments = process.ros_arguments()
        for topic in ('/clock', '/tf', '/tf_static'):
            assert f'{topic}:={topic[1:]}' in arguments


def test_a_vehicle_lives_in_the_world_of_its_domain():
    for process in vehicle_processes(SystemArguments(namespace='car1')):
        assert not set(WORLD_TOPICS) & {own for own, _ in process.remappings}


def test_rvizs_layout_shows_topics_of_the_system_below_any_namespace():
    def topics(content):
        if isinstance(content, dict):
            yield from (value['Value'] for name, value in content.items() if name == 'Topic')
        if isinstance(content, (dict, list)):
            for each in content.values() if isinstance(content, dict) else content:
                yield from topics(each)

    processes = simulation_processes(SystemArguments())
    markers = {f'{process.name}/debug/markers' for process in processes}
    layout = share_folder() / 'config' / 'warmstart_planner.rviz'
    shown = set(topics(yaml.safe_load(layout.read_text())))
    assert len(shown) > 5
    assert shown <= markers | {topic for process in processes for _, topic in process.remappings}


def test_a_namespace_reaches_node_and_logger():
    process = vehicle_processes(SystemArguments(namespace='/fleet/car1'))[1]
    arguments = process.ros_arguments()
    assert '__ns:=/fleet/car1' in arguments
    assert 'fleet.car1.planner:=info' in arguments


@pytest.mark.parametrize(
    ('namespace', 'full'),
    [('', '/planner'), ('/', '/planner'), ('a', '/a/planner'), ('/a/b/', '/a/b/planner')],
)
def test_a_node_is_named_with_its_namespace_and_so_is_its_logger(namespace, full):
    process = by_name(vehicle_processes(SystemArguments(namespace=namespace)))['planner']
    assert process.full_name == full
    assert process.logger == full[1:].replace('/', '.')


@pytest.mark.parametrize(
    ('given', 'reason'),
    [
        ({'log_level': 'loud'}, "log_level is 'loud': expected one of debug"),
        ({'params_file': '/nowhere.yaml'}, "params_file is '/nowhere.yaml': expected an existing"),
    ],
)
def test_bad_arguments_are_refused_by_name(given, reason):
    with pytest.raises(ValueError, match=reason):
        SystemArguments(**given)


def test_of_all_nodes_some_can_be_chosen():
    chosen = SystemArguments(nodes=('simulator', 'planner'))
    assert [each.name for each in simulation_processes(chosen)] == ['planner', 'simulator']


def test_a_node_that_is_not_there_cannot_be_chosen():
    with pytest.raises(ValueError, match="'simulator': expected some of proposal, planner"):
        vehicle_processes(SystemArguments(nodes=('simulator',)))
