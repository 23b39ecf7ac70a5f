# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The planner: a verified plan or an honest rung below it, whatever is proposed."""

import time
from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import box
from warmstart_planner.planning import Planner, PlannerSettings, RelaxedLimits
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PlanningProblem,
    Proposal,
    Rung,
    StationGoal,
    StopBefore,
    Trajectory,
)
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.scenarios import load_scenario, packaged_scenarios
from warmstart_planner.scenarios.generator import random_problem
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import SPEED, load_vehicle, roll_out
from warmstart_planner.verification import verify

CAR = load_vehicle()
IN_TIME = 20.0  # a deadline that no machine misses [s]
PARKED = box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8)


def wall(station):
    """Return a wall across the whole road."""
    return box('wall', np.array([station, 0.0, 0.0]), 1.0, 9.0)


@pytest.fixture(scope='module')
def shared(planner_solvers):
    return Planner(CAR)


@pytest.fixture
def planner(shared):
    shared.reset()
    return shared


@pytest.fixture(scope='module')
def waiting(planner_solvers):
    """Make a planner that waits for every candidate, so that none depends on the others."""
    return Planner(CAR, settings=PlannerSettings(straggler_share=0.0))


@pytest.fixture
def patient(waiting):
    waiting.reset()
    return waiting


def narrowed(problem):
    """Make the road too narrow for the car, everywhere."""
    tight = np.full_like(problem.road.left_width, 0.5)
    return replace(problem, road=replace(problem.road, left_width=tight, right_width=tight))


def later(problem, plan, steps, **changes):
    """Return the problem of a car that has followed a plan for some steps."""
    state = plan.states[steps]
    return replace(problem, stamp=plan.times[steps], initial_state=state, **changes)


# --- plans ---


@pytest.mark.parametrize('name', packaged_scenarios())
def test_every_packaged_scenario_begins_with_a_feasible_plan(planner, name):
    scenario = load_scenario(name)
    problem = scenario.problem_at(0.0, scenario.initial_state)
    if problem.vehicle != CAR:
        pytest.skip(f'{name} is driven by {problem.vehicle.name}')
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.rung is Rung.OPTIMISED
    assert result.feasible
    assert result.violation == 0.0
    assert verify(problem, result.trajectory).feasible
    assert result.message == ''


def test_a_plan_tells_what_it_is(planner, make_problem):
    problem = make_problem(obstacles=(PARKED,), stamp=3.0)
    result = planner.plan(problem, deadline=IN_TIME)
    verdict = verify(problem, result.trajectory)
    assert result.problem_stamp == result.trajectory.stamp == 3.0
    assert result.clearance == pytest.approx(verdict.clearance)
    assert result.candidates == len(planner.last_refined)
    assert result.source in {entry.proposal.source for entry in planner.last_refined}
    assert result.iterations >= 1
    parts = result.proposal_time + result.solver_time
    assert 0.0 < parts <= result.total_time
    assert result.cost == min(
        entry.result.score.cost for entry in planner.last_refined if entry.verdict.feasible
    )


