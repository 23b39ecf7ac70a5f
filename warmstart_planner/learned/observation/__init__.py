# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy sees, and how cars drive on: defined symbolically, compiled, called."""
