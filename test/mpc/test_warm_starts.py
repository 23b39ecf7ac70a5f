# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Starts and the choice between them."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.mpc import Controller
from warmstart_planner.mpc.settings import StartChoice
from warmstart_planner.mpc.tracking import formulation
from warmstart_planner.mpc.tracking.parameters import StageParameters, nearest_obstacles
from warmstart_planner.mpc.tracking.solver import TrackingSolver
from warmstart_planner.mpc.warm_starts import (
    CANDIDATES,
    ReceivedStart,
    ReferenceStart,
    ShiftedStart,
    StartSelector,
    TrackingProblem,
    WarmStart,
)
from warmstart_planner.obstacles import Obstacle, box
from warmstart_planner.problem import Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Frame
from warmstart_planner.vehicle import YAW, roll_out

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
    packed = StageParameters(settings, vehicle).pack(states, controls, frame, ROAD, 0.0, near, 1.0)
    return TrackingProblem(5.0, 0.1, initial, states, controls[:-1], frame, packed)


@pytest.fixture
def selector(settings, vehicle):
    return StartSelector(settings, vehicle)


def solved(problem, settings, vehicle):
    start = ReferenceStart().propose(problem)[0]
    solution = TrackingSolver(settings, vehicle).solve(
        problem.frame.localise(problem.initial_state),
        problem.parameters,
        problem.frame.localise(start.states),
        start.controls,
        iterations_max=50,
        tolerance=1e-4,
        time_limit=9.0,
    )
    assert solution.status == 'solved'
    return WarmStart('solved', problem.frame.globalise(solution.states), solution.controls)


def test_the_merit_is_what_the_solver_minimises(problem, selector, settings, vehicle):
    solution = solved(problem, settings, vehicle)
    rng = np.random.default_rng(0)
    scatter = rng.normal(0.0, [0.05, 0.005], (30, *solution.controls.shape))
    others = [replace(solution, controls=solution.controls + each) for each in scatter]
    least, *more = selector.merits([solution, *others], problem)
    assert (np.array(more) > least).all()


def test_the_merit_is_the_formulations_after_the_cars_own_roll_out(
    problem, selector, settings, vehicle
):
    rng = np.random.default_rng(1)
    controls = rng.normal(0.0, [4.0, 0.3], (5, settings.steps, 2))
    starts = [WarmStart('any', problem.reference_states, each) for each in controls]
    for start, found in zip(starts, selector.merits(starts, problem), strict=True):
        here = problem.frame.localise(problem.initial_state)
        states, applied = roll_out(here, start.controls, problem.dt, vehicle)
        x, u, p = states.T, applied.T, problem.parameters.T
        path = formulation.stage_merit(x[:, :-1], u, p[:, :-1], vehicle, settings)
        end = formulation.end_merit(x[:, -1], p[:, -1], vehicle, settings)
        assert found == pytest.approx(problem.dt * path.sum() + end)


def test_the_best_start_is_taken_in_any_order(problem, selector, settings, vehicle):
    solution = solved(problem, settings, vehicle)
    nothing = replace(solution, source='nothing', controls=np.zeros_like(solution.controls))
    for order in ([nothing, solution], [solution, nothing]):
        assert selector.best(order, problem).source == 'solved'


def test_the_best_start_is_taken_as_the_car_can_drive_it(problem, selector, settings, vehicle):
    wild = WarmStart('wild', problem.reference_states, np.full((settings.steps, 2), 50.0))
    start = selector.best([wild, wild], problem)
    assert (start.controls <= vehicle.control_upper).all()
    states, _ = roll_out(problem.initial_state, wild.controls, problem.dt, vehicle)
    np.testing.assert_allclose(start.states, states, atol=1e-9)


def test_one_start_is_taken_unjudged(problem, selector):
    start = ReferenceStart().propose(problem)[0]
    assert selector.best([start], problem) is start


