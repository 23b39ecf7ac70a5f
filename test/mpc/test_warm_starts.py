# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Starts and the choice between them."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.mpc.parameters import StageParameters, nearest_obstacles
from warmstart_planner.mpc.solver import TrackingSolver
from warmstart_planner.mpc.warm_starts import (
    ReferenceStart,
    ShiftedStart,
    TrackingProblem,
    WarmStart,
    best,
    merit,
    rolled_out,
)
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Frame
from warmstart_planner.vehicle import YAW

ROAD = road_from_segments([(500.0, 0.0, 0.0)], 4.0, 4.0, 30.0)


@pytest.fixture
def problem(settings, vehicle):
    """Return a car half a metre beside a straight reference, with a parked car ahead."""
    times = 0.1 * np.arange(settings.steps + 1)
    states = np.zeros((len(times), 5))
    states[:, 0], states[:, 3] = 20.0 + 10.0 * times, 10.0
    controls = np.zeros((len(times), 2))
    initial = np.array([20.0, 0.5, 0.0, 10.0, 0.0])
    frame = Frame(*initial[:3])
    parked = box('parked', np.array([36.0, -2.0, 0.0]), 4.0, 1.8)
    near = nearest_obstacles([parked], 0.0, 1.0, states, vehicle, settings.obstacles)
    packed = StageParameters(settings, vehicle).pack(states, controls, frame, ROAD, near, 1.0)
    return TrackingProblem(5.0, 0.1, initial, states, controls[:-1], frame, packed)


def solved(problem, settings, vehicle):
    start = ReferenceStart().propose(problem)[0]
    solution = TrackingSolver(settings, vehicle).solve(
        problem.frame.localise(problem.initial_state),
        problem.parameters,
        problem.frame.localise(start.states),
        start.controls,
        iterations_max=50,
        tolerance=1e-6,
        time_limit=9.0,
    )
    assert solution.status == 'solved'
    return rolled_out('solved', solution.controls, problem, vehicle)


def test_the_merit_is_what_the_solver_minimises(problem, settings, vehicle):
    solution = solved(problem, settings, vehicle)
    least = merit(solution, problem, settings, vehicle)
    rng = np.random.default_rng(0)
    for _ in range(30):
        other = solution.controls + rng.normal(0.0, [0.05, 0.005], solution.controls.shape)
        start = rolled_out('other', other, problem, vehicle)
        assert merit(start, problem, settings, vehicle) > least


def test_the_best_start_is_taken_and_a_spoiled_one_never(problem, settings, vehicle):
    solution = solved(problem, settings, vehicle)
    nothing = replace(solution, source='nothing', controls=np.zeros_like(solution.controls))
    spoiled = replace(solution, source='spoiled', controls=np.full((settings.steps, 2), np.nan))
    with np.errstate(all='ignore'):
        for order in ([spoiled, nothing, solution], [solution, nothing, spoiled]):
            assert best(order, problem, settings, vehicle).source == 'solved'


def test_one_start_is_taken_unjudged(problem, settings, vehicle):
    start = ReferenceStart().propose(problem)[0]
    assert best([start], problem, settings, vehicle) is start


def test_a_start_that_is_rolled_out_obeys_the_cars_limits(problem, vehicle):
    start = rolled_out('wild', np.full((20, 2), 50.0), problem, vehicle)
    assert (start.controls <= vehicle.control_upper).all()
    np.testing.assert_array_equal(start.states[0], problem.initial_state)


def test_the_shifted_start_is_the_previous_solution_later(problem, vehicle):
    source = ShiftedStart(vehicle.wheelbase)
    assert source.propose(problem) == ()
    states = problem.reference_states
    source.remember(Trajectory(problem.stamp - 0.05, 0.1, states, problem.reference_controls))
    (start,) = source.propose(problem)
    np.testing.assert_allclose(start.states[:, 0], states[:, 0] + 0.5, atol=1e-9)
    source.forget()
    assert source.propose(problem) == ()


def test_a_yaw_that_jumped_by_a_turn_does_not_turn_the_shifted_start(problem, vehicle):
    source = ShiftedStart(vehicle.wheelbase)
    turned = problem.reference_states + np.array([0.0, 0.0, 2 * np.pi, 0.0, 0.0])
    source.remember(Trajectory(problem.stamp, 0.1, turned, problem.reference_controls))
    (start,) = source.propose(problem)
    np.testing.assert_allclose(start.states[:, YAW], 0.0, atol=1e-9)


def test_a_solution_that_is_over_is_no_start(problem, vehicle):
    source = ShiftedStart(vehicle.wheelbase)
    over = Trajectory(0.0, 0.1, problem.reference_states, problem.reference_controls)
    source.remember(over)
    assert source.propose(problem) == ()


def test_a_start_from_outside_is_used_when_it_is_better(settings, vehicle):
    from warmstart_planner.mpc import Controller

    class Oracle:
        def propose(self, problem):
            solution = solved(problem, settings, vehicle)
            return (WarmStart('oracle', solution.states, solution.controls),)

    times = 0.1 * np.arange(61)
    states = np.zeros((61, 5))
    states[:, 0], states[:, 3] = 20.0 + 10.0 * times, 10.0
    plan = Trajectory(0.0, 0.1, states, np.zeros((60, 2)))
    controller = Controller(settings, vehicle, starts=(Oracle(),))
    first = controller.step(0.0, np.array([20.0, 0.5, 0.0, 10.0, 0.0]), 0.0, plan, ROAD, (), 1.0)
    # the car was thrown aside: the shifted solution is worse than the oracle's
    thrown = np.array([20.5, -1.5, 0.2, 10.0, 0.0])
    second = controller.step(0.05, thrown, 0.05, plan, ROAD, (), 1.0)
    assert (first.start_source, second.start_source) == ('oracle', 'oracle')
