# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Many starts at once: every lane as if it were alone, and as the reference in double."""

from dataclasses import replace

import numpy as np
import pytest
from random_problems import random_problem

from warmstart_planner import objective
from warmstart_planner.problem import Horizon, SolverStatus, Trajectory
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

CAR, HORIZON = load_vehicle(), Horizon()
CASES = [(tier, seed) for tier in ('easy', 'medium', 'hard') for seed in range(4)]


@pytest.fixture(scope='module')
def solver(scp_folder):
    return ScpSolver(CAR, HORIZON)


def starts_of(problem):
    """Return the straight line and the cold bundle: 22 starts, so that lanes are used again."""
    proposals = [*StraightLine().propose(problem), *ColdBundle().propose(problem)]
    return [proposal.trajectory for proposal in proposals]


@pytest.fixture(scope='module')
def case(solver):
    """One hard problem and its starts."""
    bound = solver.bind(random_problem('hard', 1, HORIZON))
    return bound, starts_of(bound.problem)


def same(one, other):
    """Two results are equal to the last bit, times set aside."""
    return (
        one.status is other.status
        and one.iterations == other.iterations
        and one.qp_iterations == other.qp_iterations
        and one.score == other.score
        and one.multiplier == other.multiplier
        and np.array_equal(one.trajectory.states, other.trajectory.states)
        and np.array_equal(one.trajectory.controls, other.trajectory.controls)
    )


# --- as the reference ---


@pytest.mark.parametrize(('tier', 'seed'), CASES)
def test_lanes_of_single_precision_end_where_the_reference_does(solver, tier, seed):
    bound = solver.bind(random_problem(tier, seed, HORIZON))
    starts = starts_of(bound.problem)[:16]
    lanes, reference = (solver.solve_all(bound, starts, wide=wide) for wide in (True, False))
    found = [result.within_tolerance for result in lanes]
    wanted = [result.within_tolerance for result in reference]
    assert np.sum(np.not_equal(found, wanted)) <= 1
    ratios = [
        lane.score.merit / one.score.merit
        for lane, one in zip(lanes, reference, strict=True)
        if lane.within_tolerance and one.within_tolerance
    ]
    apart = np.abs(np.log(ratios))
    assert np.median(apart) < 1e-3
    # rounding may lead to another minimum of the same problem
    assert np.sum(apart > 0.05) <= 1
    best = [
        min((result.score.merit for result in each if result.within_tolerance), default=np.inf)
        for each in (lanes, reference)
    ]
    assert best[0] <= 1.02 * best[1]


@pytest.mark.parametrize(('tier', 'seed'), CASES[::3])
def test_what_lanes_hand_over_can_be_driven_and_what_is_within_tolerance_passes_the_judge(
    solver, tier, seed
):
    problem = random_problem(tier, seed, HORIZON)
    for result in solver.solve_all(solver.bind(problem), starts_of(problem)):
        verdict = verify(problem, result.trajectory)
        assert verdict.dynamics < 1e-3
        assert verdict.feasible or not result.within_tolerance


@pytest.mark.parametrize('wide', [True, False])
def test_every_result_is_scored_in_double(solver, case, wide):
    bound, starts = case
    for result in solver.solve_all(bound, starts, wide=wide):
        score = solver.score(bound, result.trajectory)
        assert result.score.merit == pytest.approx(score.merit, rel=1e-6)
        assert result.within_tolerance == (score.violation <= solver.settings.violation_tolerance)


# --- every lane for itself ---


def test_the_order_of_starts_does_not_matter(solver, case):
    bound, starts = case
    straight = solver.solve_all(bound, starts)
    order = np.random.default_rng(1).permutation(len(starts))
    shuffled = solver.solve_all(bound, [starts[i] for i in order])
    for i, result in zip(order, shuffled, strict=True):
        assert same(result, straight[i])


def test_one_start_alone_ends_as_among_many(solver, case):
    bound, starts = case
    together = solver.solve_all(bound, starts)
    for start, result in zip(starts[::5], together[::5], strict=True):
        assert same(solver.solve_all(bound, [start])[0], result)


@pytest.mark.parametrize('speed', [1e4, 1e9, 1e15, 1e18, np.nan])
@pytest.mark.parametrize('place', [0, 6, 21])
def test_a_poisoned_lane_leaves_all_others_as_they_are(solver, case, place, speed):
    """A road that asks for absurd speeds: its lane's numbers become infinite or none at all."""
    bound, starts = case
    poisoned = solver.bind(bound.problem)
    first = len(objective.SCALAR_FIELDS) + objective.ANCHOR_FIELDS.index('speed')
    poisoned.numbers.road[first :: len(objective.ANCHOR_FIELDS)] = speed
    bounds = [poisoned if i == place else bound for i in range(len(starts))]
    clean = solver.solve_all(bound, starts)
    for i, result in enumerate(solver.solve_all(bounds, starts)):
        assert same(result, clean[i]) == (i != place)


