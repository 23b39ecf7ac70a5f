# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.files.vehicle_file import VehicleError, load_description
from warmstart_planner.simulation.configuration import ActuatorConfiguration
from warmstart_planner.simulation.plants.limits import acceleration_within, steering_within
from warmstart_planner.simulation.plants.plant import LateralLoad
from warmstart_planner.simulation.plants.tyres import (
    TyrePlant,
    axle_distances,
    axle_force,
    plant_state,
)

DT = 0.005
GRAVITY = 9.81
DESCRIBED = load_description('commonroad_2')
CAR, DYNAMICS = DESCRIBED.parameters, DESCRIBED.dynamics
QUICK = ActuatorConfiguration(steering_lag=0.01, acceleration_lag=0.01, delay=0.0)


def plant(speed=10.0, steering=0.0, yaw=0.0, friction=1.0, mass_factor=1.0, actuators=QUICK):
    return TyrePlant(DESCRIBED, [0.0, 0.0, yaw, speed, steering], friction, mass_factor, actuators)


@pytest.fixture
def published():
    """CommonRoad's own parameters of the same car."""
    library = pytest.importorskip(
        'vehiclemodels.vehicle_parameters', reason='commonroad-vehicle-models is not installed'
    )
    return library.setup_vehicle_parameters(vehicle_id=2)


def driven(car, acceleration, steering, duration, load=None):
    states = [car.rear_axle_state()]
    for _ in range(round(duration / DT)):
        car.step(acceleration, steering, DT, *([load] if load else []))
        states.append(car.rear_axle_state())
    return np.array(states)


@given(st.floats(-100, 100), st.floats(-4, 4), st.floats(0, 30), st.floats(-0.6, 0.6))
def test_the_plant_starts_in_the_state_of_the_rear_axle_it_is_given(x, yaw, speed, steering):
    car = TyrePlant(DESCRIBED, [x, -x, yaw, speed, steering], 1.0, 1.0, QUICK)
    assert car.rear_axle_state() == pytest.approx([x, -x, yaw, speed, steering], abs=1e-9)


def test_straight_stays_straight_at_constant_speed():
    states = driven(plant(speed=20.0, yaw=0.7), 0.0, 0.0, 5.0)
    assert states[-1] == pytest.approx(
        [100 * np.cos(0.7), 100 * np.sin(0.7), 0.7, 20.0, 0.0], abs=1e-6
    )


