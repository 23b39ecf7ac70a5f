# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sources of starts: on the grid, from where the car is, along the road."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon, KeepSpeed, StopBefore, Trajectory
from warmstart_planner.proposals.cold_bundle import BundleSettings, ColdBundle
from warmstart_planner.proposals.shifted import Shifted, shift
from warmstart_planner.proposals.source import rolled_out
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import SPEED, STEERING, YAW, load_vehicle, roll_out

CAR = load_vehicle()
WINDING = road_from_segments(
    [(40.0, 0.0, 0.02), (60.0, 0.02, -0.03), (90.0, -0.03, 0.0)], 3.5, 3.5, 14.0
)
COLD = [StraightLine(), ColdBundle(), ZeroControl()]
IDS = [source.name for source in COLD]


def driven(problem, seed=0, stamp=0.0):
    """Return a plan that the car can follow, with controls that change at every step."""
    rng = np.random.default_rng(seed)
    wanted = rng.normal(0, 1, (problem.horizon.steps, 2)) * [0.5, 0.05]
    states, controls = roll_out(problem.initial_state, wanted, problem.horizon.dt, CAR)
    return Trajectory(stamp, problem.horizon.dt, states, controls)


# --- what sources are made with ---


def test_controls_are_rolled_out_from_the_problem_s_start_within_the_car_s_limits(make_problem):
    problem = make_problem(stamp=4.0)
    braking = rolled_out(problem, [[-20.0, 0.0]] * problem.horizon.steps)
    assert (braking.stamp, braking.dt) == (4.0, problem.horizon.dt)
    np.testing.assert_array_equal(braking.states[0], problem.initial_state)
    assert braking.controls[0, 0] == -CAR.deceleration_max
    travelled = braking.states[-1, 0] - braking.states[0, 0]
    assert travelled == pytest.approx(8.0**2 / (2 * CAR.deceleration_max), abs=0.01)
    assert braking.states[-1, SPEED] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize('controls', [[[0.0, 0.0]], [0.0], [[np.nan, 0.0]] * 60])
def test_controls_of_another_shape_or_not_finite_are_refused(make_problem, controls):
    with pytest.raises(ValueError, match='^controls '):
        rolled_out(make_problem(), controls)


# --- all cold sources ---


@pytest.mark.parametrize('source', COLD, ids=IDS)
@given(
    station=st.floats(0.0, 189.0),
    offset=st.floats(-4.0, 4.0),
    turn=st.floats(-0.5, 0.5),
    turns=st.integers(-2, 2),
    speed=st.floats(0.0, 30.0),
    steering=st.floats(-0.5, 0.5),
)
@settings(max_examples=25)
def test_proposals_are_on_the_grid_and_start_where_the_car_is(
    make_problem, source, station, offset, turn, turns, speed, steering
):
    pose = WINDING.poses(station, offset) + [0, 0, turn + 2 * np.pi * turns]
    problem = make_problem((*pose, speed, steering), WINDING, stamp=7.3, horizon=Horizon(0.2, 25))
    proposals = source.propose(problem, None)
    assert proposals
    for proposal in proposals:
        assert proposal.source == source.name
        trajectory = proposal.trajectory
        assert (trajectory.stamp, trajectory.dt) == (7.3, 0.2)
        assert trajectory.states.shape == (26, 5)
        np.testing.assert_allclose(trajectory.states[0], problem.initial_state)
        assert np.abs(np.diff(trajectory.states[:, YAW])).max() < np.pi
        assert np.abs(trajectory.states[:, STEERING]).max() <= CAR.steering_max
        assert trajectory.states[:, SPEED].min() >= 0.0


@pytest.mark.parametrize('source', COLD, ids=IDS)
def test_cold_sources_need_no_previous_plan_and_ignore_one(make_problem, source):
    problem = make_problem()
    without = source.propose(problem, None)
    given_one = source.propose(problem, driven(problem))
    for a, b in zip(without, given_one, strict=True):
        np.testing.assert_array_equal(a.trajectory.states, b.trajectory.states)


# --- straight line ---


