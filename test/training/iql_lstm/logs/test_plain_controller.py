# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The plain controller keeps its lane, stops, follows, gives way, and stays within limits."""

import numpy as np
import pytest

from training.dataset.situations import base_situation
from training.iql_lstm.logs.plain_controller import (
    HABIT_RANGE,
    PlainController,
    drive_model,
    other_habits,
)
from warmstart_planner.driver_model.plain_rule import PlainSettings
from warmstart_planner.learned.observation.observer import moving
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon, KeepSpeed, StopBefore, Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import SPEED, load_vehicle, roll_out
from warmstart_planner.verification import verify

LONG = Horizon(steps=150)
CAR = load_vehicle()


@pytest.fixture
def controller():
    return PlainController(CAR)


@pytest.fixture
def driven(controller):
    """Drive a problem without exploration: states and controls, map frame."""

    def drive(problem):
        numbers = transcribe(problem, Margins())
        states, controls = drive_model(
            controller, numbers, problem.horizon.dt, [0.0], np.random.default_rng(0)
        )
        return numbers.frame.globalise(states[0]), controls[0]

    return drive


def act(controller, problem):
    numbers = transcribe(problem, Margins())
    seen = moving(numbers.obstacles, problem.horizon.dt)[:, 0]
    return controller.act(numbers.initial_state[None], numbers.road, seen)[0]


def wall(station):
    """Return what stands across the whole road of 7 m."""
    return box('wall', np.array([station, 0.0, np.pi / 2]), 6.8, 1.0)


def vehicle_ahead(station, speed, horizon=LONG):
    """Return a car in the middle of the road with its motion."""
    poses = np.zeros((horizon.steps + 1, 3))
    poses[:, 0] = station + speed * horizon.times
    return box('ahead', poses, 4.5, 1.9)


def test_other_drivers_gains_and_distances_are_within_a_factor_of_its_own():
    own = np.array(list(vars(PlainSettings()).values()))
    rng = np.random.default_rng(1)
    ratios = [
        np.array(list(vars(other_habits(PlainSettings(), rng)).values())) / own for _ in range(50)
    ]
    assert np.min(ratios) >= 1.0 / HABIT_RANGE
    assert np.max(ratios) <= HABIT_RANGE
    assert np.std(ratios, axis=0).min() > 0.2


def test_on_a_free_straight_road_it_keeps_lane_and_speed(driven, make_problem):
    states, controls = driven(make_problem())
    assert states[:, 1] == pytest.approx(0.0, abs=1e-6)
    assert states[:, SPEED] == pytest.approx(8.0, abs=1e-3)
    assert controls == pytest.approx(0.0, abs=1e-2)


def test_it_comes_back_to_its_lane_without_overshoot(driven, make_problem):
    states, _ = driven(make_problem(start=(20.0, 1.0, 0.0, 10.0, 0.0), goal=KeepSpeed(10.0)))
    assert states[-1, 1] == pytest.approx(0.0, abs=0.05)
    assert states[:, 1].min() > -0.15


def test_it_follows_a_bend(driven, make_problem):
    road = road_from_segments([(30.0, 0.0, 0.0), (20.0, 0.0, 0.02), (200.0, 0.02, 0.02)], 4, 4, 15)
    states, _ = driven(make_problem(road=road))
    _, offset = road.project(states[:, :2])
    assert np.abs(offset).max() < 0.3


@pytest.mark.parametrize('speed', [6.0, 8.0, 13.0])
def test_it_stops_before_what_blocks_the_road(driven, make_problem, speed):
    start = (20.0, 0.0, 0.0, speed, 0.0)
    states, _ = driven(
        make_problem(start, obstacles=(wall(80.0),), goal=KeepSpeed(speed), horizon=LONG)
    )
    front = states[:, 0] + CAR.front_reach
    assert front.max() < 79.5
    assert states[-1, SPEED] < 0.1
    assert np.abs(states[:, 1]).max() < 1e-6


def test_it_stops_before_the_goal_of_a_stop(driven, make_problem):
    problem = make_problem(goal=StopBefore(70.0, 8.0), horizon=LONG)
    states, _ = driven(problem)
    assert 65.0 < states[-1, 0] + CAR.front_reach <= 70.0
    assert states[-1, SPEED] < 0.2


