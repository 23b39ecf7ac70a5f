# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The controller in closed loop with the kinematic car and lagging actuators."""

from dataclasses import replace

import numpy as np
import pytest
from tracked_drives import STRAIGHT, Car, SlippingCar, along, at_start, drive, reference

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.mpc import Controller
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Rung
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import (
    GRAVITY,
    SPEED,
    STEERING,
    YAW,
)


@pytest.mark.parametrize('speed', [1.0, 10.0, 35.0])
def test_straight_stays_straight(controller, speed):
    result = drive(controller, at_start(speed), along(STRAIGHT, speed), 4.0)
    np.testing.assert_allclose(result.states[:, 1], 0.0, atol=1e-6)
    np.testing.assert_allclose(result.states[:, SPEED], speed, atol=1e-3)
    np.testing.assert_allclose(result.of('steering_angle'), 0.0, atol=1e-6)
    assert set(result.of('rung')) == {Rung.OPTIMISED}


def test_a_mirrored_world_gives_mirrored_commands(settings, vehicle):
    bend = [(30.0, 0.0, 0.0), (20.0, 0.0, 0.03), (100.0, 0.03, 0.03)]
    left = road_from_segments(bend, 3.0, 4.0, 20.0)
    right = road_from_segments([(a, -b, -c) for a, b, c in bend], 4.0, 3.0, 20.0)
    parked = np.array([40.0, -2.2, 0.3])
    commands = []
    for road, sign in ((left, 1.0), (right, -1.0)):
        obstacle = box('parked', parked * np.array([1.0, sign, sign]), 4.0, 1.8)
        car = at_start(10.0, y=sign * 0.5)
        run = drive(Controller(settings, vehicle), car, along(road, 10.0), 6.0, road, (obstacle,))
        commands.append((run.of('acceleration'), sign * run.of('steering_angle')))
    np.testing.assert_allclose(commands[0][0], commands[1][0], atol=1e-4)
    np.testing.assert_allclose(commands[0][1], commands[1][1], atol=1e-5)


@pytest.mark.parametrize('speed', [5.0, 15.0, 35.0])
def test_an_offset_is_reduced_without_overshoot_in_the_same_time_at_every_speed(controller, speed):
    result = drive(controller, at_start(speed, y=1.0), along(STRAIGHT, speed), 6.0)
    y = result.states[:, 1]
    assert y.min() > -0.01
    assert abs(y[-1]) < 0.01
    settled = np.argmax(np.abs(y) < 0.1) * controller.settings.period
    assert 1.8 < settled < 3.0


@pytest.mark.parametrize('speed', [8.0, 20.0])
def test_a_speed_error_is_reduced(controller, speed):
    car = at_start(0.8 * speed)
    result = drive(controller, car, along(STRAIGHT, speed), 10.0)
    assert abs(result.states[-1, SPEED] - speed) < 0.05
    assert abs(result.of('longitudinal_error')[-1]) < 0.1


@pytest.mark.parametrize('speed', [3.0, 10.0, 25.0])
@pytest.mark.parametrize('age', [0.0, 0.1])
def test_a_curved_reference_is_tracked_through_delay_and_lags(controller, speed, age):
    k = min(3.0 / speed**2, 0.08)
    road = road_from_segments(
        [
            (2 * speed, 0.0, 0.0),
            (2 * speed + 5, 0.0, k),
            (3 * speed, k, k),
            (2 * speed + 5, k, -k),
            (100 + 3 * speed, -k, -k),
        ],
        4.0,
        4.0,
        30.0,
    )
    result = drive(controller, at_start(speed), along(road, speed), 9.0, road, age=age)
    assert np.abs(result.of('lateral_error')).max() < 0.03
    assert np.abs(result.of('longitudinal_error')).max() < 0.05


def test_slip_that_is_known_leaves_no_standing_offset(settings, vehicle):
    road = road_from_segments([(500.0, 0.01, 0.01)], 4.0, 4.0, 30.0)
    offsets = []
    for known in (0.0, 0.005):
        controller = Controller(replace(settings, rear_slip=known), vehicle)
        car = SlippingCar(np.array([0.0, 0.0, 0.0, 18.0, 0.026]))
        result = drive(controller, car, along(road, 18.0), 8.0, road)
        offsets.append(abs(result.of('lateral_error')[-1]))
    assert offsets[0] > 0.1
    assert offsets[1] < 0.15 * offsets[0]


