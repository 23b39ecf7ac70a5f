# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The controller node keeps its ladder when its inputs are late, lost or wrong."""

import math
import re
import time

import numpy as np
import pytest

from warmstart_planner.problem import Rung

SPEED = 8.0


@pytest.fixture
def bench(rig, solvers):
    return Bench(rig)


class Bench:
    """A car that drives straight on by itself, seen by a controller."""

    def __init__(self, rig):
        from warmstart_planner import msg
        from warmstart_planner.nodes.controller import ControllerNode
        from warmstart_planner.nodes.messages import road_message
        from warmstart_planner.nodes.qos import LATCHED
        from warmstart_planner.road import road_from_segments

        self.rig = rig
        self.node = rig.run(ControllerNode())
        self.commands = rig.collect(msg.Command, '/controller/output/command')
        self.statuses = rig.collect(msg.ControllerStatus, '/controller/output/status')
        self.state = rig.sender(msg.VehicleState, '/controller/input/state')
        self.trajectory = rig.sender(msg.Trajectory, '/controller/input/trajectory')
        road = rig.sender(msg.Road, '/controller/input/road', LATCHED)
        road(road_message(road_from_segments([(900.0, 0.0, 0.0)], 3.0, 3.0, 10.0), 0.0))
        self.begin = self.now()

    def now(self):
        return self.node.now()

    def send_state(self, ahead=0.0, **spoilt):
        from warmstart_planner.nodes.messages import StateEstimate, vehicle_state_message

        now = self.now() + ahead
        x = 20.0 + SPEED * (now - self.begin)
        message = vehicle_state_message(
            StateEstimate(now, np.array([x, 0.0, 0.0, SPEED, 0.0]), 0.0, 1.0)
        )
        for field, value in spoilt.items():
            setattr(message, field, value)
        self.state(message)

    def send_reference(self, spoil=lambda message: None):
        from warmstart_planner.nodes.messages import Reference, trajectory_message
        from warmstart_planner.problem import Trajectory
        from warmstart_planner.vehicle import load_vehicle

        now = self.now()
        states = np.zeros((61, 5))
        states[:, 0] = 20.0 + SPEED * (now - self.begin + 0.1 * np.arange(61))
        states[:, 3] = SPEED
        reference = Reference(
            now, Trajectory(now, 0.1, states, np.zeros((60, 2))), Rung.OPTIMISED, 'test', True
        )
        message = trajectory_message(reference, load_vehicle())
        spoil(message)
        self.trajectory(message)

    def drive(self, seconds, state=None, reference=True, spoil=lambda message: None):
        """Send a state each 50 ms and a reference each 100 ms; return the commands."""
        self.commands.clear()
        end = time.monotonic() + seconds
        tick = 0
        while time.monotonic() < end:
            if reference and tick % 2 == 0:
                self.send_reference(spoil)
                self.rig.spin(0.005)
            self.send_state(**(state or {}))
            self.rig.spin(0.045)
            tick += 1
        return list(self.commands)

    def finite(self):
        return all(
            math.isfinite(value)
            for c in self.commands
            for value in (c.acceleration_mps2, c.front_wheel_angle_rad, c.steering_rate_rps)
        )


def test_a_good_reference_is_tracked_and_each_command_names_what_it_answers(bench):
    from warmstart_planner.nodes.messages import to_seconds

    commands = bench.drive(1.5)[-10:]
    assert {c.rung for c in commands} == {Rung.OPTIMISED.value}
    assert all(c.status == 'ok' for c in commands)
    assert max(abs(c.acceleration_mps2) for c in commands) < 0.5
    assert max(abs(c.front_wheel_angle_rad) for c in commands) < 0.01
    stamps = [to_seconds(c.state_stamp) for c in commands]
    assert stamps == sorted(set(stamps))
    assert all(to_seconds(c.problem_stamp) >= bench.begin for c in commands)


def test_each_command_is_told_at_the_level_debug(bench, capfd):
    from rclpy.logging import LoggingSeverity

    bench.drive(0.3)
    bench.node.get_logger().set_level(LoggingSeverity.DEBUG)
    capfd.readouterr()
    commands = bench.drive(0.5)
    reported = re.findall(r'DEBUG.*controller.*: \w+: .* m/s\^2, .* rad', capfd.readouterr().err)
    assert len(reported) >= len(commands) > 4


@pytest.mark.parametrize('field', ['x', 'front_wheel_angle_rad'])
def test_a_state_that_is_not_a_number_brakes_the_car_until_it_is_one_again(bench, field):
    bench.drive(1.0)
    commands = bench.drive(1.0, state={field: math.nan})
    assert commands, 'a controller without a state still sends commands'
    assert bench.finite()
    assert commands[-1].rung == Rung.NONE.value
    assert commands[-1].acceleration_mps2 < -1.0
    assert 'old' in commands[-1].status
    assert bench.node.rejected.total('~/input/state') > 5
    recovered = bench.drive(1.5)
    assert bench.finite()
    assert recovered[-1].rung == Rung.OPTIMISED.value


