# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Strategies against the clock: what counts, what it costs, and what noise may not do."""

from dataclasses import replace

import numpy as np
import pytest

from training.experiments.warmstart_strategies import (
    MULTI_START,
    NOISE,
    SHARED,
    SLIGHT,
    STRAIGHT_LINE,
    Clockwork,
    Learned,
    MultiStart,
    Pooled,
    RandomSource,
    Refinement,
    Run,
    Shared,
    cold_strategies,
    guided_strategies,
)
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.guided import FAST, Guided
from warmstart_planner.proposals.selection import judge
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scenarios.generator import random_problem
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import transcribe
from warmstart_planner.vehicle import load_vehicle, roll_out
from warmstart_planner.verification import verify

DEAR = Refinement('a', True, 0.0, 8.0, 5, 0.010)
CHEAP = Refinement('b', True, 0.0, 3.0, 7, 0.020)
BROKEN = Refinement('c', False, 0.4, 1.0, 9, 0.030)


class Bundle:
    """The cold bundle asked as a learned source is."""

    def propose_for(self, problem, numbers):
        return ColdBundle().propose(problem)


@pytest.fixture(scope='module')
def clockwork(scp_folder, guided_folder):
    return Clockwork(ScpSolver(load_vehicle(), Horizon()), reserve=0.002)


@pytest.fixture(scope='module')
def problem():
    return random_problem('medium', 50_003)


def run_of(budget, *refinements):
    return Run(budget, refinements, 0.031, np.nan, True)


def test_the_cheapest_feasible_answer_counts_whatever_a_broken_one_costs():
    answer = run_of(np.inf, DEAR, CHEAP, BROKEN).answer()
    assert (answer.feasible, answer.cost) == (True, 3.0)
    assert (answer.iterations, answer.seconds) == (21, 0.031)


def test_fewer_starts_are_the_beginning_of_all():
    answer = run_of(np.inf, DEAR, CHEAP, BROKEN).answer(most=1)
    assert (answer.cost, answer.iterations, answer.seconds) == (8.0, 5, 0.010)


def test_an_answer_that_comes_late_is_none():
    assert run_of(0.015, DEAR, CHEAP).answer().cost == 8.0
    assert not run_of(0.009, DEAR, CHEAP).answer().feasible


def test_a_run_without_any_refinement_has_no_answer_but_took_its_time():
    answer = run_of(0.003).answer()
    assert not answer.feasible
    assert np.isinf(answer.cost)
    assert (answer.iterations, answer.seconds) == (0, 0.031)


def test_what_is_known_never_gets_worse_with_time():
    rng = np.random.default_rng(3)
    refinements = [
        Refinement('x', bool(rng.uniform() < 0.6), 0.0, float(rng.uniform(1, 9)), 4, 0.005 * k)
        for k in range(1, 20)
    ]
    costs = [run_of(b, *refinements).answer().cost for b in np.arange(0.0, 0.1, 0.003)]
    assert (np.array(costs[1:]) <= np.array(costs[:-1])).all()


def test_singles_refine_one_start_and_multi_start_all(clockwork, problem):
    runs = {s.name: s.run(problem) for s in cold_strategies(clockwork, 0.0)}
    counts = {name: len(run.refinements) for name, run in runs.items()}
    assert counts == {STRAIGHT_LINE: 1, 'zero_control': 1, 'bundle_best': 1, MULTI_START: 21}
    assert all(run.exhausted and np.isnan(run.inference) for run in runs.values())
    # the straight line is among the starts of the multi-start, which can only be better
    single, multi = runs[STRAIGHT_LINE].answer(), runs[MULTI_START].answer()
    assert multi.feasible >= single.feasible
    assert multi.cost <= single.cost
    assert multi.iterations > single.iterations