def test_the_same_cycle_gives_the_same_plan(planner, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    plans = []
    for _ in range(3):
        planner.reset()
        first = planner.plan(problem, deadline=IN_TIME)
        second = planner.plan(later(problem, first.trajectory, 1), deadline=IN_TIME)
        plans.append((first, second))
    for first, second in plans[1:]:
        np.testing.assert_array_equal(first.trajectory.states, plans[0][0].trajectory.states)
        np.testing.assert_array_equal(second.trajectory.states, plans[0][1].trajectory.states)
        assert (second.source, second.iterations) == (plans[0][1].source, plans[0][1].iterations)


def test_a_followed_plan_is_kept(planner, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME)
    second = planner.plan(later(problem, first.trajectory, 1), deadline=IN_TIME)
    assert second.source == 'shifted'
    gap = second.trajectory.states[:50, :2] - first.trajectory.states[1:51, :2]
    assert np.abs(gap).max() < 0.3


def test_after_a_reset_nothing_of_the_plan_before_is_left(planner, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME)
    planner.reset()
    assert planner.last_refined == ()
    planner.plan(later(problem, first.trajectory, 1), deadline=IN_TIME)
    assert 'shifted' not in {entry.proposal.source for entry in planner.last_refined}


def test_planned_again_and_again_the_car_stands_before_a_wall(planner, make_problem):
    problem = make_problem((20, 0, 0, 10, 0), obstacles=(wall(90.0),), goal=KeepSpeed(10.0))
    for _ in range(40):
        result = planner.plan(problem, deadline=IN_TIME)
        assert result.rung is Rung.OPTIMISED
        assert result.feasible
        problem = later(problem, result.trajectory, 5)
    bumper = problem.initial_state[0] + CAR.front_reach
    assert problem.initial_state[SPEED] < 0.3
    assert 80.0 < bumper < 89.5


@pytest.mark.parametrize('gap', [20.0, 25.0])
@pytest.mark.parametrize('known', [False, True], ids=['first plan', 'plan in use'])
def test_a_car_that_can_just_stop_before_a_sudden_wall_does(planner, make_problem, gap, known):
    """At 15 m/s, hard braking needs 14 m, comfortable braking 45 m."""
    problem = make_problem((18.5, 0, 0, 15, 0), goal=KeepSpeed(15.0), stamp=-0.1)
    if known:
        planner.plan(problem, deadline=IN_TIME)
    sudden = wall(20.0 + CAR.front_reach + gap + 0.5)
    problem = make_problem((20, 0, 0, 15, 0), obstacles=(sudden,), goal=KeepSpeed(15.0), stamp=0.0)
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.feasible
    assert result.rung is Rung.OPTIMISED


def test_without_any_time_there_is_still_a_verdict(planner, make_problem):
    problem = make_problem()
    result = planner.plan(problem, deadline=0.0)
    assert result.iterations == 0
    assert result.feasible == verify(problem, result.trajectory).feasible


def test_problems_for_another_car_or_horizon_are_refused(planner, make_problem):
    with pytest.raises(ValueError, match="problem.vehicle is 'commonroad_3'"):
        planner.plan(make_problem(vehicle=load_vehicle('commonroad_3')))
    with pytest.raises(ValueError, match='problem.horizon is'):
        planner.plan(make_problem(horizon=Horizon(0.1, 40)))


# --- the ladder ---


def test_where_the_new_problem_has_no_solution_the_previous_plan_goes_on(planner, make_problem):
    problem = make_problem()
    first = planner.plan(problem, deadline=IN_TIME)
    second = planner.plan(later(narrowed(problem), first.trajectory, 3), deadline=IN_TIME)
    assert second.rung is Rung.PREVIOUS
    assert second.trajectory.stamp == pytest.approx(0.3)
    np.testing.assert_allclose(second.trajectory.states, first.trajectory.states[3:], atol=1e-9)
    assert not second.feasible
    assert 'no feasible plan: road violated by' in second.message


def test_a_previous_plan_does_not_go_on_for_ever(planner, make_problem):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    tight = narrowed(problem)
    rungs = {
        steps: planner.plan(later(tight, plan, steps), deadline=IN_TIME).rung
        for steps in (5, 14, 16)
    }
    assert PlannerSettings().previous_age_max == 1.5
    assert rungs == {5: Rung.PREVIOUS, 14: Rung.PREVIOUS, 16: Rung.BRAKING}


def standing_at_the_end(problem, result):
    verdict = verify(problem, result.trajectory)
    states = result.trajectory.states
    assert result.rung is Rung.BRAKING
    assert states[-1, SPEED] == 0.0
    assert (np.diff(states[:, SPEED]) <= 1e-9).all()
    assert verdict.dynamics < 0.05
    assert verdict.limits < 1e-3
    assert result.feasible == verdict.feasible
    return verdict


def test_where_the_previous_plan_would_collide_the_car_brakes_along_it(planner, make_problem):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    blocked = later(problem, plan, 5, obstacles=(wall(29.6),))
    result = planner.plan(blocked, deadline=IN_TIME)
    standing_at_the_end(blocked, result)
    assert 'no feasible plan: collision violated by' in result.message


def test_braking_once_begun_goes_on(planner, make_problem):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    blocked = later(problem, plan, 5, obstacles=(wall(29.6),))
    first = planner.plan(blocked, deadline=IN_TIME).trajectory
    again = later(blocked, first, 2, obstacles=(wall(29.6),))
    result = planner.plan(again, deadline=IN_TIME)
    standing_at_the_end(again, result)
    np.testing.assert_allclose(result.trajectory.states, first.states[2:], atol=1e-9)


@pytest.fixture(scope='module')
def other(planner_solvers):
    """Return the planner that a change of settings brings."""
    return Planner(CAR, settings=replace(PlannerSettings(), keep_bonus=0.2))


def test_a_planner_that_takes_over_goes_on_with_the_plan_in_use(planner, other, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME)
    following = later(problem, first.trajectory, 1)
    noisy = replace(following, initial_state=following.initial_state + [0.3, 0.1, 0, 0.2, 0])
    other.reset()
    other.take_over(planner)
    result = other.plan(noisy, deadline=IN_TIME)
    assert result.source == 'shifted'
    np.testing.assert_allclose(
        result.trajectory.states[0], following.initial_state, atol=1e-9
    )  # from the plan, not from the noise


def test_a_planner_that_takes_over_has_the_previous_plan_to_fall_back_on(
    planner, other, make_problem
):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    other.reset()
    other.take_over(planner)
    assert other.plan(narrowed(later(problem, plan, 3)), deadline=IN_TIME).rung is Rung.PREVIOUS


def test_a_planner_that_takes_over_goes_on_braking(planner, other, make_problem):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    blocked = later(problem, plan, 5, obstacles=(wall(29.6),))
    first = planner.plan(blocked, deadline=IN_TIME).trajectory
    other.reset()
    other.take_over(planner)
    again = later(blocked, first, 2, obstacles=(wall(29.6),))
    result = other.plan(again, deadline=IN_TIME)
    assert result.rung is Rung.BRAKING
    np.testing.assert_allclose(result.trajectory.states, first.states[2:], atol=1e-9)


def test_without_a_previous_plan_the_car_brakes_along_the_best_there_is(planner, make_problem):
    problem = narrowed(make_problem())
    result = planner.plan(problem, deadline=IN_TIME)
    verdict = standing_at_the_end(problem, result)
    assert verdict.collision == 0.0
    assert not result.feasible
    assert result.source == 'braking'


def test_after_braking_the_car_plans_again_as_soon_as_it_can(planner, make_problem):
    problem = make_problem()
    braking = planner.plan(narrowed(problem), deadline=IN_TIME).trajectory
    result = planner.plan(later(problem, braking, 2), deadline=IN_TIME)
    assert result.rung is Rung.OPTIMISED
    assert result.feasible


def test_a_start_outside_the_limits_is_led_back_and_says_so(planner, make_problem):
    problem = make_problem((60.0, 0.0, 0.0, 1.0, CAR.steering_max + 0.05))
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.rung is Rung.OPTIMISED
    to_go = verify(problem, result.trajectory).constraint_to_go
    assert to_go[20] == 0.0


# --- stitching ---


def moved_start(problem, plan, steps, gap):
    """Return the later problem, its state measured away from the plan's."""
    there = later(problem, plan, steps)
    return replace(there, initial_state=there.initial_state + gap)


@pytest.mark.parametrize('gap', [(0.2, 0.0, 0, 0, 0), (0, -0.1, 0, 0, 0), (0, 0, 0.03, 0.2, 0.02)])
def test_noise_of_the_measurement_does_not_move_the_plan(planner, make_problem, gap):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME).trajectory
    result = planner.plan(moved_start(problem, first, 4, gap), deadline=IN_TIME)
    np.testing.assert_allclose(result.trajectory.states[0], first.states[4], atol=1e-9)


