# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Planning: candidates of all sources refined together, verified, and the plan in use kept."""

from warmstart_planner.planning.engine import Engine, PreparedProblem, Refined
from warmstart_planner.planning.planner import Planner, PlanningCycle
from warmstart_planner.planning.settings import PlannerSettings, RelaxedLimits

__all__ = [
    'Engine',
    'Planner',
    'PlannerSettings',
    'PreparedProblem',
    'PlanningCycle',
    'Refined',
    'RelaxedLimits',
]