def test_guided_starts_are_all_refined_and_beat_the_straight_line(clockwork, problem):
    straight = cold_strategies(clockwork, 0.0)[0].run(problem).answer()
    for strategy in guided_strategies(clockwork):
        run = strategy.run(problem)
        assert {r.source for r in run.refinements} == {'guided'}
        assert len(run.refinements) == FAST.count
        assert run.exhausted
        assert run.answer().feasible
        assert run.answer().cost <= straight.cost * (1 + 1e-6)


def test_two_sources_that_share_give_half_of_the_starts_each_by_turns(clockwork, problem):
    run = Shared(clockwork, 'both', Guided(), Bundle()).run(problem)
    assert [r.source for r in run.refinements] == [MULTI_START, 'guided'] * SHARED
    assert 0.0 < run.inference < run.refinements[0].at


def test_the_multi_start_looks_at_all_but_the_first_and_counts_that(clockwork, problem):
    solver, bound = clockwork.solver, clockwork.solver.bind(problem)
    starts = judge(
        solver, bound, [*StraightLine().propose(problem), *ColdBundle().propose(problem)]
    )
    run = MultiStart(clockwork, 0.0).run(problem)
    first, *others = run.refinements
    directly = solver.solve(bound, starts[0].proposal.trajectory)
    assert (first.cost, first.iterations) == (directly.score.cost, directly.iterations)
    # all the looks, one iteration each, are taken before the second verdict
    assert others[0].iterations > len(others)
    assert all(each.iterations <= solver.settings.iteration_limit for each in others[1:])


def test_the_multi_start_goes_on_with_what_one_iteration_has_made_best(clockwork, problem):
    solver, bound = clockwork.solver, clockwork.solver.bind(problem)
    starts = judge(
        solver, bound, [*StraightLine().propose(problem), *ColdBundle().propose(problem)]
    )
    looked = [
        solver.solve(bound, start.proposal.trajectory, iteration_limit=1) for start in starts[1:]
    ]
    best = min(looked, key=lambda result: result.score.merit)
    run = MultiStart(clockwork, 0.0).run(problem)
    assert run.refinements[1].cost == solver.solve(bound, best.trajectory).score.cost


def test_a_straight_line_that_is_nearly_right_is_refined_before_all_else(clockwork):
    problem = next(
        problem
        for problem in (random_problem('easy', seed) for seed in range(50_000, 50_020))
        if clockwork.begin(problem, np.inf)
        .judge(StraightLine().propose(problem))[0]
        .score.violation
        <= SLIGHT
    )
    run = MultiStart(clockwork, 0.0).run(problem)
    sources = [refinement.source for refinement in run.refinements]
    assert sources[0] == STRAIGHT_LINE
    assert sources.count(STRAIGHT_LINE) == 1
    assert len(sources) == 21


def test_verdicts_come_in_order_and_within_the_run(clockwork, problem):
    run = cold_strategies(clockwork, 0.0)[-1].run(problem)
    times = [r.at for r in run.refinements]
    assert times == sorted(times)
    assert 0.0 < times[0]
    assert times[-1] <= run.seconds


def test_a_budget_stops_the_refinement(clockwork, problem):
    multi = cold_strategies(clockwork, 0.0)[-1]
    stopped = multi.run(problem, 0.02)
    assert not stopped.exhausted
    assert len(stopped.refinements) < 21
    nothing = multi.run(problem, 1e-6)
    assert not nothing.exhausted
    assert not nothing.answer().feasible


def test_the_time_of_inference_is_in_the_total(clockwork, problem):
    run = Learned(clockwork, Bundle()).run(problem)
    assert 0.0 < run.inference < run.refinements[0].at
    assert len(run.refinements) == 20


def test_candidates_of_which_no_return_is_predicted_are_refined_by_their_merit(clockwork, problem):
    solver = clockwork.solver
    bound = solver.bind(problem)
    run = Learned(clockwork, Bundle(), 'bundle').run(problem)
    best, *_ = judge(solver, bound, ColdBundle().propose(problem))
    refined = solver.solve(bound, best.proposal.trajectory)
    assert run.refinements[0].cost == refined.score.cost
    assert run.refinements[0].iterations == refined.iterations


