# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A node asked for help says what it takes and ends, and no ROS node is made."""

import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes.managed_node import help as node_help
from warmstart_planner.nodes.parameters import controller, planner, proposal, simulator
from warmstart_planner.processes.system import NODE_TOPICS

DECLARATIONS = {
    'proposal': proposal.DECLARATIONS,
    'planner': planner.DECLARATIONS,
    'controller': controller.DECLARATIONS,
    'simulator': simulator.DECLARATIONS,
}


@pytest.mark.parametrize('name', NODE_TOPICS)
def test_it_names_every_topic_and_parameter(name):
    said = subprocess.run(
        [sys.executable, '-m', f'warmstart_planner.nodes.{name}', '--help'],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert said.startswith(f'usage: {name} ')
    lines = {line.strip() for line in said.splitlines()}
    assert {each.name for each in DECLARATIONS[name]} | {'autostart', 'niceness'} <= lines
    assert {f'{own}: {topic}' for own, topic in NODE_TOPICS[name].items()} <= lines


@pytest.mark.parametrize(
    ('arguments', 'asked'),
    [
        (['--help'], True),
        (['-h', '--ros-args', '-p', 'period:=0.1'], True),
        (['--ros-args', '-p', 'scenario:=--help'], False),
        ([], False),
    ],
)
def test_what_is_for_ros_asks_for_no_help(arguments, asked):
    assert node_help.is_asked_for(arguments) is asked
