# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Room to stop after the end of a plan."""

import numpy as np
import pytest

from warmstart_planner.problem import StopBefore
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import GRAVITY, PX, load_vehicle
from warmstart_planner.verification import STOPPING_SHARE, verify

CAR = load_vehicle()
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])  # where cars start unless told otherwise


@pytest.mark.parametrize('friction', [0.3, 1.0])
@pytest.mark.parametrize('spare', [-0.5, 0.5])
def test_the_end_of_a_plan_leaves_room_to_stop_on_the_road(problem_of, driven, friction, spare):
    stop = 10.0**2 / (2 * STOPPING_SHARE * friction * GRAVITY)
    length = 20.0 + 40.0 + CAR.front_reach + stop + spare
    road = road_from_segments([(length, 0.0, 0.0)], 4.0, 4.0, 20.0)
    verdict = verify(problem_of(road, friction=friction), driven())
    assert verdict.terminal == pytest.approx(max(-spare, 0.0), abs=1e-6)
    assert verdict.feasible == (spare > 0.0)


@pytest.mark.parametrize('spare', [-0.5, 0.5])
def test_a_stop_goal_bounds_where_the_front_comes_to_stand(problem_of, driven, spare):
    controls = np.tile([-3.0, 0.0], (40, 1))
    trajectory = driven(controls=controls)
    front = trajectory.states[-1, PX] + CAR.front_reach
    goal = StopBefore(front + spare, 10.0)
    verdict = verify(problem_of(goal=goal), trajectory)
    assert verdict.terminal == pytest.approx(max(-spare, 0.0), abs=1e-6)


def test_a_stop_line_that_is_too_near_asks_for_braking_at_once(problem_of, driven):
    goal = StopBefore(START[PX] + CAR.front_reach + 2.0, 10.0)
    problem = problem_of(goal=goal)
    hard = np.tile([-7.0, 0.0], (40, 1))
    assert verify(problem, driven(controls=hard)).feasible
    soft = verify(problem, driven(controls=hard / 3))
    assert soft.terminal > 1.0 and not soft.feasible


def test_a_car_that_stands_is_safe_to_continue_from(problem_of, driven):
    standing = START * [1, 1, 1, 0, 1]
    goal = StopBefore(START[PX], 10.0)
    assert verify(problem_of(start=standing, goal=goal), driven(standing)).feasible