def test_it_passes_a_parked_car_that_leaves_room(driven, make_problem):
    parked = box('parked', np.array([55.0, -2.4, 0.0]), 4.5, 1.8)
    road = road_from_segments([(300.0, 0.0, 0.0)], 4.5, 3.5, 15.0)
    problem = make_problem(road=road, obstacles=(parked,), horizon=LONG)
    states, controls = driven(problem)
    verdict = verify(problem, Trajectory(0.0, LONG.dt, states, controls))
    assert states[-1, 0] > 80.0
    assert verdict.clearance > 0.0


def test_behind_a_slower_car_it_keeps_the_time_gap(driven, make_problem):
    road = road_from_segments([(400.0, 0.0, 0.0)], 1.6, 1.6, 15.0)
    lead = vehicle_ahead(50.0, 6.0)
    problem = make_problem(
        (20.0, 0.0, 0.0, 10.0, 0.0), road, obstacles=(lead,), goal=KeepSpeed(10.0), horizon=LONG
    )
    states, _ = driven(problem)
    gap = lead.poses[:, 0] - 2.25 - states[:, 0] - CAR.front_reach
    assert gap.min() > 2.0
    assert states[-1, SPEED] == pytest.approx(6.0, abs=0.3)
    assert 0.7 < (gap[-1] - PlainSettings().standing_gap) / 6.0 < 1.6


def test_mirrored_problems_get_mirrored_controls(controller, make_problem, mirror_problem):
    road = road_from_segments([(20.0, 0.0, 0.0), (280.0, 0.01, 0.01)], 3.5, 4.5, 15.0)
    walker = box('walker', np.stack([np.full(61, 45.0), np.linspace(-3, 3, 61), np.ones(61)], -1),
                 0.8, 0.8)  # fmt: skip
    parked = box('parked', np.array([60.0, -1.0, 0.2]), 4.5, 1.8)
    problem = make_problem((20.0, 0.4, 0.05, 9.0, 0.01), road, obstacles=(walker, parked))
    here, there = act(controller, problem), act(controller, mirror_problem(problem))
    assert there == pytest.approx(here * [1.0, -1.0], abs=1e-9)
    assert abs(here[1]) > 1e-3


def test_controls_do_not_depend_on_where_in_the_map_a_problem_lies(
    controller, make_problem, move_problem
):
    problem = make_problem((20.0, 0.4, 0.05, 9.0, 0.01), obstacles=(vehicle_ahead(50.0, 3.0),))
    moved = move_problem(problem, 200.0, -50.0, 2.0)
    assert act(controller, moved) == pytest.approx(act(controller, problem), abs=1e-6)


def test_cars_of_a_batch_are_driven_as_each_alone(controller):
    problem = base_situation(259, Horizon()).problem
    numbers = transcribe(problem, Margins())
    seen = moving(numbers.obstacles, 0.1)[:, 0]
    states = numbers.initial_state + np.random.default_rng(0).normal(0.0, 0.2, (4, 5))
    offset = np.array([0.0, 0.5, -0.5, 0.2])
    together = controller.act(states, numbers.road, seen, offset)
    for row, own in enumerate(together):
        assert own == pytest.approx(
            controller.act(states[[row]], numbers.road, seen, offset[[row]])[0]
        )


def test_exploring_drives_are_what_the_car_can_do(controller):
    problem = base_situation(259, Horizon()).problem
    numbers = transcribe(problem, Margins())
    states, controls = drive_model(
        controller, numbers, 0.1, [0.0, 0.5, 3.0], np.random.default_rng(1)
    )
    assert np.isfinite(states).all()
    assert (controls >= CAR.control_lower).all()
    assert (controls <= CAR.control_upper).all()
    again, applied = roll_out(states[:, 0], controls, 0.1, CAR)
    assert again == pytest.approx(states)
    assert applied == pytest.approx(controls)
    assert np.abs(controls[2] - controls[0]).max() > np.abs(controls[1] - controls[0]).max()


def test_the_same_seed_explores_in_the_same_way(controller):
    numbers = transcribe(base_situation(259, Horizon()).problem, Margins())
    one, two = (
        drive_model(controller, numbers, 0.1, [1.0], np.random.default_rng(7)) for _ in range(2)
    )
    assert np.array_equal(one[0], two[0])
