# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A node that was killed and starts again is soon with the others."""

import os
import signal
import time

import pytest

from warmstart_planner.processes.system import RESPAWN_DELAY, SystemArguments, simulation_processes

REJOIN_TIME = 3.0  # in which a node that was killed is heard again [s]
DEATHS = 5  # each finds the others at another moment of their own periods


@pytest.fixture
def begin(start, solvers):
    """Start a node of the simulation by itself."""
    arguments = SystemArguments(scenario='free_road', log_level='debug')
    processes = {each.name: each for each in simulation_processes(arguments)}

    def start_node(name):
        given = ['--ros-args', *processes[name].ros_arguments()]
        return start(f'warmstart_planner.nodes.{name}', *given, PYTHONUNBUFFERED='1')

    return start_node


def until_it_commands(controller):
    """Wait for the first command, which answers road and state; tell how long that took [s]."""
    begin = time.monotonic()
    said = ''
    while 'm/s^2' not in said:
        said = controller.stdout.readline()
        assert said, 'the controller has ended'
    return time.monotonic() - begin


def test_a_controller_that_was_killed_commands_again_in_time(begin):
    begin('simulator')
    waited = []
    for _ in range(1 + DEATHS):
        controller = begin('controller')
        waited.append(until_it_commands(controller))
        controller.send_signal(signal.SIGKILL)
        controller.wait()
    assert max(waited[1:]) < REJOIN_TIME - RESPAWN_DELAY, waited


def test_profiles_of_the_users_own_stay_in_force(monkeypatch):
    from warmstart_planner.nodes.process import PROFILES, rejoin_soon

    monkeypatch.setenv(PROFILES, '/mine.xml')
    rejoin_soon()
    assert os.environ[PROFILES] == '/mine.xml'
