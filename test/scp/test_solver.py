# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""SCP as a black box: symmetries, bounds, merit, deadlines, honest answers."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner import objective
from warmstart_planner.objective import CostWeights
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PoseGoal,
    SolverStatus,
    StopBefore,
    Trajectory,
)
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.selection import judge
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import SPEED, STEERING, load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
HORIZON = Horizon()
PARKED = box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8)
WALL = box('wall', np.array([55.0, 0.0, 0.0]), 2.0, 8.0)
WINDING = road_from_segments(
    [(30.0, 0.0, 0.03), (40.0, 0.03, -0.04), (40.0, -0.04, 0.02), (90.0, 0.02, 0.0)], 3.5, 3.5, 15
)
DRIVABLE = 1e-3  # gap between the loop's Runge-Kutta steps and the judge's integration [m]
CONVERGENCE = (SolverStatus.CONVERGED, SolverStatus.STALLED)


@pytest.fixture(scope='session')
def solver(scp_folder):
    return ScpSolver(CAR, HORIZON)


@pytest.fixture(scope='session')
def problems(make_problem):
    """Problems that have a solution which the straight line leads to."""
    crossing = np.array([[55.0, -6.0 + 0.12 * k, 1.57] for k in range(61)])
    return {
        'free': make_problem((20, 0.8, 0.05, 6, 0.0), goal=KeepSpeed(9.0)),
        'parked': make_problem(obstacles=(PARKED,)),
        'winding': make_problem((20, 0.3, 0.2, 7, 0.02), WINDING, goal=KeepSpeed(10.0)),
        'pedestrian': make_problem(obstacles=(disc('pedestrian', crossing, 0.4),)),
        'stop': make_problem(goal=StopBefore(50.0, 8.0)),
        'pose': make_problem(goal=PoseGoal(60.0, 1.2, 0.0, 5.0)),
    }


NAMES = ('free', 'parked', 'winding', 'pedestrian', 'stop', 'pose')


@pytest.fixture(scope='session')
def solve(solver, straight_line):
    def run(problem, start=None, deadline=np.inf, by=None, multiplier=0.0):
        chosen = by or solver
        guess = start or straight_line(problem)
        return chosen.solve(chosen.bind(problem), guess, deadline, multiplier)

    return run


def spoiled(trajectory, seed, size=1.0):
    """Noise on all that a guess says: states and controls no longer belong together."""
    rng = np.random.default_rng(seed)
    states = trajectory.states + size * rng.normal(0, 1, trajectory.states.shape) * [
        2.0,
        1.0,
        0.2,
        2.0,
        0.2,
    ]
    controls = trajectory.controls + size * rng.normal(0, 1, trajectory.controls.shape)
    return replace(trajectory, states=states, controls=controls)


# --- what comes out ---


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


@pytest.mark.parametrize('name', NAMES)
def test_solutions_can_be_driven_and_pass_the_judge(problems, solve, name):
    result = solve(problems[name])
    verdict = verify(problems[name], result.trajectory)
    assert result.status in CONVERGENCE
    assert result.within_tolerance
    assert verdict.dynamics < DRIVABLE
    assert verdict.feasible


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('deadline', [0.003, np.inf])
def test_the_car_s_own_limits_are_kept_to_the_last_digit(problems, solve, name, deadline):
    trajectory = solve(problems[name], deadline=deadline).trajectory
    for values, lower, upper in (
        (trajectory.states, CAR.state_lower, CAR.state_upper),
        (trajectory.controls, CAR.control_lower, CAR.control_upper),
    ):
        assert (values >= lower - 1e-9).all()
        assert (values <= upper + 1e-9).all()


@pytest.mark.parametrize('name', NAMES)
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


def test_from_a_braking_start_the_plan_ends_before_a_wall(make_problem, solver, solve):
    problem = make_problem(obstacles=(WALL,))
    bound = solver.bind(problem)
    start = judge(solver, bound, ColdBundle().propose(problem))[0].proposal.trajectory
    result = solve(problem, start)
    verdict = verify(problem, result.trajectory)
    assert verdict.feasible
    assert result.trajectory.states[-1, 0] + CAR.front_reach < 54.0


# --- symmetries ---


@pytest.mark.parametrize('name', NAMES[:4])
def test_the_mirrored_problem_has_the_mirrored_solution(
    problems, solve, mirror_problem, mirror_trajectory, name
):
    here = solve(problems[name])
    there = solve(mirror_problem(problems[name]))
    expected = mirror_trajectory(here.trajectory)
    assert there.iterations == here.iterations
    np.testing.assert_allclose(there.trajectory.states, expected.states, atol=1e-4)


