# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Between messages and the core's value types; the only place that knows both.

Every `..._from` raises ValueError for what the message should not hold (NaN, wrong lengths,
another frame), naming the field; every `..._message` for what must not be sent. Yaw may come in
any turn, as in (-pi, pi]: along predictions, trajectories and roads it is unwrapped here.
"""

from warmstart_planner.nodes.messages.command import (
    AnsweredStamps,
    ReceivedCommand,
    command_from,
    command_message,
)
from warmstart_planner.nodes.messages.fields import MAP, header, of_vehicle
from warmstart_planner.nodes.messages.goal import goal_from, goal_message
from warmstart_planner.nodes.messages.obstacles import (
    ObstacleEstimate,
    obstacles_from,
    obstacles_message,
)
from warmstart_planner.nodes.messages.poses import (
    goal_pose_from,
    odometry_message,
    path_message,
    pose,
)
from warmstart_planner.nodes.messages.problem import problem_from, problem_message
from warmstart_planner.nodes.messages.proposals import proposals_from, proposals_message
from warmstart_planner.nodes.messages.road import ROAD_FIELDS, road_from, road_message
from warmstart_planner.nodes.messages.roll_out import (
    PolicyRollOut,
    roll_out_from,
    roll_out_message,
)
from warmstart_planner.nodes.messages.stamps import NANOSECONDS, nanoseconds, to_seconds, to_time
from warmstart_planner.nodes.messages.state import (
    StateEstimate,
    vehicle_state_from,
    vehicle_state_message,
)
from warmstart_planner.nodes.messages.status import controller_status_message, plan_status_message
from warmstart_planner.nodes.messages.trajectory import (
    Reference,
    reference_from,
    reference_of,
    trajectory_message,
)

__all__ = [
    'MAP',
    'NANOSECONDS',
    'ROAD_FIELDS',
    'AnsweredStamps',
    'ObstacleEstimate',
    'PolicyRollOut',
    'ReceivedCommand',
    'Reference',
    'StateEstimate',
    'command_from',
    'command_message',
    'controller_status_message',
    'goal_from',
    'goal_message',
    'goal_pose_from',
    'header',
    'nanoseconds',
    'obstacles_from',
    'obstacles_message',
    'odometry_message',
    'of_vehicle',
    'path_message',
    'plan_status_message',
    'pose',
    'problem_from',
    'problem_message',
    'proposals_from',
    'proposals_message',
    'reference_from',
    'reference_of',
    'road_from',
    'road_message',
    'roll_out_from',
    'roll_out_message',
    'to_seconds',
    'to_time',
    'trajectory_message',
    'vehicle_state_from',
    'vehicle_state_message',
]