@pytest.mark.parametrize('gap', [(1.5, 0, 0, 0, 0), (0, 0.5, 0, 0, 0), (0, 0, 0, -1.5, 0)])
def test_a_car_that_left_the_plan_is_planned_for_where_it_is(planner, make_problem, gap):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME).trajectory
    there = moved_start(problem, first, 4, gap)
    result = planner.plan(there, deadline=IN_TIME)
    np.testing.assert_allclose(result.trajectory.states[0], there.initial_state, atol=1e-9)


def test_full_turns_of_the_measured_yaw_are_no_distance_from_the_plan(planner, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    first = planner.plan(problem, deadline=IN_TIME).trajectory
    turned = moved_start(problem, first, 4, (0, 0, 2 * np.pi, 0, 0))
    result = planner.plan(turned, deadline=IN_TIME)
    np.testing.assert_allclose(result.trajectory.states[0], first.states[4], atol=1e-9)


# --- learned proposals ---


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


def test_a_learned_proposal_for_a_moment_ago_is_moved_on(planner, make_problem):
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


def test_the_car_brakes_along_a_way_of_its_own(planner, make_problem):
    """Without any plan, the least violating candidate is a path to brake along: an own one."""
    problem = narrowed(make_problem())
    alone = planner.plan(problem, deadline=IN_TIME)
    planner.reset()
    learned = [swerving(problem, seed) for seed in range(8)]
    beside = planner.plan(problem, learned, deadline=IN_TIME)
    assert alone.rung is beside.rung is Rung.BRAKING
    np.testing.assert_array_equal(beside.trajectory.states, alone.trajectory.states)


def test_a_car_that_could_only_creep_stops_and_holds(planner, make_problem):
    problem = make_problem(start=(20.0, 0.0, 0.0, 0.4, 0.0), goal=StopBefore(24.2, 10.0))
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.feasible
    assert result.trajectory.states[15:, SPEED].max() <= 1e-6


def test_a_car_that_has_room_goes_on_from_standstill(planner, make_problem):
    problem = make_problem(start=(20.0, 0.0, 0.0, 0.0, 0.0), goal=StopBefore(60.0, 10.0))
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.trajectory.states[-1, SPEED] > 1.0


# --- what is slightly beyond soft limits, and what braking is for ---


def squeezed(problem, room):
    """Make the road wider than the car by some metres in all, everywhere."""
    half = np.full_like(problem.road.left_width, (CAR.width + room) / 2)
    return replace(problem, road=replace(problem.road, left_width=half, right_width=half))


@pytest.mark.parametrize('beyond', [0.05, 0.15])
def test_a_plan_slightly_beyond_the_edge_is_relaxed_and_says_by_how_much(
    planner, make_problem, beyond
):
    problem = squeezed(make_problem(), -2 * beyond)
    result = planner.plan(problem, deadline=IN_TIME)
    verdict = verify(problem, result.trajectory)
    assert result.rung is Rung.RELAXED
    assert not result.feasible and result.violation == verdict.violation
    assert verdict.collision == 0.0
    assert beyond - 0.01 <= verdict.road <= PlannerSettings().relaxed.road
    assert result.trajectory.states[-1, SPEED] > 5.0
    assert 'road' in result.message


def test_what_hits_something_is_never_relaxed(planner, make_problem):
    problem = squeezed(make_problem(obstacles=(wall(27.0),)), -0.1)
    assert planner.plan(problem, deadline=IN_TIME).rung is Rung.BRAKING


def test_relaxed_stands_between_optimised_and_previous():
    assert Rung.OPTIMISED.value < Rung.RELAXED.value < Rung.PREVIOUS.value < Rung.BRAKING.value


def test_limits_that_are_no_limits_are_refused():
    with pytest.raises(ValueError, match=r'relaxed\.road is -0\.1: expected'):
        RelaxedLimits(road=-0.1)


def test_with_nothing_in_the_way_braking_is_gentle(planner, make_problem):
    problem = narrowed(make_problem())
    result = planner.plan(problem, deadline=IN_TIME)
    assert result.rung is Rung.BRAKING
    assert result.trajectory.controls[:, 0].min() >= -PlannerSettings().braking.firm - 1e-9


def test_braking_is_hard_where_only_that_avoids_a_collision(planner, make_problem):
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    ahead = float(plan.states[5, 0]) + CAR.front_reach
    stop = plan.states[5, SPEED] ** 2 / 2 / 6.6
    blocked = narrowed(later(problem, plan, 5, obstacles=(wall(ahead + stop + 0.5),)))
    result = planner.plan(blocked, deadline=IN_TIME)
    assert result.rung is Rung.BRAKING
    assert verify(blocked, result.trajectory).collision == 0.0
    assert result.trajectory.controls[:, 0].min() < -PlannerSettings().braking.firm - 0.5


def test_a_car_against_its_road_is_answered_by_standing_and_never_verified(planner, make_problem):
    problem = make_problem((60.0, 0.0, np.pi, 5.0, 0.0))
    for _ in range(30):
        result = planner.plan(problem, deadline=IN_TIME)
        moves = result.trajectory.states[:, SPEED].max() > 0.05
        assert not (result.feasible and moves)
        problem = later(problem, result.trajectory, 1)
    assert problem.initial_state[SPEED] == pytest.approx(0.0, abs=0.05)


# --- what is the planner's own ---


def test_a_proposal_from_outside_is_not_the_plan_in_use_by_its_name(planner, make_problem):
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


# --- account ---


def test_the_parts_of_the_time_are_all_of_it(planner, make_problem):
    begin = time.perf_counter()
    result = planner.plan(narrowed(make_problem()), deadline=IN_TIME)
    elapsed = time.perf_counter() - begin
    parts = (result.proposal_time, result.solver_time, result.verification_time)
    assert min(parts) > 0.0
    assert sum(parts) == pytest.approx(result.total_time)
    assert result.total_time <= elapsed


def test_on_more_threads_the_plan_is_the_same(patient, make_problem):
    problem = make_problem(obstacles=(PARKED,))
    one = patient.plan(problem, deadline=IN_TIME)
    settings = replace(patient.settings, threads=2)
    two = Planner(CAR, settings=settings).plan(problem, deadline=IN_TIME)
    np.testing.assert_array_equal(two.trajectory.states, one.trajectory.states)
    assert (two.source, two.iterations, two.candidates) == (
        one.source,
        one.iterations,
        one.candidates,
    )


def test_a_number_of_threads_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r'threads is 0\.0: expected'):
        PlannerSettings(threads=0)


