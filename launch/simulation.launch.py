# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Drive a scenario: proposal, planner, controller and simulator, with RViz on request."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction

from launch import LaunchContext, LaunchDescription
from warmstart_planner.nodes.launching import (
    arguments_from,
    common_arguments,
    node_actions,
    placed,
    rviz_action,
    start_hint,
    with_one_vehicle,
)
from warmstart_planner.processes.system import WORLD_TOPICS, simulation_processes

RECORD = 'Folder for the record of the drive; empty: none'
VEHICLE = "Car by name, or its file's path; empty: the scenario's"
OWN_ARGUMENTS = (
    DeclareLaunchArgument(
        'scenario',
        default_value='',
        description='Packaged scenario by name, or path of a .yaml or CommonRoad .xml; empty: '
        'the one in the parameters',
    ),
    DeclareLaunchArgument(
        'mode',
        default_value='',
        choices=['', 'real_time', 'lockstep'],
        description='Whether simulated time runs by itself or waits for every answer; empty: as '
        'in the parameters',
    ),
    DeclareLaunchArgument(
        'seed', default_value='-1', description="Of all noise; -1: the configuration's"
    ),
)


def _start(context: LaunchContext) -> list:
    arguments = with_one_vehicle(arguments_from(context))
    processes = placed(simulation_processes(arguments), context)
    return [
        *node_actions(processes),
        *rviz_action(context, WORLD_TOPICS),
        *start_hint(processes, arguments),
    ]


def generate_launch_description() -> LaunchDescription:
    """Describe the launch."""
    return LaunchDescription(
        [
            *common_arguments(use_sim_time='true', record=RECORD, vehicle=VEHICLE),
            *OWN_ARGUMENTS,
            OpaqueFunction(function=_start),
        ]
    )
