# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A drive at a benchmark's time steps."""

import numpy as np
import pytest


def test_states_are_those_of_the_centre_at_each_step(write_document, drive_of):
    _, driven = drive_of(write_document(obstacles=''), 2.0)
    assert driven.times == pytest.approx(np.arange(21) * 0.1)
    assert driven.x == pytest.approx(30.0 + 10.0 * driven.times)
    assert driven.poses[:, 1:] == pytest.approx(0.0)


def test_a_circle_has_the_yaw_rate_and_slip_of_its_radius(write_document, drive_of):
    scenario, driven = drive_of(write_document(obstacles=''), 3.0, steering=0.05)
    car = scenario.car
    late = slice(15, -1)
    radius = car.wheelbase / np.tan(0.05)
    assert driven.yaw_rate[late] == pytest.approx(10.0 / radius, rel=1e-3)
    assert driven.slip_angle[late] == pytest.approx(
        np.arctan(car.rear_to_center / radius), rel=1e-2
    )


def test_a_standing_car_does_not_slip(write_document, drive_of):
    _, driven = drive_of(write_document(obstacles=''), 4.0, acceleration=-6.0)
    assert driven.speed[-1] == 0.0
    assert driven.slip_angle[-5:] == pytest.approx(0.0)
