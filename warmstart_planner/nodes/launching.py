# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the launch files share: arguments, and `system.py`'s processes as launch actions.

Only `ros2 launch` imports this module; `launch` and `launch_ros` come with ROS 2 itself.
"""

from __future__ import annotations

from launch.actions import DeclareLaunchArgument, EmitEvent, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext
from warmstart_planner.nodes.exit_status import failure
from warmstart_planner.resources import share_folder
from warmstart_planner.system import (
    LOG_LEVELS,
    PACKAGE,
    NodeProcess,
    SystemArguments,
)

TRUTHS = ['true', 'false']


def common_arguments(use_sim_time: str, autostart: str) -> list[DeclareLaunchArgument]:
    """Return the conventional arguments, with the defaults of a simulation or a vehicle."""

    def argument(
        name: str, default: str, text: str, choices: list[str] | None = None
    ) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(
            name, default_value=default, description=text, choices=choices
        )

    layout = str(share_folder() / 'config' / 'warmstart_planner.rviz')
    return [
        argument('use_sim_time', use_sim_time, 'Take the time from /clock', TRUTHS),
        argument('params_file', '', 'YAML file whose parameters override the packaged ones'),
        argument('namespace', '', 'Namespace of all nodes and topics'),
        argument('rviz', 'false', 'Start RViz', TRUTHS),
        argument('rviz_config', layout, "RViz's layout"),
        argument('autostart', autostart, 'Configure and activate all nodes', TRUTHS),
        argument('log_level', 'info', 'Least severity that is logged', list(LOG_LEVELS)),
        argument('record', '', 'Folder for the record of the drive; empty: none'),
        argument('model_dir', '', "Folder of the learned models; empty: the parameters'"),
        argument('vehicle', '', "Car by name, as commonroad_2; empty: the parameters'"),
    ]


def arguments_from(context: LaunchContext) -> SystemArguments:
    """Return the arguments that the user gave; raises ValueError for what cannot be."""
    given = context.launch_configurations
    return SystemArguments(
        use_sim_time=given['use_sim_time'] == 'true',
        params_file=given['params_file'],
        namespace=given['namespace'],
        autostart=given['autostart'] == 'true',
        log_level=given['log_level'],
        record=given['record'],
        model_dir=given['model_dir'],
        vehicle=given['vehicle'],
        scenario=given.get('scenario', ''),
        mode=given.get('mode', ''),
        seed=int(given.get('seed', '-1')),
    )


def node_action(process: NodeProcess) -> Node:
    """Return the launch action of a process."""
    parameters = {
        name: ParameterValue(value, value_type=type(value))
        for name, value in process.parameters.items()
    }
    return Node(
        package=PACKAGE,
        executable=process.executable,
        name=process.name,
        namespace=process.namespace,
        parameters=[*map(str, process.parameter_files), parameters],
        remappings=list(process.remappings),
        ros_arguments=['--log-level', f'{process.logger}:={process.log_level}'],
        additional_env=dict(process.environment),
        output='screen',
    )


def end_handler(action: Node, name: str) -> RegisterEventHandler:
    """
    End the launch where a node's end calls for it: the drive is over, or nothing will ever drive.

    A failure is told with its reason, and makes the launch's exit status other than 0.

    Args:
        action: the node's.
        name: of the node.

    """

    def end(event: ProcessExited, context: LaunchContext) -> EmitEvent | None:
        if context.is_shutdown:
            return None
        reason = failure(name, event.returncode)
        if reason is not None:
            # of all that ends a launch only this makes its exit status other than 0
            raise RuntimeError(reason)
        if name != 'simulator':
            return None
        return EmitEvent(event=Shutdown(reason='the simulator has ended'))

    return RegisterEventHandler(OnProcessExit(target_action=action, on_exit=end))


def rviz_action(context: LaunchContext) -> list[Node]:
    """Return RViz as an action, if it is asked for."""
    given = context.launch_configurations
    if given['rviz'] != 'true':
        return []
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            namespace=given['namespace'],
            arguments=['-d', given['rviz_config']],
            parameters=[{'use_sim_time': given['use_sim_time'] == 'true'}],
            output='screen',
        )
    ]
