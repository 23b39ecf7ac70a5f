# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The tracking problem: its formulation, its parameters, and the solver generated from it."""
