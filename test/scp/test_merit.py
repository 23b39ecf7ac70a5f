# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The loop's merit is the objective's, and falls as the trust region is to make it."""

import math

import numpy as np
import pytest

from warmstart_planner import objective
from warmstart_planner.objective import CostWeights
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()


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
    for node, window in enumerate(numbers.windows[1:], start=1):
        at = objective.RoadCoordinates(*(value[node] for value in on_road))
        cost += np.square(objective.arrival_residuals(x[:, node], at, window, weights)).sum()
    edges = objective.road_edges(numbers.road)
    rows = [
        *(dt * row[1:] for row in objective.road_clearances(x, on_road, edges, CAR)),
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


def test_the_compiled_merit_is_the_objective_s(problems, solver, straight_line, name, spoiled):
    problem = problems[name]
    bound = solver.bind(problem)
    for guess in (straight_line(problem), spoiled(straight_line(problem), 1)):
        trajectory = solver.roll_out(bound, guess)
        score = solver.score(bound, trajectory)
        cost, merit = merit_by_numpy(problem, trajectory, CostWeights())
        assert score.cost == pytest.approx(cost, rel=1e-6)
        assert score.merit == pytest.approx(merit, rel=1e-6)
        assert score.defect == pytest.approx(0.0, abs=1e-9)


def test_the_result_is_scored_as_any_trajectory_is(problems, solver, solve, name):
    result = solve(problems[name])
    score = solver.score(solver.bind(problems[name]), result.trajectory)
    assert result.score.cost == pytest.approx(score.cost, rel=1e-6)
    assert result.score.merit == pytest.approx(score.merit, rel=1e-6)


@pytest.fixture(scope='session')
def rough_starts(solver, straight_line, spoiled):
    """Drivable starts of a problem, some far from good."""

    def starts(problem):
        bound = solver.bind(problem)
        yield solver.roll_out(bound, straight_line(problem))
        for seed in range(3):
            yield solver.roll_out(bound, spoiled(straight_line(problem), seed))

    return starts


def test_merit_never_rises_from_one_iterate_to_the_next(
    problems, solver, solve, rough_starts, name
):
    for start in rough_starts(problems[name]):
        result = solve(problems[name], start)
        assert len(result.history) == result.iterations
        merit = solver.score(solver.bind(problems[name]), start).merit
        for entry in result.history:
            # without a trial step (ratio NaN) the penalty may have been raised
            if not math.isnan(entry.ratio):
                assert entry.merit <= merit + 1e-9 * abs(merit)
            merit = entry.merit


def test_the_trust_region_shrinks_after_bad_steps_only_and_grows_after_good_ones_only(
    problems, solver, solve, rough_starts, name
):
    chosen = solver.settings
    for start in rough_starts(problems[name]):
        radius = chosen.initial_radius
        for entry in solve(problems[name], start).history:
            if entry.ratio < chosen.shrink_ratio:
                assert entry.radius < radius
            elif entry.ratio < chosen.grow_ratio:
                assert entry.radius == radius
            elif entry.ratio >= chosen.grow_ratio:
                assert radius <= entry.radius <= chosen.largest_radius
            radius = entry.radius


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
