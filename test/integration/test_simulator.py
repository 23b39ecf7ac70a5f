# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator node stands in for a vehicle: it waits, it drives, it brakes without commands."""

import math
import time

import pytest

from warmstart_planner.processes.exit_status import NOT_DRIVEN


@pytest.fixture
def bench(rig):
    return Bench(rig)


class Bench:
    """A simulator, and what would command it."""

    def __init__(self, rig):
        from rosgraph_msgs.msg import Clock

        from warmstart_planner import msg
        from warmstart_planner.nodes.simulator import SimulatorNode

        self.rig = rig
        self.node = rig.add(SimulatorNode())
        self.clocks = rig.collect(Clock, '/clock')
        self.states = rig.collect(msg.VehicleState, '/simulator/output/state')
        self.node.trigger_configure()
        self.node.trigger_activate()
        self.command = rig.sender(msg.Command, '/simulator/input/command')
        rig.until(lambda: self.states)

    def send(self, acceleration=0.0, steering=0.0, problem=1):
        from warmstart_planner import msg

        message = msg.Command(acceleration_mps2=acceleration, front_wheel_angle_rad=steering)
        message.state_stamp = self.states[-1].header.stamp
        message.header.stamp = self.states[-1].header.stamp
        message.problem_stamp.sec = problem
        self.command(message)

    def begin(self):
        self.send()
        self.rig.until(lambda: self.node.driving)

    def age(self):
        stamp = self.states[-1].header.stamp
        return self.node.now() - stamp.sec - stamp.nanosec / 1e9

    @staticmethod
    def place(state):
        return state.x, state.y

    def times(self):
        return [c.clock.sec + c.clock.nanosec / 1e9 for c in self.clocks]


def test_time_stands_still_until_a_command_follows_a_plan(bench):
    bench.rig.spin(0.4)
    bench.send(problem=0)
    bench.rig.spin(0.2)
    assert len(set(bench.times())) == 1
    assert len(bench.states) > 2
    bench.begin()
    bench.rig.until(lambda: bench.node.time > 0.1)
    assert bench.times() == sorted(bench.times())


WALL = ['publish_clock:=false']


@pytest.mark.parametrize('rig', [WALL], indirect=True)
def test_without_a_clock_of_its_own_what_is_shown_is_of_now_however_long_it_waits(bench):
    for _ in range(8):
        bench.states.clear()
        bench.rig.until(lambda: bench.states)
        assert bench.age() < 0.1
    assert bench.node.time == 0.0
    assert bench.clocks == []


@pytest.mark.parametrize('rig', [WALL], indirect=True)
def test_without_a_clock_of_its_own_the_drive_begins_at_the_first_command(bench):
    bench.rig.spin(0.7)
    bench.begin()
    for _ in range(10):
        bench.states.clear()
        bench.rig.until(lambda: bench.states)
        assert bench.age() < 0.15
        assert bench.node.time < 2.0


@pytest.mark.parametrize('rig', [WALL], indirect=True)
def test_without_a_clock_of_its_own_a_machine_that_falls_behind_does_not_stay_behind(bench):
    bench.begin()
    bench.rig.until(lambda: bench.node.time > 0.2)
    for _ in range(2):
        before = bench.node.time
        time.sleep(0.6)
        bench.rig.spin(0.1)
        assert bench.node.time < before + 0.4, 'time waits for the machine'
        bench.states.clear()
        bench.rig.until(lambda: bench.states)
        assert bench.age() < 0.15


@pytest.mark.parametrize(
    'rig',
    [[], WALL, ['mode:=lockstep', 'answer_timeout:=0.2']],
    ids=['real time', 'wall', 'lockstep'],
    indirect=True,
)
def test_deactivated_the_drive_stands_still_and_active_again_it_goes_on(bench):
    from rclpy.lifecycle import TransitionCallbackReturn

    bench.begin()
    bench.rig.until(lambda: bench.node.time > 0.6)
    for _ in range(2):
        assert bench.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        stopped, where = bench.node.time, bench.states[-1]
        bench.rig.spin(0.4)
        assert bench.node.time == stopped
        bench.states.clear()
        assert bench.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        bench.rig.until(lambda: bench.states)
        bench.rig.spin(0.3)
        assert bench.node.time == stopped, 'it waits for a command'
        assert math.dist(bench.place(where), bench.place(bench.states[-1])) < 2.0
        bench.begin()
        bench.rig.until(lambda at=stopped: bench.node.time > at + 0.4)
        assert bench.states[-1].x > where.x
    assert bench.times() == sorted(bench.times())
    times = bench.node._recorder.record().times
    assert times[0] == 0.0 and max(times[1:] - times[:-1]) < 0.11


