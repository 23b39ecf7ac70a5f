# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files offer the conventional arguments and start what `system.py` describes."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from warmstart_planner.nodes.parameters.files import WILDCARDS, sections_of
from warmstart_planner.processes.launch_arguments import ARGUMENTS

launch = pytest.importorskip('launch', reason='ros2 launch is not installed')
pytest.importorskip('launch_ros', reason='ros2 launch is not installed')

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / 'launch'
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


def actions(name, pushed='', **given):
    """Return what a launch with arguments does, below a namespace that is pushed."""
    from launch_ros.actions import PushRosNamespace

    context = launch.LaunchContext()
    if pushed:
        PushRosNamespace(pushed).execute(context)
    context.launch_configurations.update(given)
    found = []
    for entity in description(name).entities:
        found += entity.visit(context) or []
    return found


def nodes(name, **given):
    """Return the node actions of a launch with arguments, by executable."""
    from launch_ros.actions import Node

    found = actions(name, **given)
    return {action.node_executable: action for action in found if isinstance(action, Node)}


def said(name, pushed='', **given):
    """Return what a launch says by itself."""
    from launch.actions import LogInfo
    from launch.utilities import perform_substitutions

    found = [each for each in actions(name, pushed, **given) if isinstance(each, LogInfo)]
    return [perform_substitutions(launch.LaunchContext(), each.msg) for each in found]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install packages for ROS to find; their programs note their arguments and end."""

    def installed(package, *programs):
        prefix = tmp_path / package
        index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
        folder = prefix / 'lib' / package
        for each in (index, folder):
            each.mkdir(parents=True)
        (index / package).touch()
        for name in programs:
            program = folder / name
            program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.arguments\n')
            program.chmod(0o755)
        before = os.environ.get('AMENT_PREFIX_PATH', '')
        monkeypatch.setenv('AMENT_PREFIX_PATH', f'{prefix}{os.pathsep}{before}')

    return installed


@pytest.fixture
def run(tmp_path, install):
    """Return a function that launches; it tells the exit status and what started how."""
    install('warmstart_planner', 'proposal', 'planner', 'controller', 'simulator')

    def launched(name, pushed='', **given):
        from launch.actions import GroupAction, IncludeLaunchDescription
        from launch_ros.actions import PushRosNamespace

        given = {'respawn': 'false', **given}  # the programs end at once
        included = IncludeLaunchDescription(
            launch.LaunchDescriptionSource(description(name)), launch_arguments=given.items()
        )
        push = [PushRosNamespace(pushed)] if pushed else []
        service = launch.LaunchService(noninteractive=True)
        service.include_launch_description(
            launch.LaunchDescription([GroupAction([*push, included])])
        )
        status = service.run()
        files = tmp_path.glob('*.arguments')
        return status, {file.stem: file.read_text().split() for file in files}

    return launched


@pytest.mark.parametrize('name', ['simulation', 'vehicle'])
def test_the_first_arguments_are_the_conventional_ones_and_all_are_described(name):
    arguments = description(name).get_launch_arguments()
    assert [a.name for a in arguments][: len(CONVENTIONAL)] == CONVENTIONAL
    assert all(a.description for a in arguments)


@pytest.mark.parametrize('name', ['simulation', 'vehicle'])
def test_the_arguments_and_defaults_are_those_that_are_declared_for_the_file(name):
    from launch.utilities import perform_substitutions

    context = launch.LaunchContext()
    assert {
        each.name: perform_substitutions(context, each.default_value)
        for each in description(name).get_launch_arguments()
    } == {each.name: each.default for each in ARGUMENTS[name]}


def test_the_simulation_starts_the_four_nodes_and_rviz_on_request(install):
    install('rviz2', 'rviz2')
    four = {'proposal', 'planner', 'controller', 'simulator'}
    assert set(nodes('simulation')) == four
    assert set(nodes('simulation', rviz='true')) == {*four, 'rviz2'}


def test_rviz_sees_the_world_of_its_simulation_below_all_namespaces(run, install):
    install('rviz2', 'rviz2')
    _, started = run('simulation', 'fleet', namespace='car1', rviz='true')
    for arguments in started.values():
        assert {'__ns:=/fleet/car1', '/clock:=clock', '/tf:=tf'} <= set(arguments)
    assert 'rviz2' in started


def test_rviz_sends_its_goal_to_where_the_vehicle_listens(run, install):
    install('rviz2', 'rviz2')
    _, started = run('vehicle', rviz='true', goal_pose_topic='/operator/goal')
    assert 'goal_pose:=/operator/goal' in started['rviz2']
    assert '~/input/goal_pose:=/operator/goal' in started['planner']
    assert '/clock:=clock' not in started['rviz2'] + started['planner']


def cars(started):
    """Return the car that each process was given last, by its parameter files."""
    found = {}
    for name, arguments in started.items():
        files = [
            after
            for each, after in zip(arguments, arguments[1:], strict=False)
            if each == '--params-file'
        ]
        sections = [section for file in files for section in sections_of(Path(file).read_text())]
        own = [each.parameters for each in sections if each.node in (name, *WILDCARDS)]
        given = [parameters['vehicle'] for parameters in own if 'vehicle' in parameters]
        found[name] = given[-1]
    return found


@pytest.fixture
def with_car_1(tmp_path):
    """Write a scenario of another car than the default one, and parameters that name it."""
    scenario = tmp_path / 'other.yaml'
    text = (ROOT / 'config' / 'scenarios' / 'free_road.yaml').read_text()
    scenario.write_text(f'{text}\nvehicle: commonroad_1\n')
    parameters = tmp_path / 'parameters.yaml'
    parameters.write_text(f"/**/simulator: {{ros__parameters: {{scenario: '{scenario}'}}}}\n")
    return {'scenario': str(scenario)}, {'params_file': str(parameters)}


def test_all_nodes_of_a_simulation_have_the_scenarios_car(run, with_car_1):
    # without the simulator, whose end would be that of the others
    for given in with_car_1:
        _, started = run('simulation', nodes='proposal,planner,controller', **given)
        assert cars(started) == dict.fromkeys(started, 'commonroad_1')
    _, started = run('simulation', nodes='simulator', **with_car_1[0])
    assert cars(started)['simulator'] == 'commonroad_1'


def test_all_nodes_have_the_car_that_the_user_names(run, with_car_1):
    given = {'vehicle': 'commonroad_3', **with_car_1[0]}
    _, started = run('simulation', nodes='proposal,planner,controller', **given)
    assert cars(started) == dict.fromkeys(started, 'commonroad_3')


def test_cars_in_the_users_parameters_are_left_alone(run, tmp_path):
    parameters = tmp_path / 'parameters.yaml'
    parameters.write_text('/**/planner: {ros__parameters: {vehicle: commonroad_1}}\n')
    _, started = run('simulation', nodes='planner,controller', params_file=str(parameters))
    assert cars(started) == {'planner': 'commonroad_1', 'controller': 'commonroad_2'}


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


def run_to_its_end(name, *given, **environment):
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
    status, output = run_to_its_end('simulation', WARMSTART_PLANNER_SOLVERS=str(tmp_path))
    assert status == 1
    assert 'cannot configure' in output
    assert 'cannot start: the reason is in its lines above' in output


def test_a_scenario_that_is_not_there_is_no_success(run, caplog):
    status, started = run('simulation', scenario='nowhere')
    assert (status, started) == (1, {})
    assert "scenario is 'nowhere': expected" in caplog.text


@pytest.mark.integration
def test_a_vehicle_without_a_solver_ends_the_launch_with_its_reason(tmp_path):
    status, output = run_to_its_end(
        'vehicle', 'autostart:=true', WARMSTART_PLANNER_SOLVERS=str(tmp_path)
    )
    assert status == 1
    assert 'cannot start: the reason is in its lines above' in output


def test_a_bad_argument_is_refused_by_name():
    with pytest.raises(ValueError, match="params_file is '/nowhere'"):
        nodes('simulation', params_file='/nowhere')


@pytest.mark.parametrize('name', ['simulation', 'vehicle'])
@pytest.mark.parametrize('programs', [None, ()], ids=['no package', 'no program'])
def test_where_rviz_is_not_installed_nothing_starts(run, install, caplog, name, programs):
    if programs is not None:
        install('rviz2', *programs)
    status, started = run(name, rviz='true')
    assert (status, started) == (1, {})
    assert 'rviz2 is not installed' in caplog.text


@pytest.mark.parametrize(
    ('pushed', 'namespace', 'logger'),
    [
        ('', '', 'planner'),
        ('', 'car1', 'car1.planner'),
        ('fleet', '', 'fleet.planner'),
        ('/fleet/', 'car1', 'fleet.car1.planner'),
        ('fleet', '/car1', 'car1.planner'),
    ],
)
def test_the_log_level_is_given_to_the_logger_that_the_node_has(run, pushed, namespace, logger):
    status, started = run('vehicle', pushed, namespace=namespace, log_level='debug')
    assert status == 0
    planner = started['planner']
    *parents, _ = logger.split('.')
    assert f'__ns:=/{"/".join(parents)}' in planner
    assert planner[planner.index('--log-level') + 1] == f'{logger}:=debug'


@pytest.mark.parametrize('name', ['simulation', 'vehicle'])
def test_all_nodes_start_to_work_by_themselves_or_it_is_said_how(name):
    """By default they do: a launch that seems to do nothing helps nobody."""
    arguments = {each.name: each for each in description(name).get_launch_arguments()}
    assert [each.text for each in arguments['autostart'].default_value] == ['true']
    assert said(name) == []
    (hint,) = said(name, 'fleet', namespace='car1', autostart='false')
    assert 'autostart is false: `ros2 lifecycle set NODE configure`' in hint
    for node in nodes(name):
        assert f'/fleet/car1/{node}' in hint


def test_a_vehicle_keeps_no_record_and_says_who_does(run, caplog):
    status, started = run('vehicle', record='/tmp/drive')
    assert (status, started) == (1, {})
    assert "record is '/tmp/drive': expected none on a vehicle" in caplog.text
    assert 'ros2 bag record' in caplog.text


@pytest.mark.parametrize('name', ['simulation', 'vehicle'])
def test_of_all_nodes_some_can_be_started_alone(name):
    assert set(nodes(name, nodes='planner')) == {'planner'}
    assert set(nodes(name, nodes='planner, controller')) == {'planner', 'controller'}
    with pytest.raises(ValueError, match="nodes names 'moon': expected some of proposal, planner"):
        nodes(name, nodes='planner,moon')


def test_a_node_that_dies_is_started_again_as_it_was(run, tmp_path):
    programs = tmp_path / 'warmstart_planner' / 'lib' / 'warmstart_planner'
    with (programs / 'planner').open('a') as stream:
        stream.write('kill -KILL $$\n')
    with (programs / 'simulator').open('a') as stream:
        stream.write('sleep 2\n')
    status, _ = run('simulation', respawn='true', namespace='car1', nodes='planner,simulator')
    assert status == 0
    first, *others = (tmp_path / 'planner.arguments').read_text().splitlines()
    assert '__ns:=/car1' in first
    assert '~/input/state:=vehicle_state' in first
    assert others
    assert set(others) == {first}


@pytest.mark.parametrize(
    ('status', 'reason'), [(4, 'the drive has ended without its goal'), (-9, 'status -9')]
)
def test_a_drive_that_does_not_end_at_its_goal_is_no_success(
    run, tmp_path, caplog, status, reason
):
    programs = tmp_path / 'warmstart_planner' / 'lib' / 'warmstart_planner'
    with (programs / 'simulator').open('a') as stream:
        stream.write(f'exit {status}\n' if status > 0 else f'kill {status} $$\n')
    ended, _ = run('simulation', nodes='simulator')
    assert ended == 1
    assert reason in caplog.text
