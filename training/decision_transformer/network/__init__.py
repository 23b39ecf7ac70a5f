# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The network of the Decision Transformer, and what it knows of roads, motion and merit."""
