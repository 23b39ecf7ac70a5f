# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the launch files share: arguments, and `system.py`'s processes as launch actions.

Only `ros2 launch` imports this module; `launch` and `launch_ros` come with ROS 2 itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError
from launch.actions import DeclareLaunchArgument, EmitEvent, LogInfo, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import SubstitutionFailure
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import ExecutableInPackage
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from launch import LaunchContext
from warmstart_planner.files.resources import share_folder
from warmstart_planner.nodes.parameters.files import WILDCARDS, Section, sections_of
from warmstart_planner.processes.exit_status import end_of_all
from warmstart_planner.processes.launch_arguments import LaunchArgument
from warmstart_planner.processes.system import (
    PACKAGE,
    RESPAWN_DELAY,
    NodeProcess,
    SystemArguments,
)
from warmstart_planner.scenarios import load_scenario

RVIZ = 'rviz2'  # package and executable


def declared(arguments: Iterable[LaunchArgument]) -> list[DeclareLaunchArgument]:
    """Return arguments as launch actions."""
    return [
        DeclareLaunchArgument(
            each.name,
            default_value=each.default,
            description=each.description,
            choices=list(each.choices) or None,
        )
        for each in arguments
    ]


def arguments_from(context: LaunchContext) -> SystemArguments:
    """Return the arguments that the user gave; raises ValueError for what cannot be."""
    given = context.launch_configurations
    return SystemArguments(
        use_sim_time=given['use_sim_time'] == 'true',
        params_file=given['params_file'],
        namespace=given['namespace'],
        autostart=given['autostart'] == 'true',
        respawn=given['respawn'] == 'true',
        nodes=tuple(name.strip() for name in given['nodes'].split(',') if name.strip()),
        log_level=given['log_level'],
        record=given['record'],
        model_dir=given['model_dir'],
        vehicle=given['vehicle'],
        weights=given['weights'],
        scenario=given.get('scenario', ''),
        mode=given.get('mode', ''),
        seed=int(given.get('seed', '-1')),
    )


def with_one_vehicle(arguments: SystemArguments) -> SystemArguments:
    """
    Return the arguments of a simulation with the scenario's car, where no other one is named.

    Parameters that the user's file gives a node decide for themselves: nodes with different cars
    refuse each other's messages.

    Raises:
        ValueError: the scenario or the file cannot be read; the message names it.

    """
    own = _sections_of(arguments.params_file) if arguments.params_file else []
    if arguments.vehicle or any('vehicle' in section.parameters for section in own):
        return arguments
    packaged = _sections_of(share_folder() / 'config' / 'simulator.yaml')
    named = [
        section.parameters['scenario']
        for section in [*packaged, *own]
        if section.node in ('simulator', *WILDCARDS) and 'scenario' in section.parameters
    ]
    return replace(arguments, vehicle=load_scenario(arguments.scenario or named[-1]).vehicle)


def _sections_of(file: str | Path) -> list[Section]:
    try:
        return sections_of(Path(file).read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from None


def placed(processes: Iterable[NodeProcess], context: LaunchContext) -> tuple[NodeProcess, ...]:
    """Return the processes with whole namespaces, below what other launch files have pushed."""
    pushed = context.launch_configurations.get('ros_namespace')
    return tuple(
        replace(
            process, namespace=make_namespace_absolute(prefix_namespace(pushed, process.namespace))
        )
        for process in processes
    )


def node_actions(processes: Iterable[NodeProcess]) -> list[Node | RegisterEventHandler]:
    """Return what starts processes that are `placed`, and what their ends are to the launch."""
    actions = [(_node_action(process), process) for process in processes]
    ends = [_end_handler(action, process) for action, process in actions]
    return [*ends, *(action for action, _ in actions)]


def _node_action(process: NodeProcess) -> Node:
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
        respawn=process.respawn,
        respawn_delay=RESPAWN_DELAY,
        output='screen',
    )


def _end_handler(action: Node, process: NodeProcess) -> RegisterEventHandler:
    """
    End the launch where a node's end calls for it: the drive is over, or nothing will ever drive.

    A failure is told with its reason, and makes the launch's exit status other than 0.

    Args:
        action: of the process.
        process: the node's.

    """

    def end(event: ProcessExited, context: LaunchContext) -> EmitEvent | None:
        if context.is_shutdown:
            return None
        ended = end_of_all(process.name, event.returncode, process.respawn)
        if ended is None:
            return None
        if ended.failed:
            # of all that ends a launch only this makes its exit status other than 0
            raise RuntimeError(ended.reason)
        return EmitEvent(event=Shutdown(reason=ended.reason))

    return RegisterEventHandler(OnProcessExit(target_action=action, on_exit=end))


def start_hint(processes: Iterable[NodeProcess], arguments: SystemArguments) -> list[LogInfo]:
    """Return, where the nodes do not start to work by themselves, what says how to start them."""
    if arguments.autostart:
        return []
    names = ', '.join(process.full_name for process in processes)
    text = 'autostart is false: `ros2 lifecycle set NODE configure`, then `activate`, for each of '
    return [LogInfo(msg=text + names)]


def rviz_action(context: LaunchContext, topics: Mapping[str, str]) -> list[Node]:
    """
    Return RViz as an action, if it is asked for.

    Args:
        context: of the launch.
        topics: what RViz and its layout call a topic -> what the system calls it.

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
            remappings=list(topics.items()),
            parameters=[{'use_sim_time': given['use_sim_time'] == 'true'}],
            output='screen',
        )
    ]