@pytest.mark.parametrize(
    ('choice', 'shifted', 'others', 'is_bad', 'candidates'),
    [
        ('shifted', 'a', 'b', True, 'a'),
        ('shifted', '', 'b', True, ''),
        ('policy', 'a', 'bc', False, 'bc'),
        ('policy', 'a', '', False, 'a'),
        ('best', 'a', 'bc', False, 'a'),
        ('best', 'a', 'bc', True, 'abc'),
        ('best', '', 'b', False, 'b'),
    ],
)
def test_the_choice_says_who_is_a_candidate(choice, shifted, others, is_bad, candidates):
    found = CANDIDATES[StartChoice(choice)](
        lambda: tuple(shifted), lambda: tuple(others), lambda starts: is_bad
    )
    assert ''.join(found) == candidates


def test_every_choice_has_its_candidates():
    assert set(CANDIDATES) == set(StartChoice)


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


def received(problem, vehicle, age, aside=0.0):
    """Return a source that was given where the reference came from some time ago."""
    source = ReceivedStart('policy', vehicle, age_max=0.3)
    states = problem.reference_states + np.array([-10.0 * age, aside, 2 * np.pi, 0.0, 0.0])
    source.receive([Trajectory(problem.stamp - age, 0.1, states, problem.reference_controls)])
    return source


@pytest.mark.parametrize('age', [-0.05, 0.0, 0.03, 0.15, 0.3])
def test_a_received_start_is_that_of_the_problems_own_time(problem, vehicle, age):
    (start,) = received(problem, vehicle, age).propose(problem)
    assert start.source == 'policy'
    np.testing.assert_allclose(start.states, problem.reference_states, atol=1e-9)


@pytest.mark.parametrize('age', [-1.0, 0.31, 5.0])
def test_a_received_start_that_is_stale_or_yet_to_come_is_dropped(problem, vehicle, age):
    assert received(problem, vehicle, age).propose(problem) == ()


@pytest.mark.parametrize(('aside', 'count'), [(0.9, 1), (2.4, 1), (2.6, 0), (-1.6, 0), (1e9, 0)])
def test_a_received_start_that_begins_elsewhere_is_dropped(problem, vehicle, aside, count):
    # the car is half a metre beside the reference
    assert len(received(problem, vehicle, 0.1, aside).propose(problem)) == count


@pytest.mark.parametrize(
    ('part', 'index', 'value', 'reason'),
    [
        ('controls', (3, 0), 1e3, r'start.controls is 1000.0 at \(3, 0\): expected a number in'),
        ('controls', (4, 1), -9.0, r'start.controls is -9.0 at \(4, 1\): expected a number in'),
        (
            'states',
            (7, 0),
            1e30,
            r'start.states is off by 1e\+30 at 7: expected what the car model',
        ),
        ('states', (20, 2), 0.1, r'start.states is off by 0.1 at 20'),
        ('states', (5, 3), -80.0, r'start.states is off by 90 at 5'),
    ],
)
def test_what_no_car_could_drive_is_refused_as_a_start(
    problem, vehicle, part, index, value, reason
):
    source = received(problem, vehicle, 0.0)
    given = {
        'states': problem.reference_states.copy(),
        'controls': problem.reference_controls.copy(),
    }
    given[part][index] = value
    with pytest.raises(ValueError, match=reason):
        source.receive([Trajectory(problem.stamp, 0.1, **given)])
    assert len(source.propose(problem)) == 1, 'the one from before is kept'


def test_a_roll_out_at_the_car_s_limits_is_a_start(problem, vehicle):
    hardest = np.tile(vehicle.control_lower, (20, 1))
    states, controls = roll_out(problem.initial_state, hardest, 0.1, vehicle)
    source = ReceivedStart('policy', vehicle, age_max=0.3)
    source.receive([Trajectory(problem.stamp, 0.1, states, controls)])
    assert len(source.propose(problem)) == 1


def test_received_starts_are_replaced_and_forgotten(problem, vehicle):
    source = received(problem, vehicle, 0.0)
    states = problem.reference_states
    source.receive([Trajectory(problem.stamp, 0.1, states, problem.reference_controls)] * 2)
    assert len(source.propose(problem)) == 2
    source.forget()
    assert source.propose(problem) == ()


