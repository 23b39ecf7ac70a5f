# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Starts against the clock: what counts, what it costs, and what noise may not do."""

import time
from dataclasses import replace

import numpy as np
import pytest
from random_problems import random_problem

from training.experiments.warmstart.sequential import SLIGHT, Sequential, TimeReserve
from training.experiments.warmstart.strategies import (
    BUNDLE_BEST,
    BUNDLES,
    COLD_LANES,
    COLD_MANY,
    GUIDED_FAST,
    GUIDED_WIDE,
    LEARNED,
    MIX,
    NOISE,
    STRAIGHT_LINE,
    ZERO_CONTROL,
    Noise,
    PlannerStart,
    many_bundles,
    radical_inverse,
    sources_of,
)
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.guided import FAST
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle, roll_out
from warmstart_planner.verification import verify

BUDGETS = (0.01, 0.05, 0.25, np.inf)
PROBLEMS = [('medium', 50_003), ('hard', 50_000), ('hard', 50_002), ('hard', 50_006)]
COUNTS = {
    STRAIGHT_LINE: 1,
    ZERO_CONTROL: 1,
    BUNDLE_BEST: 1,
    COLD_LANES: 21,
    COLD_MANY: 1 + 20 * BUNDLES,
    GUIDED_FAST: FAST.count,
    GUIDED_WIDE: FAST.count,
    NOISE: FAST.count + 16,
}


class Slow:
    """A source that is asked for what another one proposes, and takes its time."""

    name = LEARNED

    def __init__(self, source, seconds):
        self._source, self._seconds = source, seconds

    def propose(self, problem, previous=None):
        time.sleep(self._seconds)
        proposals = self._source.propose(problem)
        return [replace(each, inference_time=self._seconds) for each in proposals]


@pytest.fixture(scope='module')
def solver(scp_folder, guided_folder):
    return ScpSolver(load_vehicle(), Horizon())


@pytest.fixture(scope='module', params=PROBLEMS, ids=str)
def bound(solver, request):
    return solver.bind(random_problem(*request.param))


@pytest.fixture(scope='module')
def one(solver):
    return solver.bind(random_problem(*PROBLEMS[0]))


@pytest.fixture(scope='module')
def start_of(solver):
    """Return a planner's start by name."""
    planned = sources_of(solver, {}, Noise())
    return lambda name, slowness=1.0: PlannerStart(name, planned[name], solver, slowness)


@pytest.fixture(scope='module')
def sequential(solver):
    return Sequential(solver, TimeReserve(verdict=0.002, bundle=0.0), slowness=1.0)


# --- starts of the planner ---


@pytest.mark.parametrize('name', COUNTS)
def test_every_start_refines_all_its_candidates(start_of, one, name):
    run = start_of(name).run(one, np.inf)
    assert run.candidates == COUNTS[name]
    assert run.iterations >= run.candidates
    assert (run.late, run.cut) == (False, False)


@pytest.mark.parametrize('name', COUNTS)
def test_every_start_says_where_its_time_went(start_of, one, name):
    """Between its parts nothing is left but what other programs take now and then."""
    start = start_of(name)

    def reported() -> float:
        run = start.run(one, np.inf)
        spent = run.spent
        parts = [spent.posing, *spent.proposing.values(), spent.refinement, spent.verification]
        assert min(parts) > 0.0
        assert sum(parts) <= run.seconds
        return sum(parts) / run.seconds

    assert any(reported() > 0.9 for _ in range(100))


@pytest.mark.parametrize('name', [COLD_LANES, GUIDED_FAST])
def test_what_is_found_to_the_end_is_the_same_each_time(start_of, bound, name):
    start = start_of(name)
    first, again = (start.run(bound, np.inf) for _ in '12')
    assert (first.cost, first.iterations) == (again.cost, again.iterations)


@pytest.mark.parametrize('name', [COLD_LANES, GUIDED_FAST])
def test_more_time_makes_no_plan_dearer(start_of, bound, name):
    """Plans that are cut short may be a little cheaper at the expense of margins."""
    start = start_of(name)
    *costs, whole = (start.run(bound, budget).cost for budget in BUDGETS)
    assert whole <= min(costs) * 1.01


