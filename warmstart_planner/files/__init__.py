# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Files that users write, read strictly, and those of measurements; where packaged ones are."""
