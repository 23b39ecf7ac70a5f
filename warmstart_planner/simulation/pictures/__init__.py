# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of drives and plans, and an animation of a drive."""
