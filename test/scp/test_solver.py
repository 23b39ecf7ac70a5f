# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""SCP as a black box: bounds, deadlines, honest answers, the same each time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon, KeepSpeed, RegionGoal, SolverStatus
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import SPEED, YAW, load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
HORIZON = Horizon()
WALL = box('wall', np.array([55.0, 0.0, 0.0]), 2.0, 8.0)
DRIVABLE = 1e-3  # gap between the loop's Runge-Kutta steps and the judge's integration [m]
CONVERGENCE = (SolverStatus.CONVERGED, SolverStatus.STALLED)


def test_on_a_free_road_a_few_iterations_bring_the_car_to_the_road_s_target(problems, solve):
    result = solve(problems['free'])
    assert result.status is SolverStatus.CONVERGED
    assert result.iterations <= 5
    end = result.trajectory.states[-1]
    assert end[1] == pytest.approx(0.0, abs=0.1)
    assert end[2] == pytest.approx(0.0, abs=0.02)
    assert end[SPEED] == pytest.approx(9.0, abs=0.3)


def test_a_car_that_is_already_right_is_left_alone(make_problem, solve, straight_line):
    problem = make_problem()
    result = solve(problem)
    np.testing.assert_allclose(result.trajectory.states, straight_line(problem).states, atol=0.01)
    assert result.iterations == 1


def test_solutions_can_be_driven_and_pass_the_judge(problems, solve, name):
    result = solve(problems[name])
    verdict = verify(problems[name], result.trajectory)
    assert result.status in CONVERGENCE
    assert result.within_tolerance
    assert verdict.dynamics < DRIVABLE
    assert verdict.feasible


@pytest.mark.parametrize('deadline', [0.003, np.inf])
def test_the_car_s_own_limits_are_kept_to_the_last_digit(problems, solve, name, deadline):
    trajectory = solve(problems[name], deadline=deadline).trajectory
    for values, lower, upper in (
        (trajectory.states, CAR.state_lower, CAR.state_upper),
        (trajectory.controls, CAR.control_lower, CAR.control_upper),
    ):
        assert (values >= lower - 1e-9).all()
        assert (values <= upper + 1e-9).all()


def test_the_first_state_is_the_problem_s(problems, solve, name):
    result = solve(problems[name])
    np.testing.assert_allclose(
        result.trajectory.states[0], problems[name].initial_state, atol=1e-9
    )


def test_the_car_passes_a_parked_one_with_the_margin(problems, solve):
    verdict = verify(problems['parked'], solve(problems['parked']).trajectory)
    assert verdict.clearance > Margins().obstacle - 0.05


def test_the_car_stands_before_the_stop_line(problems, solve):
    problem = problems['stop']
    for _ in range(12):
        states = solve(problem).trajectory.states
        problem = replace(problem, initial_state=states[10])
    assert states[10, SPEED] < 0.1
    bumper = states[:, 0] + CAR.front_reach
    assert bumper.max() <= 50.0 + 0.02
    assert bumper[-1] > 48.0


def test_the_car_is_in_the_region_in_its_time_with_its_speed(problems, solve):
    problem = problems['timed']
    goal, trajectory = problem.goal, solve(problem).trajectory
    station, offset = problem.road.project(trajectory.states[:, :2])
    there = (trajectory.times >= goal.begin) & (trajectory.times <= goal.end)
    there &= (station >= goal.first) & (station <= goal.last) & (np.abs(offset - 1.0) < 1.0)
    there &= np.abs(trajectory.states[:, YAW] - goal.yaw) <= goal.yaw_tolerance
    speeds = trajectory.states[:, SPEED]
    assert (there & (speeds >= goal.slowest) & (speeds <= goal.fastest)).any()


def test_a_time_that_cannot_be_kept_costs_no_collision(make_problem, solve):
    post = box('post', np.array([60.0, 1.0, 0.0]), 2.0, 2.0)
    goal = RegionGoal(95.0, 100.0, 4.0, 4.5)  # 75 m in 4.5 s from 10 m/s, past what stands there
    problem = make_problem(obstacles=(post,), goal=goal)
    verdict = verify(problem, solve(problem).trajectory)
    assert verdict.feasible


def test_from_a_braking_start_the_plan_ends_before_a_wall(make_problem, solver, solve):
    problem = make_problem(obstacles=(WALL,))
    bound = solver.bind(problem)
    start = ranked_by_merit(solver, bound, ColdBundle().propose(problem))[0].proposal.trajectory
    result = solve(problem, start)
    verdict = verify(problem, result.trajectory)
    assert verdict.feasible
    assert result.trajectory.states[-1, 0] + CAR.front_reach < 54.0