@pytest.mark.parametrize('age', [0.0, 0.1, 0.2])
def test_late_states_do_not_make_it_oscillate(controller, age):
    result = drive(controller, at_start(20.0, y=1.0), along(STRAIGHT, 20.0), 6.0, age=age)
    assert result.states[:, 1].min() > -0.02


def test_actuators_slower_than_the_settings_say_are_survived(controller):
    car = Car(np.array([0.0, 1.0, 0.0, 20.0, 0.0]), 0.08, 0.3, 0.15)
    result = drive(controller, car, along(STRAIGHT, 20.0), 10.0)
    assert result.states[:, 1].min() > -0.3
    assert np.abs(result.states[-20:, 1]).max() < 0.05


@pytest.mark.parametrize('heading', [np.pi - 0.05, -np.pi + 0.05])
def test_a_bend_across_the_jump_of_the_angle_makes_no_difference(settings, vehicle, heading):
    shape = [(20.0, 0.0, 0.0), (20.0, 0.0, 0.04), (200.0, 0.04, 0.04)]
    commands = []
    for turned in (0.0, heading):
        road = road_from_segments(shape, 3.0, 3.0, 20.0, (0.0, 0.0, turned))
        car = Car(np.array([0.0, 0.0, turned, 8.0, 0.0]))
        result = drive(Controller(settings, vehicle), car, along(road, 8.0), 6.0, road)
        commands.append(result.of('steering_angle'))
    np.testing.assert_allclose(commands[0], commands[1], atol=1e-6)


@pytest.mark.parametrize('turns', [-3, -1, 1, 2])
def test_whole_turns_between_car_and_reference_make_no_difference(controller, turns):
    car = np.array([0.0, 0.3, 0.1, 10.0, 0.0])
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
    expected = controller.step(0.0, car, 0.0, plan, STRAIGHT, (), 1.0)
    controller.reset()
    car[YAW] += 2 * np.pi * turns
    turned = controller.step(0.0, car, 0.0, plan, STRAIGHT, (), 1.0)
    assert turned.steering_angle == pytest.approx(expected.steering_angle, abs=1e-8)
    assert turned.heading_error == pytest.approx(0.1)


def test_the_world_may_be_moved_and_turned(settings, vehicle):
    pose = (4.5e5, -5.2e6, 2.1)
    commands = []
    for x, y, yaw in ((0.0, 0.0, 0.0), pose):
        road = road_from_segments([(500.0, 0.01, 0.01)], 4.0, 4.0, 20.0, (x, y, yaw))
        side = np.array([-np.sin(yaw), np.cos(yaw)])
        car = Car(np.array([x + 0.5 * side[0], y + 0.5 * side[1], yaw, 10.0, 0.0]))
        result = drive(Controller(settings, vehicle), car, along(road, 10.0), 3.0, road)
        commands.append(result.of('steering_angle'))
    np.testing.assert_allclose(commands[0], commands[1], atol=1e-5)


def test_an_obstacle_on_the_edge_of_the_reference_pushes_the_car_aside(controller, vehicle):
    y = 1.8
    parked = box('parked', np.array([40.0, y, 0.0]), 4.0, 1.8)
    result = drive(controller, at_start(10.0), along(STRAIGHT, 10.0), 8.0, obstacles=(parked,))
    centre = result.states[:, 0] + vehicle.rear_to_center
    beside = np.abs(centre - 40.0) < 2.0 + vehicle.length / 2
    gap = np.abs(result.states[beside, 1] - y) - 0.9 - vehicle.width / 2
    # the reference itself would touch the margin
    assert y - 0.9 - vehicle.width / 2 < controller.settings.obstacle_margin
    assert gap.min() > 0.05
    assert abs(result.states[-1, 1]) < 0.05


