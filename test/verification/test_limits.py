# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The limits of the car and its tyres, also for a car that starts outside them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import GRAVITY, SPEED, STEERING, load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()


def broken(trajectory, index, value, at=20):
    """Return the trajectory with one state or control outside its bounds."""
    states, controls = trajectory.states.copy(), trajectory.controls.copy()
    if index[0] == 'state':
        states[at, index[1]] = value
    else:
        controls[at, index[1]] = value
    return replace(trajectory, states=states, controls=controls)


@pytest.mark.parametrize(
    ('index', 'value', 'excess'),
    [
        (('state', SPEED), -0.5, 0.5),
        (('state', SPEED), CAR.speed_max + 0.5, 0.5),
        (('state', STEERING), CAR.steering_max + 0.1, 0.1),
        (('state', STEERING), -CAR.steering_max - 0.1, 0.1),
        (('control', 0), CAR.acceleration_max + 0.2, 0.2),
        (('control', 0), -CAR.deceleration_max - 0.2, 0.2),
        (('control', 1), CAR.steering_rate_max + 0.2, 0.2),
        (('control', 1), -CAR.steering_rate_max - 0.2, 0.2),
    ],
)
def test_every_limit_of_the_car_is_held(problem_of, driven, index, value, excess):
    verdict = verify(problem_of(), broken(driven(), index, value))
    assert verdict.limits == pytest.approx(excess)
    assert not verdict.feasible


@pytest.mark.parametrize(
    ('index', 'value'), [(SPEED, -0.8), (STEERING, 1.2), (STEERING, -1.2), (SPEED, 52.0)]
)
def test_a_start_outside_the_limits_must_come_back_as_fast_as_it_can(
    problem_of, driven, index, value
):
    road = road_from_segments([(600.0, 0.0, 0.0)], 30.0, 30.0, 20.0)
    start = np.array([100.0, 0.0, 0.0, 0.0, 0.0])
    start[index] = value
    problem = problem_of(road, start=start)
    assert verify(problem, driven(start)).limits == pytest.approx(0.0, abs=1e-9)
    lazy = driven(start)
    states = lazy.states.copy()
    states[:, index] = value
    assert verify(problem, replace(lazy, states=states)).limits > 0.1


@given(st.floats(0.0, 8.0), st.floats(-0.2, 0.2), st.floats(3.0, 15.0), st.floats(0.3, 1.1))
def test_the_friction_circle_holds_for_both_directions_together(
    problem_of, driven, braking, steering, speed, mu
):
    start = np.array([60.0, 0.0, 0.0, speed, steering])
    controls = np.array([[-braking, 0.0], [0.0, 0.0]])
    wide = road_from_segments([(200.0, 0.0, 0.0)], 90.0, 90.0, 20.0)
    verdict = verify(
        problem_of(wide, start=start, friction=mu, steps=2), driven(start, controls, 2)
    )
    sideways = speed**2 * np.tan(steering) / CAR.wheelbase
    if abs(sideways) > mu * GRAVITY:
        return  # a start outside is the next test's
    assert verdict.friction == pytest.approx(
        max(np.hypot(sideways, braking) - mu * GRAVITY, 0.0), abs=1e-9
    )


def test_too_fast_into_a_bend_must_steer_back(problem_of, driven):
    start = np.array([20.0, 0.0, 0.0, 10.0, 0.15])
    wide = road_from_segments([(200.0, 0.0, 0.0)], 90.0, 90.0, 20.0)
    problem = problem_of(wide, start=start, friction=0.3)
    back = np.zeros((40, 2))
    back[:3, 1] = -CAR.steering_rate_max
    assert verify(problem, driven(start, back)).friction == 0.0
    assert verify(problem, driven(start)).friction > 1.0
