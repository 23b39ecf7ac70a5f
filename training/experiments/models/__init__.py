# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Models beside each other and beside their references: ablation, returns, inference times."""
