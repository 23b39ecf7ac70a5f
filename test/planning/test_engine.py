# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The engine: every start is refined on its own account, and the cheapest verified one wins."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.obstacles import box
from warmstart_planner.planning.engine import Engine, cheapest, in_turn, merit, on_grid
from warmstart_planner.planning.settings import PlannerSettings
from warmstart_planner.problem import Horizon, Proposal, SolverStatus, Trajectory
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
FOR_EVER = float('inf')


@pytest.fixture(scope='module')
def engines(planner_solvers):
    """Make engines that wait for every start, with one thread and with three."""
    settings = PlannerSettings(straggler_share=0.0)
    return [Engine(CAR, Horizon(), replace(settings, threads=count)) for count in (1, 3)]


@pytest.fixture
def prepared(engines, make_problem):
    parked = box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8)
    return engines[0].prepare(make_problem(obstacles=(parked,)))


@pytest.fixture
def starts(prepared):
    return ColdBundle().propose(prepared.problem)


def refined(engine, prepared, starts, end=FOR_EVER):
    return engine.refine(prepared, starts, end, [0.0] * len(starts))


def test_each_start_is_refined_and_comes_back_in_its_place(engines, prepared, starts):
    found = refined(engines[0], prepared, starts)
    assert [entry.proposal for entry in found] == list(starts)
    assert all(entry.result.iterations > 0 for entry in found)


def test_where_a_start_leads_does_not_depend_on_the_others_nor_on_threads(
    engines, prepared, starts
):
    together = refined(engines[0], prepared, starts)
    for place in (0, 7, len(starts) - 1):
        for engine in engines:
            alone = refined(engine, prepared, [starts[place]])[0].result
            states = together[place].result.trajectory.states
            np.testing.assert_array_equal(alone.trajectory.states, states)
    threads = refined(engines[1], prepared, starts)
    assert [e.result.score for e in threads] == [e.result.score for e in together]


def test_the_verdict_is_the_verifier_s(engines, prepared, starts):
    for entry in refined(engines[0], prepared, starts[:4]):
        verdict = verify(prepared.problem, entry.result.trajectory)
        assert entry.verdict.feasible == verdict.feasible
        assert entry.verdict.violation == pytest.approx(verdict.violation, abs=1e-6)


def test_when_time_is_over_everything_is_handed_back_at_once(engines, prepared, starts):
    found = refined(engines[0], prepared, starts, end=time.perf_counter() - 1.0)
    assert {entry.result.status for entry in found} == {SolverStatus.DEADLINE}
    assert all(entry.result.iterations == 0 for entry in found)


@pytest.mark.parametrize('threads', [1, 2])
@pytest.mark.parametrize('share', [0.0, 0.1, 0.5])
def test_at_most_a_share_of_the_starts_is_not_waited_for(prepared, starts, threads, share):
    settings = PlannerSettings(threads=threads, straggler_share=share)
    found = refined(Engine(CAR, Horizon(), settings), prepared, starts)
    statuses = [entry.result.status for entry in found]
    assert statuses.count(SolverStatus.STOPPED) <= share * len(starts)
    assert any(entry.result.within_tolerance for entry in found)


def test_where_nothing_is_found_every_start_is_waited_for(planner_solvers, make_problem):
    wall = box('wall', np.array([30.0, 0.0, 0.0]), 1.0, 9.0)
    problem = make_problem(start=(25.0, 0.0, 0.0, 14.0, 0.0), obstacles=(wall,))
    engine = Engine(CAR, Horizon(), PlannerSettings(straggler_share=1.0))
    found = refined(engine, engine.prepare(problem), ColdBundle().propose(problem))
    assert not any(entry.result.within_tolerance for entry in found)
    assert SolverStatus.STOPPED not in {entry.result.status for entry in found}


def test_a_start_alone_is_always_waited_for(prepared, starts):
    engine = Engine(CAR, Horizon(), PlannerSettings(straggler_share=0.9))
    assert refined(engine, prepared, starts[:1])[0].result.status is not SolverStatus.STOPPED


def test_nothing_is_refined_where_nothing_is_proposed(engines, prepared):
    assert refined(engines[0], prepared, []) == refined(engines[1], prepared, []) == []


# --- the choice ---


def test_the_cheapest_good_one_is_chosen_and_verdicts_are_made_no_further(
    engines, prepared, starts
):
    found = sorted(refined(engines[0], prepared, starts), key=merit)
    seen = []

    def third(verdict):
        seen.append(verdict)
        return len(seen) == 3

    assert cheapest(found, merit, [third], FOR_EVER) is found[2]
    assert len(seen) == 3


def test_a_later_criterion_counts_only_where_none_meets_the_first(engines, prepared, starts):
    found = refined(engines[0], prepared, starts)
    best = min(found, key=merit)

    def always(verdict):
        return True

    def never(verdict):
        return False

    assert cheapest(found, merit, [never, always], FOR_EVER) is best
    dear = max(found, key=merit).verdict
    chosen = cheapest(found, merit, [lambda verdict: verdict is dear, always], FOR_EVER)
    assert chosen.verdict is dear
    assert cheapest(found, merit, [never], FOR_EVER) is None
    assert cheapest([], merit, [always], FOR_EVER) is None


def test_late_verdicts_are_not_made_but_for_the_cheapest(engines, prepared, starts):
    found = refined(engines[0], prepared, starts)
    over = time.perf_counter() - 1.0
    assert cheapest(found, merit, [lambda verdict: True], over) is min(found, key=merit)
    best = min(found, key=merit).verdict
    assert cheapest(found, merit, [lambda verdict: verdict is not best], over) is None


@pytest.mark.parametrize('status', [SolverStatus.DEADLINE, SolverStatus.STOPPED])
def test_what_was_stopped_beyond_the_constraints_comes_last(engines, prepared, starts, status):
    found = refined(engines[0], prepared, starts)
    best = min(found, key=merit)
    stopped = replace(best.result, status=status, within_tolerance=False)
    cut = replace(best, result=replace(stopped, score=stopped.score._replace(merit=0.0)))
    order = []

    def never(verdict):
        order.append(verdict)
        return False

    cheapest([cut, *found], merit, [never], FOR_EVER)
    assert order[-1] is cut.verdict
    assert order[0] is best.verdict


# --- what is refined ---


def test_proposals_of_another_grid_are_left_out(prepared, starts):
    first = starts[0].trajectory
    short = Trajectory(first.stamp, first.dt, first.states[:-1], first.controls[:-1])
    slow = replace(first, dt=0.2)
    given = [starts[0], Proposal('short', short), Proposal('slow', slow), starts[1]]
    assert on_grid(prepared.problem, given) == [starts[0], starts[1]]


@given(st.lists(st.lists(st.integers(), max_size=6), max_size=5))
def test_sequences_take_turns(sequences):
    mixed = in_turn(sequences)
    assert sorted(mixed) == sorted(item for each in sequences for item in each)
    assert mixed[: sum(map(bool, sequences))] == [each[0] for each in sequences if each]
    if len(sequences) == 1:
        assert mixed == sequences[0]
