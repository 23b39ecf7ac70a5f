# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A vehicle without commands comes to a stand on the path that it was last given."""

import numpy as np
import pytest

from warmstart_planner.problem import Trajectory
from warmstart_planner.simulation.emergency_stop import BRAKING, EmergencyStop
from warmstart_planner.vehicle import SPEED, STEERING, load_vehicle, step

CAR = load_vehicle()
DT = 0.05


def drive(stop, state, seconds=8.0, begin=100.0):
    """Drive the model by the stop's actuation, the wheels as fast as they turn; return states."""
    states = [np.array(state, dtype=float)]
    for k in range(round(seconds / DT)):
        wanted = stop.actuation(begin + k * DT, states[-1])
        now = states[-1]
        turn = (wanted.steering_angle - now[STEERING]) / DT
        rate = np.clip(turn, -CAR.steering_rate_max, CAR.steering_rate_max)
        slow = max(wanted.acceleration, -now[SPEED] / DT)
        states.append(np.array(step(now, np.array([slow, rate]), DT, CAR.wheelbase)))
    return np.array(states)


def along_a_bend(radius, speed, begin=100.0):
    times = 0.1 * np.arange(61)
    turned = speed * times / radius
    x, y = radius * np.sin(turned), radius * (1 - np.cos(turned))
    steering = np.full(61, np.arctan(CAR.wheelbase / radius))
    states = np.stack([x, y, turned, np.full(61, speed), steering], axis=1)
    return Trajectory(begin, 0.1, states, np.zeros((60, 2)))


@pytest.mark.parametrize('radius', [40.0, -40.0, 200.0])
def test_it_stands_on_the_path_of_the_last_reference(radius):
    stop = EmergencyStop(CAR, 1.0)
    stop.take_reference(along_a_bend(radius, 12.0))
    # half way into the bend the wheels happen to stand straight
    states = drive(stop, [0.0, 0.0, 0.0, 12.0, 0.0])
    assert abs(states[-1, SPEED]) < 0.05
    off = np.hypot(states[:, 0], states[:, 1] - radius) - abs(radius)
    assert np.abs(off).max() < 0.4


def test_it_brakes_as_hard_as_said_from_when_commands_stop():
    stop = EmergencyStop(CAR, 1.0)
    stop.take_reference(along_a_bend(1e6, 12.0, begin=99.0))
    states = drive(stop, [12.0, 0.0, 0.0, 12.0, 0.0])
    way = 12.0**2 / (2 * BRAKING.firm)
    assert states[-1, 0] - 12.0 == pytest.approx(way, rel=0.1)


def test_after_a_command_the_next_stop_begins_where_the_car_is_then():
    stop = EmergencyStop(CAR, 1.0)
    stop.take_reference(along_a_bend(1e6, 12.0))
    drive(stop, [0.0, 0.0, 0.0, 12.0, 0.0], seconds=1.0)
    stop.release()
    assert stop.actuation(102.0, np.array([24.0, 0.0, 0.0, 12.0, 0.0])).acceleration < -3.0


def test_without_a_reference_it_brakes_and_holds_the_steering():
    wanted = EmergencyStop(CAR, 1.0).actuation(1.0, np.array([0.0, 0.0, 0.0, 9.0, 0.1]))
    assert (wanted.acceleration, wanted.steering_angle) == (-BRAKING.firm, 0.1)