def test_states_from_the_future_are_none_and_make_no_other_old(bench):
    bench.drive(1.0)
    bench.send_state(ahead=0.8)
    assert {c.rung for c in bench.drive(0.5)} == {Rung.OPTIMISED.value}
    commands = bench.drive(1.0, state={'ahead': 0.8})
    assert commands[-1].rung == Rung.NONE.value
    assert 'old' in commands[-1].status
    assert bench.node.rejected.total('~/input/state') > 5
    assert bench.drive(1.5)[-1].rung == Rung.OPTIMISED.value


def test_settings_that_change_on_the_way_let_nothing_go(bench):
    from rclpy.parameter import Parameter

    bench.drive(1.0)
    bench.drive(2.5, reference=False)
    assert bench.commands[-1].rung == Rung.BRAKING.value
    changed = bench.node.set_parameters([Parameter('obstacle_margin', value=0.4)])
    assert changed[0].successful
    assert {c.rung for c in bench.drive(0.4, reference=False)} == {Rung.BRAKING.value}
    rungs = [c.rung for c in bench.drive(1.0)]
    assert rungs[0] == Rung.BRAKING.value and rungs[-1] == Rung.OPTIMISED.value


def test_a_reference_that_is_not_a_number_counts_as_none_and_the_last_one_ages(bench):
    bench.drive(1.0)
    commands = bench.drive(2.5, spoil=lambda m: m.x.__setitem__(5, math.nan))
    assert bench.finite()
    rungs = [c.rung for c in commands]
    assert rungs == sorted(rungs), 'the ladder goes down rung by rung'
    assert rungs[0] == Rung.OPTIMISED.value and rungs[-1] == Rung.BRAKING.value
    assert Rung.PREVIOUS.value in rungs
    assert commands[-1].acceleration_mps2 < -1.0
    assert bench.drive(1.0)[-1].rung == Rung.OPTIMISED.value


def test_every_rung_shows_in_the_status(bench):
    bench.drive(0.5)
    bench.drive(2.2, reference=False)
    wanted = {Rung.OPTIMISED.value, Rung.PREVIOUS.value, Rung.BRAKING.value}
    assert wanted <= {status.rung for status in bench.statuses}


def test_without_states_the_controller_goes_on_by_itself(bench):
    bench.drive(1.0)
    bench.commands.clear()
    bench.rig.spin(1.0)
    assert len(bench.commands) > 5
    assert bench.commands[-1].rung == Rung.NONE.value
    assert bench.finite()


# --- starts from elsewhere ---


class PolicyBench(Bench):
    """The same with a controller that may start from roll-outs, and a sender of these."""

    def __init__(self, rig, choice):
        from warmstart_planner import msg

        super().__init__(rig)
        self.set(choice)
        self.roll_out = rig.sender(msg.RollOut, '/controller/input/roll_outs')

    def set(self, choice):
        from rclpy.parameter import Parameter

        (result,) = self.node.set_parameters([Parameter('warm_start', value=choice)])
        assert result.successful, result.reason

    def send_state(self, **spoilt):
        super().send_state(**spoilt)
        self.roll_out(self.rolled_out())

    def rolled_out(self):
        """Return where two members drive from here: straight on."""
        from warmstart_planner.nodes.messages import PolicyRollOut, roll_out_message
        from warmstart_planner.problem import Trajectory

        now = self.now()
        states = np.zeros((21, 5))
        states[:, 0] = 20.0 + SPEED * (now - self.begin + 0.1 * np.arange(21))
        states[:, 3] = SPEED
        way = Trajectory(now, 0.1, states, np.zeros((20, 2)))
        message = roll_out_message(PolicyRollOut((way, way), now, 'test', 0.0, 0.001))
        self.spoil(message)
        return message

    def spoil(self, message):
        """Leave the message as it is, unless a test puts something else here."""

    def sources(self):
        return [status.start_source for status in self.statuses[-10:]]

    def diagnosis(self):
        finding = self.node._warm_start()
        return finding.message, dict(finding.values)


def assert_drivable(commands):
    """Check that a car can do what it is told, and is told to drive straight on."""
    from warmstart_planner.vehicle import load_vehicle

    car = load_vehicle()
    assert commands
    for command in commands:
        assert math.isfinite(command.steering_rate_rps)
        assert -car.deceleration_max <= command.acceleration_mps2 <= car.acceleration_max
        assert abs(command.front_wheel_angle_rad) <= car.steering_max
        assert abs(command.steering_rate_rps) <= car.steering_rate_max * 1.001
    assert max(abs(c.acceleration_mps2) for c in commands[-5:]) < 0.5
    assert max(abs(c.front_wheel_angle_rad) for c in commands[-5:]) < 0.01
    assert {c.rung for c in commands[-5:]} == {Rung.OPTIMISED.value}


