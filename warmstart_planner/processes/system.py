# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The one description of the running system: which processes, with which parameters and topics.

`launch/*.launch.py` turns it into launch_ros actions and `demo.py` into plain processes, so that
both start the same system.
"""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from warmstart_planner.files.resources import share_folder
from warmstart_planner.files.vehicle_file import absolute

PACKAGE = 'warmstart_planner'
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
ROS_MODULES = ('rclpy', f'{PACKAGE}.msg', f'{PACKAGE}.nodes')  # that nodes need
RESPAWN_DELAY = 0.2  # between the death of a node and its next start [s]


def missing_module() -> str:
    """Name the first module that nodes need and that is not found; "" where all are."""
    missing = (name for name in ROS_MODULES if importlib.util.find_spec(name) is None)
    return next(missing, '')


@dataclass(frozen=True)
class SystemArguments:
    """
    What the user chooses when starting the system; the launch arguments carry these names.

    `params_file` overrides the packaged parameters and may be empty. `record` is the folder
    for the driven record, empty for none. `model_dir` is the folder of learned models, `vehicle`
    the car of all nodes, by name or path, `weights` the file of the cost's weights. They,
    `scenario` and `mode`, where empty, and `seed`, where negative, are left to the parameters.
    `respawn` starts nodes that die again. `nodes` names those that are started, all where it is
    empty.
    """

    use_sim_time: bool = True
    params_file: str = ''
    namespace: str = ''
    autostart: bool = True
    respawn: bool = True
    nodes: tuple[str, ...] = ()
    log_level: str = 'info'
    record: str = ''
    model_dir: str = ''
    scenario: str = ''
    vehicle: str = ''
    weights: str = ''
    mode: str = ''
    seed: int = -1

    def __post_init__(self) -> None:
        """Refuse what no process could start with."""
        if self.log_level not in LOG_LEVELS:
            raise ValueError(
                f'log_level is {self.log_level!r}: expected one of {", ".join(LOG_LEVELS)}'
            )
        if self.params_file and not Path(self.params_file).is_file():
            raise ValueError(f'params_file is {self.params_file!r}: expected an existing file')
        # nodes may run elsewhere than where the path was given
        object.__setattr__(self, 'vehicle', absolute(self.vehicle))
        if self.weights:
            object.__setattr__(self, 'weights', str(Path(self.weights).expanduser().resolve()))


@dataclass(frozen=True)
class NodeProcess:
    """
    One process with one node.

    `executable` is the name below lib/warmstart_planner and of the module in
    `warmstart_planner.nodes`. Later parameter files win over earlier ones, and `parameters` over
    the files.
    """

    executable: str
    name: str
    namespace: str
    parameter_files: tuple[Path, ...]
    parameters: Mapping[str, bool | int | float | str]
    remappings: tuple[tuple[str, str], ...]
    log_level: str = 'info'
    respawn: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """Name of the node with its namespace, as ROS' tools take it."""
        namespace = self.namespace.strip('/')
        return f'/{namespace}/{self.name}' if namespace else f'/{self.name}'

    @property
    def logger(self) -> str:
        """Name of the node's logger."""
        return self.full_name.strip('/').replace('/', '.')

    def ros_arguments(self) -> list[str]:
        """Return the arguments behind `--ros-args`, as launch_ros would give them."""
        arguments = ['-r', f'__node:={self.name}']
        if self.namespace:
            arguments += ['-r', f'__ns:=/{self.namespace.strip("/")}']
        arguments += ['--log-level', f'{self.logger}:={self.log_level}']
        for file in self.parameter_files:
            arguments += ['--params-file', str(file)]
        for name, value in self.parameters.items():
            arguments += ['-p', f'{name}:={_yaml(value)}']
        for source, target in self.remappings:
            arguments += ['-r', f'{source}:={target}']
        return arguments

    def command(self, python: str = sys.executable) -> list[str]:
        """Return the command line that runs the node without ROS' own tools."""
        module = f'{PACKAGE}.nodes.{self.executable}'
        return [python, '-m', module, '--ros-args', *self.ros_arguments()]

    def shell_command(self, python: str = sys.executable) -> str:
        """Return the command for a shell, which it replaces, so that signals reach the node."""
        return 'exec ' + shlex.join(self.command(python))


