# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Selection by merit: whoever proposes, the one function decides."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon, Proposal, Trajectory
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.selection import ranked_by_merit
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
    merits = [candidate.score.merit for candidate in ranked_by_merit(solver, bound, proposals)]
    assert len(merits) == len(proposals)
    assert merits == sorted(merits)


def test_candidates_are_what_the_car_would_do(solver, bound, problem, proposals):
    for candidate in ranked_by_merit(solver, bound, proposals):
        verdict = verify(problem, candidate.proposal.trajectory)
        assert verdict.dynamics < 1e-2
        assert verdict.limits < 1e-6
        assert candidate.score == solver.score(bound, candidate.proposal.trajectory)


def test_the_order_of_proposals_does_not_matter(solver, bound, proposals):
    there = [c.score.merit for c in ranked_by_merit(solver, bound, proposals)]
    back = [c.score.merit for c in ranked_by_merit(solver, bound, proposals[::-1])]
    assert there == back


def test_of_equals_the_first_stays_first(solver, bound, proposals):
    twins = [replace(proposals[0], source=name) for name in ('one', 'two', 'three')]
    names = [candidate.proposal.source for candidate in ranked_by_merit(solver, bound, twins)]
    assert names == ['one', 'two', 'three']


def test_a_way_round_is_better_than_a_way_through(solver, bound, problem, proposals):
    best = ranked_by_merit(solver, bound, proposals)[0]
    straight = ranked_by_merit(solver, bound, StraightLine().propose(problem))[0]
    assert best.score.merit < straight.score.merit
    assert straight.score.violation > 1.0


@pytest.mark.parametrize('steps', [0, 1, 59, 61])
def test_proposals_on_another_grid_are_left_out(solver, bound, problem, steps):
    other = on(problem, np.zeros((steps + 1, 5)), np.zeros((steps, 2)))
    assert ranked_by_merit(solver, bound, [other]) == []


def test_proposals_with_another_step_are_left_out(solver, bound, problem):
    assert (
        ranked_by_merit(solver, bound, [on(problem, np.zeros((61, 5)), np.zeros((60, 2)), 0.2)])
        == []
    )


@pytest.mark.parametrize('size', [1e3, 1e9, 1e160, 1e300])
def test_absurd_proposals_end_last_or_out_and_disturb_nobody(
    solver, bound, problem, proposals, size
):
    rng = np.random.default_rng(0)
    with np.errstate(all='ignore'):
        absurd = on(problem, size * rng.normal(0, 1, (61, 5)), size * rng.normal(0, 1, (60, 2)))
        judged = ranked_by_merit(solver, bound, [absurd, *proposals])
    assert [c.score.merit for c in judged if c.proposal.source != 'other'] == [
        c.score.merit for c in ranked_by_merit(solver, bound, proposals)
    ]
    assert all(np.isfinite(c.score.merit) for c in judged)
    assert judged[0].proposal.source != 'other'


def test_without_proposals_there_are_no_candidates(solver, bound):
    assert ranked_by_merit(solver, bound, []) == []
