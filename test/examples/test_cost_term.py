# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A term added to the cost is minimised by the solver that is generated from it.

The solver is compiled without optimisation, which takes seconds, and refines one start.
"""

import json

import numpy as np
import pytest

from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import STEERING, load_vehicle

PROGRAM = """
import json
import sys
from pathlib import Path

import numpy as np

from warmstart_planner import objective
from warmstart_planner.files.cost_weights import read_weights
from warmstart_planner.learned.cards.card_format import CardError
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem
from warmstart_planner.proposals.registry import default_sources
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.scp import library
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle

car, horizon, weights = load_vehicle(), Horizon(), CostWeights()
library.generate(car, weights, horizon)
road = road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
problem = PlanningProblem(
    initial_state=[20.0, 1.5, 0.0, 8.0, 0.0], road=road, goal=KeepSpeed(8.0)
)
solver = ScpSolver(car, horizon)
bound = solver.bind(problem)
(start,) = StraightLine().propose(problem)
result = solver.solve(bound, solver.roll_out(bound, start.trajectory))
x = bound.numbers.frame.localise(result.trajectory.states).T
on_road = objective.road_coordinates(*objective.box_centre(x, car), bound.numbers.road)
stage = [x[:, :-1], result.trajectory.controls.T]
nodes = objective.RoadCoordinates(*(np.broadcast_to(v, x.shape[1])[:-1] for v in on_road))
end = objective.RoadCoordinates(*(np.broadcast_to(v, x.shape[1])[-1] for v in on_road))
by_hand = horizon.dt * np.square(objective.stage_residuals(*stage, nodes, car, weights)).sum()
by_hand += np.square(objective.terminal_residuals(x[:, -1], end, car, weights)).sum()
try:
    refusal = str(default_sources(car, horizon))
except CardError as error:
    refusal = str(error)
Path('weights.yaml').write_text('steering: 7.5\\n')
print(json.dumps({
    'status': result.status.value,
    'steering': float(np.square(x[4]).sum()),
    'cost': result.score.cost,
    'by_hand': float(by_hand),
    'violation': result.score.violation,
    'weight_in_file': read_weights('weights.yaml').steering,
    'refusal': refusal,
}))
"""


def steering_without_the_term(make_problem):
    """Return the same problem's plan by the cost as it is: its sum of squared wheel angles."""
    road = road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
    problem = make_problem((20.0, 1.5, 0.0, 8.0, 0.0), road)
    solver = ScpSolver(load_vehicle(), problem.horizon)
    bound = solver.bind(problem)
    (start,) = StraightLine().propose(problem)
    plan = solver.solve(bound, solver.roll_out(bound, start.trajectory)).trajectory
    return float(np.square(plan.states[:, STEERING]).sum())


@pytest.mark.slow
def test_a_term_of_one_s_own_is_part_of_the_cost_that_the_solver_minimises(
    changed_tree, scp_folder, make_problem
):
    found = json.loads(changed_tree('cost_term').python('-c', PROGRAM).splitlines()[-1])
    assert found['status'] == 'converged'
    assert found['violation'] <= 0.05
    assert found['cost'] == pytest.approx(found['by_hand'], rel=1e-6), 'compiled and numpy are one'
    # a car beside the path comes back to it with less steering
    assert found['steering'] < 0.9 * steering_without_the_term(make_problem)
    assert found['weight_in_file'] == 7.5
    assert 'weights.steering is missing' in found['refusal'], 'models that were trained without it'
