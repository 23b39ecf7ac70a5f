# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Planning and control of car-like vehicles, started from learned proposals.

The names of `__all__` are for use from Python: roads, obstacles, goals, problems, and what plans,
drives and draws them. Each is imported when it is first asked for, so that nodes and commands,
which import modules of the package, do not pay for it.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warmstart_planner.api import Planner as Planner
    from warmstart_planner.api import drive as drive
    from warmstart_planner.api import plan as plan
    from warmstart_planner.api import plot as plot
    from warmstart_planner.obstacles import box as box
    from warmstart_planner.obstacles import disc as disc
    from warmstart_planner.problem import KeepSpeed as KeepSpeed
    from warmstart_planner.problem import PlanningProblem as PlanningProblem
    from warmstart_planner.problem import PoseGoal as PoseGoal
    from warmstart_planner.problem import Proposal as Proposal
    from warmstart_planner.problem import StationGoal as StationGoal
    from warmstart_planner.problem import StopBefore as StopBefore
    from warmstart_planner.problem import Trajectory as Trajectory
    from warmstart_planner.problem import state_at as state_at
    from warmstart_planner.proposals.source import rolled_out as rolled_out
    from warmstart_planner.road import Road as Road
    from warmstart_planner.road import road_from_polyline as road_from_polyline
    from warmstart_planner.road import road_from_segments as road_from_segments
    from warmstart_planner.scenarios import load_scenario as load_scenario
    from warmstart_planner.vehicle import load_vehicle as load_vehicle

# The generated messages, warmstart_planner.msg, lie in the colcon install space; the rest of the
# package may come from the source tree. Both parts form one package.
__path__ = pkgutil.extend_path(__path__, __name__)

_MODULES = {
    'KeepSpeed': 'problem',
    'Planner': 'api',
    'PlanningProblem': 'problem',
    'PoseGoal': 'problem',
    'Proposal': 'problem',
    'Road': 'road',
    'StationGoal': 'problem',
    'StopBefore': 'problem',
    'Trajectory': 'problem',
    'box': 'obstacles',
    'disc': 'obstacles',
    'drive': 'api',
    'load_scenario': 'scenarios',
    'load_vehicle': 'vehicle',
    'plan': 'api',
    'plot': 'api',
    'road_from_polyline': 'road',
    'road_from_segments': 'road',
    'rolled_out': 'proposals.source',
    'state_at': 'problem',
}
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    """Import one of the names; see PEP 562."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(importlib.import_module(f'{__name__}.{_MODULES[name]}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
