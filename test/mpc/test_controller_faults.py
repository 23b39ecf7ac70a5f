# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The controller where something fails: late, silent or bad input, failing solves."""

from dataclasses import replace

import numpy as np
import pytest
from tracked_drives import NAN, STRAIGHT, VEHICLE, Car, along, at_start, drive, reference

from warmstart_planner.mpc import Controller
from warmstart_planner.problem import Rung
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import (
    SPEED,
    STEERING,
)


def stopping(controller, silent_from, duration=12.0):
    """Drive with a planner that falls silent."""
    plans = along(STRAIGHT, 12.0)
    kept = {}

    def plan(now):
        if now <= silent_from:
            kept['plan'] = plans(now)
        return kept['plan']

    return drive(controller, at_start(12.0), plan, duration)


def test_a_silent_planner_leads_down_the_ladder_to_a_stand(controller, vehicle):
    result = stopping(controller, 2.0)
    rungs = [output.rung for output in result.outputs]
    order = [rung for i, rung in enumerate(rungs) if i == 0 or rungs[i - 1] is not rung]
    assert order == [Rung.OPTIMISED, Rung.PREVIOUS, Rung.BRAKING]
    assert result.states[-1, SPEED] < 0.05
    np.testing.assert_allclose(result.states[:, 1], 0.0, atol=0.01)
    limits = controller.settings.supervision
    most = 12.0 * (2.0 + limits.reference_age_max + 0.2) + 12.0**2 / (2 * 2.5) + 5.0
    assert result.states[-1, 0] < most
    assert 'old' in result.outputs[60].reason


def test_it_drives_on_when_the_planner_speaks_again(controller):
    stopping(controller, 1.0, duration=3.5)
    state = np.array([40.0, 0.0, 0.0, 6.0, 0.0])
    rungs = []
    for i in range(4):
        now = 3.5 + 0.05 * i
        plan = reference(STRAIGHT, 10.0, now, 40.0)
        rungs.append(controller.step(now, state, now, plan, STRAIGHT, (), 1.0).rung)
    assert rungs[0] is Rung.BRAKING
    assert rungs[-1] is Rung.OPTIMISED


def replaced_by(controller, **changes):
    """Return the controller that a change of settings on the way brings."""
    other = Controller(replace(controller.settings, **changes), controller.vehicle)
    other.take_over(controller)
    return other


def test_settings_that_change_in_a_bend_change_no_command(controller):
    road = road_from_segments([(400.0, 0.02, 0.02)], 4.0, 4.0, 40.0)
    car = Car(np.array([0.0, 0.0, 0.0, 12.0, np.arctan(VEHICLE.wheelbase * 0.02)]))
    drive(controller, car, along(road, 12.0), 3.0, road)
    other = replaced_by(controller, tolerance=2e-3)
    given = (3.0, car.state, 3.0, reference(road, 12.0, 3.0, 36.0), road, (), 1.0)
    went_on, taken_over = controller.step(*given), other.step(*given)
    assert taken_over.rung is Rung.OPTIMISED
    assert taken_over.start_source == 'shifted'
    assert taken_over.acceleration == pytest.approx(went_on.acceleration, abs=0.02)
    assert taken_over.steering_angle == pytest.approx(went_on.steering_angle, abs=1e-3)
    assert taken_over.steering_rate == pytest.approx(went_on.steering_rate, abs=0.02)


def test_settings_that_change_while_it_brakes_let_nothing_go(controller):
    stopping(controller, 1.0, duration=3.5)
    state = np.array([40.0, 0.0, 0.0, 6.0, 0.0])
    old = reference(STRAIGHT, 12.0, 1.0, 12.0)
    before = controller.step(3.5, state, 3.5, old, STRAIGHT, (), 1.0)
    assert before.rung is Rung.BRAKING
    other = replaced_by(controller, obstacle_margin=0.4)
    # the reference is known, even if none is given, and the profile goes on where it was
    after = other.step(3.55, state, 3.55, None, STRAIGHT, (), 1.0)
    assert after.rung is Rung.BRAKING
    assert after.acceleration == pytest.approx(before.acceleration, abs=0.5)
    rungs = []
    for i in range(4):
        now = 3.6 + 0.05 * i
        plan = reference(STRAIGHT, 10.0, now, 40.0)
        rungs.append(other.step(now, state, now, plan, STRAIGHT, (), 1.0).rung)
    assert rungs == [Rung.BRAKING, Rung.BRAKING, Rung.OPTIMISED, Rung.OPTIMISED]