def test_a_roll_out_is_where_the_solver_starts(rig, solvers):
    bench = PolicyBench(rig, 'policy')
    assert_drivable(bench.drive(1.5))
    assert set(bench.sources()) == {'policy'}
    message, figures = bench.diagnosis()
    assert message == 'policy'
    assert int(figures['starts_policy_total']) > 5
    assert figures['stale_roll_outs_total'] == '0'
    bench.rig.spin(0.5)
    assert bench.diagnosis()[0] == 'no fresh roll-outs'


def test_roll_outs_are_subscribed_to_only_where_they_may_be_the_start(rig, solvers):
    bench = PolicyBench(rig, 'best')
    topic = '/controller/input/roll_outs'
    for choice, count in (('shifted', 0), ('policy', 1), ('shifted', 0)):
        bench.set(choice)
        rig.until(lambda wanted=count: rig.probe.count_subscribers(topic) == wanted)
    assert bench.diagnosis()[0] == 'shifted'


def every(array, value):
    array[:] = type(array)('d', [value] * len(array))


@pytest.mark.parametrize('choice', ['policy', 'best'])
@pytest.mark.parametrize(
    'spoil',
    [
        lambda m: m.states.__setitem__(3, math.nan),
        lambda m: every(m.controls, math.nan),
        lambda m: every(m.controls, 1e6),
        lambda m: every(m.states, 1e12),
        lambda m: m.states.__setitem__(42, -1e30),
        lambda m: m.controls.pop(),
        lambda m: setattr(m, 'count', 0),
        lambda m: setattr(m, 'steps', 0),
    ],
)
def test_a_roll_out_that_no_car_could_drive_reaches_no_actuator(rig, solvers, spoil, choice):
    bench = PolicyBench(rig, choice)
    bench.spoil = spoil
    commands = bench.drive(1.2)
    assert_drivable(commands)
    assert 'policy' not in {status.start_source for status in bench.statuses}
    assert bench.node.rejected.total('~/input/roll_outs') > 5


def test_a_stale_roll_out_is_dropped_and_counted(rig, solvers):
    bench = PolicyBench(rig, 'policy')

    def age(message):
        message.header.stamp.sec -= 1

    bench.spoil = age
    assert_drivable(bench.drive(1.2))
    assert set(bench.sources()) <= {'shifted'}
    message, figures = bench.diagnosis()
    assert message == 'no fresh roll-outs'
    assert int(figures['stale_roll_outs_total']) > 5


# --- a policy behind it all ---


@pytest.mark.parametrize(('fault_speed', 'sources'), [(15.0, {'policy'}), (4.0, {'shifted'})])
def test_a_policy_starts_the_controller_through_both_nodes_unless_it_fails(
    rig, solvers, make_problem, write_policy, tmp_path, fault_speed, sources
):
    """The car drives at 8 m/s: a policy that fails from 4 m/s on answers nothing but NaN."""
    from rclpy.parameter import Parameter

    from warmstart_planner import msg
    from warmstart_planner.nodes.messages import problem_message
    from warmstart_planner.nodes.proposal import ProposalNode

    error = np.full((4, 2), np.nan)
    folder = write_policy(tmp_path, error=error, fault_speed=fault_speed)
    proposal = rig.run(ProposalNode())
    for name, value in (
        ('sources', 'iql_lstm'),
        ('model_dir', str(folder)),
        ('roll_out_steps', 20),
    ):
        (result,) = proposal.set_parameters([Parameter(name, value=value)])
        assert result.successful, result.reason
    bench = Bench(rig)
    bench.node.set_parameters([Parameter('warm_start', value='policy')])
    passed_on = rig.sender(msg.RollOut, '/controller/input/roll_outs')
    rig.probe.create_subscription(msg.RollOut, '/proposal/output/roll_outs', passed_on, 1)
    state = rig.sender(msg.VehicleState, '/proposal/input/state')
    pose = rig.sender(msg.PlanningProblem, '/proposal/input/problem')
    to_controller = bench.state

    def send_state(message):
        to_controller(message)
        state(message)

    bench.state = send_state
    send_reference = bench.send_reference

    def send_problem(spoil):
        now = bench.now()
        start = (20.0 + SPEED * (now - bench.begin), 0.0, 0.0, SPEED, 0.0)
        pose(problem_message(make_problem(start, stamp=now)))
        send_reference(spoil)

    bench.send_reference = send_problem
    commands = bench.drive(2.5)
    assert_drivable(commands)
    assert {status.start_source for status in bench.statuses[-5:]} == sources


def test_a_reference_for_another_car_is_refused_with_both_cars(bench, capfd):
    from warmstart_planner.vehicle import load_vehicle

    other = load_vehicle('commonroad_3').label
    commands = bench.drive(0.5, spoil=lambda message: setattr(message, 'vehicle', other))
    assert all(c.rung == Rung.NONE.value for c in commands)
    assert bench.node.rejected.total('~/input/trajectory') > 0
    error = capfd.readouterr().err
    assert f"trajectory.vehicle is '{other}': expected 'commonroad_2-" in error
