# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios: packaged ones, a random generator, and a reader for CommonRoad."""

from warmstart_planner.scenarios.library import load_scenario, packaged_scenarios
from warmstart_planner.scenarios.scenario import Scenario, ScenarioError, TrafficParticipant

__all__ = [
    'Scenario',
    'ScenarioError',
    'TrafficParticipant',
    'load_scenario',
    'packaged_scenarios',
]
