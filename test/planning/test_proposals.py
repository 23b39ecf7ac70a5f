# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever is proposed, by whom and when, no plan is worse for it."""

import time
from dataclasses import replace

import numpy as np
import pytest
from random_problems import random_problem

from warmstart_planner.obstacles import box
from warmstart_planner.planning import Planner
from warmstart_planner.problem import (
    Horizon,
    PlanningProblem,
    Proposal,
    Rung,
    StationGoal,
    Trajectory,
)
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.scenarios import load_scenario
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR = load_vehicle()
IN_TIME = 20.0  # a deadline that no machine misses [s]
PARKED = box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8)


def noise(problem, seed, size, stamp=None):
    """Return what a network that learned nothing may propose."""
    rng = np.random.default_rng(seed)
    steps = problem.horizon.steps
    states = problem.initial_state + size * rng.normal(0, 1, (steps + 1, 5))
    controls = size * rng.normal(0, 1, (steps, 2))
    when = problem.stamp if stamp is None else stamp
    return Proposal('noise', Trajectory(when, problem.horizon.dt, states, controls))


def learning_problems(make_problem):
    overtaking = load_scenario('overtaking_oncoming')
    return [
        make_problem(obstacles=(PARKED,)),
        make_problem(obstacles=(PARKED, box('other', np.array([65.0, -1.2, 0]), 4.5, 1.8))),
        make_problem(goal=StationGoal(60.0, 3.0)),
        overtaking.problem_at(0.0, overtaking.initial_state),
    ]


@pytest.mark.parametrize('index', range(4))
@pytest.mark.parametrize('size', [0.1, 3.0, 1e6])
def test_noise_in_place_of_learned_proposals_makes_no_plan_worse(
    planner, make_problem, index, size
):
    problem: PlanningProblem = learning_problems(make_problem)[index]
    without = planner.plan(problem, deadline=IN_TIME)
    for seed in range(2):
        planner.reset()
        stamps = (problem.stamp, problem.stamp - 0.2)
        learned = [noise(problem, 10 * seed + i, size, stamp) for i, stamp in enumerate(stamps)]
        result = planner.plan(problem, learned, deadline=IN_TIME)
        assert result.feasible
        assert result.cost <= 1.02 * without.cost + 0.01


@pytest.mark.parametrize(
    ('steps', 'dt', 'stamp'),
    [(59, 0.1, 0.0), (60, 0.2, 0.0), (0, 0.1, 0.0), (0, 0.1, -0.1), (60, 0.1, 50.0)],
)
def test_learned_proposals_on_other_grids_disturb_nothing(planner, make_problem, steps, dt, stamp):
    problem = make_problem(obstacles=(PARKED,))
    without = planner.plan(problem, deadline=IN_TIME)
    planner.reset()
    odd = Trajectory(stamp, dt, np.ones((steps + 1, 5)), np.ones((steps, 2)))
    result = planner.plan(problem, [Proposal('odd', odd)], deadline=IN_TIME)
    np.testing.assert_array_equal(result.trajectory.states, without.trajectory.states)


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
@pytest.mark.parametrize('size', [1e12, 1e160, 1e200])
@pytest.mark.parametrize('stamp', [0.0, -0.1])
def test_absurd_learned_proposals_disturb_nothing(planner, make_problem, size, stamp):
    problem = make_problem(obstacles=(PARKED,))
    without = planner.plan(problem, deadline=IN_TIME)
    planner.reset()
    result = planner.plan(problem, [noise(problem, 0, size, stamp)], deadline=IN_TIME)
    np.testing.assert_array_equal(result.trajectory.states, without.trajectory.states)


def test_a_good_learned_proposal_is_refined_beside_the_others_in_fewer_iterations(
    planner, make_problem
):
    problem = make_problem(obstacles=(PARKED,))
    without = planner.plan(problem, deadline=IN_TIME)
    planner.reset()
    learned = [Proposal('decision_transformer', without.trajectory, model_id='v1')]
    result = planner.plan(problem, learned, deadline=IN_TIME)
    iterations = {entry.proposal.source: entry.result.iterations for entry in planner.last_refined}
    assert iterations['decision_transformer'] < without.iterations
    # a refinement ends where a step gains less than a hundredth
    assert result.cost <= 1.01 * without.cost


def test_a_learned_proposal_for_a_moment_ago_is_moved_on(planner, make_problem, later):
    problem = make_problem(obstacles=(PARKED,))
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    planner.reset()
    learned = [Proposal('decision_transformer', plan)]
    result = planner.plan(later(problem, plan, 1), learned, deadline=IN_TIME)
    moved = next(
        e.proposal for e in planner.last_refined if e.proposal.source == learned[0].source
    )
    assert moved.trajectory.stamp == result.trajectory.stamp == pytest.approx(0.1)
    np.testing.assert_allclose(moved.trajectory.states[:60], plan.states[1:], atol=1e-3)


