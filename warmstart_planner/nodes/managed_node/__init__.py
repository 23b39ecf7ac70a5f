# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What all four nodes share: lifecycle, process, `--help` and diagnostics."""
