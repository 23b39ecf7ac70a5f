# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""SCP beside other solvers: `make benchmark-scp`, `make benchmark-lanes`."""
