# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The topics of the system: type, quality of service and meaning of each, in one place.

Nodes publish and subscribe by these entries under names of their own, as `~/input/state`;
`processes/system.py` says which topic of the system a node's name stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module

from rclpy.qos import QoSProfile

from warmstart_planner.nodes.qos import DISPLAY, EVENTS, LATCHED, NEWEST, REQUEST, SENSED
from warmstart_planner.processes.system import PACKAGE

# Of what the simulator receives: its record has every message.
RECORDED = EVENTS


@dataclass(frozen=True)
class Topic:
    """
    One topic.

    `name` is relative to the namespace, unless it begins with a slash; `type` is the message's
    name, with its package where that is not ours. `sent` is the profile of who publishes it,
    `received` that of who takes the newest.
    """

    name: str
    type: str
    meaning: str
    sent: QoSProfile = field(default_factory=lambda: NEWEST)
    received: QoSProfile = field(default_factory=lambda: NEWEST)

    @property
    def message(self) -> type:
        """Class of the messages; raises ModuleNotFoundError where its package is absent."""
        package, _, name = self.type.rpartition('/')
        return getattr(import_module(f'{package or PACKAGE}.msg'), name)


# What a vehicle, or the simulator in its place, provides and takes.
VEHICLE_STATE = Topic(
    'vehicle_state', 'VehicleState', "the car's rear axle in the frame `map`", received=SENSED
)
OBSTACLES = Topic(
    'obstacles',
    'ObstacleArray',
    'rounded boxes with predicted poses, their sizes fixed or along these',
    received=SENSED,
)
ROAD = Topic('road', 'Road', 'reference path and corridor', sent=LATCHED, received=LATCHED)
GOAL = Topic(
    'goal',
    'Goal',
    'keep a speed, pass a station, reach a pose, stop before a station or be on a stretch in time',
    sent=LATCHED,
    received=LATCHED,
)
GOAL_POSE = Topic(
    'goal_pose',
    'geometry_msgs/PoseStamped',
    'a goal from RViz\' "2D Goal Pose"',
    received=REQUEST,
)
COMMAND = Topic(
    'command', 'Command', 'acceleration and front-wheel angle, one a control period (20 Hz)'
)

# Between the nodes.
PROBLEM = Topic('problem', 'PlanningProblem', 'what is planned for, one a cycle (10 Hz)')
PROPOSALS = Topic(
    'proposals',
    'Proposals',
    "a source's candidates with predicted return, failure probability and uncertainty",
    sent=EVENTS,
    received=EVENTS,
)
ROLL_OUTS = Topic(
    'roll_outs',
    'RollOut',
    'where a policy would drive from each state; made only while somebody subscribes',
)
TRAJECTORY = Topic('trajectory', 'Trajectory', 'the reference, its rung, whether it is verified')
PLAN_STATUS = Topic('plan_status', 'PlanStatus', 'rung, iterations, violation and times of a plan')
CONTROL_STATUS = Topic(
    'control_status', 'ControllerStatus', 'rung, iterations, residual and times of a control step'
)

# For people and tools.
PATH = Topic('path', 'nav_msgs/Path', 'the reference as a path', sent=DISPLAY)
PREDICTION = Topic('prediction', 'nav_msgs/Path', "the MPC's prediction as a path", sent=DISPLAY)
ODOMETRY = Topic('odometry', 'nav_msgs/Odometry', 'the simulated measurement as odometry')
RESULT = Topic(
    'result',
    'diagnostic_msgs/DiagnosticStatus',
    'once the drive is over: outcome, what was missed, duration, file of the record',
    sent=LATCHED,
)
MARKERS = Topic(
    '~/debug/markers',
    'visualization_msgs/MarkerArray',
    'road, obstacles, proposals by source, reference, prediction, car',
    sent=DISPLAY,
)
CLOCK = Topic('/clock', 'rosgraph_msgs/Clock', 'simulated time')
TRANSFORMS = Topic(
    '/tf', 'tf2_msgs/TFMessage', '`map`, `odom`, `base_link`; where tf2_msgs is', sent=EVENTS
)
DIAGNOSTICS = Topic(
    '/diagnostics',
    'diagnostic_msgs/DiagnosticArray',
    'rates, deadlines, rung and solver of each node',
    sent=EVENTS,
)

TOPICS = (
    VEHICLE_STATE,
    OBSTACLES,
    ROAD,
    GOAL,
    GOAL_POSE,
    COMMAND,
    PROBLEM,
    PROPOSALS,
    ROLL_OUTS,
    TRAJECTORY,
    PLAN_STATUS,
    CONTROL_STATUS,
    PATH,
    PREDICTION,
    ODOMETRY,
    RESULT,
    MARKERS,
    CLOCK,
    TRANSFORMS,
    DIAGNOSTICS,
)
