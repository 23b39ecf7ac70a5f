# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node parameters: how they are declared, validated and applied, their files, each node's."""