@given(
    st.sampled_from(NAMES),
    st.floats(-500.0, 500.0),
    st.floats(-500.0, 500.0),
    st.floats(-math.pi, math.pi),
    st.integers(-3, 3),
)
@settings(max_examples=20)
def test_the_solution_moves_with_the_world(
    problems, solve, move_problem, move_trajectory, name, x, y, yaw, turns
):
    yaw = yaw + 2 * math.pi * turns
    here = solve(problems[name])
    there = solve(move_problem(problems[name], x, y, yaw))
    expected = move_trajectory(here.trajectory, x, y, yaw)
    # rounding may move the last step over a tolerance, not more
    assert abs(there.iterations - here.iterations) <= 1
    assert there.score.cost == pytest.approx(here.score.cost, rel=1e-3)
    np.testing.assert_allclose(there.trajectory.states, expected.states, atol=0.01)


@pytest.mark.parametrize('turns', [-1, 2])
def test_a_start_whose_yaw_counts_other_turns_is_the_same_start(
    problems, solve, straight_line, turns
):
    problem = problems['winding']
    start = straight_line(problem)
    turned = replace(start, states=start.states + [0, 0, 2 * np.pi * turns, 0, 0])
    np.testing.assert_allclose(
        solve(problem, turned).trajectory.states, solve(problem, start).trajectory.states
    )


def test_nothing_happens_where_yaw_passes_pi(make_problem, solve):
    """A road that turns left through heading pi; the start is measured just below it."""
    road = road_from_segments([(120.0, 0.03, 0.03)], 3.5, 3.5, 12.0, (0.0, 0.0, math.pi - 0.75))
    pose = road.poses(20.0)
    problem = make_problem((*pose, 6.0, 0.0), road, goal=KeepSpeed(6.0))
    result = solve(problem)
    yaw = result.trajectory.states[:, 2]
    assert yaw[0] < math.pi < yaw[-1]
    assert np.abs(np.diff(yaw)).max() < 0.1
    assert verify(problem, result.trajectory).feasible


# --- merit ---


def merit_by_numpy(problem, trajectory, weights):
    """Cost and exact penalties, written out with the objective's own functions."""
    numbers = transcribe(problem, Margins())
    x = numbers.frame.localise(trajectory.states).T
    u = trajectory.controls.T
    dt = problem.horizon.dt
    on_road = objective.road_coordinates(*objective.box_centre(x, CAR), numbers.road)
    ends = objective.RoadCoordinates(*(value[-1] for value in on_road))
    nodes = objective.RoadCoordinates(*(value[:-1] for value in on_road))
    grip, stop = (numbers.road[i] for i in (objective.GRIP, objective.STOP_STATION))
    cost = dt * np.square(
        objective.stage_residuals(x[:, :-1], u, nodes, CAR, weights)
    ).sum() + np.sum(np.square(objective.terminal_residuals(x[:, -1], ends, CAR, weights)))
    rows = [
        *(dt * row[1:] for row in objective.road_clearances(x, on_road, CAR)),
        dt * objective.friction_reserve(x[:, :-1], u, grip, CAR),
        dt * np.array([objective.stopping_reserve(x[:, -1], ends, stop, grip, CAR)]),
        *(
            dt * objective.obstacle_separation(x, obstacle.T, CAR)[1:]
            for obstacle in numbers.obstacles
        ),
    ]
    penalty = 0.0
    for row in rows:
        over = np.maximum(-np.asarray(row) / dt, 0.0)
        penalty += dt * (weights.violation * over + weights.violation_square / 2 * over**2).sum()
    return cost, cost + penalty


@pytest.mark.parametrize('name', NAMES)
def test_the_compiled_merit_is_the_objective_s(problems, solver, straight_line, name):
    problem = problems[name]
    bound = solver.bind(problem)
    for guess in (straight_line(problem), spoiled(straight_line(problem), 1)):
        trajectory = solver.roll_out(bound, guess)
        score = solver.score(bound, trajectory)
        cost, merit = merit_by_numpy(problem, trajectory, CostWeights())
        assert score.cost == pytest.approx(cost, rel=1e-6)
        assert score.merit == pytest.approx(merit, rel=1e-6)
        assert score.defect == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize('name', NAMES)
def test_the_result_is_scored_as_any_trajectory_is(problems, solver, solve, name):
    result = solve(problems[name])
    score = solver.score(solver.bind(problems[name]), result.trajectory)
    assert result.score.cost == pytest.approx(score.cost, rel=1e-6)
    assert result.score.merit == pytest.approx(score.merit, rel=1e-6)


