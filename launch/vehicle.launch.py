# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Run proposal, planner and controller on a vehicle, on the vehicle's own topics."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction

from launch import LaunchContext, LaunchDescription
from warmstart_planner.nodes.launching import (
    arguments_from,
    common_arguments,
    node_actions,
    placed,
    rviz_action,
    start_hint,
)
from warmstart_planner.processes.system import VEHICLE_TOPICS, vehicle_processes

RECORD = 'Empty: only the simulator writes records, and what nodes send is for `ros2 bag record`'
VEHICLE = "Car by name, or its file's path; empty: the parameters'"


def _start(context: LaunchContext) -> list:
    arguments = arguments_from(context)
    if arguments.record:
        raise ValueError(
            f'record is {arguments.record!r}: expected none on a vehicle, only the simulator '
            'writes records; `ros2 bag record` keeps what the nodes send'
        )
    topics = {name: context.launch_configurations[f'{name}_topic'] for name in VEHICLE_TOPICS}
    processes = placed(vehicle_processes(arguments, topics), context)
    return [
        *node_actions(processes),
        *rviz_action(context, topics),
        *start_hint(processes, arguments),
    ]


def generate_launch_description() -> LaunchDescription:
    """Describe the launch."""
    return LaunchDescription(
        [
            *common_arguments(use_sim_time='false', record=RECORD, vehicle=VEHICLE),
            *(
                DeclareLaunchArgument(f'{name}_topic', default_value=name, description=text)
                for name, text in VEHICLE_TOPICS.items()
            ),
            OpaqueFunction(function=_start),
        ]
    )
