# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of a running system, and of a command that works on several cores."""
