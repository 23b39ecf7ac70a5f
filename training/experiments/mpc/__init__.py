# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The MPC's warm starts in closed loop: `make benchmark-mpc`."""