def test_lanes_may_have_problems_of_their_own(solver):
    bounds = [solver.bind(random_problem(tier, seed, HORIZON)) for tier, seed in CASES]
    starts = [starts_of(bound.problem)[0] for bound in bounds]
    together = solver.solve_all(bounds, starts)
    for bound, start, result in zip(bounds, starts, together, strict=True):
        assert same(solver.solve_all(bound, [start])[0], result)


def test_the_workspace_remembers_nothing(solver, case):
    bound, starts = case
    first = solver.solve_all(bound, starts)
    other = solver.bind(random_problem('easy', 3, HORIZON))
    solver.solve_all(other, starts_of(other.problem)[:3])
    for one, again in zip(first, solver.solve_all(bound, starts), strict=True):
        assert same(one, again)


# --- time, stragglers, no starts ---


def test_without_time_the_starts_come_back_driven(solver, case):
    bound, starts = case
    driven = solver.roll_out_all(bound, starts)
    results = solver.solve_all(bound, starts, deadline=0.0)
    for result, start in zip(results, driven, strict=True):
        assert result.status is SolverStatus.DEADLINE
        assert result.iterations == 0
        np.testing.assert_allclose(result.trajectory.states, start.states, atol=1e-3)


@pytest.mark.parametrize('iterations', [3, 8])
def test_when_time_runs_out_nothing_is_worse_than_its_start(solver, case, iterations):
    bound, starts = case
    whole = solver.solve_all(bound, starts)
    longest = max(result.seconds for result in whole)
    before = solver.score_all(bound, solver.roll_out_all(bound, starts))
    results = solver.solve_all(bound, starts, deadline=longest * iterations / 20)
    assert SolverStatus.DEADLINE in [result.status for result in results]
    for result, score in zip(results, before, strict=True):
        assert result.score.merit <= score.merit * (1 + 1e-4)


def test_the_last_at_work_are_not_waited_for(solver, case):
    bound, starts = case
    whole = solver.solve_all(bound, starts)
    some = solver.solve_all(bound, starts, stragglers=3)
    stopped = [result.status is SolverStatus.STOPPED for result in some]
    assert 1 <= sum(stopped) <= 3
    for early, late, was_stopped in zip(some, whole, stopped, strict=True):
        assert was_stopped or same(early, late)


def test_nothing_is_stopped_before_something_is_within_tolerance(solver, make_problem):
    from warmstart_planner.obstacles import box

    wall = box('wall', np.array([33.0, 0.0, 0.0]), 1.0, 9.0)
    problem = make_problem((20.0, 0.0, 0.0, 15.0, 0.0), obstacles=(wall,))
    results = solver.solve_all(solver.bind(problem), starts_of(problem), stragglers=22)
    assert all(result.status is SolverStatus.LOCALLY_INFEASIBLE for result in results)


def test_a_start_on_another_grid_is_refused(solver, case):
    bound, starts = case
    short = Trajectory(0.0, 0.1, np.zeros((60, 5)), np.zeros((59, 2)))
    with pytest.raises(ValueError, match='start has 59 steps: expected 60'):
        solver.solve_all(bound, [*starts, short])


def test_no_starts_have_no_results(solver, case):
    bound, _ = case
    assert solver.solve_all(bound, []) == []
    assert solver.roll_out_all(bound, []) == []
    assert solver.score_all(bound, []) == []


def test_an_absurd_start_among_others_is_named_so(solver, case):
    bound, starts = case
    far = replace(starts[0], states=np.vstack([starts[0].states[:-1], [1e200, 0, 0, 8, 0]]))
    results = solver.solve_all(bound, [starts[1], far, starts[2]])
    assert [r.status is SolverStatus.BAD_START for r in results] == [False, True, False]
    assert results[1].score.merit == np.inf


# --- many at once outside of the search ---


def test_rolled_out_and_scored_together_or_alone_is_the_same(solver, case):
    bound, starts = case
    driven = solver.roll_out_all(bound, starts)
    scores = solver.score_all(bound, driven)
    for start, trajectory, score in zip(starts, driven, scores, strict=True):
        alone = solver.roll_out(bound, start)
        assert np.array_equal(alone.states, trajectory.states)
        assert solver.score(bound, alone) == score


# --- the account ---


@pytest.mark.parametrize('wide', [True, False])
def test_the_history_tells_of_every_iteration(solver, case, wide):
    bound, starts = case
    for result in solver.solve_all(bound, starts, wide=wide):
        assert len(result.history) == result.iterations
        assert sum(entry.qp_iterations for entry in result.history) == result.qp_iterations
        seconds = [entry.seconds for entry in result.history]
        assert seconds == sorted(seconds)
        assert not seconds or seconds[-1] <= result.seconds


@pytest.mark.parametrize('wide', [True, False])
def test_fewer_iterations_are_the_beginning_of_the_whole(solver, case, wide):
    bound, starts = case
    whole = solver.solve_all(bound, starts[:5], wide=wide)
    two = solver.solve_all(bound, starts[:5], iteration_limit=2, wide=wide)
    for short, long in zip(two, whole, strict=True):
        assert short.iterations <= 2
        for one, other in zip(short.history, long.history, strict=False):
            assert one.merit == other.merit
