# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Experiments that documents quote: each prints a table and writes the same figures."""
