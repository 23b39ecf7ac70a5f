# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The drive's own time and ROS time go together, but for the drive's waiting."""

import pytest

from warmstart_planner.nodes.simulation.drive_clock import DriveClock


def test_both_times_go_on_alike():
    clock = DriveClock(100.0)
    assert clock.ros_time(2.5) == 102.5
    assert clock.drive_time(102.5) == 2.5


def test_waiting_is_no_part_of_the_drive_and_what_was_before_keeps_its_time():
    clock = DriveClock(100.0)
    clock.go_on(2.0, 150.0)
    assert clock.ros_time(2.5) == 150.5
    assert clock.drive_time(101.5) == 1.5
    assert clock.drive_time(150.5) == 2.5


def test_of_many_beginnings_at_one_time_the_last_counts():
    clock = DriveClock(100.0)
    for stamp in (120.0, 130.0, 140.0):
        clock.go_on(0.0, stamp)
    assert clock.drive_time(141.0) == 1.0
    assert clock.ros_time(1.0) == 141.0


def test_a_plan_asked_for_while_waiting_belongs_to_what_follows():
    clock = DriveClock(100.0)
    clock.go_on(2.0, 150.0)
    assert clock.drive_time(149.9) == pytest.approx(1.9)


def test_several_waits_add_up():
    clock = DriveClock(0.0)
    for t in (1.0, 2.0, 3.0):
        clock.go_on(t, clock.ros_time(t) + 0.5)
    assert clock.ros_time(4.0) == 5.5
    for t in (0.5, 1.5, 2.5, 3.5):
        assert clock.drive_time(t + 0.5 * int(t)) == pytest.approx(t)
