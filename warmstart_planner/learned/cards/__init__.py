# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cards of learned models: what each was made for, what it learned from, whether it is whole."""
