# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is generated and compiled for a car: where it lies, whether it fits, by which compiler."""
