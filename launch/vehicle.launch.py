# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Run proposal, planner and controller on a vehicle, on the vehicle's own topics."""

from launch.actions import OpaqueFunction

from launch import LaunchContext, LaunchDescription
from warmstart_planner.nodes.launching import (
    arguments_from,
    declared,
    node_actions,
    placed,
    rviz_action,
    start_hint,
)
from warmstart_planner.processes.launch_arguments import VEHICLE
from warmstart_planner.processes.system import VEHICLE_TOPICS, vehicle_processes


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
            *declared(VEHICLE),
            OpaqueFunction(function=_start),
        ]
    )
