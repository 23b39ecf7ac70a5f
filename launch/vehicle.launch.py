# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Run proposal, planner and controller on a vehicle, on the vehicle's own topics."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction

from launch import LaunchContext, LaunchDescription
from warmstart_planner.nodes.launching import (
    arguments_from,
    common_arguments,
    node_action,
    rviz_action,
)
from warmstart_planner.system import VEHICLE_TOPICS, vehicle_processes


def _start(context: LaunchContext) -> list:
    topics = {name: context.launch_configurations[f'{name}_topic'] for name in VEHICLE_TOPICS}
    processes = vehicle_processes(arguments_from(context), topics)
    nodes = [node_action(process, context) for process in processes]
    return [*nodes, *rviz_action(context)]


def generate_launch_description() -> LaunchDescription:
    """Describe the launch."""
    return LaunchDescription(
        [
            *common_arguments(use_sim_time='false', autostart='false'),
            *(
                DeclareLaunchArgument(f'{name}_topic', default_value=name, description=text)
                for name, text in VEHICLE_TOPICS.items()
            ),
            OpaqueFunction(function=_start),
        ]
    )