@pytest.mark.parametrize('name', [STRAIGHT_LINE, COLD_MANY, GUIDED_FAST])
def test_a_plan_that_comes_late_is_none(start_of, one, name):
    run = start_of(name).run(one, 1e-5)
    assert run.late
    assert not run.feasible
    assert np.isinf(run.cost)
    assert run.seconds > 1e-5


def test_budgets_are_longer_on_a_slower_machine(start_of, one):
    assert start_of(STRAIGHT_LINE, 1.0).run(one, 1e-5).late
    assert not start_of(STRAIGHT_LINE, 1e6).run(one, 1e-5).late


def test_a_budget_leaves_time_for_the_verdict(start_of, one):
    start = start_of(COLD_MANY)
    start.settle([one.problem])
    half = start.run(one, np.inf).seconds / 2
    runs = [start.run(one, half) for _ in range(10)]
    assert all(run.cut for run in runs)
    assert sum(run.late for run in runs) <= 4


def test_the_plan_in_use_is_forgotten_from_problem_to_problem(start_of, solver, one):
    start = start_of(STRAIGHT_LINE)
    other = solver.bind(replace(one.problem, stamp=one.problem.stamp + 0.1))
    assert start.run(one, np.inf).candidates == start.run(other, np.inf).candidates == 1


def test_the_best_of_the_bundle_is_the_one_of_least_merit(start_of, solver, bound):
    best = ranked_by_merit(solver, bound, ColdBundle().propose(bound.problem))[
        0
    ].proposal.trajectory
    (refined,) = solver.solve_all(bound, [best])
    run = start_of(BUNDLE_BEST).run(bound, np.inf)
    assert run.iterations == refined.iterations
    if run.feasible:
        assert run.cost == pytest.approx(refined.score.cost, rel=1e-6)


def test_more_sources_are_never_worse(start_of, bound):
    straight, lanes, many = (
        start_of(name).run(bound, np.inf) for name in (STRAIGHT_LINE, COLD_LANES, COLD_MANY)
    )
    assert lanes.feasible >= straight.feasible
    assert lanes.cost <= straight.cost * 1.01
    assert many.feasible >= straight.feasible
    assert many.cost <= straight.cost * 1.01


def test_a_source_that_the_budget_has_no_time_for_is_not_asked(solver, one):
    sources = sources_of(solver, {LEARNED: Slow(ColdBundle(), 0.2)}, Noise())
    start = PlannerStart(MIX, sources[MIX], solver, slowness=1.0)
    start.run(one, 0.25)  # it gets to know it
    run = start.run(one, 0.25)
    assert run.candidates == FAST.count
    assert LEARNED not in run.spent.proposing
    assert run.feasible


def test_inference_counts(solver, one):
    sources = sources_of(solver, {LEARNED: Slow(ColdBundle(), 0.05)}, Noise())
    start = PlannerStart(LEARNED, sources[LEARNED], solver, slowness=1.0)
    run = start.run(one, np.inf)
    assert run.candidates == 20
    assert run.seconds > run.spent.proposing[LEARNED] > run.spent.inference == 0.05
    assert start.run(one, 0.04).late


# --- many cold starts ---


def test_bundles_differ_and_the_first_of_them_are_spread():
    bundles = list(many_bundles())
    assert len(bundles) == BUNDLES
    shares = [share for bundle in bundles for share in bundle.shares]
    assert len(set(shares)) == len(shares)
    assert len({bundle.approach for bundle in bundles}) == BUNDLES
    for count in range(1, BUNDLES + 1):
        placed = np.sort([-0.95, *shares[: 5 * count], 0.95])
        assert np.diff(placed).max() <= 1.9 / 2 ** np.floor(np.log2(5 * count + 1)) + 1e-9


def test_the_radical_inverse_mirrors_digits():
    assert [radical_inverse(i, 2) for i in range(5)] == [0.0, 0.5, 0.25, 0.75, 0.125]
    assert radical_inverse(5, 3) == pytest.approx(2 / 3 + 1 / 9)


# --- noise ---


def test_noise_is_drivable_and_the_same_for_the_same_problem(one):
    problem = one.problem
    first, again = (Noise(3).propose(problem) for _ in '12')
    for each, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(each.trajectory.states, other.trajectory.states)
        states, _ = roll_out(
            problem.initial_state, each.trajectory.controls, problem.horizon.dt, problem.vehicle
        )
        np.testing.assert_allclose(states, each.trajectory.states)
        assert verify(problem, each.trajectory).dynamics < 0.05
    assert not np.array_equal(first[0].trajectory.states, first[1].trajectory.states)


