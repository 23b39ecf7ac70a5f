# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Drive a scenario: proposal, planner, controller and simulator, with RViz on request."""

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown

from launch import LaunchContext, LaunchDescription
from warmstart_planner.nodes.launching import (
    arguments_from,
    common_arguments,
    node_action,
    rviz_action,
)
from warmstart_planner.system import simulation_processes

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
    processes = simulation_processes(arguments_from(context))
    actions = {process.name: node_action(process, context) for process in processes}
    over = RegisterEventHandler(
        OnProcessExit(
            target_action=actions['simulator'],
            on_exit=[EmitEvent(event=Shutdown(reason='the simulator has ended'))],
        )
    )
    return [*actions.values(), over, *rviz_action(context)]


def generate_launch_description() -> LaunchDescription:
    """Describe the launch."""
    return LaunchDescription(
        [
            *common_arguments(use_sim_time='true', autostart='true'),
            *OWN_ARGUMENTS,
            OpaqueFunction(function=_start),
        ]
    )
