# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Transforms map -> odom -> base_link (REP-105), where tf2's messages are installed."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry

from warmstart_planner.nodes.managed_node.lifecycle import ManagedNode
from warmstart_planner.nodes.messages import MAP
from warmstart_planner.nodes.topics import TRANSFORMS

ODOM = 'odom'


class TransformPublisher:
    """
    Publishes the car's pose on /tf; silent where `tf2_msgs` is absent.

    The simulated odometry does not drift: map and odom are one.
    """

    def __init__(self, node: ManagedNode[Any]) -> None:
        try:
            message = TRANSFORMS.message
        except ImportError:
            self._message: Any = None
            node.get_logger().debug('tf2_msgs is not installed: /tf is not published')
            return
        self._message = message
        self._publisher = node.send(TRANSFORMS, TRANSFORMS.name)

    def publish(self, odometry: Odometry) -> None:
        """Publish the pose of an odometry message."""
        if self._message is None:
            return
        to_odom = TransformStamped(child_frame_id=ODOM)
        to_odom.header.stamp = odometry.header.stamp
        to_odom.header.frame_id = MAP
        to_odom.transform.rotation.w = 1.0
        to_base = TransformStamped(child_frame_id=odometry.child_frame_id)
        to_base.header.stamp = odometry.header.stamp
        to_base.header.frame_id = ODOM
        position = odometry.pose.pose.position
        to_base.transform.translation.x = position.x
        to_base.transform.translation.y = position.y
        to_base.transform.rotation = odometry.pose.pose.orientation
        self._publisher.publish(self._message(transforms=[to_odom, to_base]))