@pytest.mark.parametrize('mode', ['rti', 'converged'])
def test_it_stops_before_what_stands_in_the_way(settings, vehicle, mode):
    controller = Controller(replace(settings, mode=mode), vehicle)
    wall = box('wall', np.array([50.0, 0.0, 0.0]), 2.0, 8.0)
    result = drive(controller, at_start(8.0), along(STRAIGHT, 8.0), 9.0, obstacles=(wall,))
    assert result.states[-1, 0] + vehicle.front_reach < 49.0
    assert result.states[-1, SPEED] < 0.1


@pytest.mark.parametrize(
    ('x', 'y', 'yaw', 'brakes'),
    [
        (20.0, 0.0, 0.5 * np.pi, False),  # in the way now, gone when the car arrives
        (22.0, -14.0, 0.5 * np.pi, True),  # far away now, in the way then
    ],
)
def test_a_moving_obstacle_is_met_where_it_will_be(controller, x, y, yaw, brakes):
    way = 8.0 * 0.1 * np.arange(40)[:, None] * np.array([np.cos(yaw), np.sin(yaw), 0.0])
    crossing = disc('crossing', np.array([x, y, yaw]) + way, 1.0)
    car = np.array([0.0, 0.0, 0.0, 10.0, 0.0])
    for _ in range(3):
        plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
        output = controller.step(0.0, car, 0.0, plan, STRAIGHT, (crossing,), 1.0)
    slowed = 10.0 - output.prediction.states[-1, SPEED]
    moved = np.abs(output.prediction.states[:, 1]).max()
    assert (slowed > 0.5 or moved > 0.5) == brakes


def test_the_car_stays_in_a_corridor_that_the_reference_leaves(controller, vehicle):
    narrowing = [(0.0, 4.0), (40.0, 4.0), (60.0, 1.5), (2000.0, 1.5)]
    road = road_from_segments([(2000.0, 0.0, 0.0)], narrowing, 4.0, 20.0)
    result = drive(controller, at_start(10.0), along(road, 10.0, offset=1.0), 9.0, road)
    assert result.states[-60:, 1].max() < 1.5 - vehicle.width / 2 + 0.01


def test_commands_and_predictions_keep_to_the_cars_limits(controller, vehicle):
    car = Car(np.array([0.0, 3.0, -0.6, 15.0, 0.4]))
    result = drive(controller, car, along(STRAIGHT, 30.0), 5.0)
    acceleration = result.of('acceleration')
    steering = result.of('steering_angle')
    change = np.abs(np.diff(np.concatenate([[0.4], steering])))
    assert acceleration.max() <= vehicle.acceleration_max
    assert acceleration.min() >= -vehicle.deceleration_max
    assert np.abs(steering).max() <= vehicle.steering_max
    assert change.max() <= vehicle.steering_rate_max * controller.settings.period + 1e-9
    for output in result.outputs:
        assert output.prediction is not None
        states, controls = output.prediction.states, output.prediction.controls
        assert (states[:, SPEED] >= -1e-4).all()
        assert (np.abs(states[:, STEERING]) <= vehicle.steering_max + 1e-4).all()
        assert (controls <= vehicle.control_upper + 1e-4).all()
        assert (controls >= vehicle.control_lower - 1e-4).all()


def test_a_bend_too_fast_for_the_friction_is_driven_within_it(controller, vehicle):
    friction, bend = 0.4, 0.05
    road = road_from_segments(
        [(30.0, 0.0, 0.0), (10.0, 0.0, bend), (200.0, bend, bend)], 4.0, 4.0, 20.0
    )
    result = drive(controller, at_start(10.0), along(road, 10.0), 5.0, road, friction=friction)
    speed, steering = result.states[:, SPEED], result.states[:, STEERING]
    lateral = speed**2 * np.tan(steering) / vehicle.wheelbase
    longitudinal = np.gradient(speed, controller.settings.period)
    assert np.hypot(longitudinal, lateral).max() < 1.05 * friction * GRAVITY
    # what the reference asks for is more than there is
    assert 10.0**2 * bend > 1.2 * friction * GRAVITY


