# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The controller in closed loop with the kinematic car and lagging actuators."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import pytest

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.mpc import Controller
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import (
    GRAVITY,
    SPEED,
    STEERING,
    YAW,
    lateral_acceleration,
    load_vehicle,
    step,
)

VEHICLE = load_vehicle()
STRAIGHT = road_from_segments([(2000.0, 0.0, 0.0)], 4.0, 4.0, 40.0)
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])
NAN = float('nan')


def reference(road, speed, stamp, station, offset=0.0, steps=60):
    """Return a reference along the road at a constant speed of the path's stations."""
    at = station + speed * 0.1 * np.arange(steps + 1)
    bend = road.at('curvature', at)
    states = np.empty((steps + 1, 5))
    states[:, :3] = road.poses(at, offset)
    states[:, SPEED] = speed * (1 - bend * offset)
    states[:, STEERING] = np.arctan(VEHICLE.wheelbase * bend / (1 - bend * offset))
    controls = np.diff(states[:, [SPEED, STEERING]], axis=0) / 0.1
    return Trajectory(stamp, 0.1, states, controls)


@dataclass
class Car:
    """The kinematic model behind a transport delay and first-order lags."""

    state: np.ndarray
    delay: float = 0.02
    acceleration_lag: float = 0.1
    steering_lag: float = 0.05
    acceleration: float = 0.0

    def __post_init__(self):
        self.commands = deque()
        self.active = (0.0, self.state[STEERING])

    def send(self, now, output):
        self.commands.append((now + self.delay, (output.acceleration, output.steering_angle)))

    def advance(self, now, h):
        while self.commands and self.commands[0][0] <= now + 1e-9:
            self.active = self.commands.popleft()[1]
        wanted, angle = self.active
        self.acceleration += (wanted - self.acceleration) * -np.expm1(-h / self.acceleration_lag)
        rate = (angle - self.state[STEERING]) * -np.expm1(-h / self.steering_lag) / h
        rate = np.clip(rate, -VEHICLE.steering_rate_max, VEHICLE.steering_rate_max)
        pull = max(self.acceleration, -self.state[SPEED] / h)
        self.state = np.array(step(self.state, (pull, rate), h, VEHICLE.wheelbase))


@dataclass
class SlippingCar(Car):
    """Its rear axle moves outwards of its heading, in proportion to the lateral acceleration."""

    slip: float = 0.005

    def advance(self, now, h):
        super().advance(now, h)
        angle = self.slip * lateral_acceleration(self.state, VEHICLE.wheelbase)
        outwards = np.array([np.sin(self.state[YAW]), -np.cos(self.state[YAW])])
        self.state[:2] += h * self.state[SPEED] * np.sin(angle) * outwards


@dataclass
class Drive:
    outputs: list
    states: np.ndarray

    def of(self, name):
        return np.array([getattr(output, name) for output in self.outputs])


def drive(controller, car, plan, duration, road=STRAIGHT, obstacles=(), age=0.0, friction=1.0):
    """Drive in closed loop: `plan(now)` is asked every 0.1 s, states arrive `age` late."""
    h, period = 0.01, controller.settings.period
    seen, outputs, states, current = deque(maxlen=100), [], [], None
    for i in range(round(duration / h)):
        now = i * h
        seen.append((now, car.state))
        if i % 10 == 0:
            current = plan(now)
        if i % round(period / h) == 0:
            stamp, state = seen[max(len(seen) - 1 - round(age / h), 0)]
            output = controller.step(now, state, stamp, current, road, obstacles, friction)
            car.send(now, output)
            outputs.append(output)
            states.append(car.state)
        car.advance(now, h)
    return Drive(outputs, np.array(states))


def along(road, speed, offset=0.0):
    """Return a planner that knows the road and a speed."""
    return lambda now: reference(road, speed, now, speed * now, offset)


def at_start(speed, y=0.0, yaw=0.0):
    return Car(np.array([0.0, y, yaw, speed, 0.0]))


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
