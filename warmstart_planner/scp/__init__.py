# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sequential convex programming: convexify, solve a QP in a trust region, repeat."""
