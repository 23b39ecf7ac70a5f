# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The arguments of the launch files, with defaults and descriptions; `ros2 launch` shows them."""

from __future__ import annotations

from dataclasses import dataclass

from warmstart_planner.files.resources import share_folder
from warmstart_planner.processes.system import LOG_LEVELS, VEHICLE_TOPICS

TRUTHS = ('true', 'false')
RVIZ_LAYOUT = share_folder() / 'config' / 'warmstart_planner.rviz'


@dataclass(frozen=True)
class LaunchArgument:
    """An argument of a launch file; without `choices` it may be any text."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


def _common(use_sim_time: str, record: str, vehicle: str) -> tuple[LaunchArgument, ...]:
    """
    Return the arguments of both launch files.

    Args:
        use_sim_time: default, 'true' or 'false'.
        record: description of the argument of this name.
        vehicle: likewise.

    """
    return (
        LaunchArgument('use_sim_time', use_sim_time, 'Take the time from /clock', TRUTHS),
        LaunchArgument('params_file', '', 'YAML file whose parameters override the packaged ones'),
        LaunchArgument('namespace', '', 'Namespace of all nodes and topics'),
        LaunchArgument('rviz', 'false', 'Start RViz', TRUTHS),
        LaunchArgument('rviz_config', str(RVIZ_LAYOUT), "RViz's layout"),
        LaunchArgument('autostart', 'true', 'Configure and activate all nodes', TRUTHS),
        LaunchArgument('log_level', 'info', 'Least severity that is logged', LOG_LEVELS),
        LaunchArgument('record', '', record),
        LaunchArgument('model_dir', '', "Folder of the learned models; empty: the parameters'"),
        LaunchArgument('vehicle', '', vehicle),
        LaunchArgument('weights', '', "YAML file of the cost's weights; empty: the parameters'"),
        LaunchArgument('respawn', 'true', 'Start nodes that die again', TRUTHS),
        LaunchArgument('nodes', '', 'Which to start, as planner,controller; empty: all'),
    )


SIMULATION = (
    *_common(
        use_sim_time='true',
        record='Folder for the record of the drive, below it the namespace; empty: none',
        vehicle="Car by name, or its file's path; empty: the scenario's",
    ),
    LaunchArgument(
        'scenario',
        '',
        'Packaged scenario by name, or path of a .yaml or CommonRoad .xml; empty: the one in the '
        'parameters',
    ),
    LaunchArgument(
        'mode',
        '',
        'Whether simulated time runs by itself or waits for every answer; empty: as in the '
        'parameters',
        ('', 'real_time', 'lockstep'),
    ),
    LaunchArgument('seed', '-1', "Of all noise; -1: the configuration's"),
)
VEHICLE = (
    *_common(
        use_sim_time='false',
        record='Empty: only the simulator writes records, and what nodes send is for '
        '`ros2 bag record`',
        vehicle="Car by name, or its file's path; empty: the parameters'",
    ),
    *(LaunchArgument(f'{name}_topic', name, text) for name, text in VEHICLE_TOPICS.items()),
)
# By launch file: launch/<name>.launch.py.
ARGUMENTS = {'simulation': SIMULATION, 'vehicle': VEHICLE}