# Node's own topic -> topic of the system, relative to the namespace.
PLANNER_TOPICS = {
    '~/input/state': 'vehicle_state',
    '~/input/obstacles': 'obstacles',
    '~/input/road': 'road',
    '~/input/goal': 'goal',
    '~/input/goal_pose': 'goal_pose',
    '~/input/proposals': 'proposals',
    '~/output/problem': 'problem',
    '~/output/trajectory': 'trajectory',
    '~/output/path': 'path',
    '~/output/status': 'plan_status',
}
PROPOSAL_TOPICS = {
    '~/input/problem': 'problem',
    '~/input/state': 'vehicle_state',
    '~/output/proposals': 'proposals',
    '~/output/roll_outs': 'roll_outs',
}
CONTROLLER_TOPICS = {
    '~/input/state': 'vehicle_state',
    '~/input/obstacles': 'obstacles',
    '~/input/road': 'road',
    '~/input/trajectory': 'trajectory',
    '~/input/roll_outs': 'roll_outs',
    '~/output/command': 'command',
    '~/output/status': 'control_status',
    '~/output/prediction': 'prediction',
}
SIMULATOR_TOPICS = {
    '~/input/command': 'command',
    '~/input/trajectory': 'trajectory',
    '~/input/plan_status': 'plan_status',
    '~/input/control_status': 'control_status',
    '~/output/state': 'vehicle_state',
    '~/output/odometry': 'odometry',
    '~/output/obstacles': 'obstacles',
    '~/output/road': 'road',
    '~/output/goal': 'goal',
    '~/output/result': 'result',
}
# By node.
NODE_TOPICS = {
    'proposal': PROPOSAL_TOPICS,
    'planner': PLANNER_TOPICS,
    'controller': CONTROLLER_TOPICS,
    'simulator': SIMULATOR_TOPICS,
}
# Topics that ROS has once in a domain, below the namespace: each simulated world has a time and
# transforms of its own.
WORLD_TOPICS = {'/clock': 'clock', '/tf': 'tf', '/tf_static': 'tf_static'}
# What a vehicle may call otherwise: the topics between it and the nodes.
VEHICLE_TOPICS = {
    'vehicle_state': 'Topic of the measured state (VehicleState)',
    'obstacles': 'Topic of perceived obstacles with predictions (ObstacleArray)',
    'road': 'Topic of the road (Road, latched)',
    'goal': 'Topic of the goal (Goal, latched)',
    'goal_pose': "Topic of a goal as a pose (geometry_msgs/PoseStamped), such as RViz'",
    'trajectory': 'Topic of the reference (Trajectory)',
    'command': 'Topic of the command to the actuators (Command)',
}
# Numerical libraries start a thread for each core in every process and take them from the others.
ONE_THREAD = {
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
    'MKL_NUM_THREADS': '1',
}


def vehicle_processes(
    arguments: SystemArguments, topics: Mapping[str, str] | None = None
) -> tuple[NodeProcess, ...]:
    """
    Return proposal, planner and controller: what runs on a vehicle.

    Args:
        arguments: the user's choice.
        topics: other names for topics of the system, such as {'obstacles': '/seen'}.

    Raises:
        ValueError: the arguments name a node that does not run there.

    """
    return _wanted(arguments, *_vehicle_processes(arguments, topics))


def simulation_processes(arguments: SystemArguments) -> tuple[NodeProcess, ...]:
    """
    Return the vehicle's processes and the simulator in the vehicle's place.

    Raises:
        ValueError: the arguments name a node that does not run there.

    """
    chosen: dict[str, bool | int | float | str] = {
        'record': arguments.record,
        'publish_clock': arguments.use_sim_time,
        **_given(scenario=arguments.scenario, vehicle=arguments.vehicle, mode=arguments.mode),
    }
    if arguments.seed >= 0:
        chosen['seed'] = arguments.seed
    simulator = _process('simulator', SIMULATOR_TOPICS, arguments, chosen, None)
    processes = _wanted(arguments, *_vehicle_processes(arguments, None), simulator)
    return tuple(_in_own_world(each) for each in processes)


def _vehicle_processes(
    arguments: SystemArguments, topics: Mapping[str, str] | None
) -> tuple[NodeProcess, ...]:
    car = _given(vehicle=arguments.vehicle)
    models = _given(model_dir=arguments.model_dir)
    cost = _given(weights=arguments.weights)
    return (
        _process('proposal', PROPOSAL_TOPICS, arguments, car | models, topics),
        _process('planner', PLANNER_TOPICS, arguments, car | cost, topics),
        _process('controller', CONTROLLER_TOPICS, arguments, car, topics),
    )


def _in_own_world(process: NodeProcess) -> NodeProcess:
    return replace(process, remappings=(*process.remappings, *WORLD_TOPICS.items()))


def _wanted(arguments: SystemArguments, *processes: NodeProcess) -> tuple[NodeProcess, ...]:
    names = [process.name for process in processes]
    for name in arguments.nodes:
        if name not in names:
            raise ValueError(f'nodes names {name!r}: expected some of {", ".join(names)}')
    return tuple(p for p in processes if p.name in (arguments.nodes or names))


def _given(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


def _process(
    executable: str,
    topics: Mapping[str, str],
    arguments: SystemArguments,
    parameters: Mapping[str, bool | int | float | str],
    renamed: Mapping[str, str] | None,
) -> NodeProcess:
    files = [share_folder() / 'config' / f'{executable}.yaml']
    if arguments.params_file:
        files.append(Path(arguments.params_file).resolve())
    # The simulator is the source of simulated time and cannot wait for it.
    follows_clock = arguments.use_sim_time and executable != 'simulator'
    renamed = renamed or {}
    return NodeProcess(
        executable=executable,
        name=executable,
        namespace=arguments.namespace,
        parameter_files=tuple(files),
        parameters={
            'use_sim_time': follows_clock,
            'autostart': arguments.autostart,
            **parameters,
        },
        remappings=tuple((own, renamed.get(topic, topic)) for own, topic in topics.items()),
        log_level=arguments.log_level,
        respawn=arguments.respawn,
        environment=ONE_THREAD,
    )


def _yaml(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
