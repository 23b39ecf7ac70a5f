# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A kind of goal that is only declared: each place that has to know it says so, by its name.

What it means is written in a dozen places, one of them in C; here nothing is compiled, and only
that none of those passes it over in silence is checked.
"""

import json

PROGRAM = """
import json

from warmstart_planner import problem, targets
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.road_goals import arrival_on_road
from warmstart_planner.vehicle import load_vehicle

road = road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
goal = problem.KeepOffset(offset=1.0, speed=8.0)
posed = problem.PlanningProblem(initial_state=[20.0, 0.0, 0.0, 8.0, 0.0], road=road, goal=goal)
places = {
    'goal_station': lambda: problem.goal_station(goal, road),
    'stop_station': lambda: targets.stop_station(posed),
    'target_speeds': lambda: targets.target_speeds(posed, road.station),
    'arrival_on_road': lambda: arrival_on_road(goal, road, load_vehicle(), 10.0),
}
said = {}
for name, call in places.items():
    try:
        said[name] = f'answers {call()}'
    except Exception as error:
        said[name] = f'{type(error).__name__}: {error}'
print(json.dumps(said))
"""


def test_places_that_do_not_know_it_fail_loudly(changed_tree):
    said = json.loads(changed_tree('goal_kind').python('-c', PROGRAM).splitlines()[-1])
    assert len(said) == 4
    for place, what in said.items():
        assert what.startswith('AssertionError: KeepOffset('), f'{place} {what}'
