# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The four ROS 2 nodes: thin shells about the core."""
