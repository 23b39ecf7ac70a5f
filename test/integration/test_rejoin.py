# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A node that was killed and starts again is soon with the others."""

import os
import signal
import time

import pytest

from warmstart_planner.processes.system import SystemArguments, simulation_processes

# Beyond what its process takes to start [s]. Nodes that do not look for each other at once do so
# every three seconds.
FINDING_TIME = 2.0
STARTS = 3  # whose slowest is what a process takes to start here
DEATHS = 5  # each finds the others at another moment of their own periods


@pytest.fixture
def begin(start, solvers):
    """Start a node of the simulation by itself."""
    arguments = SystemArguments(scenario='free_road', log_level='debug')
    processes = {each.name: each for each in simulation_processes(arguments)}

    def start_node(name, *parameters):
        given = ['--ros-args', *processes[name].ros_arguments(), *parameters]
        return start(f'warmstart_planner.nodes.{name}', *given, PYTHONUNBUFFERED='1')

    return start_node


def killed_when_it_says(text, controller):
    """Kill a controller when it says something; tell how long it took to say it [s]."""
    begin = time.monotonic()
    said = ''
    while text not in said:
        said = controller.stdout.readline()
        assert said, 'the controller has ended'
    controller.send_signal(signal.SIGKILL)
    controller.wait()
    return time.monotonic() - begin


def test_a_controller_that_was_killed_commands_again_as_soon_as_it_has_started(begin):
    by_itself = ('-p', 'use_sim_time:=false')  # nobody tells the time
    alone = [
        killed_when_it_says('no car state', begin('controller', *by_itself)) for _ in range(STARTS)
    ]
    begin('simulator')
    # the first command answers road and state; the first controller may wait for the simulator
    waited = [killed_when_it_says('m/s^2', begin('controller')) for _ in range(1 + DEATHS)]
    assert max(waited[1:]) < max(alone) + FINDING_TIME, (alone, waited)


def test_profiles_of_the_users_own_stay_in_force(monkeypatch):
    from warmstart_planner.nodes.managed_node.process import PROFILES, rejoin_soon

    monkeypatch.setenv(PROFILES, '/mine.xml')
    rejoin_soon()
    assert os.environ[PROFILES] == '/mine.xml'
