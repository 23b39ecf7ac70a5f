# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The whole system: four processes drive a scenario, report on it, and leave nothing behind."""

import json
import os
import signal
import time

import pytest

SCENARIO = """\
description: A short straight road.
duration: 15.0
road:
  speed_limit: 10.0
  segments: [{length: 120.0, curvature: 0.0}]
  left_width: 3.5
  right_width: 3.5
start: {station: 10.0, offset: 0.0, speed: 8.0}
goal:
  station: {station: 45.0, speed: 8.0}
"""


def with_goal(station):
    """Return the scenario with a goal at another station, road and time enough for it."""
    return (
        SCENARIO.replace('station: 45.0', f'station: {station}')
        .replace('length: 120.0', f'length: {station + 90.0}')
        .replace('duration: 15.0', 'duration: 90.0')
    )


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / 'short_hop.yaml'
    path.write_text(SCENARIO)
    return path


def descendants(process):
    """Return the nodes that a run of the demo has started: process -> command line."""
    found = {}
    for entry in os.listdir('/proc'):
        try:
            with open(f'/proc/{entry}/environ', 'rb') as stream:
                mine = f'OUT_MARK={process.pid_mark}'.encode() in stream.read()
            with open(f'/proc/{entry}/cmdline', 'rb') as stream:
                line = stream.read().decode().replace('\0', ' ')
        except (OSError, NotADirectoryError):
            continue
        if mine and 'warmstart_planner' in line:
            found[int(entry)] = line
    return found


def pid_of(process, node):
    """Return the process of a node that a run of the demo has started."""
    (pid,) = (pid for pid, line in descendants(process).items() if f'nodes.{node} ' in line)
    return pid


@pytest.fixture
def demo(start, tmp_path, solvers):
    def begin(*arguments):
        mark = str(tmp_path)
        out = str(tmp_path / 'out')
        process = start('warmstart_planner.commands.demo', '--out', out, *arguments, OUT_MARK=mark)
        process.pid_mark = mark
        return process

    return begin


def test_a_lockstep_drive_reaches_its_goal_and_reports(demo, scenario, tmp_path):
    process = demo('--scenario', str(scenario), '--mode', 'lockstep', '--seed', '4')
    output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, output
    assert 'm to go, planner optimised, controller optimised' in output
    assert 'goal reached' in output
    figures = json.loads((tmp_path / 'out' / 'summary.json').read_text())
    assert figures['goal_reached'] is True
    assert figures['collisions'] == 0
    assert figures['duration_s'] < 15.0
    assert set(figures['rungs_planner']) == {'optimised'}
    for node in ('proposal', 'planner', 'controller', 'simulator'):
        assert 20.0 < figures[f'memory_mb_{node}'] < 400.0
    for file in ('driven.csv', 'drive.png', 'drive.gif'):
        assert (tmp_path / 'out' / file).stat().st_size > 100
    assert descendants(process) == {}


def test_a_drive_by_the_walls_clock_reaches_its_goal(demo, scenario, tmp_path):
    process = demo('--scenario', str(scenario), '--use-sim-time', 'false')
    output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, output
    figures = json.loads((tmp_path / 'out' / 'summary.json').read_text())
    assert figures['goal_reached'] is True
    assert figures['tracking_rms_m'] < 1.0


@pytest.fixture
def simulate(start, tmp_path, solvers):
    """Start a simulation in a namespace, with records in the folder that all have; by name."""
    from warmstart_planner.processes.system import SystemArguments, simulation_processes

    def begin(namespace, scenario):
        file = tmp_path / f'{namespace}.yaml'
        file.write_text(scenario)
        arguments = SystemArguments(
            namespace=namespace, scenario=str(file), mode='lockstep', record=str(tmp_path)
        )
        return {
            each.name: start(*each.command()[2:], **each.environment)
            for each in simulation_processes(arguments)
        }

    return begin


class Graph:
    """What a probe has seen of the topics of a domain, and of the two ends of each clock."""

    def __init__(self, probe):
        self._probe = probe
        self.topics = set()
        self.owners = {}

    def look(self):
        self.topics |= {topic for topic, _ in self._probe.get_topic_names_and_types()}
        for topic in [each for each in self.topics if each.endswith('/clock')]:
            ends = self._probe.get_publishers_info_by_topic(topic)
            ends += self._probe.get_subscriptions_info_by_topic(topic)
            known = [each for each in ends if 'UNKNOWN' not in each.node_name]
            owners = [f'{each.node_namespace}/{each.node_name}' for each in known]
            self.owners.setdefault(topic, set()).update(owners)