def swerving(problem, seed, about=None):
    """
    Return what a network that learned little may propose: a smooth way, wherever it leads.

    Some promise a cost that nothing on the road has.
    """
    rng = np.random.default_rng(seed)
    phases = np.outer(problem.horizon.times[:-1], [0.5, 1.0, 2.0])
    swerve = np.sin(phases + rng.uniform(0, 6, 3)) @ rng.normal(0, 1, (3, 2)) * [1.0, 0.05]
    controls = swerve if about is None else about.controls + 0.1 * swerve
    states, controls = roll_out(problem.initial_state, controls, problem.horizon.dt, CAR)
    trajectory = Trajectory(problem.stamp, problem.horizon.dt, states, controls)
    return Proposal(
        'noise',
        trajectory,
        predicted_return=rng.choice([0.0, np.nan]),
        uncertainty=rng.choice([0.5, 2.0, np.nan]),
    )


@pytest.fixture(scope='module')
def judge_plan(planner_solvers):
    """Return the merit of a plan for a problem; infinite where it is no new plan."""
    solver = ScpSolver(CAR, Horizon())

    def merit(problem, result):
        if result.rung is not Rung.OPTIMISED:
            return np.inf
        return solver.score(solver.bind(problem), result.trajectory).merit

    return merit


def refined_sources(planner):
    return [entry.proposal.source for entry in planner.last_refined]


@pytest.mark.slow
@pytest.mark.parametrize('known', [False, True], ids=['first plan', 'plan in use'])
def test_with_noise_for_learning_no_random_problem_is_planned_worse(patient, judge_plan, known):
    taken = 0
    for seed in range(8):
        problem = random_problem(('medium', 'hard')[seed % 2], seed)
        patient.reset()
        about = patient.plan(problem, deadline=IN_TIME).trajectory
        noise = [swerving(problem, 100 * seed + i, about if i % 2 else None) for i in range(8)]
        merits, rungs = [], []
        for learned in ([], noise):
            patient.reset()
            if known:
                patient.plan(problem, deadline=IN_TIME)
            result = patient.plan(problem, learned, deadline=IN_TIME)
            merits.append(judge_plan(problem, result))
            rungs.append(result.rung.value)
            taken += refined_sources(patient).count('noise')
        assert merits[1] <= merits[0] * (1 + 1e-9), seed
        assert rungs[1] <= rungs[0], seed
    assert taken >= 4, 'the noise was hardly ever refined: nothing was tested'


def test_all_that_is_proposed_is_refined(planner, make_problem):
    problem = make_problem()
    planner.plan(problem, deadline=IN_TIME)
    alone = refined_sources(planner)
    planner.reset()
    learned = [replace(swerving(problem, seed), source=f'way {seed}') for seed in range(20)]
    planner.plan(problem, learned, deadline=IN_TIME)
    assert sorted(refined_sources(planner)) == sorted([*alone, *(each.source for each in learned)])


def test_what_own_proposals_lead_to_does_not_depend_on_the_learned(patient, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    patient.plan(problem, deadline=IN_TIME)
    alone = [entry.result.score for entry in patient.last_refined]
    patient.reset()
    patient.plan(problem, [swerving(problem, seed) for seed in range(9)], deadline=IN_TIME)
    beside = [e.result.score for e in patient.last_refined if e.proposal.source != 'noise']
    assert beside == alone


def test_the_car_brakes_along_a_way_of_its_own(planner, make_problem, narrowed):
    """Without any plan, the least violating candidate is a path to brake along: an own one."""
    problem = narrowed(make_problem())
    alone = planner.plan(problem, deadline=IN_TIME)
    planner.reset()
    learned = [swerving(problem, seed) for seed in range(8)]
    beside = planner.plan(problem, learned, deadline=IN_TIME)
    assert alone.rung is beside.rung is Rung.BRAKING
    np.testing.assert_array_equal(beside.trajectory.states, alone.trajectory.states)


def test_a_proposal_from_outside_is_not_the_plan_in_use_by_its_name(planner, make_problem, later):
    """The plan in use has a bonus: a way that costs a little less does not replace it."""
    problem = make_problem(obstacles=(PARKED,))
    good = planner.plan(problem, deadline=IN_TIME).trajectory
    following = later(problem, good, 1)
    alone = planner.plan(following, deadline=IN_TIME)
    planner.reset()
    planner.plan(problem, deadline=IN_TIME)
    pretenders = [replace(swerving(following, seed), source='shifted') for seed in range(6)]
    beside = planner.plan(following, pretenders, deadline=IN_TIME)
    np.testing.assert_array_equal(beside.trajectory.states, alone.trajectory.states)


class Waiting(ZeroControl):
    """A source that takes its time."""

    def __init__(self, name, seconds):
        self.name = name
        self.seconds = seconds

    def propose(self, problem, previous=None):
        time.sleep(self.seconds)
        return [replace(each, source=self.name) for each in super().propose(problem)]


def test_where_no_source_is_in_time_the_quickest_is_asked(planner_solvers, make_problem):
    sources = [Waiting('slow', 0.06), Waiting('quick', 0.02)]
    planner = Planner(CAR, sources=sources)
    problem = make_problem()
    planner.plan(problem, deadline=IN_TIME)
    assert sorted(refined_sources(planner)) == ['quick', 'slow']
    planner.reset()
    planner.plan(problem, deadline=0.01)
    assert refined_sources(planner) == ['quick']
