# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the launch files share: arguments, and `system.py`'s processes as launch actions.

Only `ros2 launch` imports this module; `launch` and `launch_ros` come with ROS 2 itself.
"""

from __future__ import annotations

from dataclasses import replace

from ament_index_python.packages import PackageNotFoundError
from launch.actions import DeclareLaunchArgument
from launch.substitutions import SubstitutionFailure
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import ExecutableInPackage
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from launch import LaunchContext
from warmstart_planner.resources import share_folder
from warmstart_planner.system import (
    LOG_LEVELS,
    PACKAGE,
    NodeProcess,
    SystemArguments,
)

TRUTHS = ['true', 'false']
RVIZ = 'rviz2'  # package and executable


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


def node_action(process: NodeProcess, context: LaunchContext) -> Node:
    """Return the launch action of a process, below the namespace that a launch file pushed."""
    # the level is given to a logger, whose name holds the whole namespace
    pushed = context.launch_configurations.get('ros_namespace')
    whole = make_namespace_absolute(prefix_namespace(pushed, process.namespace))
    process = replace(process, namespace=whole)
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


def rviz_action(context: LaunchContext) -> list[Node]:
    """
    Return RViz as an action, if it is asked for.

    Raises:
        ValueError: it is asked for and not installed.

    """
    given = context.launch_configurations
    if given['rviz'] != 'true':
        return []
    try:
        ExecutableInPackage(executable=RVIZ, package=RVIZ).perform(context)
    except (PackageNotFoundError, SubstitutionFailure) as error:
        raise ValueError(
            f"rviz is 'true': expected false, because {RVIZ} is not installed ({error})"
        ) from None
    return [
        Node(
            package=RVIZ,
            executable=RVIZ,
            namespace=given['namespace'],
            arguments=['-d', given['rviz_config']],
            parameters=[{'use_sim_time': given['use_sim_time'] == 'true'}],
            output='screen',
        )
    ]