def test_the_straight_line_keeps_the_speed_along_the_path(make_problem):
    pose = WINDING.poses(30.0, 1.0)
    problem = make_problem((*pose, 9.0, 0.0), WINDING, goal=KeepSpeed(14.0))
    states = StraightLine().propose(problem)[0].trajectory.states
    np.testing.assert_array_equal(states[:, SPEED], 9.0)
    station, offset = WINDING.project(states[1:, :2])
    np.testing.assert_allclose(offset, 0.0, atol=1e-3)
    np.testing.assert_allclose(station, 30.0 + 0.9 * np.arange(1, 61), atol=0.05)
    curvature = np.tan(states[1:, STEERING]) / CAR.wheelbase
    np.testing.assert_allclose(curvature, WINDING.at('curvature', station), atol=1e-3)


# --- zero control ---


def test_zero_control_keeps_speed_and_steering(make_problem):
    problem = make_problem((20.0, 0.0, 0.1, 7.0, 0.05))
    trajectory = ZeroControl().propose(problem)[0].trajectory
    np.testing.assert_allclose(trajectory.states[:, SPEED], 7.0)
    np.testing.assert_allclose(trajectory.states[:, STEERING], 0.05)
    np.testing.assert_array_equal(trajectory.controls, 0.0)


def test_zero_control_of_a_start_outside_the_limits_leads_back(make_problem):
    problem = make_problem((20.0, 0.0, 0.0, 2.0, CAR.steering_max + 0.2))
    trajectory = ZeroControl().propose(problem)[0].trajectory
    assert abs(trajectory.states[-1, STEERING]) <= CAR.steering_max + 1e-9


# --- cold bundle ---


def bundle(problem, chosen=None):
    return [proposal.trajectory.states for proposal in ColdBundle(chosen).propose(problem)]


def test_the_bundle_has_a_way_past_an_obstacle_on_either_side(make_problem):
    parked = box('parked', np.array([55.0, 0.0, 0.0]), 4.5, 1.8)
    sides = set()
    for states in bundle(make_problem(obstacles=(parked,))):
        beside = states[np.abs(states[:, 0] - 55.0) < 3.0, 1]
        if len(beside) and np.abs(beside).min() > 0.9 + CAR.width / 2:
            sides.add(np.sign(beside[0]))
    assert sides == {-1.0, 1.0}


def test_the_bundle_goes_on_and_stops(make_problem):
    ends = [states[-1, SPEED] for states in bundle(make_problem())]
    assert min(ends) == 0.0
    assert max(ends) == pytest.approx(8.0)


def test_the_bundle_stays_where_the_car_fits(make_problem):
    for states in bundle(make_problem()):
        assert np.abs(states[:, 1]).max() + CAR.width / 2 < 3.5


def test_the_bundle_reaches_its_places_no_sooner_than_its_approach(make_problem):
    chosen = BundleSettings(shares=(1.0,), accelerations=(1.0,), approach=30.0)
    (states,) = bundle(make_problem(), chosen)
    travelled = states[:, 0] - 20.0
    place = states[-1, 1]
    assert place > 2.0
    assert (states[travelled < 15.0, 1] <= place / 2 + 0.1).all()
    np.testing.assert_allclose(states[travelled > 30.0, 1], place)


@pytest.mark.parametrize('wanted', [0.0, 4.0, 14.0])
def test_the_bundle_s_speed_ends_at_the_target_and_never_passes_it(make_problem, wanted):
    problem = make_problem(goal=KeepSpeed(wanted))
    chosen = BundleSettings(shares=(0.0,), accelerations=(3.0, -3.0))
    go, halt = (states[:, SPEED] for states in bundle(problem, chosen))
    assert go[-1] == pytest.approx(wanted)
    assert (np.diff(go) * np.sign(wanted - 8.0) >= -1e-9).all()
    assert halt[-1] == 0.0


def test_each_guess_of_the_bundle_says_what_it_is(make_problem):
    names = [proposal.model_id for proposal in ColdBundle().propose(make_problem())]
    assert len(set(names)) == len(names)


# --- shifted ---


