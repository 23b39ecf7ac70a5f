# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The planner: a verified plan, and an account of how it was made."""

import time
from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import box
from warmstart_planner.planning import Planner, PlannerSettings
from warmstart_planner.problem import Horizon, KeepSpeed, Rung, StopBefore
from warmstart_planner.scenarios import load_scenario, packaged_scenarios
from warmstart_planner.vehicle import SPEED, load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
IN_TIME = 20.0  # a deadline that no machine misses [s]
PARKED = box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8)


@pytest.mark.parametrize('name', packaged_scenarios())
def test_every_packaged_scenario_begins_with_a_feasible_plan(planner, name):
    scenario = load_scenario(name)
    problem = scenario.problem_at(0.0, scenario.initial_state)
    if problem.vehicle != CAR:
        pytest.skip(f'{name} is driven by {problem.vehicle.name}')
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.rung is Rung.OPTIMISED
    assert result.feasible
    assert result.violation == 0.0
    assert verify(problem, result.trajectory).feasible
    assert result.message == ''


def test_a_plan_tells_what_it_is(planner, make_problem):
    problem = make_problem(obstacles=(PARKED,), stamp=3.0)
    result = planner.plan(problem, deadline=IN_TIME)
    verdict = verify(problem, result.trajectory)
    assert result.problem_stamp == result.trajectory.stamp == 3.0
    assert result.clearance == pytest.approx(verdict.clearance)
    assert result.candidates == len(planner.last_refined)
    assert result.source in {entry.proposal.source for entry in planner.last_refined}
    assert result.iterations >= 1
    parts = result.proposal_time + result.solver_time
    assert 0.0 < parts <= result.total_time
    assert result.cost == min(
        entry.result.score.cost for entry in planner.last_refined if entry.verdict.feasible
    )


def test_the_same_cycle_gives_the_same_plan(planner, make_problem, later):
    problem = make_problem(obstacles=(PARKED,))
    plans = []
    for _ in range(3):
        planner.reset()
        first = planner.plan(problem, deadline=IN_TIME)
        second = planner.plan(later(problem, first.trajectory, 1), deadline=IN_TIME)
        plans.append((first, second))
    for first, second in plans[1:]:
        np.testing.assert_array_equal(first.trajectory.states, plans[0][0].trajectory.states)
        np.testing.assert_array_equal(second.trajectory.states, plans[0][1].trajectory.states)
        assert (second.source, second.iterations) == (plans[0][1].source, plans[0][1].iterations)


def test_planned_again_and_again_the_car_stands_before_a_wall(planner, make_problem, wall, later):
    problem = make_problem((20, 0, 0, 10, 0), obstacles=(wall(90.0),), goal=KeepSpeed(10.0))
    for _ in range(40):
        result = planner.plan(problem, deadline=IN_TIME)
        assert result.rung is Rung.OPTIMISED
        assert result.feasible
        problem = later(problem, result.trajectory, 5)
    bumper = problem.initial_state[0] + CAR.front_reach
    assert problem.initial_state[SPEED] < 0.3
    assert 80.0 < bumper < 89.5


@pytest.mark.parametrize('gap', [20.0, 25.0])
@pytest.mark.parametrize('known', [False, True], ids=['first plan', 'plan in use'])
def test_a_car_that_can_just_stop_before_a_sudden_wall_does(
    planner, make_problem, gap, known, wall
):
    """At 15 m/s, hard braking needs 14 m, comfortable braking 45 m."""
    problem = make_problem((18.5, 0, 0, 15, 0), goal=KeepSpeed(15.0), stamp=-0.1)
    if known:
        planner.plan(problem, deadline=IN_TIME)
    sudden = wall(20.0 + CAR.front_reach + gap + 0.5)
    problem = make_problem((20, 0, 0, 15, 0), obstacles=(sudden,), goal=KeepSpeed(15.0), stamp=0.0)
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.feasible
    assert result.rung is Rung.OPTIMISED


def test_a_car_that_could_only_creep_stops_and_holds(planner, make_problem):
    problem = make_problem(start=(20.0, 0.0, 0.0, 0.4, 0.0), goal=StopBefore(24.2, 10.0))
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.feasible
    assert result.trajectory.states[15:, SPEED].max() <= 1e-6


def test_a_car_that_has_room_goes_on_from_standstill(planner, make_problem):
    problem = make_problem(start=(20.0, 0.0, 0.0, 0.0, 0.0), goal=StopBefore(60.0, 10.0))
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.trajectory.states[-1, SPEED] > 1.0


def test_without_any_time_there_is_still_a_verdict(planner, make_problem):
    problem = make_problem()
    result = planner.plan(problem, deadline=0.0)
    assert result.iterations == 0
    assert result.feasible == verify(problem, result.trajectory).feasible


def test_problems_for_another_car_or_horizon_are_refused(planner, make_problem):
    with pytest.raises(ValueError, match="problem.vehicle is 'commonroad_3'"):
        planner.plan(make_problem(vehicle=load_vehicle('commonroad_3')))
    with pytest.raises(ValueError, match='problem.horizon is'):
        planner.plan(make_problem(horizon=Horizon(0.1, 40)))


def test_the_parts_of_the_time_are_all_of_it(planner, make_problem, narrowed):
    begin = time.perf_counter()
    result = planner.plan(narrowed(make_problem()), deadline=IN_TIME)
    elapsed = time.perf_counter() - begin
    parts = (result.proposal_time, result.solver_time, result.verification_time)
    assert min(parts) > 0.0
    assert sum(parts) == pytest.approx(result.total_time)
    assert result.total_time <= elapsed


def test_on_more_threads_the_plan_is_the_same(patient, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    one = patient.plan(problem, deadline=IN_TIME)
    settings = replace(patient.settings, threads=2)
    two = Planner(CAR, settings=settings).plan(problem, deadline=IN_TIME)
    np.testing.assert_array_equal(two.trajectory.states, one.trajectory.states)
    assert (two.source, two.iterations, two.candidates) == (
        one.source,
        one.iterations,
        one.candidates,
    )


def test_a_number_of_threads_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r'threads is 0\.0: expected'):
        PlannerSettings(threads=0)
