# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The IQL-LSTM policies: their networks, training, export."""
