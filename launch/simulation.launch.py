# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Drive a scenario: proposal, planner, controller and simulator, with RViz on request."""

from launch.actions import OpaqueFunction

from launch import LaunchContext, LaunchDescription
from warmstart_planner.nodes.launching import (
    arguments_from,
    declared,
    node_actions,
    placed,
    rviz_action,
    start_hint,
    with_one_vehicle,
)
from warmstart_planner.processes.launch_arguments import SIMULATION
from warmstart_planner.processes.system import WORLD_TOPICS, simulation_processes


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
            *declared(SIMULATION),
            OpaqueFunction(function=_start),
        ]
    )
