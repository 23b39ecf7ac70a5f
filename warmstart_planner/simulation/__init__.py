# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The world without ROS: plant, disturbances, sensors, the closed loop and its report."""