def test_the_pooled_start_refines_everything_once_without_a_budget(clockwork, problem):
    run = Pooled(clockwork, RandomSource(4), 0.0, 0.0).run(problem)
    sources = sorted(r.source for r in run.refinements)
    assert sources == sorted([STRAIGHT_LINE, *[NOISE] * 4, *[MULTI_START] * 20])
    assert run.exhausted


@pytest.mark.parametrize('seed', [50_000, 50_001, 50_002])
def test_noise_in_the_learned_place_is_never_worse_than_no_learning(clockwork, seed):
    problem = random_problem('hard', seed)
    noisy = Pooled(clockwork, RandomSource(16), 0.0, 0.0).run(problem).answer()
    plain = cold_strategies(clockwork, 0.0)[-1].run(problem).answer()
    assert noisy.feasible >= plain.feasible
    assert noisy.cost <= plain.cost * (1 + 1e-9)


@pytest.mark.parametrize('seed', [50_000, 50_001, 50_002])
def test_noise_has_no_claim_to_be_refined_before_any_other_start(clockwork, seed):
    problem = random_problem('hard', seed)
    sources = [
        r.source for r in Pooled(clockwork, RandomSource(4), 0.0, 0.0).run(problem).refinements
    ]
    assert sources[-4:] == [NOISE] * 4
    assert NOISE not in sources[:-4]
    assert STRAIGHT_LINE in sources[:-4]


@pytest.mark.parametrize(('share', 'refined'), [(1.0, 3), (0.5, 1), (np.nan, 1)])
def test_a_source_goes_on_only_as_long_as_it_keeps_its_promises(
    clockwork, problem, share, refined
):
    pursuit = clockwork.begin(problem, np.inf)
    solver, bound = clockwork.solver, clockwork.solver.bind(problem)
    promising = [
        replace(
            candidate,
            proposal=replace(
                candidate.proposal,
                predicted_return=-share
                * solver.solve(bound, candidate.proposal.trajectory).score.cost,
            ),
        )
        for candidate in pursuit.judge(ColdBundle().propose(problem))[:3]
    ]
    pursuit.refine_while_kept(promising)
    run = pursuit.run()
    assert all(r.feasible for r in run.refinements)
    assert len(run.refinements) == refined


def test_inference_is_skipped_where_the_budget_is_too_short_for_it(clockwork, problem):
    run = Pooled(clockwork, RandomSource(4), inference=1.0, bundle=0.0).run(problem, 0.5)
    assert np.isnan(run.inference)
    assert not run.exhausted  # a larger budget would have asked
    assert NOISE not in {r.source for r in run.refinements}


@pytest.mark.parametrize('seed', [50_000, 50_001, 50_002])
def test_the_straight_line_is_refined_where_there_is_no_time_for_better_starts(clockwork, seed):
    problem = random_problem('hard', seed)
    pressed = Pooled(clockwork, RandomSource(4), inference=1.0, bundle=1.0).run(problem, 0.5)
    assert pressed.refinements[0].source == STRAIGHT_LINE
    calm = Pooled(clockwork, RandomSource(4), inference=1.0, bundle=0.0).run(problem, 0.5)
    assert calm.refinements[0].source != STRAIGHT_LINE


def test_noise_is_drivable_and_the_same_for_the_same_problem(problem):
    numbers = transcribe(problem, ScpSolver(load_vehicle(), Horizon()).margins)
    first, again = (RandomSource(3).propose_for(problem, numbers) for _ in '12')
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.trajectory.states, other.trajectory.states)
        states, _ = roll_out(
            problem.initial_state, one.trajectory.controls, problem.horizon.dt, problem.vehicle
        )
        np.testing.assert_allclose(states, one.trajectory.states)
        assert verify(problem, one.trajectory).dynamics < 0.05
    assert not np.array_equal(first[0].trajectory.states, first[1].trajectory.states)
