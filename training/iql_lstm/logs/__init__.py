# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Logged drives, what the policies learn from: made from datasets and by driving."""