@pytest.mark.parametrize('steps', [0, 1, 7, 59])
def test_the_shifted_plan_of_a_followed_one_is_its_own_tail(make_problem, steps):
    first = make_problem()
    plan = driven(first)
    problem = make_problem(plan.states[steps], stamp=0.1 * steps)
    (proposal,) = Shifted().propose(problem, plan)
    shifted = proposal.trajectory
    assert shifted.stamp == problem.stamp
    left = 61 - steps
    np.testing.assert_allclose(shifted.states[:left], plan.states[steps:], atol=1e-9)
    np.testing.assert_array_equal(shifted.controls[: left - 1], plan.controls[steps:])
    np.testing.assert_array_equal(shifted.controls[left - 1 :], 0.0)


def test_between_nodes_the_shifted_plan_is_interpolated(make_problem):
    plan = driven(make_problem())
    middle = (plan.states[3] + plan.states[4]) / 2
    (proposal,) = Shifted().propose(make_problem(middle, stamp=0.35), plan)
    np.testing.assert_allclose(proposal.trajectory.states[0], middle)
    np.testing.assert_array_equal(proposal.trajectory.controls[0], plan.controls[3])


def test_beyond_its_end_the_shifted_plan_goes_on_along_the_road_at_its_last_speed(make_problem):
    problem = make_problem((*WINDING.poses(10.0), 8.0, 0.0), WINDING)
    plan = StraightLine().propose(problem)[0].trajectory
    later = make_problem(plan.states[20], WINDING, stamp=2.0)
    shifted = Shifted().propose(later, plan)[0].trajectory
    station, offset = WINDING.project(shifted.states[:, :2])
    np.testing.assert_allclose(np.diff(station), 0.8, atol=0.02)
    np.testing.assert_allclose(offset, 0.0, atol=0.02)
    np.testing.assert_allclose(shifted.states[:, SPEED], 8.0)
    assert np.abs(np.diff(shifted.states[:, YAW])).max() < 0.05


@pytest.mark.parametrize('turns', [-1, 1])
def test_an_extension_keeps_the_plan_s_count_of_turns(make_problem, turns):
    plan = driven(make_problem((20, 0, 2 * np.pi * turns, 8, 0)))
    later = make_problem(plan.states[30], stamp=3.0)
    yaw = Shifted().propose(later, plan)[0].trajectory.states[:, YAW]
    assert np.abs(np.diff(yaw)).max() < 0.5


@pytest.mark.parametrize('stamp', [-1.0, 6.0, 6.1, 100.0])
def test_nothing_is_shifted_before_a_plan_begins_or_when_it_is_over(make_problem, stamp):
    assert Shifted().propose(make_problem(stamp=stamp), driven(make_problem())) == ()


def test_a_plan_of_one_state_is_extended_from_there(make_problem):
    single = Trajectory(0.0, 0.1, make_problem().initial_state[None], np.zeros((0, 2)))
    shifted = shift(make_problem(stamp=0.2), single)
    np.testing.assert_array_equal(shifted.controls, 0.0)
    np.testing.assert_allclose(shifted.states[:, 0], 20.0 + 8.0 * (0.2 + 0.1 * np.arange(61)))


def test_before_a_plan_begins_its_first_state_and_control_hold(make_problem):
    plan = driven(make_problem())
    shifted = shift(make_problem(stamp=-0.3), plan)
    np.testing.assert_array_equal(shifted.controls[:4], plan.controls[[0, 0, 0, 0]])
    np.testing.assert_allclose(shifted.states[3], plan.states[0], atol=1e-9)


def test_nothing_is_shifted_where_there_is_no_plan(make_problem):
    assert Shifted().propose(make_problem(), None) == ()


def test_a_standing_plan_stays_standing(make_problem):
    problem = make_problem((20, 0, 0, 0, 0), goal=StopBefore(30.0, 8.0))
    plan = ZeroControl().propose(problem)[0].trajectory
    shifted = Shifted().propose(replace(problem, stamp=2.0), plan)[0].trajectory
    np.testing.assert_allclose(shifted.states, plan.states, atol=1e-9)
