# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A plain ROS node for the tests of what nodes are made of."""

import os

import pytest


@pytest.fixture
def ros_node():
    rclpy = pytest.importorskip('rclpy', reason='ROS 2 is not installed')
    # workers of pytest-xdist run at the same time: a domain each
    worker = os.environ.get('PYTEST_XDIST_WORKER')
    domain = None if worker is None else os.getpid() % 101 + 1
    rclpy.init(domain_id=domain)
    node = rclpy.create_node('tested')
    yield node
    node.destroy_node()
    rclpy.try_shutdown()
