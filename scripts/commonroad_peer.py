#!/usr/bin/env python3
# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive a scenario file with CommonRoad's reactive planner, for comparison with ours.

Runs in an environment of its own, .venv-peer, which `make peer` makes; nothing of this project is
imported. The planner samples polynomials along a reference path. It is set up as its authors do:
their route planner finds the path, their velocity planner the speed along it, and predictions are
what the file says will happen. Each time step it plans anew and then is where its plan says.
docs/commonroad.md says what is set, and why.

    .venv-peer/bin/python scripts/commonroad_peer.py FILE

prints one line: `{"ended": "goal", "time_limit" or "no_plan", "message": text, "states": [[x, y,
yaw, speed, steering angle], ...], "planned": [true or false, ...], "plan_ms": [...]}`. States are
of the rear axle at the file's time steps, from the initial one on. Each cycle has an entry in
`planned`, false where no plan was found, and its processor time in `plan_ms`. A file with which
nothing could be begun is `{"error": text}`.
"""

import contextlib
import json
import logging
import os
import sys
import time
import warnings

os.environ['MPLBACKEND'] = 'agg'
warnings.filterwarnings('ignore')
logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
from commonroad.common.file_reader import CommonRoadFileReader  # noqa: E402
from commonroad.planning.goal import GoalRegion  # noqa: E402
from commonroad.planning.planning_problem import PlanningProblem  # noqa: E402
from commonroad.scenario.state import CustomState  # noqa: E402
from commonroad_route_planner.fast_api import fast_api as routes  # noqa: E402
from commonroad_rp.reactive_planner import ReactivePlanner  # noqa: E402
from commonroad_rp.utility.config import ReactivePlannerConfiguration  # noqa: E402
from commonroad_rp.utility.utils_coordinate_system import create_coordinate_system  # noqa: E402
from commonroad_velocity_planner import fast_api as speeds  # noqa: E402

VEHICLE_TYPE = 2  # BMW 320i
TIME_STEPS = 20  # of a plan, as in all configurations that the planner comes with
LOOKAHEAD = 2.0  # at which the velocity planner's speed is the desired one [s]
BEFORE, BEYOND = 30.0, 200.0  # that the reference path is longer than the route [m]
SPACINGS = (0.125, 1.0)  # of the points there, tried in turn [m]; the path's own is the first


class Route:
    """
    A reference path with desired speeds.

    Args:
        scenario: of the file.
        problem: its planning problem, or one without a place to reach.

    """

    def __init__(self, scenario, problem):
        network = scenario.lanelet_network
        path = routes.generate_reference_path_from_lanelet_network_and_planning_problem(
            network, problem
        )
        self._path = path.reference_path
        self.coordinates(SPACINGS[0]).convert_to_curvilinear_coords(
            *problem.initial_state.position
        )
        try:
            self._speeds = speeds.global_trajectory_from_cr_reference_path_and_planning_problem(
                path, problem, network
            )
        except Exception:  # its optimisation fails in many ways; the planner does without
            self._speeds = None

    def coordinates(self, spacing):
        """
        Return coordinates along the path, which goes straight on at both ends.

        Plans that lead beyond the path's end count as not feasible, and a car at its beginning has
        its rear axle before it.
        """
        path, ends = self._path, []
        for end, inner, length in ((path[0], path[1], BEFORE), (path[-1], path[-2], BEYOND)):
            direction = (end - inner) / np.linalg.norm(end - inner)
            ends.append(end + direction * np.arange(spacing, length, spacing)[:, None])
        return create_coordinate_system(np.vstack([ends[0][::-1], path, ends[1]]))

    def desired_speed(self, position):
        """Return the desired speed at a position; None: the planner's own."""
        if self._speeds is None:
            return None
        return self._speeds.get_velocity_at_position_with_lookahead(position, LOOKAHEAD)


def _route_of(scenario, problem):
    """Return the route to the goal; where there is none that can be driven, that of the lane."""
    try:
        return Route(scenario, problem)
    except Exception:  # no route, or a path whose lane change folds back on itself
        anywhere = GoalRegion([CustomState(time_step=problem.goal.state_list[0].time_step)])
        there = PlanningProblem(problem.planning_problem_id, problem.initial_state, anywhere)
        return Route(scenario, there)


