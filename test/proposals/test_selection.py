# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Selection by merit: whoever proposes, the one function decides."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon, Proposal, Trajectory
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.selection import (
    CHEAPEST,
    SUREST,
    in_turn,
    judge,
    ranked,
    refinement_order,
)
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

PARKED = box('parked', np.array([50.0, 0.4, 0.0]), 4.5, 1.8)


@pytest.fixture(scope='module')
def solver(scp_folder):
    return ScpSolver(load_vehicle(), Horizon())


@pytest.fixture(scope='module')
def problem(make_problem):
    return make_problem(obstacles=(PARKED,))


@pytest.fixture(scope='module')
def bound(solver, problem):
    return solver.bind(problem)


@pytest.fixture(scope='module')
def proposals(problem):
    sources = (ZeroControl(), StraightLine(), ColdBundle())
    return [proposal for source in sources for proposal in source.propose(problem)]


def on(problem, states, controls, dt=0.1):
    return Proposal('other', Trajectory(problem.stamp, dt, states, controls))


def test_the_best_comes_first(solver, bound, proposals):
    merits = [candidate.score.merit for candidate in judge(solver, bound, proposals)]
    assert len(merits) == len(proposals)
    assert merits == sorted(merits)


def test_candidates_are_what_the_car_would_do(solver, bound, problem, proposals):
    for candidate in judge(solver, bound, proposals):
        verdict = verify(problem, candidate.proposal.trajectory)
        assert verdict.dynamics < 1e-2
        assert verdict.limits < 1e-6
        assert candidate.score == solver.score(bound, candidate.proposal.trajectory)


def test_the_order_of_proposals_does_not_matter(solver, bound, proposals):
    there = [c.score.merit for c in judge(solver, bound, proposals)]
    back = [c.score.merit for c in judge(solver, bound, proposals[::-1])]
    assert there == back


def test_of_equals_the_first_stays_first(solver, bound, proposals):
    twins = [replace(proposals[0], source=name) for name in ('one', 'two', 'three')]
    names = [candidate.proposal.source for candidate in judge(solver, bound, twins)]
    assert names == ['one', 'two', 'three']


def test_a_way_round_is_better_than_a_way_through(solver, bound, problem, proposals):
    best = judge(solver, bound, proposals)[0]
    straight = judge(solver, bound, StraightLine().propose(problem))[0]
    assert best.score.merit < straight.score.merit
    assert straight.score.violation > 1.0


@pytest.mark.parametrize('steps', [0, 1, 59, 61])
def test_proposals_on_another_grid_are_left_out(solver, bound, problem, steps):
    other = on(problem, np.zeros((steps + 1, 5)), np.zeros((steps, 2)))
    assert judge(solver, bound, [other]) == []


def test_proposals_with_another_step_are_left_out(solver, bound, problem):
    assert judge(solver, bound, [on(problem, np.zeros((61, 5)), np.zeros((60, 2)), 0.2)]) == []


@pytest.mark.parametrize('size', [1e3, 1e9, 1e160, 1e300])
def test_absurd_proposals_end_last_or_out_and_disturb_nobody(
    solver, bound, problem, proposals, size
):
    rng = np.random.default_rng(0)
    with np.errstate(all='ignore'):
        absurd = on(problem, size * rng.normal(0, 1, (61, 5)), size * rng.normal(0, 1, (60, 2)))
        judged = judge(solver, bound, [absurd, *proposals])
    assert [c.score.merit for c in judged if c.proposal.source != 'other'] == [
        c.score.merit for c in judge(solver, bound, proposals)
    ]
    assert all(np.isfinite(c.score.merit) for c in judged)
    assert judged[0].proposal.source != 'other'


def test_without_proposals_there_are_no_candidates(solver, bound):
    assert judge(solver, bound, []) == []


