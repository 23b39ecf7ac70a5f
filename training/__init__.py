# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Data, learning and experiments. Imports warmstart_planner, never the other way round."""