def test_an_answer_to_what_was_shown_before_does_not_begin_the_drive(bench):
    bench.begin()
    bench.rig.until(lambda: bench.node.time > 0.3)
    bench.node.trigger_deactivate()
    bench.rig.spin(0.1)
    bench.states[-1].header.stamp.sec -= 1
    bench.node.trigger_activate()
    bench.send()
    bench.rig.spin(0.05)
    assert not bench.node.driving


def test_a_planner_and_a_controller_that_fall_silent_are_told_as_silent(bench, capfd):
    bench.begin()
    for _ in range(4):
        bench.send()
        bench.rig.spin(0.05)
    bench.rig.until(lambda: bench.node.time > 2.2)
    lines = [line for line in capfd.readouterr().err.splitlines() if 'm to go' in line]
    assert 'controller silent for' in lines[-1]


@pytest.mark.parametrize('rig', [['start_timeout:=1.0', 'exit_when_done:=false']], indirect=True)
def test_a_simulator_that_gave_up_says_so_in_its_diagnostics_and_waits_again_once_reactivated(
    bench,
):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

    arrays = bench.rig.collect(DiagnosticArray, '/diagnostics')

    def run():
        return next((each for each in arrays[-1].status if 'run' in each.name), None)

    bench.rig.until(lambda: arrays and 'no plan' in run().message)
    assert run().level == DiagnosticStatus.ERROR
    bench.node.trigger_deactivate()
    bench.node.trigger_activate()
    bench.rig.until(lambda: 'waiting' in run().message)
    bench.begin()


def test_commands_are_followed(bench):
    bench.begin()
    before = bench.states[-1].longitudinal_velocity_mps
    for _ in range(20):
        bench.send(acceleration=2.0)
        bench.rig.spin(0.05)
    assert bench.states[-1].longitudinal_velocity_mps > before + 1.0


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_command_that_is_not_a_number_is_none_and_without_commands_the_vehicle_brakes(
    bench, value
):
    bench.begin()
    before = bench.states[-1].longitudinal_velocity_mps
    for _ in range(24):
        bench.send(steering=value)
        bench.rig.spin(0.05)
    assert bench.node.rejected.total('~/input/command') > 10
    assert bench.states[-1].longitudinal_velocity_mps < before - 1.5
    assert abs(bench.states[-1].front_wheel_angle_rad) < 0.1


def test_who_joins_late_still_gets_road_and_goal(bench):
    from warmstart_planner import msg
    from warmstart_planner.commands.demo import DEFAULT_SCENARIO
    from warmstart_planner.nodes.messages import goal_from, road_from
    from warmstart_planner.nodes.qos import LATCHED
    from warmstart_planner.scenarios import load_scenario

    received = []
    for kind, topic in ((msg.Road, 'road'), (msg.Goal, 'goal')):
        bench.rig.probe.create_subscription(
            kind, f'/simulator/output/{topic}', received.append, LATCHED
        )
    bench.rig.until(lambda: len(received) == 2)
    by_kind = {type(message): message for message in received}
    scenario = load_scenario(DEFAULT_SCENARIO)
    assert road_from(by_kind[msg.Road]).end == scenario.road.end
    assert goal_from(by_kind[msg.Goal]) == scenario.goal


@pytest.mark.parametrize('rig', [['mode:=lockstep', 'answer_timeout:=0.3']], indirect=True)
def test_in_lockstep_time_waits_for_answers_but_not_for_ever(bench):
    bench.begin()
    bench.rig.until(lambda: bench.node.time > 0.0)
    waiting_at = bench.node.time
    bench.rig.spin(0.15)
    assert bench.node.time == waiting_at
    bench.send()
    bench.rig.until(lambda: bench.node.time > waiting_at)
    alone_at = bench.node.time
    bench.rig.until(lambda: bench.node.time > alone_at + 0.05)


def test_a_simulator_that_nobody_drives_gives_up(start):
    given = ('autostart:=true', 'start_timeout:=1.0')
    arguments = [text for parameter in given for text in ('-p', parameter)]
    process = start('warmstart_planner.nodes.simulator', '--ros-args', *arguments)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == NOT_DRIVEN
    assert 'no plan within 1 s: nothing can be driven' in output
    assert 'Traceback' not in output


@pytest.mark.parametrize(
    'rig', [['scenario:=blocked_road', 'seed:=-1', 'exit_when_done:=false']], indirect=True
)
def test_a_drive_ends_with_a_latched_result(bench, tmp_path):
    from diagnostic_msgs.msg import DiagnosticStatus

    from warmstart_planner.nodes.qos import LATCHED

    bench.begin()
    for _ in range(400):
        bench.send(acceleration=3.0)
        bench.rig.spin(0.02)
        if not bench.node.driving:
            break
    received = []
    bench.rig.probe.create_subscription(
        DiagnosticStatus, '/simulator/output/result', received.append, LATCHED
    )
    bench.rig.until(lambda: received)
    assert received[0].level == DiagnosticStatus.ERROR
    assert received[0].message in ('collision', 'off_road')
