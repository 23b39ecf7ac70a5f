# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The Decision Transformer without PyTorch: its features, its weights, compiled lanes."""
