# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Our IQL beside d3rlpy's: `make validate-iql`."""