class Drive:
    """
    A drive in closed loop, in which the car is where the plan says.

    Where no plan is found, the last one is followed on and another is looked for at the next time
    step. With the last plan's end, the drive ends.

    Args:
        path: of the scenario file.

    """

    def __init__(self, path):
        scenario, problems = CommonRoadFileReader(path).open()
        problem = next(iter(problems.planning_problem_dict.values()))
        for name in ('yaw_rate', 'slip_angle', 'acceleration'):
            if getattr(problem.initial_state, name, None) is None:
                setattr(problem.initial_state, name, 0.0)
        self._last_step = max(_end(state.time_step) for state in problem.goal.state_list)
        self._route = _route_of(scenario, problem)
        self._planner = ReactivePlanner(_configuration(scenario, problem))
        self._plan, self._followed = None, 0
        self.states = [self._state()]
        self.planned, self.plan_ms = [], []
        self.message = ''
        self._choose_coordinates()

    def _choose_coordinates(self):
        """
        Take the first spacing with which there is a plan from the start; the last, if none.

        It decides how the path is smoothed where the car begins, with wheels straight ahead.
        """
        for spacing in SPACINGS:
            coordinates = self._route.coordinates(spacing)
            self._planner.set_reference_path(coordinate_system=coordinates)
            self._planner.x_0_cl = None
            if self._new_plan() is not None:
                break

    def run(self):
        """Drive; return how it ended."""
        while not self._planner.goal_reached():
            if self._planner.x_0.time_step >= self._last_step:
                return 'time_limit'
            self._cycle()
            if self._plan is None or self._followed >= len(self._plan[0].state_list):
                return 'no_plan'
            self._advance()
        return 'goal'

    def _cycle(self):
        begin = time.thread_time()
        plan = self._new_plan()
        self.plan_ms.append(1e3 * (time.thread_time() - begin))
        self.planned.append(plan is not None)
        if plan is not None:
            self._plan, self._followed = plan, 0
        self._followed += 1

    def _new_plan(self):
        """Return a plan: states of the car, and those along and beside the path; or None."""
        try:
            self._planner.set_desired_velocity(
                self._route.desired_speed(self._planner.x_0.position), self._planner.x_0.velocity
            )
            return self._planner.plan()
        except Exception as error:
            self.message = f'{type(error).__name__}: {error}'
            return None

    def _advance(self):
        cartesian, along, beside = self._plan
        state = cartesian.state_list[self._followed]
        if self._followed == 1:
            self._planner.reset(
                initial_state_cart=state,
                initial_state_curv=(along[1], beside[1]),
                collision_checker=self._planner.collision_checker,
                coordinate_system=self._planner.coordinate_system,
            )
        else:  # beyond a sample's end its states along the path are not those in the map
            self._planner.x_0, self._planner.x_0_cl = state, None
        self.states.append(self._state())

    def _state(self):
        state = self._planner.x_0
        values = (*state.position, state.orientation, state.velocity, state.steering_angle)
        return [float(value) for value in values]


def _end(time_step):
    return getattr(time_step, 'end', time_step)


def _configuration(scenario, problem):
    configuration = ReactivePlannerConfiguration()
    configuration.vehicle.id_type_vehicle = VEHICLE_TYPE
    configuration.vehicle.update_vehicle_config({})
    configuration.planning.dt = scenario.dt
    configuration.planning.time_steps_computation = TIME_STEPS
    configuration.debug.multiproc = False  # one thread, as ours: six processes would be awaited
    configuration.debug.logging_level = 'CRITICAL'
    configuration.update(scenario, problem)
    return configuration


def _driven(path):
    drive = Drive(path)
    ended = drive.run()
    return {
        'ended': ended,
        'message': drive.message,
        'states': drive.states,
        'planned': drive.planned,
        'plan_ms': drive.plan_ms,
    }


def main():
    """Drive the file that is named, and print what came of it."""
    with contextlib.redirect_stdout(sys.stderr):  # its packages print
        try:
            answer = _driven(sys.argv[1])
        except Exception as error:
            answer = {'error': f'{type(error).__name__}: {error}'}
    print(json.dumps(answer))


if __name__ == '__main__':
    main()
