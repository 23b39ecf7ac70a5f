# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Plans moved on: many at once as one by one, compiled as in numpy."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.compiled_problem import library
from warmstart_planner.problem import Horizon, Proposal, Trajectory
from warmstart_planner.proposals.shifted import by_numpy, shift, shift_all
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR = load_vehicle()
TOLERANCE = 1e-9  # [m, rad, m/s]
WINDING = road_from_segments(
    [(40.0, 0.0, 0.02), (60.0, 0.02, -0.03), (90.0, -0.03, 0.0)], 3.5, 3.5, 14.0
)


@pytest.fixture(scope='module', autouse=True)
def compiled():
    library.generate()
    library.load.cache_clear()


@pytest.fixture
def plans(make_problem):
    """Return four plans from one start, with controls that change at every step."""
    problem = make_problem((*WINDING.poses(20.0, 0.4), 9.0, 0.02), WINDING)
    rng = np.random.default_rng(1)
    driven = []
    for _ in range(4):
        wanted = rng.normal(0, 1, (60, 2)) * [1.0, 0.05]
        driven.append(Trajectory(0.0, 0.1, *roll_out(problem.initial_state, wanted, 0.1, CAR)))
    return driven


@pytest.mark.parametrize('horizon', [Horizon(), Horizon(0.2, 25), Horizon(0.05, 90)])
@pytest.mark.parametrize('stamp', [-0.3, 0.0, 0.1, 0.25, 3.0, 5.9, 6.0, 30.0])
def test_compiled_and_numpy_agree(make_problem, plans, stamp, horizon):
    last = plans[0].states[min(max(int(10 * stamp), 0), 60)]
    problem = make_problem(last, WINDING, stamp=stamp, horizon=horizon)
    states = np.stack([plan.states for plan in plans])
    controls = np.stack([plan.controls for plan in plans])
    wanted = by_numpy(replace(problem), plans[0], states, controls)
    for plan, *moved in zip(plans, *wanted, strict=True):
        found = shift(problem, plan)
        np.testing.assert_allclose(found.states, moved[0], 0, TOLERANCE)
        np.testing.assert_array_equal(found.controls, moved[1])


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
def test_compiled_and_numpy_agree_where_a_road_comes_by_again(make_problem, loops, name):
    road = loops[name]
    for share in (0.1, 0.5, 0.9):
        station = share * road.end
        ahead = road.poses(station + 0.6 * np.arange(61), 0.3)
        states = np.concatenate([ahead, np.full((61, 1), 6.0), np.zeros((61, 1))], axis=1)
        plan = Trajectory(0.0, 0.1, states, np.zeros((60, 2)))
        problem = make_problem(states[4], road, stamp=0.4, station=station)
        (wanted,), _ = by_numpy(replace(problem), plan, states[None], plan.controls[None])
        np.testing.assert_allclose(shift(problem, plan).states, wanted, 0, TOLERANCE)


def test_all_are_moved_as_each_alone_and_keep_what_their_source_says(make_problem, plans):
    problem = make_problem(plans[0].states[1], WINDING, stamp=0.1)
    proposals = [Proposal('a', plan, f'{i}', -i, 0.1 * i) for i, plan in enumerate(plans)]
    moved = shift_all(problem, proposals)
    assert [each.model_id for each in moved] == ['0', '1', '2', '3']
    for given, found in zip(proposals, moved, strict=True):
        alone = shift(problem, given.trajectory)
        np.testing.assert_array_equal(found.trajectory.states, alone.states)
        np.testing.assert_array_equal(found.trajectory.controls, alone.controls)
        assert found == replace(given, trajectory=found.trajectory)


def test_those_of_the_problem_s_time_stay_as_they_are(make_problem, plans):
    problem = make_problem(plans[0].states[0], WINDING)
    proposals = [Proposal('a', plan) for plan in plans]
    assert all(a is b for a, b in zip(shift_all(problem, proposals), proposals, strict=True))


def test_what_cannot_be_moved_is_left_out_alone(make_problem, plans):
    problem = make_problem(plans[0].states[30], WINDING, stamp=3.0)
    states = plans[1].states.copy()
    states[-1, 3] = 1e308  # two seconds of it are beyond all numbers
    absurd = Trajectory(0.0, 0.1, states, plans[1].controls)
    given = [
        Proposal('a', plan, name) for plan, name in zip((*plans, absurd), 'abcde', strict=True)
    ]
    given = [given[0], given[4], *given[1:4]]
    assert [each.model_id for each in shift_all(problem, given)] == ['a', 'b', 'c', 'd']


def test_where_nothing_is_compiled_numpy_moves_plans(make_problem, plans, monkeypatch, tmp_path):
    monkeypatch.setenv('WARMSTART_PLANNER_SOLVERS', str(tmp_path))
    library.load.cache_clear()
    problem = make_problem(plans[0].states[1], WINDING, stamp=0.1)
    (wanted,), _ = by_numpy(problem, plans[0], plans[0].states[None], plans[0].controls[None])
    np.testing.assert_array_equal(shift(problem, plans[0]).states, wanted)
    library.load.cache_clear()
