# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Drives of CommonRoad's benchmarks as its community compares them: solutions, costs, checks."""