@pytest.mark.parametrize('uncertainty', [0.5, 2.0])
def test_in_turn_is_the_order_of_ranked(solver, bound, proposals, uncertainty):
    rng = np.random.default_rng(1)
    # as the car drives them, so that judging leaves them where they are
    proposals = [candidate.proposal for candidate in judge(solver, bound, proposals)]
    told = [
        replace(p, predicted_return=float(r), uncertainty=float(rng.choice([0.5, uncertainty])))
        for p, r in zip(proposals, -rng.uniform(1, 9, len(proposals)), strict=True)
    ]
    for given in (told, proposals, [*told[:3], *proposals[3:]]):
        expected = ranked(judge(solver, bound, given))
        found = list(in_turn(solver, bound, given))
        assert [c.score for c in found] == [c.score for c in expected]


def test_the_surest_and_the_cheapest_take_turns():
    cost, failure = [10.0, 12.0, 9.0, 40.0], [0.05, 0.0, 0.5, 0.0]
    assert refinement_order(cost, failure) == [1, 0, 3, 2]
    assert refinement_order(cost, [0.0] * 4) == [2, 0, 1, 3]  # nothing fails: the cheap ones
    assert refinement_order([10.0] * 4, failure) == [1, 3, 0, 2]  # equally cheap: the sure ones
    assert refinement_order([], []) == []


@over(
    st.lists(
        st.tuples(st.floats(0.1, 1e4), st.floats(0.0, 1.0)), min_size=2, max_size=16, unique=True
    )
)
def test_an_order_holds_each_way_once_and_the_best_by_both_prices_are_among_the_first_two(ways):
    cost, failure = np.array(ways).T
    order = refinement_order(cost, failure)
    assert sorted(order) == list(range(len(ways)))
    for price in (SUREST, CHEAPEST):
        priced = cost * np.exp(price * failure)
        assert priced[order[:2]].min() == priced.min()


def test_what_likely_fails_does_not_come_first_however_cheap_it_is(solver, bound, proposals):
    base = judge(solver, bound, [proposals[0]])[0]
    told = [
        replace(
            moved(proposals[0], across), predicted_return=-cost, failure_probability=probability
        )
        for across, cost, probability in ((0.0, 5.0, 0.6), (4.0, 8.0, 0.01), (-4.0, 9.0, 0.02))
    ]
    found = ranked(replace(base, proposal=way) for way in told)
    assert [-candidate.proposal.predicted_return for candidate in found] == [8.0, 5.0, 9.0]


def test_in_turn_judges_nobody_before_the_turn(bound, proposals):
    told = [replace(p, predicted_return=-1.0) for p in proposals]
    rolled_out = []

    class Watched(ScpSolver):
        def roll_out_all(self, bound, guesses):
            rolled_out.extend(guesses)
            return super().roll_out_all(bound, guesses)

    turns = in_turn(Watched(load_vehicle(), Horizon()), bound, told)
    next(turns)
    next(turns)
    assert len(rolled_out) == 2


def moved(proposal, across):
    states = np.array(proposal.trajectory.states)
    states[1:, 1] += across * np.linspace(0.0, 1.0, len(states) - 1)
    return replace(proposal, trajectory=replace(proposal.trajectory, states=states))


def test_ways_that_differ_come_before_near_ones_of_more_promise(solver, bound, proposals):
    base = proposals[0]
    ways = [moved(base, across) for across in (0.0, 0.5, 3.0, -3.0, 3.4)]
    told = [replace(way, predicted_return=-float(i)) for i, way in enumerate(ways)]
    candidates = [replace(judge(solver, bound, [base])[0], proposal=way) for way in told]
    costs = [-candidate.proposal.predicted_return for candidate in ranked(candidates)]
    assert costs == [0.0, 2.0, 3.0, 1.0, 4.0]


def test_a_near_way_of_a_familiar_problem_is_before_all_of_unfamiliar_ones(
    solver, bound, proposals
):
    base = judge(solver, bound, [proposals[0]])[0]
    ways = [moved(proposals[0], across) for across in (0.0, 0.2, 5.0)]
    told = [
        replace(way, predicted_return=-1.0, uncertainty=uncertainty)
        for way, uncertainty in zip(ways, (0.5, 0.5, 2.0), strict=True)
    ]
    found = ranked(replace(base, proposal=way) for way in told)
    assert [candidate.proposal.uncertainty for candidate in found] == [0.5, 0.5, 2.0]
