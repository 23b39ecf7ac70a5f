# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Answers: what a model can learn from, and what it has to be able to tell apart."""

from dataclasses import replace

import numpy as np
import pytest

from training.dataset.collection import APART, BEST, GUESS, ITERATE, NOISY, OTHER, OTHERS, RELAXED
from training.dataset.situations import Situation
from warmstart_planner.obstacles import box
from warmstart_planner.verification import verify


def answers_of(sample, *kinds):
    return [answer for answer in sample.answers if answer.kind in kinds]


def test_the_best_comes_first_is_feasible_and_no_other_way_is_cheaper(samples):
    for sample in samples:
        best = sample.answers[0]
        assert best.kind == BEST
        assert best.feasible
        assert all(o.cost_to_go[0] >= best.cost_to_go[0] for o in answers_of(sample, OTHER))


def test_other_ways_are_feasible_and_apart_from_each_other(samples):
    assert any(answers_of(sample, OTHER) for sample in samples)
    for sample in samples:
        ways = answers_of(sample, BEST, OTHER)
        assert len(ways) <= 1 + OTHERS
        assert all(way.feasible for way in ways)
        for i, one in enumerate(ways):
            for other in ways[:i]:
                gap = one.trajectory.states[:, :2] - other.trajectory.states[:, :2]
                assert np.hypot(*gap.T).max() > APART


def test_leaving_out_an_obstacle_is_cheaper_on_average(samples):
    pairs = [
        (answer.cost_to_go[0], sample.answers[0].cost_to_go[0])
        for sample in samples
        for answer in answers_of(sample, RELAXED)
    ]
    assert pairs
    assert np.mean([relaxed / best for relaxed, best in pairs]) < 1.0


def test_answers_violate_the_constraints_to_different_degrees(samples):
    for kind in (NOISY, GUESS, ITERATE):
        assert all(answers_of(sample, kind) for sample in samples)
    feasible = [answer.feasible for sample in samples for answer in sample.answers]
    assert any(feasible)
    assert not all(feasible)


def test_constraint_to_go_is_the_verifiers_for_the_whole_problem(samples):
    for sample in samples:
        for answer in sample.answers:
            verdict = verify(sample.situation.problem, answer.trajectory)
            assert answer.feasible == verdict.feasible
            to_go = pytest.approx(verdict.constraint_to_go, abs=1e-9)
            assert answer.constraint_to_go == to_go
            assert answer.feasible == (answer.constraint_to_go[0] == 0.0)


def test_every_answer_starts_at_the_problems_state(samples):
    for sample in samples:
        for answer in sample.answers:
            start = sample.situation.problem.initial_state
            assert answer.trajectory.states[0] == pytest.approx(start, abs=1e-6)


def test_the_straight_line_is_not_better_than_the_best(samples):
    assert all(sample.straight_line >= 0.0 for sample in samples)


def test_the_same_problem_has_the_same_answers(collector, samples):
    again = collector.collect(samples[0].situation)
    for one, other in zip(samples[0].answers, again.answers, strict=True):
        assert one.kind == other.kind
        assert (one.trajectory.states == other.trajectory.states).all()


def test_a_problem_without_a_solution_has_a_reason_and_no_answers(collector, walled_in):
    sample = collector.collect(walled_in)
    assert sample.answers == ()
    assert sample.straight_line == np.inf
    assert 'led to a verified solution' in sample.reason


@pytest.fixture
def walled_in(make_problem):
    """Build a wall across the road, nearer than the car can stop."""
    wall = box('wall', np.array([[32.0, 0.0, 0.0]]), 2.0, 10.0)
    problem = make_problem(start=(20.0, 0.0, 0.0, 14.0, 0.0), obstacles=(wall,))
    return Situation(0, 0, 'base', 'hard', 'wall', 0, problem)


def test_further_problems_are_solved_from_fewer_starts(collector, samples, monkeypatch):
    counts = []
    solve_all = collector._solver.solve_all

    def counted(bounds, starts, *arguments, **options):
        counts.append(len(starts))
        return solve_all(bounds, starts, *arguments, **options)

    monkeypatch.setattr(collector._solver, 'solve_all', counted)
    first = samples[0]
    collector.collect(first.situation)
    alone = max(counts)
    counts.clear()
    collector.collect(replace(first.situation, variant=1), first.ways)
    assert 1 < max(counts) < alone