def test_a_plan_that_is_over_does_not_end_the_planner(planner_solvers, make_problem):
    planner = Planner(CAR, settings=PlannerSettings(previous_age_max=60.0))
    problem = make_problem()
    plan = planner.plan(problem, deadline=IN_TIME).trajectory
    for wait in (5.95, 6.0, 6.05, 9.0):
        planner.reset()
        planner.plan(problem, deadline=IN_TIME)
        stale = narrowed(replace(problem, stamp=problem.stamp + wait))
        result = planner.plan(stale, deadline=IN_TIME)
        assert result.rung in (Rung.PREVIOUS, Rung.BRAKING)
    assert len(plan.states) == 61


@pytest.mark.parametrize('name', ['collision', 'direction', 'limits', 'friction', 'dynamics'])
def test_what_the_car_cannot_do_or_may_not_hit_is_no_soft_limit(planner, make_problem, name):
    problem = make_problem()
    good = verify(problem, planner.plan(problem, deadline=IN_TIME).trajectory)
    limits = RelaxedLimits()
    assert limits.allow(replace(good, road=limits.road, terminal=limits.terminal))
    assert not limits.allow(replace(good, **{name: 0.3}))
    assert not limits.allow(replace(good, road=1.1 * limits.road))
    assert not limits.allow(replace(good, terminal=1.1 * limits.terminal))


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