def test_noise_is_held_back_as_long_as_inference_would_take(one):
    noise = Noise(3, held_back=0.08)

    def seconds():
        begin = time.perf_counter()
        noise.propose(one.problem)
        return time.perf_counter() - begin

    found = [seconds() for _ in range(5)]
    assert 0.08 <= min(found) < 0.3  # a busy machine may take its time now and then


def test_drawing_noise_costs_nothing_once_it_was_drawn(solver, one):
    noise, other = Noise(16), solver.bind(random_problem(*PROBLEMS[1]))
    first = noise.propose(one.problem)
    begin = time.thread_time()
    assert noise.propose(one.problem) is first
    assert time.thread_time() - begin < 0.001
    drawn = noise.propose(other.problem)
    np.testing.assert_array_equal(drawn[0].trajectory.states[0], other.problem.initial_state)


def test_noise_makes_nothing_dearer(start_of, bound):
    noisy, plain = (start_of(name).run(bound, np.inf) for name in (NOISE, GUIDED_FAST))
    assert noisy.feasible >= plain.feasible
    assert noisy.cost <= plain.cost * 1.01


# --- the sequential multi-start ---


def in_order(solver, bound):
    """Return the costs of starts refined alone, in the sequential order, of feasible ones."""
    problem = bound.problem
    plain = ranked_by_merit(solver, bound, StraightLine().propose(problem))
    bundle = ranked_by_merit(solver, bound, ColdBundle().propose(problem))
    first = plain if plain[0].score.violation <= SLIGHT else []
    rest = sorted([*(() if first else plain), *bundle], key=lambda c: c.score.merit)
    looked = [solver.solve(bound, c.proposal.trajectory, iteration_limit=1) for c in rest[1:]]
    looked.sort(key=lambda result: result.score.merit)
    starts = [c.proposal.trajectory for c in (*first, rest[0])] + [r.trajectory for r in looked]
    results = [solver.solve(bound, start) for start in starts]
    return [r.score.cost for r in results if verify(problem, r.trajectory).feasible]


def test_sequential_refines_all_starts_and_finds_the_best_of_them(sequential, solver, bound):
    run = sequential.run(bound, np.inf)
    assert run.candidates == 21
    assert not run.cut
    assert run.cost == min(in_order(solver, bound))


def test_sequential_has_its_first_answer_from_the_start_that_is_first(sequential, solver, bound):
    """As soon as there is one, there is one: what has an answer within a budget keeps it."""
    costs = [sequential.run(bound, budget).cost for budget in (0.1, 0.4, np.inf)]
    assert np.isfinite(costs[1])
    assert costs[0] >= costs[1] >= costs[2]


def test_lanes_find_about_what_sequential_finds_and_are_done_before(sequential, start_of, bound):
    lanes, alone = start_of(COLD_LANES).run(bound, np.inf), sequential.run(bound, np.inf)
    assert lanes.feasible == alone.feasible
    assert lanes.cost <= 1.5 * alone.cost
    assert lanes.seconds < alone.seconds


def test_sequential_refines_the_straight_line_where_there_is_no_time_for_better(solver, one):
    pressed = Sequential(solver, TimeReserve(verdict=0.002, bundle=10.0), slowness=1.0)
    straight = ranked_by_merit(solver, one, StraightLine().propose(one.problem))[
        0
    ].proposal.trajectory
    alone = solver.solve(one, straight)
    run = pressed.run(one, 1.0)
    assert run.cut
    assert run.iterations > alone.iterations  # and then goes on
    assert sequential_sources(run) == {STRAIGHT_LINE, ColdBundle.name}


def sequential_sources(run):
    return set(run.spent.proposing)


def test_a_run_that_did_all_that_there_is_to_do_counts_for_larger_budgets_too(start_of, one):
    start = start_of(STRAIGHT_LINE)
    whole, ample, nothing = (start.run(one, budget) for budget in (np.inf, 10.0, 1e-5))
    assert ample.does_all_of(whole)
    assert not nothing.does_all_of(whole)
