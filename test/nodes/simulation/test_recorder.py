# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a drive holds what planner and controller said of it, in the drive's own time."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner import msg
from warmstart_planner.nodes.messages import (
    AnsweredStamps,
    ReceivedCommand,
    Reference,
    header,
    to_time,
)
from warmstart_planner.nodes.simulation.drive_clock import DriveClock
from warmstart_planner.nodes.simulation.recorder import Recorder, RungReport
from warmstart_planner.problem import Rung, Trajectory

EPOCH = 100.0


def reference(stamp):
    trajectory = Trajectory(stamp, 0.1, np.zeros((4, 5)), np.zeros((3, 2)))
    return Reference(stamp, trajectory, Rung.OPTIMISED, 'shifted', True)


def plan_status(stamp, rung=Rung.OPTIMISED):
    return msg.PlanStatus(
        problem_stamp=to_time(stamp), rung=rung.value, plan_time_ms=25.0, iterations=3
    )


def command(stamp, rung=Rung.OPTIMISED):
    return ReceivedCommand(AnsweredStamps(stamp, stamp, stamp), 0.5, 0.1, rung)


@pytest.fixture
def recorder():
    recorder = Recorder(DriveClock(EPOCH))
    for t in (0.0, 0.05, 0.1):
        recorder.add_state(t, np.zeros(5))
    return recorder


@pytest.mark.parametrize('status_first', [True, False])
def test_status_and_reference_of_a_plan_are_joined_in_any_order(recorder, status_first):
    if status_first:
        recorder.add_plan_status(plan_status(EPOCH + 0.1))
    recorder.add_reference(reference(EPOCH + 0.1), 0.13)
    if not status_first:
        assert not recorder.has_plan(EPOCH + 0.1)
        recorder.add_plan_status(plan_status(EPOCH + 0.1))
    assert recorder.has_plan(EPOCH + 0.1)
    plan = recorder.record().plans[0]
    assert (plan.stamp, plan.available) == (pytest.approx(0.1), 0.13)
    assert plan.reference.stamp == pytest.approx(0.1)
    assert (plan.seconds, plan.iterations, plan.rung, plan.feasible) == (
        0.025,
        3,
        'optimised',
        True,
    )


def test_a_cycle_without_a_plan_is_an_answer_too(recorder):
    recorder.add_plan_status(plan_status(EPOCH, Rung.NONE))
    assert recorder.has_plan(EPOCH)
    plan = recorder.record().plans[0]
    assert (plan.rung, plan.reference, plan.feasible) == ('none', None, False)


def test_what_was_said_before_the_drive_is_no_part_of_it(recorder):
    recorder.add_command(command(EPOCH, Rung.NONE))
    recorder.add_plan_status(plan_status(EPOCH - 1.0, Rung.NONE))
    recorder.add_reference(reference(EPOCH), 0.0)
    recorder.add_plan_status(plan_status(EPOCH))
    recorder.begin(-np.inf, EPOCH)
    record = recorder.record()
    assert record.controls == ()
    assert [plan.rung for plan in record.plans] == ['optimised']


def test_what_was_said_while_the_drive_stood_still_later_is_no_part_of_it_either(recorder):
    for stamp, rung in ((0.0, Rung.OPTIMISED), (0.1, Rung.NONE), (0.3, Rung.OPTIMISED)):
        recorder.add_reference(reference(EPOCH + stamp), stamp)
        recorder.add_plan_status(plan_status(EPOCH + stamp, rung))
        recorder.add_command(command(EPOCH + stamp))
        recorder.add_control_status(msg.ControllerStatus(header=header(EPOCH + stamp)))
    recorder.add_plan_status(plan_status(EPOCH + 0.4, Rung.NONE))
    recorder.begin(EPOCH + 0.2, EPOCH + 0.3)
    record = recorder.record()
    assert [round(plan.stamp, 3) for plan in record.plans] == [0.0, 0.1, 0.3]
    assert [round(each.stamp, 3) for each in record.controls] == [0.0, 0.1]


def test_a_command_has_the_time_of_its_step(recorder):
    recorder.add_command(command(EPOCH + 0.05))
    recorder.add_control_status(
        msg.ControllerStatus(header=header(EPOCH + 0.05), step_time_ms=2.0)
    )
    recorder.add_command(command(EPOCH + 0.1))
    control = recorder.record().controls
    assert len(control) == 1, 'a command without a status has no time to report'
    assert (control[0].stamp, control[0].seconds) == (pytest.approx(0.05), 0.002)
    assert recorder.newest_plan() is None
    assert recorder.newest_command() == RungReport('optimised', pytest.approx(0.1))
