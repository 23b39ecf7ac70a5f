# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""ROS' own messages with poses in the plane: odometry, a path, a goal that a user set."""

from __future__ import annotations

import math

from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
from nav_msgs.msg import Odometry, Path

from warmstart_planner.checks import number
from warmstart_planner.nodes.messages.fields import check_frame, header
from warmstart_planner.nodes.messages.state import StateEstimate
from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import PX, PY, SPEED, STEERING, YAW

BASE = 'base_link'  # at the rear axle


def pose(x: float, y: float, yaw: float) -> Pose:
    """Return a pose in the plane."""
    return Pose(
        position=Point(x=float(x), y=float(y)),
        orientation=Quaternion(z=math.sin(float(yaw) / 2), w=math.cos(float(yaw) / 2)),
    )


def odometry_message(estimate: StateEstimate, wheelbase: float) -> Odometry:
    """Return the state as standard odometry: pose in the map, twist of base_link (REP-105)."""
    message = Odometry(header=header(estimate.stamp), child_frame_id=BASE)
    speed = float(estimate.state[SPEED])
    message.pose.pose = pose(*estimate.state[[PX, PY, YAW]])
    message.twist.twist.linear.x = speed
    message.twist.twist.angular.z = speed * math.tan(float(estimate.state[STEERING])) / wheelbase
    return message


def path_message(trajectory: Trajectory) -> Path:
    """Return the standard message of a trajectory's path."""
    message = Path(header=header(trajectory.stamp))
    message.poses = [
        PoseStamped(header=header(time), pose=pose(x, y, yaw))
        for time, (x, y, yaw) in zip(
            trajectory.times.tolist(), trajectory.states[:, :3].tolist(), strict=True
        )
    ]
    return message


def goal_pose_from(message: PoseStamped) -> tuple[float, float, float]:
    """Return x, y, yaw of a pose that a user chose, such as by RViz' 2D Goal Pose."""
    check_frame('goal_pose', message.header)
    x = number('goal_pose.position.x', message.pose.position.x)
    y = number('goal_pose.position.y', message.pose.position.y)
    turn = message.pose.orientation
    z = number('goal_pose.orientation.z', turn.z)
    w = number('goal_pose.orientation.w', turn.w)
    if math.hypot(z, w) < 0.5:
        raise ValueError(f'goal_pose.orientation has z {z}, w {w}: expected a turn about z')
    return x, y, 2 * math.atan2(z, w)