@pytest.mark.parametrize(
    'state',
    [
        np.array([0.0, 0.0, 0.0, -0.2, 0.0]),
        np.array([0.0, 0.0, 0.0, 10.0, 1.3]),
        np.array([0.0, 0.0, 0.0, 70.0, 0.0]),
        np.array([0.0, 6.0, 1.5, 5.0, -1.2]),
    ],
)
def test_a_start_outside_the_bounds_still_gets_an_answer(controller, state):
    output = controller.step(
        0.0, state, 0.0, reference(STRAIGHT, 10.0, 0.0, 0.0), STRAIGHT, (), 1.0
    )
    assert output.status == 'solved'
    assert np.isfinite([output.acceleration, output.steering_angle]).all()


def test_a_standing_reference_holds_the_brake_and_the_steering(controller):
    plan = reference(STRAIGHT, 0.0, 0.0, 0.0)
    car = np.array([0.0, 0.0, 0.0, 0.02, 0.1])
    output = controller.step(0.0, car, 0.0, plan, STRAIGHT, (), 1.0)
    assert output.acceleration == -controller.settings.standstill_deceleration
    assert output.steering_angle == 0.1


def test_the_end_of_a_reference_is_an_end_and_not_a_jump(controller):
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0, steps=5)
    output = controller.step(
        0.0, np.array([0.0, 0.0, 0.0, 10.0, 0.0]), 0.0, plan, STRAIGHT, (), 1.0
    )
    assert output.prediction.states[-1, SPEED] < 8.0
    assert -3.0 < output.acceleration <= 0.01


def test_the_second_step_starts_from_the_shifted_solution(controller):
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
    car = np.array([0.0, 0.5, 0.0, 10.0, 0.0])
    first = controller.step(0.0, car, 0.0, plan, STRAIGHT, (), 1.0)
    later = first.prediction.states[0] + np.array([0.5, 0.0, 0.0, 0.0, 0.0])
    second = controller.step(0.05, later, 0.05, plan, STRAIGHT, (), 1.0)
    assert (first.start_source, second.start_source) == ('reference', 'shifted')


def test_the_converged_mode_converges(settings, vehicle):
    converged = Controller(
        replace(settings, mode='converged', iterations_max=30, time_limit=9.0), vehicle
    )
    plan = reference(STRAIGHT, 10.0, 0.0, 0.0)
    car = np.array([0.0, 1.5, 0.3, 8.0, 0.0])
    output = converged.step(0.0, car, 0.0, plan, STRAIGHT, (), 1.0)
    once = Controller(settings, vehicle).step(0.0, car, 0.0, plan, STRAIGHT, (), 1.0)
    assert output.status == 'solved'
    assert output.iterations > 1
    assert once.iterations == 1
    assert output.kkt_residual < 1e-2 < once.kkt_residual


def test_errors_are_those_of_the_measured_state_in_the_references_frame(controller):
    road = road_from_segments([(100.0, 0.0, 0.0)], 4.0, 4.0, 20.0, (0.0, 0.0, np.pi / 2))
    plan = reference(road, 10.0, 0.0, 0.0)
    car = np.array([-0.4, 0.3, np.pi / 2 + 0.1, 9.0, 0.0])
    output = controller.step(0.0, car, 0.0, plan, road, (), 1.0)
    assert output.lateral_error == pytest.approx(0.4)
    assert output.longitudinal_error == pytest.approx(0.3)
    assert output.heading_error == pytest.approx(0.1)
    assert output.speed_error == pytest.approx(-1.0)


def test_without_a_generated_solver_it_refuses_to_start(settings, vehicle, tmp_path, monkeypatch):
    monkeypatch.setenv('WARMSTART_PLANNER_SOLVERS', str(tmp_path))
    with pytest.raises(SolverMissingError, match='not generated.*run `'):
        Controller(settings, vehicle)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('change', [{'steps': 21}, {'dt': 0.11}, {'obstacles': 3}])
def test_a_solver_generated_for_something_else_is_refused(settings, vehicle, change):
    with pytest.raises(SolverMissingError):
        Controller(replace(settings, **change), vehicle)


def test_a_solver_generated_for_another_car_is_refused(settings, vehicle):
    with pytest.raises(SolverMissingError):
        Controller(settings, replace(vehicle, wheelbase=3.123))