def rough_starts(solver, problem, straight_line):
    """Drivable starts, some far from good."""
    bound = solver.bind(problem)
    yield solver.roll_out(bound, straight_line(problem))
    for seed in range(3):
        yield solver.roll_out(bound, spoiled(straight_line(problem), seed))


@pytest.mark.parametrize('name', NAMES)
def test_merit_never_rises_from_one_iterate_to_the_next(
    problems, solver, solve, straight_line, name
):
    for start in rough_starts(solver, problems[name], straight_line):
        result = solve(problems[name], start)
        assert len(result.history) == result.iterations
        merit = solver.score(solver.bind(problems[name]), start).merit
        for entry in result.history:
            # without a trial step (ratio NaN) the penalty may have been raised
            if not math.isnan(entry.ratio):
                assert entry.merit <= merit + 1e-9 * abs(merit)
            merit = entry.merit


@pytest.mark.parametrize('name', NAMES)
def test_the_trust_region_shrinks_after_bad_steps_only_and_grows_after_good_ones_only(
    problems, solver, solve, straight_line, name
):
    chosen = solver.settings
    for start in rough_starts(solver, problems[name], straight_line):
        radius = chosen.initial_radius
        for entry in solve(problems[name], start).history:
            if entry.ratio < chosen.shrink_ratio:
                assert entry.radius < radius
            elif entry.ratio < chosen.grow_ratio:
                assert entry.radius == radius
            elif entry.ratio >= chosen.grow_ratio:
                assert radius <= entry.radius <= chosen.largest_radius
            radius = entry.radius


@pytest.mark.parametrize('name', NAMES)
def test_times_of_the_history_run_on_and_counts_add_up(problems, solve, name):
    result = solve(problems[name])
    seconds = [entry.seconds for entry in result.history]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= result.seconds
    assert sum(entry.qp_iterations for entry in result.history) == result.qp_iterations


def test_starting_from_the_solution_ends_at_once(problems, solve):
    first = solve(problems['parked'])
    again = solve(problems['parked'], first.trajectory, multiplier=first.multiplier)
    assert again.iterations <= 3
    assert again.within_tolerance
    assert again.score.cost <= first.score.cost * 1.01


def test_a_known_multiplier_is_a_start_for_the_penalty_and_changes_no_solution(problems, solve):
    plain = solve(problems['parked'])
    assert plain.multiplier > 0.0
    known = solve(problems['parked'], multiplier=plain.multiplier)
    assert known.within_tolerance
    assert known.score.cost == pytest.approx(plain.score.cost, rel=0.02)


# --- starts that are not what a car does ---


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('name', ['free', 'winding', 'stop'])
def test_a_guess_whose_states_and_controls_do_not_fit_is_solved(
    problems, solve, straight_line, name, seed
):
    problem = problems[name]
    good = solve(problem)
    result = solve(problem, spoiled(straight_line(problem), seed))
    assert verify(problem, result.trajectory).feasible
    assert result.score.cost <= 1.1 * good.score.cost + 0.05


@pytest.mark.parametrize('size', [3.0, 30.0])
def test_whatever_the_guess_the_answer_can_be_driven(problems, solve, straight_line, size):
    for seed in range(4):
        for name in ('parked', 'winding'):
            result = solve(problems[name], spoiled(straight_line(problems[name]), seed, size))
            assert verify(problems[name], result.trajectory).dynamics < DRIVABLE


@pytest.mark.parametrize('seed', range(3))
def test_gaps_of_a_guess_that_the_trust_region_leaves_open_are_driven_over(
    problems, solve, straight_line, seed
):
    """So small a region could not close the gaps of the guess: it is driven first."""
    problem = problems['parked']
    narrow = ScpSolver(CAR, HORIZON, settings=ScpSettings(initial_radius=0.02))
    result = solve(problem, spoiled(straight_line(problem), seed, 0.3), by=narrow)
    assert result.within_tolerance
    assert verify(problem, result.trajectory).feasible
    assert result.score.cost <= 1.1 * solve(problem).score.cost


@pytest.mark.parametrize(
    ('state', 'value', 'least_share'),
    [(STEERING, CAR.steering_max + 0.1, 0.8), (STEERING, -CAR.steering_max - 0.1, 0.8)],
)
def test_a_start_with_steering_beyond_its_limit_steers_back(
    make_problem, solve, state, value, least_share
):
    problem = make_problem((60.0, 0.0, 0.0, 1.0, value))
    states = solve(problem).trajectory.states
    back = np.abs(value) - np.abs(states[:, STEERING])
    assert back[2] >= least_share * CAR.steering_rate_max * 2 * HORIZON.dt
    assert (np.abs(states[4:, STEERING]) <= CAR.steering_max + 1e-9).all()
    assert verify(problem, solve(problem).trajectory).dynamics < DRIVABLE


