# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sources of starts for the optimiser, one file each, and their selection by merit."""
