# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Offline data: problems, the trajectories that answer them, and the files that hold both."""
