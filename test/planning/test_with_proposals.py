# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Drives without ROS plan with the proposals that the nodes would have."""

import time
from dataclasses import replace

import pytest

from warmstart_planner.planning import Planner
from warmstart_planner.planning.with_proposals import FOR_EVER, PlannerWithProposals, planner_with
from warmstart_planner.problem import Rung
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
IN_TIME = 20.0


class Beside(StraightLine):
    """A source that takes some time, and knows what it was asked for."""

    name = 'beside'

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.stamps = []

    def propose(self, problem, previous=None):
        self.stamps.append(problem.stamp)
        time.sleep(self.seconds)
        return tuple(replace(p, source=self.name) for p in super().propose(problem))


@pytest.fixture(scope='module')
def planner(planner_solvers):
    return Planner(CAR)


def used(planner):
    """Return the stamps of the proposals from beside that the last cycle was given."""
    return [e.proposal.model_id for e in planner.last_refined if e.proposal.source == 'beside']


def cycles(beside, problem, count=3):
    """Plan some cycles of a car that follows its plan; return what each one used."""
    found = []
    for _ in range(count):
        result = beside.plan(problem, deadline=IN_TIME)
        assert result.rung is Rung.OPTIMISED
        found.append(len(used(beside.planner)))
        state = result.trajectory.states[1]
        problem = replace(problem, stamp=problem.stamp + 0.1, initial_state=state)
    return found


def test_the_first_cycle_waits_for_proposals_and_later_ones_have_those_of_before(
    planner, make_problem
):
    source = Beside()
    beside = PlannerWithProposals(planner, [source], wait=1.0)
    assert cycles(beside, make_problem()) == [1, 1, 1]
    assert source.stamps == pytest.approx([0.0, 0.1, 0.2])


def test_who_takes_longer_than_is_waited_is_there_from_the_second_cycle_on(planner, make_problem):
    beside = PlannerWithProposals(planner, [Beside(0.03)], wait=0.001)
    assert cycles(beside, make_problem()) == [0, 1, 1]


def test_who_takes_longer_than_a_period_is_never_there(planner, make_problem):
    beside = PlannerWithProposals(planner, [Beside(0.15)], wait=0.01)
    assert cycles(beside, make_problem()) == [0, 0, 0]


def test_without_a_limit_all_is_as_if_it_took_no_time(planner, make_problem):
    beside = PlannerWithProposals(planner, [Beside(0.15)], wait=FOR_EVER)
    assert cycles(beside, make_problem(), count=2) == [1, 1]


def test_after_a_reset_nothing_is_known(planner, make_problem):
    beside = PlannerWithProposals(planner, [Beside(0.03)], wait=0.001)
    cycles(beside, make_problem(), count=1)
    beside.reset()
    assert cycles(beside, make_problem(stamp=5.0)) == [0, 1, 1]


def test_the_packaged_stack_has_the_learned_source_for_its_car(planner_solvers, make_problem):
    beside = planner_with(None, CAR, FOR_EVER)
    beside.plan(make_problem(), deadline=FOR_EVER)
    sources = {entry.proposal.source for entry in beside.planner.last_refined}
    assert sources == {'guided', 'decision_transformer'}


def test_no_names_are_no_sources(planner_solvers, make_problem):
    beside = planner_with((), CAR, FOR_EVER)
    beside.plan(make_problem(), deadline=FOR_EVER)
    assert {entry.proposal.source for entry in beside.planner.last_refined} == {'guided'}