def test_without_any_reference_the_brake_is_held(controller):
    car = np.array([0.0, 0.0, 0.0, 5.0, 0.2])
    output = controller.step(0.0, car, 0.0, None, STRAIGHT, (), 1.0)
    assert output.rung is Rung.NONE
    assert output.acceleration < -1.0
    assert output.steering_angle == 0.2
    assert output.prediction is None
    assert np.isnan(output.lateral_error)


@pytest.mark.parametrize(
    'state',
    [
        np.full(5, NAN),
        np.array([0.0, np.inf, 0.0, 1.0, 0.0]),
        np.array([0.0, 0.0, 0.0, 1e6, 0.0]),
        np.array([0.0, 0.0, 0.0, 1.0, 3.0]),
        np.zeros(3),
    ],
)
def test_a_state_that_is_none_never_reaches_the_actuators(controller, state):
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
    good = np.array([0.0, 0.5, 0.0, 10.0, 0.02])
    before = controller.step(0.0, good, 0.0, plan, STRAIGHT, (), 1.0)
    output = controller.step(0.05, state, 0.05, plan, STRAIGHT, (), 1.0)
    assert output.rung is Rung.NONE
    assert output.acceleration < 0.0
    assert output.steering_angle == before.steering_angle
    recovered = [
        controller.step(0.1 + 0.05 * i, good, 0.1 + 0.05 * i, plan, STRAIGHT, (), 1.0)
        for i in range(4)
    ]
    assert recovered[-1].rung is Rung.OPTIMISED
    assert recovered[-1].status == 'solved'


def test_an_old_state_means_the_car_is_lost(controller):
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
    car = np.array([0.0, 0.0, 0.0, 10.0, 0.0])
    output = controller.step(0.5, car, 0.0, plan, STRAIGHT, (), 1.0)
    assert output.rung is Rung.NONE
    assert 'state is 0.50 s old' in output.reason


@pytest.mark.parametrize('friction', [NAN, -1.0, 0.0])
def test_friction_that_is_none_is_taken_to_be_low(controller, friction):
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
    car = np.array([0.0, 0.0, 0.0, 10.0, 0.0])
    output = controller.step(0.0, car, 0.0, plan, STRAIGHT, (), friction)
    assert output.status == 'solved'


def test_failing_solves_lead_down_the_ladder_and_their_controls_nowhere(controller):
    absurd = np.array([1e200, 0.0, 0.0, 10.0, 0.0])  # finite, so that the solver has to fail
    good = np.array([0.0, 0.5, 0.0, 10.0, 0.0])
    outputs = []
    for i in range(20):
        now = 0.05 * i
        state = absurd if 3 <= i < 14 else good
        plan = reference(STRAIGHT, 10.0, now, 0.0)
        with np.errstate(all='ignore'):
            outputs.append(controller.step(now, state, now, plan, STRAIGHT, (), 1.0))
    rungs = [output.rung for output in outputs]
    assert rungs[:3] == [Rung.OPTIMISED] * 3
    assert rungs[3:8] == [Rung.PREVIOUS] * 5  # 0.25 s
    assert rungs[9:14] == [Rung.BRAKING] * 5
    assert rungs[14:] == [Rung.OPTIMISED] * 6
    # a solution from before the failures is no start for what comes after
    assert outputs[14].start_source == 'reference'
    assert outputs[15].start_source == 'shifted'
    for output in outputs[3:14]:
        assert output.status != 'solved'
        assert output.prediction is None
        assert 'solver' in output.reason
    # the last solution goes on: what it steered next is what is sent
    steered = outputs[2].prediction.states[:, STEERING]
    sent = np.array([output.steering_angle for output in outputs[3:6]])
    assert steered.min() - 0.01 <= sent.min() and sent.max() <= steered.max() + 0.01
    assert outputs[13].acceleration < -2.0
    assert np.isfinite([output.steering_angle for output in outputs]).all()


def test_a_failure_leaves_nothing_behind(settings, vehicle):
    absurd = np.array([1e200, 0.0, 0.0, 10.0, 0.0])
    good = np.array([0.0, 0.5, 0.0, 10.0, 0.0])
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
    fresh = Controller(settings, vehicle).step(0.0, good, 0.0, plan, STRAIGHT, (), 1.0)
    used = Controller(settings, vehicle)
    with np.errstate(all='ignore'):
        failed = used.step(0.0, absurd, 0.0, plan, STRAIGHT, (), 1.0)
    used.reset()
    again = used.step(0.0, good, 0.0, plan, STRAIGHT, (), 1.0)
    assert failed.status != 'solved'
    assert again.status == 'solved'
    assert again.steering_angle == pytest.approx(fresh.steering_angle, abs=1e-9)
