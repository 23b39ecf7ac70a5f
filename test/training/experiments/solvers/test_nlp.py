# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The programme of the general solvers is the problem that SCP solves."""

from dataclasses import replace

import numpy as np
import pytest
from random_problems import random_problem

from training.experiments.solvers.nlp import CAPACITIES, Formulation, Programme, make_task
from warmstart_planner.objective import CostWeights
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon, RegionGoal
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR, HORIZON = load_vehicle(), Horizon()


@pytest.fixture(scope='module')
def programmes():
    return {c: Programme(Formulation(CAR, CostWeights(), HORIZON, c)) for c in CAPACITIES[:3]}


@pytest.fixture(scope='module')
def functions(programmes):
    return {
        capacity: {function.name(): function for function in programme.functions()}
        for capacity, programme in programmes.items()
    }


def random_trajectory(problem, guess, seed):
    rng = np.random.default_rng(seed)
    times = np.linspace(0.0, 3.0, HORIZON.steps)
    amplitude, phase = rng.normal(size=(2, 2)) * [[2.0, 0.05], [3.0, 3.0]]
    controls = amplitude * np.sin(times[:, None] + phase)
    states, controls = roll_out(problem.initial_state, controls, HORIZON.dt, CAR)
    return replace(guess, states=states, controls=controls)


def values(function, *inputs):
    return np.asarray(function(*inputs)).ravel()


@pytest.mark.parametrize('tier', ['easy', 'medium'])
@pytest.mark.parametrize('seed', range(6))
def test_cost_with_slacks_at_the_violations_is_the_merit_of_scp(
    tier, seed, programmes, functions, judge, straight_line
):
    problem = random_problem(tier, seed)
    bound, guess = judge.bind(problem), straight_line(problem)
    driven = random_trajectory(problem, guess, seed)
    task = make_task(bound, guess, driven)
    programme, function = programmes[task.capacity()], functions[task.capacity()]
    parameters = programme.parameters(task)
    bare = programme.pack(task.states, task.controls)
    slacks = programme.slacks(values(function['nlp_g'], bare, parameters))
    full = programme.pack(task.states, task.controls, slacks)
    score = judge.score(bound, driven)

    assert values(function['nlp_f'], bare, parameters)[0] == pytest.approx(score.cost, rel=1e-9)
    assert values(function['nlp_f'], full, parameters)[0] == pytest.approx(score.merit, rel=1e-6)
    assert slacks.max() == pytest.approx(score.violation, abs=1e-9)
    # the trajectory is driven by the model and every row is met with its slack
    constraints = values(function['nlp_g'], full, parameters)
    assert constraints.min() > -1e-9


def test_derivatives_are_those_of_the_functions(programmes, functions, task_of):
    task = task_of(random_problem('medium', 1))
    programme, function = programmes[task.capacity()], functions[task.capacity()]
    arguments = programme.arguments(task)
    rng = np.random.default_rng(0)
    here = arguments['x0'] + 0.01 * rng.normal(size=len(arguments['x0']))
    way, p, h = rng.normal(size=len(here)), arguments['p'], 1e-6

    def along(name):
        ahead, behind = (values(function[name], here + sign * h * way, p) for sign in (1, -1))
        return (ahead - behind) / (2 * h)

    gradient = values(function['nlp_grad_f'], here, p)
    jacobian = function['nlp_jac_g'](here, p)[1].sparse()
    assert gradient @ way == pytest.approx(along('nlp_f')[0], rel=1e-5)
    np.testing.assert_allclose(jacobian @ way, along('nlp_g'), rtol=1e-4, atol=1e-3)

    multipliers = rng.normal(size=jacobian.shape[0])
    slope, hessian = function['nlp_hess_l'](here, p, 0.7, multipliers)
    expected = 0.7 * gradient + jacobian.T @ multipliers
    np.testing.assert_allclose(np.asarray(slope).ravel(), expected, rtol=1e-9, atol=1e-9)
    dense = np.asarray(hessian.full())
    np.testing.assert_allclose(dense, dense.T, rtol=1e-12, atol=1e-12)
    assert np.linalg.eigvalsh(dense).min() > -1e-9  # Gauss-Newton's is positive semidefinite


def test_unpack_reverses_pack(programmes):
    rng = np.random.default_rng(0)
    programme = programmes[CAPACITIES[0]]
    states = rng.normal(size=(HORIZON.steps + 1, 5))
    controls = rng.normal(size=(HORIZON.steps, 2))
    back = programme.unpack(programme.pack(states, controls), states[0])
    np.testing.assert_array_equal(back[0], states)
    np.testing.assert_array_equal(back[1], controls)


def test_room_for_more_obstacles_changes_nothing(programmes, functions, task_of):
    task = task_of(random_problem('easy', 3))
    costs = [
        values(
            functions[c]['nlp_f'],
            programmes[c].pack(task.states, task.controls),
            programmes[c].parameters(task),
        )[0]
        for c in CAPACITIES[:3]
    ]
    assert costs == pytest.approx([costs[0]] * 3, rel=1e-12)
    rows = values(
        functions[7]['nlp_g'],
        programmes[7].pack(task.states, task.controls),
        programmes[7].parameters(task),
    )
    assert np.isfinite(rows).all()


def test_only_obstacles_that_cannot_be_reached_are_left_out(make_problem, task_of):
    near = box('near', np.array([[60.0, 1.0, 0.0]]), 4.0, 2.0)
    far = box('far', np.array([[290.0, 1.0, 0.0]]), 4.0, 2.0)
    comes = np.array([[290.0 - 4.0 * k, 1.0, np.pi] for k in range(HORIZON.steps + 1)])
    oncoming = box('oncoming', comes, 4.0, 2.0)
    task = task_of(make_problem(obstacles=(near, far, oncoming)))
    kept = task.obstacles[:, 0, 0] + 20.0
    assert sorted(kept) == pytest.approx([60.0, 290.0])
    assert task.capacity() == CAPACITIES[0]


def test_a_goal_with_a_time_is_refused(make_problem, task_of):
    with pytest.raises(
        ValueError, match='problem.goal is RegionGoal.*expected one without a time'
    ):
        task_of(make_problem(goal=RegionGoal(60.0, 70.0, 2.0, 4.0)))
