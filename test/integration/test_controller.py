# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The controller node keeps its ladder when its inputs are late, lost or wrong."""

import math
import time

import numpy as np
import pytest

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

    def send_state(self, **spoilt):
        from warmstart_planner.nodes.messages import StateEstimate, vehicle_state_message

        now = self.now()
        x = 20.0 + SPEED * (now - self.begin)
        message = vehicle_state_message(
            StateEstimate(now, np.array([x, 0.0, 0.0, SPEED, 0.0]), 0.0, 1.0)
        )
        for field, value in spoilt.items():
            setattr(message, field, value)
        self.state(message)

    def send_reference(self, spoil=lambda message: None):
        from warmstart_planner.nodes.messages import Reference, trajectory_message
        from warmstart_planner.problem import Rung, Trajectory
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
    assert {c.rung for c in commands} == {0}
    assert all(c.status == 'ok' for c in commands)
    assert max(abs(c.acceleration_mps2) for c in commands) < 0.5
    assert max(abs(c.front_wheel_angle_rad) for c in commands) < 0.01
    stamps = [to_seconds(c.state_stamp) for c in commands]
    assert stamps == sorted(set(stamps))
    assert all(to_seconds(c.problem_stamp) >= bench.begin for c in commands)


@pytest.mark.parametrize('field', ['x', 'front_wheel_angle_rad'])
def test_a_state_that_is_not_a_number_brakes_the_car_until_it_is_one_again(bench, field):
    bench.drive(1.0)
    commands = bench.drive(1.0, state={field: math.nan})
    assert commands, 'a controller without a state still sends commands'
    assert bench.finite()
    assert commands[-1].rung == 3
    assert commands[-1].acceleration_mps2 < -1.0
    assert 'old' in commands[-1].status
    assert bench.node.rejected.total('~/input/state') > 5
    recovered = bench.drive(1.5)
    assert bench.finite()
    assert recovered[-1].rung == 0


def test_a_reference_that_is_not_a_number_counts_as_none_and_the_last_one_ages(bench):
    bench.drive(1.0)
    commands = bench.drive(2.5, spoil=lambda m: m.x.__setitem__(5, math.nan))
    assert bench.finite()
    rungs = [c.rung for c in commands]
    assert rungs == sorted(rungs), 'the ladder goes down rung by rung'
    assert rungs[0] == 0 and 1 in rungs and rungs[-1] == 2
    assert commands[-1].acceleration_mps2 < -1.0
    assert bench.drive(1.0)[-1].rung == 0


def test_every_rung_shows_in_the_status(bench):
    bench.drive(0.5)
    bench.drive(2.2, reference=False)
    assert {0, 1, 2} <= {status.rung for status in bench.statuses}


def test_without_states_the_controller_goes_on_by_itself(bench):
    bench.drive(1.0)
    bench.commands.clear()
    bench.rig.spin(1.0)
    assert len(bench.commands) > 5
    assert bench.commands[-1].rung == 3
    assert bench.finite()
