# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""All nodes go through their lifecycle, and end quietly."""

import os
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


@pytest.mark.parametrize('name', NODES)
def test_diagnostics_carry_the_lifecycle_state_and_tell_nothing_else_of_idle_work(
    rig, solvers, name
):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

    node = rig.add(make(name))
    arrays = rig.collect(DiagnosticArray, '/diagnostics')
    work = {'proposal': 'sources', 'simulator': 'run'}.get(name, 'rung')
    for step, state in (
        ('configure', 'inactive'),
        ('activate', 'active'),
        ('deactivate', 'inactive'),
        ('cleanup', 'unconfigured'),
        ('shutdown', 'finalized'),
    ):
        getattr(node, f'trigger_{step}')()
        rig.spin(0.1)
        arrays.clear()
        rig.until(lambda: arrays)
        found = {each.name.removeprefix(f'{name}: '): each for each in arrays[0].status}
        assert found['lifecycle'].message == state
        reported = {value.key: value.value for each in arrays[0].status for value in each.values}
        assert reported['lifecycle'] == state
        assert (found[work].level == DiagnosticStatus.STALE) == (state != 'active')
        assert (found[work].message == state) == (state != 'active')


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
    output = ''
    while 'periodd' not in output:
        output += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output += process.stdout.read()
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
def test_nothing_is_said_of_the_packaged_parameters(rig, start, solvers, name):
    files = [text for each in NODES for text in ('--params-file', f'config/{each}.yaml')]
    process = start(f'warmstart_planner.nodes.{name}', '--ros-args', *files)
    rig.await_state(name, 'unconfigured')
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
def test_a_node_ends_quietly_on_ctrl_c_even_if_pressed_twice(rig, start, solvers, name):
    process = start(f'warmstart_planner.nodes.{name}', '--ros-args', '-p', 'autostart:=true')
    rig.await_state(name, 'active')
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert 'Traceback' not in output


def broken(step):
    """Return a planner whose part of a transition raises what nobody expects."""
    node = make('planner')
    part = {'configure': 'configure', 'activate': 'start', 'deactivate': 'stop'}[step]

    def fail():
        raise RuntimeError('a wheel came off')

    setattr(node, part, fail)
    return node


@pytest.mark.parametrize('step', ['configure', 'activate', 'deactivate'])
def test_an_unexpected_exception_in_a_transition_is_logged_and_leads_through_the_error_state(
    rig, solvers, capfd, step
):
    from lifecycle_msgs.msg import Transition, TransitionEvent
    from lifecycle_msgs.srv import ChangeState

    steps = ('configure', 'activate', 'deactivate')
    node = rig.add(broken(step))
    events = rig.collect(TransitionEvent, '/planner/transition_event')
    client = rig.probe.create_client(ChangeState, '/planner/change_state')
    rig.until(client.service_is_ready)
    rig.spin(0.2)
    for name in steps[: steps.index(step) + 1]:
        request = ChangeState.Request()
        request.transition.id = getattr(Transition, f'TRANSITION_{name.upper()}')
        answer = client.call_async(request)
        rig.until(answer.done)
        assert answer.result().success == (name != step)
    rig.until(lambda: events[-1:] and events[-1].start_state.label == 'errorprocessing')
    assert events[-1].goal_state.label == 'unconfigured'
    assert not node.active
    errors = capfd.readouterr().err
    assert f'cannot {step}:' in errors
    assert 'Traceback' in errors and 'RuntimeError: a wheel came off' in errors


def test_a_node_that_failed_unexpectedly_can_be_configured_again(rig, solvers):
    from rclpy.lifecycle import TransitionCallbackReturn

    node = rig.add(broken('activate'))
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.ERROR
    del node.start
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS


def test_a_module_that_is_missing_is_named_and_ends_the_start(start, tmp_path):
    (tmp_path / 'lxml.py').write_text("raise ModuleNotFoundError('lxml is not there')\n")
    scenario = tmp_path / 'road.xml'
    scenario.write_text('<commonRoad/>')
    process = start(
        'warmstart_planner.nodes.simulator',
        *('--ros-args', '-p', 'autostart:=true', '-p', f'scenario:={scenario}'),
        PYTHONPATH=f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}',
    )
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert 'cannot configure' in output
    assert 'lxml is not there' in output


@pytest.mark.parametrize('rig', [['use_sim_time:=true']], indirect=True)
@pytest.mark.parametrize(('back', 'anew'), [(30.0, True), (0.05, True), (-0.05, False)])
def test_a_node_whose_time_goes_back_forgets_what_it_knew(rig, solvers, back, anew):
    """A simulator that is started again begins at the time at which the first one began."""
    from rosgraph_msgs.msg import Clock

    from warmstart_planner.nodes.messages import to_time

    node = rig.run(make('planner'))
    clock = rig.sender(Clock, '/clock')
    clock(Clock(clock=to_time(130.0)))
    rig.until(lambda: node.now() == 130.0)
    schedule = node._schedule
    clock(Clock(clock=to_time(130.0 - back)))
    rig.until(lambda: node.now() == 130.0 - back)
    assert node.active
    assert (node._schedule is not schedule) == anew
