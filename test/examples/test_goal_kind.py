# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A kind of goal is driven to, and one that nobody declared is an error by its name."""

import json

import pytest

from warmstart_planner import problem, targets
from warmstart_planner.generation.generated import ENVIRONMENT_VARIABLE, solver_root
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.road_goals import arrival_on_road
from warmstart_planner.vehicle import load_vehicle

SCENARIO = """
description: Go on a metre to the left of the path.
duration: 8.0
road:
  speed_limit: 13.9
  segments: [{length: 200.0, curvature: 0.0}]
  left_width: 3.5
  right_width: 3.5
start: {station: 10.0, speed: 8.0}
goal:
  keep_offset: {offset: 1.0, speed: 8.0}
"""
DRIVE = """
import json

import warmstart_planner as wp

drive = wp.drive('scenario.yaml', wp.Planner(sources=['guided']))
x, y, yaw, speed, steering = drive.record.states[-1]
print(json.dumps({
    'goal': type(wp.load_scenario('scenario.yaml').goal).__name__,
    'outcome': drive.outcome.value,
    'offset': y,
    'speed': speed,
}))
"""


@pytest.mark.slow
def test_the_car_drives_to_what_the_new_kind_asks_for(changed_tree, planner_solvers, monkeypatch):
    """Nothing that is compiled depends on it: the usual solvers serve."""
    tree = changed_tree('goal_kind')
    monkeypatch.setattr(
        type(tree),
        'environment',
        tree.environment | {ENVIRONMENT_VARIABLE: str(solver_root())},
    )
    (tree.folder / 'scenario.yaml').write_text(SCENARIO)
    drive = json.loads(tree.python('-c', DRIVE).splitlines()[-1])
    assert (drive['goal'], drive['outcome']) == ('KeepOffset', 'goal')
    assert drive['offset'] == pytest.approx(1.0, abs=0.2)
    assert drive['speed'] == pytest.approx(8.0, abs=0.5)


def test_places_that_do_not_know_a_kind_fail_loudly(monkeypatch):
    class Undeclared:
        pass

    monkeypatch.setattr(problem, 'Goal', problem.Goal | Undeclared)
    road = road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
    goal = Undeclared()
    posed = problem.PlanningProblem(initial_state=[20.0, 0.0, 0.0, 8.0, 0.0], road=road, goal=goal)
    for place in (
        lambda: problem.goal_station(goal, road),
        lambda: problem.goal_place(goal, road),
        lambda: targets.stop_station(posed),
        lambda: targets.target_speeds(posed, road.station),
        lambda: arrival_on_road(goal, road, load_vehicle(), 10.0),
    ):
        with pytest.raises(AssertionError, match='Undeclared'):
            place()