class Fixed:
    """A source whose starts a test decides."""

    def __init__(self, make):
        self.propose = make

    def forget(self):
        pass


def straight_plan():
    times = 0.1 * np.arange(61)
    states = np.zeros((61, 5))
    states[:, 0], states[:, 3] = 20.0 + 10.0 * times, 10.0
    return Trajectory(0.0, 0.1, states, np.zeros((60, 2)))


@pytest.mark.parametrize(
    ('choice', 'sources'),
    [
        ('shifted', ('reference', 'shifted')),
        ('policy', ('oracle', 'oracle')),
        ('best', ('oracle', 'oracle')),
    ],
)
def test_a_start_from_outside_is_used_where_that_is_chosen(settings, vehicle, choice, sources):
    def oracle(problem):
        return (replace(solved(problem, settings, vehicle), source='oracle'),)

    chosen = replace(settings, warm_start=choice)
    controller = Controller(chosen, vehicle, starts=(Fixed(oracle),))
    plan = straight_plan()
    first = controller.step(0.0, np.array([20.0, 0.5, 0.0, 10.0, 0.0]), 0.0, plan, ROAD, (), 1.0)
    # the car was thrown aside: the shifted solution is worse than the oracle's
    thrown = np.array([20.5, -1.5, 0.2, 10.0, 0.0])
    second = controller.step(0.05, thrown, 0.05, plan, ROAD, (), 1.0)
    assert (first.start_source, second.start_source) == sources


def test_with_best_others_are_asked_only_where_the_shifted_solution_is_a_bad_start(
    settings, vehicle
):
    asked = []

    def oracle(problem):
        asked.append(problem.stamp)
        return (replace(solved(problem, settings, vehicle), source='oracle'),)

    best = replace(settings, warm_start='best')
    controller = Controller(best, vehicle, starts=(Fixed(oracle),))
    plan, state = straight_plan(), np.array([20.0, 0.3, 0.0, 10.0, 0.0])
    for count in range(6):
        output = controller.step(0.05 * count, state, 0.05 * count, plan, ROAD, (), 1.0)
        assert output.start_source == ('shifted' if count else 'oracle')
        state = state + [0.5, 0.0, 0.0, 0.0, 0.0]
    assert len(asked) == 1
    thrown = state + [0.0, 1.5, 0.2, 0.0, 0.0]
    assert controller.step(0.3, thrown, 0.3, plan, ROAD, (), 1.0).start_source == 'oracle'
    assert len(asked) == 2


@pytest.mark.parametrize('choice', ['policy', 'best'])
def test_a_start_that_is_not_finite_is_none(settings, vehicle, choice):
    def spoiled(problem):
        (start,) = ReferenceStart().propose(problem)
        return (WarmStart('spoiled', start.states, np.full_like(start.controls, np.nan)),)

    chosen = replace(settings, warm_start=choice)
    controller = Controller(chosen, vehicle, starts=(Fixed(spoiled),))
    car = np.array([20.0, 0.5, 0.0, 10.0, 0.0])
    output = controller.step(0.0, car, 0.0, straight_plan(), ROAD, (), 1.0)
    assert (output.start_source, output.status) == ('reference', 'solved')


def test_stages_see_a_shape_as_it_is_at_their_time(settings, vehicle):
    states = np.zeros((settings.steps + 1, 5))
    poses = np.tile([30.0, 0.0, 0.0], (5, 1))
    growing = Obstacle('set', poses, [1.0, 2.0, 3.0, 4.0, 5.0], 0.9)
    near = nearest_obstacles([growing], 0.5, 0.25, states, vehicle, settings.obstacles)
    packed = StageParameters(settings, vehicle).pack(
        states, states[:, :2], Frame(0.0, 0.0, 0.0), ROAD, 0.0, near, 1.0
    )
    seen = packed[:, formulation.ROAD.stop + 4]
    steps = np.minimum(0.5 + 0.25 * np.arange(settings.steps + 1), 4.0)
    np.testing.assert_allclose(seen, 1.0 + steps)
    assert (packed[:, formulation.ROAD.stop + 5] == 0.9).all()
