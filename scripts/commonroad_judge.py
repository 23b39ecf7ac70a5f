#!/usr/bin/env python3
# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Judge solutions of CommonRoad's benchmarks with CommonRoad's own packages.

Runs in an environment of its own, .venv-judge, which `make judge` makes: the packages' versions of
protobuf do not fit ours. Nothing of this project is imported, so that the verdict is independent.

Reads from standard input a line for each solution, `{"scenario": FILE, "solution": FILE}`, and
answers each with a line: `{"checks": {NAME: true or false}, "reasons": {NAME: text}, "costs":
{PARTIAL COST: value}}`, or `{"error": text}` where a file cannot be read.
"""

import json
import logging
import sys
import warnings

warnings.filterwarnings('ignore')
logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
from commonroad.common.file_reader import CommonRoadFileReader  # noqa: E402
from commonroad.common.solution import CommonRoadSolutionReader, CostFunction  # noqa: E402
from commonroad_dc.costs.evaluation import CostFunctionEvaluator  # noqa: E402
from commonroad_dc.feasibility import solution_checker as checker  # noqa: E402
from commonroad_dc.feasibility.vehicle_dynamics import VehicleParameterMapping  # noqa: E402
from shapely.affinity import rotate, translate  # noqa: E402
from shapely.geometry import box  # noqa: E402
from shapely.ops import unary_union  # noqa: E402

SEAM = 0.05  # polygons of neighbouring lanelets may leave gaps as wide as that to each side [m]
LEAST_AREA = 1e-3  # of the car beyond the lanelets, that counts as off the road [m^2]
COSTS = ('SM1', 'SA1', 'JB1', 'WX1')


class Case:
    """A scenario file with a solution of it."""

    def __init__(self, scenario_path, solution_path):
        self.scenario, self.problems = CommonRoadFileReader(scenario_path).open()
        self.solution = CommonRoadSolutionReader.open(solution_path)
        (self.answer,) = self.solution.planning_problem_solutions

    def verdict(self):
        """Return what each check and each partial cost says."""
        checks, reasons = {}, {}
        for name, check in self._checks().items():
            try:
                checks[name] = bool(check())
            except (checker.SolutionCheckerException, checker.FeasibilityException) as error:
                checks[name], reasons[name] = False, str(error)
        return {'checks': checks, 'reasons': reasons, 'costs': self._costs()}

    def _checks(self):
        case = (self.scenario, self.problems, self.solution)
        return {
            'start': lambda: checker.starts_at_correct_state(self.solution, self.problems),
            'collision_free': lambda: not checker.obstacle_collision(*case),
            'on_road': self._stays_on_road,
            'goal': lambda: checker.goal_reached(*case),
            'drivable': self._drivable,
        }

    def _drivable(self):
        found = checker.solution_feasible(self.solution, self.scenario.dt, self.problems)
        for feasible, inputs, _ in found.values():
            if not feasible:
                step = getattr(inputs.state_list[-1], 'time_step', '?')
                raise checker.SolutionCheckerException(
                    f'not drivable by model {self.answer.vehicle_model.name} from step {step} on'
                )
        return True

    def _stays_on_road(self):
        # the checker's own test needs a package that is not free; this is the same in plain terms
        lanelets = self.scenario.lanelet_network.lanelets
        road = unary_union([each.polygon.shapely_object.buffer(SEAM) for each in lanelets])
        size = VehicleParameterMapping.from_vehicle_type(self.answer.vehicle_type)
        car = box(-size.l / 2, -size.w / 2, size.l / 2, size.w / 2)
        for state in self.answer.trajectory.state_list:
            turned = rotate(car, state.orientation, origin=(0, 0), use_radians=True)
            area = translate(turned, *state.position).difference(road).area
            if area > LEAST_AREA:
                raise checker.SolutionCheckerException(
                    f'{1e4 * area:.0f} cm2 of the car are off the road at step {state.time_step}'
                )
        return True

    def _costs(self):
        problem = self.problems.planning_problem_dict[self.answer.planning_problem_id]
        found = {}
        for name in COSTS:
            evaluator = CostFunctionEvaluator(CostFunction[name], self.answer.vehicle_type)
            try:
                result = evaluator.evaluate_pp_solution(
                    self.scenario, problem, self.answer.trajectory
                )
            except Exception:  # its lane coordinates fail in many ways, on crossings above all
                continue
            found.update({each.value: float(c) for each, c in result.partial_costs.items()})
        return {name: value for name, value in found.items() if np.isfinite(value)}


def main():
    """Answer line by line."""
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = Case(asked['scenario'], asked['solution']).verdict()
        except Exception as error:  # a file that cannot be read shall not end the others' verdicts
            answer = {'error': f'{type(error).__name__}: {error}'}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
