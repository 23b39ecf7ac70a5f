# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from warmstart_planner.evaluation.search.motion import (
    BACKWARDS,
    advance,
    planned,
    primitives,
    published,
    reversing,
    within_grip,
)
from warmstart_planner.files.vehicle_file import load_description
from warmstart_planner.vehicle import SPEED, STEERING

CAR = load_description('commonroad_2')
LIMITS = [planned(CAR, 1.0), published(CAR), reversing(published(CAR))]
SHARES = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])


def some_states(limits, count=400):
    own = limits.car
    low = [0, 0, -np.pi, limits.slowest, -own.steering_max]
    high = [0, 0, np.pi, own.speed_max, own.steering_max]
    return np.random.default_rng(0).uniform(low, high, (count, 5))


@pytest.mark.parametrize('limits', LIMITS, ids=lambda limits: limits.name)
def test_whatever_is_tried_keeps_speed_and_steering_within_the_cars(limits):
    states = some_states(limits)
    parents, controls = primitives(states, limits, SHARES, SHARES, 0.3)
    after = states[parents]
    for _ in range(3):
        after = advance(after, controls, 0.1, limits.car.wheelbase)
    assert set(parents) == set(range(len(states)))
    assert after[:, SPEED].min() >= limits.slowest - 1e-9
    assert after[:, SPEED].max() <= limits.car.speed_max + 1e-9
    assert np.abs(after[:, STEERING]).max() <= limits.car.steering_max + 1e-9
    assert np.abs(controls[:, 1]).max() <= limits.car.steering_rate_max + 1e-9
    assert controls[:, 0].min() >= -limits.braking
    assert controls[:, 0].max() <= limits.acceleration


def test_controls_that_become_the_same_are_tried_once():
    standing = np.zeros((1, 5))
    _, controls = primitives(standing, planned(CAR, 1.0), SHARES, SHARES, 0.3)
    assert len(controls) == 3 * 5  # a standing car cannot brake
    assert len(np.unique(controls, axis=0)) == len(controls)


def test_the_engine_gives_less_where_its_power_ends():
    limits = published(CAR)
    _, most = limits.accelerations(np.array([1.0, 7.0, 14.638]))
    assert most == pytest.approx([11.5, 11.5, 5.75])


def test_only_a_car_that_may_reverse_does():
    standing = np.zeros((1, 5))
    _, forward = primitives(standing, LIMITS[1], SHARES, SHARES, 0.3)
    _, both = primitives(standing, LIMITS[2], SHARES, SHARES, 0.3)
    assert forward[:, 0].min() == 0.0
    assert both[:, 0].min() < BACKWARDS


def test_braking_and_turning_share_the_grip():
    limits = planned(CAR, 1.0)
    turning = np.array([[0, 0, 0, 10.0, 0.2]])  # 7.9 m/s^2 to the side
    assert within_grip(turning, np.array([[-2.0, 0.0]]), limits)[0]
    assert not within_grip(turning, np.array([[-7.0, 0.0]]), limits)[0]


def test_nothing_gets_farther_than_what_is_called_farthest():
    for limits in LIMITS:
        states = some_states(limits, 50)
        states[:, STEERING] = 0.0
        far = limits.farthest(states[:, SPEED], 1.0)
        parents, controls = primitives(states, limits, SHARES, SHARES, 1.0)
        after = advance(states[parents], controls, 1.0, limits.car.wheelbase)
        assert (np.hypot(*after[:, :2].T) <= far[parents] + 1e-6).all()
