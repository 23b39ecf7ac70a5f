# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A plain rule of driving, and obstacles along the road and across it as it sees them."""
