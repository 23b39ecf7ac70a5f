# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The kinematic car: circles of the wheels' angle, CommonRoad's KS, and the limits of a car."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.files.vehicle_file import VehicleError, load_description
from warmstart_planner.simulation.configuration import MODELS, ActuatorConfiguration
from warmstart_planner.simulation.plants import PLANTS, KinematicPlant, LateralLoad

DT = 0.005
GRAVITY = 9.81
DESCRIBED = load_description('commonroad_2')
CAR = DESCRIBED.parameters
QUICK = ActuatorConfiguration(steering_lag=0.01, acceleration_lag=0.01, delay=0.0)


def plant(speed=10.0, steering=0.0, yaw=0.0, friction=1.0, mass_factor=1.0):
    state = [0.0, 0.0, yaw, speed, steering]
    return KinematicPlant(DESCRIBED, state, friction, mass_factor, QUICK)


def driven(car, acceleration, steering, duration, load=None):
    states = [car.rear_axle_state()]
    for _ in range(round(duration / DT)):
        car.step(acceleration, steering, DT, *([load] if load else []))
        states.append(car.rear_axle_state())
    return np.array(states)


def test_the_models_of_a_configuration_are_the_plants_that_there_are():
    assert tuple(PLANTS) == MODELS


@given(st.floats(-100, 100), st.floats(-4, 4), st.floats(0, 30), st.floats(-0.6, 0.6))
def test_it_starts_in_the_state_of_the_rear_axle_it_is_given(x, yaw, speed, steering):
    state = [x, -x, yaw, speed, steering]
    car = KinematicPlant(DESCRIBED, state, 1.0, 1.0, QUICK)
    assert car.rear_axle_state() == pytest.approx(state)


@pytest.mark.parametrize('speed', [0.5, 5.0, 15.0])
def test_the_rear_axle_drives_a_circle_of_the_wheels_angle_at_any_speed(speed):
    states = driven(plant(speed=speed, steering=0.1), 0.0, 0.1, 3.0)
    radius = CAR.wheelbase / np.tan(0.1)
    assert np.hypot(states[:, 0], states[:, 1] - radius) == pytest.approx(radius, rel=1e-6)
    assert states[-1, 2] == pytest.approx(3.0 * speed / radius, rel=1e-6)


@given(st.floats(2.0, 25.0), st.floats(-6.0, 3.0), st.floats(-0.3, 0.3))
def test_the_rear_axle_never_moves_sideways(speed, acceleration, steering):
    states = driven(plant(speed=speed, yaw=1.0), acceleration, steering, 1.0)
    middle = (states[1:, 2] + states[:-1, 2]) / 2
    step = np.diff(states[:, :2], axis=0)
    assert np.cos(middle) * step[:, 1] - np.sin(middle) * step[:, 0] == pytest.approx(0, abs=1e-5)


def test_it_is_the_published_model():
    vehicle_dynamics_ks = pytest.importorskip(
        'vehiclemodels.vehicle_dynamics_ks', reason='commonroad-vehicle-models is not installed'
    ).vehicle_dynamics_ks
    from vehiclemodels.vehicle_parameters import setup_vehicle_parameters

    published = setup_vehicle_parameters(vehicle_id=2)
    car, dt = plant(speed=8.0), 0.001
    state = np.array([0.0, 0.0, 0.0, 8.0, 0.0])
    reached = 0.0
    for _ in range(2000):
        rate = (0.2 - state[2]) / QUICK.steering_lag
        slope = vehicle_dynamics_ks(state, [rate, reached], published)
        state = state + dt * np.array(slope)
        reached += dt * (-1.0 - reached) / QUICK.acceleration_lag
        car.step(-1.0, 0.2, dt)
    assert car.rear_axle_state() == pytest.approx(state[[0, 1, 4, 3, 2]], abs=0.02)


@pytest.mark.parametrize('friction', [0.3, 0.8])
def test_braking_distance_is_that_of_the_friction(friction):
    states = driven(plant(speed=15.0, friction=friction), -11.0, 0.0, 8.0)
    assert states[-1, 0] == pytest.approx(15.0**2 / (2 * friction * GRAVITY), abs=0.3)
    assert states[-1, 3] == 0.0


def test_what_a_turn_takes_is_not_there_for_braking():
    car = plant(speed=15.0, steering=0.09)
    lateral = 15.0**2 * np.tan(0.09) / CAR.wheelbase
    states = driven(car, -11.0, 0.09, 0.1)
    braking = (states[-2, 3] - states[-1, 3]) / DT
    assert np.hypot(braking, lateral) == pytest.approx(GRAVITY, rel=0.08)


def test_steering_keeps_the_limits_of_angle_and_rate():
    states = driven(plant(speed=1.0), 0.0, 2.0, 6.0)
    assert np.diff(states[:, 4]).max() / DT == pytest.approx(CAR.steering_rate_max, rel=1e-6)
    assert states[:, 4].max() <= CAR.steering_max + CAR.steering_rate_max * DT


def test_the_brake_holds_a_standing_car_and_lets_it_start_again():
    car = plant(speed=2.0)
    driven(car, -6.0, 0.1, 2.0)
    held = driven(car, -6.0, -0.3, 2.0)
    assert np.ptp(held[:, :3], axis=0) == pytest.approx(0.0, abs=1e-12)
    assert driven(car, 2.0, 0.0, 2.0)[-1, 3] > 2.0


def test_wind_and_impulses_do_not_move_it():
    calm = driven(plant(speed=20.0), 0.0, 0.0, 1.0)
    car = plant(speed=20.0)
    car.push(1.0, 0.2)
    assert driven(car, 0.0, 0.0, 1.0, LateralLoad(500.0, 100.0)) == pytest.approx(calm)


def test_a_vehicle_without_dynamics_is_not_simulated():
    with pytest.raises(VehicleError, match='vehicle commonroad_4 has no dynamics'):
        KinematicPlant(load_description('commonroad_4'), [0] * 5, 1.0, 1.0, QUICK)