def test_a_wall_too_near_to_stop_before_is_no_success(make_problem, solve):
    wall = box('wall', np.array([33.0, 0.0, 0.0]), 1.0, 9.0)
    problem = make_problem((20.0, 0.0, 0.0, 15.0, 0.0), obstacles=(wall,), goal=KeepSpeed(15.0))
    result = solve(problem)
    assert result.status is SolverStatus.LOCALLY_INFEASIBLE
    assert not result.within_tolerance
    assert result.score.violation > 0.1
    assert not verify(problem, result.trajectory).feasible


def test_a_solve_with_fewer_iterations_is_the_beginning_of_the_whole(
    problems, solver, straight_line, name
):
    problem = problems[name]
    bound, start = solver.bind(problem), straight_line(problem)
    whole = solver.solve(bound, start)
    one = solver.solve(bound, start, iteration_limit=1)
    assert one.iterations == len(one.history) == 1
    assert one.score.merit == pytest.approx(whole.history[0].merit, rel=1e-9)
    # and says nothing of the next solve
    assert solver.solve(bound, start).iterations == whole.iterations


@pytest.mark.parametrize('limit', [0, -1, 26, 1.5, np.nan])
def test_an_iteration_limit_outside_the_settings_is_refused(
    problems, solver, straight_line, limit
):
    problem = problems['free']
    with pytest.raises(ValueError, match='iteration_limit'):
        solver.solve(solver.bind(problem), straight_line(problem), iteration_limit=limit)


def test_without_time_the_start_comes_back(problems, solver, solve, straight_line):
    problem = problems['parked']
    start = solver.roll_out(solver.bind(problem), straight_line(problem))
    result = solve(problem, start, deadline=0.0)
    assert result.status is SolverStatus.DEADLINE
    assert result.iterations == 0
    assert result.history == ()
    np.testing.assert_allclose(result.trajectory.states, start.states, atol=1e-9)
    np.testing.assert_allclose(result.trajectory.controls, start.controls, atol=1e-12)


def test_without_time_nothing_is_said_of_other_problems(problems, solve, make_problem):
    """The workspace remembers nothing: a solve before does not show in a solve without time."""
    wall = box('wall', np.array([33.0, 0.0, 0.0]), 1.0, 9.0)
    solve(make_problem((20, 0, 0, 15, 0), obstacles=(wall,)))
    assert solve(problems['free'], deadline=0.0).multiplier == 0.0


@pytest.mark.parametrize('deadline', [1e-4, 1e-3, 2e-3, 4e-3])
def test_whenever_time_runs_out_the_answer_can_be_driven_and_is_no_worse_than_the_start(
    problems, solver, solve, straight_line, deadline
):
    for name in ('parked', 'winding'):
        problem = problems[name]
        start = solver.roll_out(solver.bind(problem), straight_line(problem))
        result = solve(problem, start, deadline=deadline)
        assert verify(problem, result.trajectory).dynamics < DRIVABLE
        assert result.score.merit <= solver.score(solver.bind(problem), start).merit + 1e-9


def test_a_problem_for_another_car_or_horizon_is_refused(problems, solver):
    other_car = replace(problems['free'], vehicle=load_vehicle('commonroad_1'))
    with pytest.raises(ValueError, match="problem.vehicle is 'commonroad_1'.*'commonroad_2'"):
        solver.bind(other_car)
    other_horizon = replace(problems['free'], horizon=Horizon(steps=40))
    with pytest.raises(ValueError, match='problem.horizon is.*40.*generated for.*60'):
        solver.bind(other_horizon)


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('initial_radius', -1.0),
        ('iteration_limit', 0),
        ('largest_radius', 0.1),
        ('qp_gap', np.nan),
        ('state_scale', (1.0, 1.0, 0.0, 1.0, 1.0)),
    ],
)
def test_settings_that_cannot_work_are_refused(field, value):
    with pytest.raises(ValueError, match=f'scp.{field}'):
        ScpSettings(**{field: value})


def test_the_same_problem_has_the_same_answer_every_time(problems, solve):
    first = solve(problems['parked'])
    solve(problems['winding'])
    again = solve(problems['parked'])
    np.testing.assert_array_equal(first.trajectory.states, again.trajectory.states)
    assert again.iterations == first.iterations


def test_solvers_in_threads_do_not_disturb_one_another(problems, solver, straight_line):
    solvers = (solver, ScpSolver(CAR, HORIZON))
    jobs = [*problems.values()] * 3

    def run(pair):
        chosen, problem = pair
        return chosen.solve(chosen.bind(problem), straight_line(problem)).trajectory.states

    alone = [run((solver, problem)) for problem in jobs]

    def work(chosen):
        return [run((chosen, problem)) for problem in jobs]

    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(work, solvers):
            for states, expected in zip(result, alone, strict=True):
                np.testing.assert_array_equal(states, expected)
