# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Read CommonRoad scenarios, XML formats 2018b and 2020a (https://commonroad.in.tum.de)."""

from warmstart_planner.scenarios.commonroad.reader import read_commonroad

__all__ = ['read_commonroad']