def test_two_simulations_in_one_domain_drive_their_own_ways(simulate, rig, tmp_path):
    from warmstart_planner.simulation.monitor import Outcome
    from warmstart_planner.simulation.record_file import read_record

    before = Graph(rig.probe)  # what ended in this domain a moment ago may still be known
    rig.spin(0.5)
    before.look()
    graph = Graph(rig.probe)
    # in lockstep a drive takes a fraction of its time: it must not be over before its nodes' names
    # are known here
    goals = {'car1': 145.0, 'car2': 170.0}
    simulators = [simulate(name, with_goal(goal))['simulator'] for name, goal in goals.items()]
    end = time.monotonic() + 120.0
    while any(each.poll() is None for each in simulators):
        assert time.monotonic() < end
        graph.look()
        rig.spin(0.05)
    for name, goal in goals.items():
        record, outcome = read_record(tmp_path / name / 'drive.npz')
        assert outcome == Outcome.GOAL.value
        assert goal <= record.states[-1, 0] < goal + 5.0
        nodes = {f'/{name}/{each}' for each in ('proposal', 'planner', 'controller', 'simulator')}
        assert f'/{name}/simulator' in graph.owners[f'/{name}/clock'] <= nodes
    common = graph.topics - before.topics
    shared = {topic for topic in common if not topic.startswith(('/car1/', '/car2/'))}
    assert shared <= {'/diagnostics', '/parameter_events', '/rosout'}


# in lockstep a drive takes a fraction of its time: it must not be over before it is interrupted
@pytest.mark.parametrize(('mode', 'goal'), [('real_time', 100.0), ('lockstep', 300.0)])
def test_a_drive_whose_simulator_was_deactivated_goes_on_to_its_goal(
    demo, scenario, rig, mode, goal
):
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    scenario.write_text(with_goal(goal))
    process = demo('--scenario', str(scenario), '--mode', mode)
    client = rig.probe.create_client(ChangeState, '/simulator/change_state')
    seen = ''
    while 'm to go' not in seen and process.poll() is None:
        seen += process.stdout.readline()
    rig.until(client.service_is_ready)
    rig.spin(1.0)  # the node has to find the client, too
    for name in ('DEACTIVATE', 'ACTIVATE'):
        request = ChangeState.Request()
        request.transition.id = getattr(Transition, f'TRANSITION_{name}')
        answer = client.call_async(request)
        rig.until(answer.done)
        assert answer.result().success
        rig.spin(0.5)
    output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, seen + output
    assert 'driving short_hop again, from' in output


def test_all_nodes_that_are_killed_come_back_and_the_car_reaches_its_goal(demo, scenario):
    scenario.write_text(with_goal(110.0))
    process = demo('--scenario', str(scenario))
    seen = ''
    for lost in (['simulator'], ['proposal', 'planner', 'controller']):
        while 'm to go, planner optimised' not in seen.rpartition('driving')[2]:
            seen += process.stdout.readline()
            assert process.poll() is None, seen
        for name in lost:
            os.kill(pid_of(process, name), signal.SIGKILL)
        seen += 'killed, not driving'
    output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, seen + output
    assert 'goal reached' in output
    assert (seen + output).count('died with exit status -9, starts again') == 4


def test_ctrl_c_while_nodes_start_ends_all_of_them(demo, scenario):
    process = demo('--scenario', str(scenario))
    end = time.monotonic() + 60.0
    while len(descendants(process)) < 5 and time.monotonic() < end:
        time.sleep(0.1)
    interrupt(process, '')


def test_ctrl_c_while_driving_ends_all_processes_and_says_so(demo, scenario):
    process = demo('--scenario', str(scenario))
    seen = ''
    while 'm to go' not in seen and process.poll() is None:
        seen += process.stdout.readline()
    interrupt(process, seen)


def interrupt(process, seen):
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert 'interrupted' in output
    assert 'Traceback' not in seen + output
    assert descendants(process) == {}


def test_a_node_that_cannot_start_ends_the_demo_with_its_reason(demo, scenario, tmp_path):
    parameters = tmp_path / 'own.yaml'
    parameters.write_text('/**/planner:\n  ros__parameters:\n    deadline: 99.0\n')
    process = demo('--scenario', str(scenario), '--params-file', str(parameters))
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 2
    assert 'deadline' in output
    assert 'Traceback' not in output
    assert descendants(process) == {}
