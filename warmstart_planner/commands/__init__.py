# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that users call: drives, plans, generation, checks."""
