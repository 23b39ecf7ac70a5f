# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings that all tests share."""

from hypothesis import settings

# A deadline per example would measure how busy the machine is; a fixed choice of examples makes a
# failure on one machine a failure on all.
settings.register_profile('repeatable', deadline=None, derandomize=True)
settings.load_profile('repeatable')