@pytest.mark.parametrize('speed', [0.5, 1.5, 3.0])
def test_a_slow_bend_has_the_kinematic_radius(speed):
    car = plant(speed=speed, steering=0.3)
    states = driven(car, 0.0, 0.3, 12.0)
    late = states[len(states) // 2 :]
    radius = speed * (len(late) - 1) * DT / (late[-1, 2] - late[0, 2])
    assert radius == pytest.approx(CAR.wheelbase / np.tan(0.3), rel=0.02)


def test_a_fast_bend_turns_wide_of_the_kinematic_one_only_through_tyre_slip():
    car = plant(speed=15.0, steering=0.08)
    driven(car, 0.0, 0.08, 4.0)
    kinematic = 15.0**2 * np.tan(0.08) / CAR.wheelbase
    assert car.lateral_acceleration == pytest.approx(kinematic, rel=0.1)
    assert car.slip_angle < np.arctan(np.tan(0.08) * CAR.rear_to_center / CAR.wheelbase)


@pytest.mark.parametrize('friction', [0.2, 0.5, 1.0])
def test_friction_bounds_lateral_acceleration(friction):
    car = plant(speed=15.0, friction=friction)
    states = driven(car, 0.0, 0.06, 4.0)
    path = states[:, :2] + CAR.rear_to_center * np.stack(
        [np.cos(states[:, 2]), np.sin(states[:, 2])], axis=-1
    )
    velocity = np.gradient(path, DT, axis=0)
    acceleration = np.hypot(*np.gradient(velocity, DT, axis=0).T)[5:-5]
    assert acceleration.max() <= friction * GRAVITY * 1.01


@given(st.floats(-8, 4), st.floats(-0.5, 0.5), st.floats(5, 25), st.floats(0.2, 1.0))
def test_the_total_force_stays_in_the_friction_circle(acceleration, steering, speed, friction):
    car = plant(speed=speed, friction=friction)
    centre = []
    for _ in range(160):
        car.step(acceleration, steering, DT)
        state = car.rear_axle_state()
        ahead = CAR.rear_to_center * np.array([np.cos(state[2]), np.sin(state[2])])
        centre.append(state[:2] + ahead)
        if state[3] < 3.0:
            break
    if len(centre) > 20:
        total = np.hypot(*np.diff(np.array(centre), 2, axis=0).T) / DT**2
        assert total.max() <= friction * GRAVITY * 1.02


@pytest.mark.parametrize('friction', [0.3, 0.6, 0.9])
def test_braking_distance_is_that_of_the_friction(friction):
    states = driven(plant(speed=15.0, friction=friction), -11.0, 0.0, 10.0)
    ideal = 15.0**2 / (2 * friction * GRAVITY)
    assert ideal <= states[-1, 0] <= 1.06 * ideal + 0.2
    assert states[-1, 3] == 0.0


def test_the_brake_holds_a_standing_car_and_lets_it_start_again():
    car = plant(speed=3.0)
    driven(car, -6.0, 0.1, 2.0)
    held = driven(car, -6.0, -0.3, 3.0)
    assert np.ptp(held[:, :3], axis=0) == pytest.approx(0.0, abs=1e-12)
    assert held[-1, 4] == pytest.approx(-0.3, abs=1e-3)
    assert driven(car, 2.0, 0.0, 2.0)[-1, 3] > 2.0


def test_wind_pushes_a_moving_car_and_leaves_a_standing_one():
    gust = LateralLoad(force=500.0, moment=100.0)
    assert driven(plant(speed=20.0), 0.0, 0.0, 2.0, gust)[-1, 1] > 0.05
    assert driven(plant(speed=0.0), 0.0, 0.0, 2.0, gust)[-1, :3] == pytest.approx(0.0, abs=1e-9)


def test_a_lateral_impulse_changes_momentum_at_once():
    car = plant(speed=20.0)
    car.push(lateral_speed=1.0, yaw_rate=0.0)
    first = car.rear_axle_state()
    car.step(0.0, 0.0, 0.001)
    moved = car.rear_axle_state() - first
    assert moved[1] / 0.001 == pytest.approx(1.0, abs=0.1)
    assert moved[0] / 0.001 == pytest.approx(20.0, abs=0.01)


@given(st.floats(0.0, 25.0), st.floats(-6.0, 3.0), st.floats(-0.2, 0.2))
def test_mirrored_commands_give_the_mirrored_drive(speed, acceleration, steering):
    one = driven(plant(speed=speed), acceleration, steering, 1.0)
    other = driven(plant(speed=speed), acceleration, -steering, 1.0)
    assert one * np.array([1, -1, -1, 1, -1]) == pytest.approx(other, abs=1e-9)


def test_the_drive_does_not_depend_on_where_the_world_has_its_origin():
    there = TyrePlant(DESCRIBED, [100.0, -50.0, 2.0, 12.0, 0.0], 1.0, 1.0, QUICK)
    here = driven(plant(speed=12.0), 1.0, 0.05, 2.0)
    moved = driven(there, 1.0, 0.05, 2.0)
    cos, sin = np.cos(2.0), np.sin(2.0)
    back = (moved[:, :2] - [100.0, -50.0]) @ np.array([[cos, -sin], [sin, cos]])
    assert back == pytest.approx(here[:, :2], abs=1e-8)
    assert moved[:, 2] - 2.0 == pytest.approx(here[:, 2], abs=1e-10)


def test_small_slip_is_that_of_the_published_single_track_model(published):
    from vehiclemodels.vehicle_dynamics_st import vehicle_dynamics_st

    state = plant_state([0.0, 0.0, 0.0, 15.0, 0.0], published.a, published.b)[:7]
    dt = 0.001
    car = plant(speed=15.0, friction=1.0489)
    for k in range(1000):
        rate = (0.01 - state[2]) / QUICK.steering_lag if k > 0 else 1.0
        slope = np.array(vehicle_dynamics_st(state, [min(rate, 0.4), 0.0], published))
        state = list(np.array(state) + dt * slope)
        car.step(0.0, 0.01, dt)
    ours = car.rear_axle_state()
    assert ours[2] == pytest.approx(state[4], rel=0.01)
    assert car.slip_angle == pytest.approx(state[6], rel=0.05)
    assert car.lateral_acceleration == pytest.approx(15.0 * state[5], rel=0.01)


def test_the_tyre_is_linear_at_first_and_never_above_its_peak():
    tyre = DYNAMICS.tyre
    angles = np.linspace(-0.5, 0.5, 401)
    forces = np.array([axle_force(a, 50e3, 4e3, tyre) for a in angles])
    assert axle_force(1e-4, 50e3, 4e3, tyre) == pytest.approx(5.0, rel=1e-3)
    assert np.abs(forces).max() == pytest.approx(4e3, rel=1e-3)
    assert forces == pytest.approx(-forces[::-1])


def test_steering_keeps_the_limits_of_angle_and_rate():
    states = driven(plant(speed=1.0), 0.0, 2.0, 6.0)
    rates = np.diff(states[:, 4]) / DT
    assert rates.max() == pytest.approx(CAR.steering_rate_max, rel=1e-6)
    assert states[:, 4].max() <= CAR.steering_max + CAR.steering_rate_max * DT


def test_acceleration_follows_its_target_with_its_lag():
    car = plant(speed=5.0, actuators=ActuatorConfiguration(acceleration_lag=0.2))
    driven(car, 2.0, 0.0, 0.2)
    assert car.acceleration == pytest.approx(2.0 * (1 - np.exp(-1)), rel=1e-3)


def test_a_heavier_car_gains_less_speed_and_drifts_wider():
    gain = [driven(plant(5.0, mass_factor=m), 2.0, 0.0, 2.0)[-1, 3] - 5.0 for m in (1.0, 1.25)]
    assert gain[1] == pytest.approx(gain[0] / 1.25, rel=1e-6)
    yaw = [driven(plant(20.0, mass_factor=m), 0.0, 0.05, 3.0)[-1, 2] for m in (1.0, 1.25)]
    assert yaw[1] != pytest.approx(yaw[0], rel=1e-4)


def test_integration_is_converged_at_the_usual_step():
    ends = []
    for dt in (0.005, 0.0025):
        car = plant(speed=12.0)
        for k in range(round(6.0 / dt)):
            t = k * dt
            car.step(-2.5 if t < 4.5 else 2.0, 0.1 * np.sin(np.floor(t / 0.5)), dt)
        ends.append(car.rear_axle_state())
    assert ends[0] == pytest.approx(ends[1], abs=0.01)


def test_limits_of_engine_and_steering_are_those_of_the_published_model(published):
    from vehiclemodels.utils.acceleration_constraints import acceleration_constraints
    from vehiclemodels.utils.steering_constraints import steering_constraints

    for speed in (0.0, 5.0, 7.319, 20.0, 50.0, 50.8, 60.0):
        for wanted in (-20.0, -11.5, -3.0, 0.0, 2.0, 11.5, 20.0):
            theirs = acceleration_constraints(speed, wanted, published.longitudinal)
            assert acceleration_within(wanted, speed, CAR, DYNAMICS) == pytest.approx(theirs)
    for angle in (-1.2, -1.066, -0.3, 0.0, 1.066, 1.2):
        for rate in (-1.0, -0.4, -0.1, 0.0, 0.2, 0.4, 1.0):
            theirs = steering_constraints(angle, rate, published.steering)
            assert steering_within(rate, angle, CAR) == pytest.approx(theirs)


def test_the_axles_are_where_the_wheelbase_and_the_centre_of_gravity_put_them():
    front, rear = axle_distances(CAR, DYNAMICS)
    assert front + rear == pytest.approx(CAR.wheelbase)
    assert rear == DYNAMICS.rear_axle_to_center_of_gravity


def test_a_vehicle_without_dynamics_is_not_simulated():
    with pytest.raises(VehicleError, match='vehicle commonroad_4 has no dynamics: expected mass'):
        TyrePlant(load_description('commonroad_4'), [0, 0, 0, 0, 0], 1.0, 1.0, QUICK)


@pytest.mark.parametrize(
    ('state', 'friction', 'mass', 'field'),
    [
        ([0, 0, 0, np.nan, 0], 1.0, 1.0, 'plant initial state'),
        ([0, 0, 0], 1.0, 1.0, 'plant initial state'),
        ([0, 0, 0, 1, 0], 0.0, 1.0, 'plant friction'),
        ([0, 0, 0, 1, 0], 1.0, -1.0, 'plant mass factor'),
    ],
)
def test_bad_values_are_named(state, friction, mass, field):
    with pytest.raises(ValueError, match=field):
        TyrePlant(DESCRIBED, state, friction, mass, QUICK)
