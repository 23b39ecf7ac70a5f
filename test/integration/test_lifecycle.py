# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""All nodes go through their lifecycle, and end quietly."""

import re
import signal
import time

import pytest

NODES = ('proposal', 'planner', 'controller', 'simulator')


def make(name):
    from warmstart_planner.nodes.controller import ControllerNode
    from warmstart_planner.nodes.planner import PlannerNode
    from warmstart_planner.nodes.proposal import ProposalNode
    from warmstart_planner.nodes.simulator import SimulatorNode

    classes = (ProposalNode, PlannerNode, ControllerNode, SimulatorNode)
    return dict(zip(NODES, classes, strict=True))[name]()


@pytest.mark.parametrize('name', NODES)
def test_a_node_can_be_configured_activated_and_taken_down_twice(rig, solvers, name):
    from rclpy.lifecycle import TransitionCallbackReturn

    node = rig.add(make(name))
    for _ in range(2):
        for step in ('configure', 'activate', 'deactivate', 'cleanup'):
            result = getattr(node, f'trigger_{step}')()
            assert result == TransitionCallbackReturn.SUCCESS, step
            rig.spin(0.05)
    assert node.trigger_shutdown() == TransitionCallbackReturn.SUCCESS


def test_a_lifecycle_manager_can_drive_a_node_by_its_services(rig, solvers):
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    node = rig.add(make('planner'))
    client = rig.probe.create_client(ChangeState, '/planner/change_state')
    rig.until(client.service_is_ready)
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request()
        request.transition.id = transition
        answer = client.call_async(request)
        rig.until(answer.done)
        assert answer.result().success
    assert node.active


def test_an_inactive_simulator_is_silent(rig):
    from warmstart_planner.msg import VehicleState

    node = rig.add(make('simulator'))
    states = rig.collect(VehicleState, '/simulator/output/state')
    node.trigger_configure()
    rig.spin(0.3)
    assert states == []
    node.trigger_activate()
    rig.until(lambda: states)
    node.trigger_deactivate()
    rig.spin(0.1)
    states.clear()
    rig.spin(0.3)
    assert states == []


@pytest.mark.parametrize('name', ['planner', 'controller'])
def test_without_a_generated_solver_a_node_says_once_what_to_run_and_stays_unconfigured(
    start, tmp_path, name
):
    process = start(
        f'warmstart_planner.nodes.{name}',
        '--ros-args',
        '-p',
        'autostart:=true',
        WARMSTART_PLANNER_SOLVERS=str(tmp_path),
    )
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    lines = [line for line in output.splitlines() if 'ERROR' in line]
    assert len(lines) == 1
    assert 'cannot configure' in lines[0]
    assert re.search('run `.*(--vehicle |VEHICLE=)commonroad_2', lines[0])
    assert 'Traceback' not in output


@pytest.mark.parametrize(
    ('name', 'parameter', 'reason'),
    [
        ('planner', 'vehicle:=tank', "vehicle is 'tank'"),
        ('planner', 'deadline:=9.0', 'deadline out of range'),
        ('simulator', 'mode:=fast', "mode is 'fast': expected one of real_time, lockstep"),
        ('simulator', 'real_time_factor:=.nan', 'real_time_factor'),
        ('proposal', 'sources:=oracle', "sources has 'oracle'"),
    ],
)
def test_a_bad_parameter_at_the_start_is_one_clear_line(start, name, parameter, reason):
    process = start(f'warmstart_planner.nodes.{name}', '--ros-args', '-p', parameter)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert len(output.strip().splitlines()) == 1
    assert reason in output


MISSPELT = """
/**/planner:
  ros__parameters:
    margin: {obstacle: 0.8}
    deadlin: 0.04
/**/plannner:
  ros__parameters: {deadline: 0.04}
"""


def test_misspelt_parameters_and_nodes_are_told_of_at_the_start(start, solvers, tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(MISSPELT)
    process = start(
        'warmstart_planner.nodes.planner',
        *('--ros-args', '-p', 'autostart:=true', '-p', 'periodd:=0.1'),
        *('--params-file', 'config/planner.yaml', '--params-file', str(path)),
    )
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    warnings = [line for line in output.splitlines() if 'WARN' in line]
    for said in (
        'mine.yaml: section /**/planner: parameter margin.obstacle is unknown: did you mean '
        'margins.obstacle?',
        'mine.yaml: section /**/planner: parameter deadlin is unknown: did you mean deadline?',
        'mine.yaml: section /**/plannner is for no node of this system: did you mean planner?',
        'parameter periodd is unknown: did you mean period?',
    ):
        assert len([line for line in warnings if said in line]) == 1, output


@pytest.mark.parametrize('name', NODES)
def test_nothing_is_said_of_the_packaged_parameters(start, solvers, name):
    files = [text for each in NODES for text in ('--params-file', f'config/{each}.yaml')]
    process = start(f'warmstart_planner.nodes.{name}', '--ros-args', *files)
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert 'unknown' not in output and 'section' not in output


def test_an_unknown_scenario_leaves_the_simulator_unconfigured(start):
    arguments = ['--ros-args', '-p', 'autostart:=true', '-p', 'scenario:=nowhere']
    process = start('warmstart_planner.nodes.simulator', *arguments)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert 'cannot configure' in output
    assert 'nowhere' in output
    assert 'Traceback' not in output


@pytest.mark.parametrize('name', NODES)
def test_a_node_ends_quietly_on_ctrl_c_even_if_pressed_twice(start, solvers, name):
    process = start(f'warmstart_planner.nodes.{name}', '--ros-args', '-p', 'autostart:=true')
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert 'Traceback' not in output