def test_a_start_above_the_speed_limit_of_the_car_slows_down(make_problem, solve):
    road = road_from_segments([(900.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
    problem = make_problem((20.0, 0.0, 0.0, CAR.speed_max + 2.0, 0.0), road)
    result = solve(problem)
    speed = result.trajectory.states[:, SPEED]
    assert (np.diff(speed) < 0.0).all()
    assert (speed[4:] <= CAR.speed_max + 1e-9).all()
    assert verify(problem, result.trajectory).feasible


def test_a_start_beside_the_road_comes_back_to_it(make_problem, solver, solve, straight_line):
    problem = make_problem((20.0, 3.3, 0.0, 6.0, 0.0))
    result = solve(problem)
    verdict = verify(problem, result.trajectory)
    assert verdict.dynamics < DRIVABLE
    assert verdict.constraint_to_go[25] == 0.0
    assert abs(result.trajectory.states[-1, 1]) < 0.3


# --- no solution, no time, no sense ---


def test_a_wall_too_near_to_stop_before_is_no_success(make_problem, solve):
    wall = box('wall', np.array([33.0, 0.0, 0.0]), 1.0, 9.0)
    problem = make_problem((20.0, 0.0, 0.0, 15.0, 0.0), obstacles=(wall,), goal=KeepSpeed(15.0))
    result = solve(problem)
    assert result.status is SolverStatus.LOCALLY_INFEASIBLE
    assert not result.within_tolerance
    assert result.score.violation > 0.1
    assert not verify(problem, result.trajectory).feasible


@pytest.mark.parametrize('name', NAMES)
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


def test_an_absurd_start_is_named_so(problems, solve, straight_line):
    start = straight_line(problems['free'])
    far = replace(start, states=np.vstack([start.states[:-1], [1e200, 0.0, 0.0, 8.0, 0.0]]))
    result = solve(problems['free'], far)
    assert result.status is SolverStatus.BAD_START
    assert result.iterations == 0
    assert not result.within_tolerance
    assert result.score.merit == math.inf


@pytest.mark.parametrize('steps', [1, 59, 61])
def test_a_start_on_another_grid_is_refused(problems, solve, steps):
    start = Trajectory(0.0, 0.1, np.zeros((steps + 1, 5)), np.zeros((steps, 2)))
    with pytest.raises(ValueError, match=f'start has {steps} steps: expected 60'):
        solve(problems['free'], start)


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


# --- repeatable, in threads too ---


def test_the_same_problem_has_the_same_answer_every_time(problems, solve):
    first = solve(problems['parked'])
    solve(problems['winding'])
    again = solve(problems['parked'])
    np.testing.assert_array_equal(first.trajectory.states, again.trajectory.states)
    assert again.iterations == first.iterations


def test_solvers_in_threads_do_not_disturb_one_another(problems, solver, straight_line):
    solvers = (solver, ScpSolver(CAR, HORIZON))
    jobs = [problems[name] for name in NAMES] * 3

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


# --- roll-out ---


@pytest.mark.parametrize('name', NAMES)
def test_a_consistent_guess_comes_back_from_the_roll_out_unchanged(problems, solver, solve, name):
    bound = solver.bind(problems[name])
    solution = solve(problems[name]).trajectory
    again = solver.roll_out(bound, solution)
    np.testing.assert_allclose(again.states, solution.states, atol=1e-6)
    np.testing.assert_allclose(again.controls, solution.controls, atol=1e-6)


def test_the_roll_out_of_a_path_follows_it(problems, solver, straight_line):
    problem = problems['winding']
    driven = solver.roll_out(solver.bind(problem), straight_line(problem))
    _, offset = WINDING.project(driven.states[:, :2])
    assert np.abs(offset[20:]).max() < 0.5
    assert verify(problem, driven).dynamics < DRIVABLE


def test_how_an_array_lies_in_memory_does_not_matter(make_problem, scp_folder):
    problem = make_problem(start=(20.0, 1.0, 0.05, 8.0, 0.0))
    solver = ScpSolver(problem.vehicle, problem.horizon)
    bound = solver.bind(problem)
    start = StraightLine().propose(problem)[0].trajectory
    turned = replace(
        start,
        states=np.asfortranarray(start.states),
        controls=np.asfortranarray(start.controls + [0.5, 0.01]),
    )
    plain = replace(start, controls=start.controls + [0.5, 0.01])
    assert solver.score(bound, plain) == solver.score(bound, turned)
    assert_same(solver.roll_out(bound, plain), solver.roll_out(bound, turned))


def assert_same(one, two):
    for name, value in vars(one).items():
        assert np.array_equal(value, getattr(two, name)), name
