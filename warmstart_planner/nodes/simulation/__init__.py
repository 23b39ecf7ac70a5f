# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What node `simulator` is made of: pacing, its clock, transforms and the record."""
