# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The tracking solver that the controller's tests share, generated once and kept."""

import pytest

from warmstart_planner.mpc import Controller, ControllerSettings
from warmstart_planner.vehicle import load_vehicle


@pytest.fixture(scope='session')
def vehicle():
    return load_vehicle()


@pytest.fixture(scope='session')
def settings(vehicle):
    from warmstart_planner.mpc.tracking.generate import generate

    # the tests' car is the kinematic one, whose tyres do not slip
    chosen = ControllerSettings(rear_slip=0.0)
    generate(vehicle, chosen)
    return chosen


@pytest.fixture
def controller(settings, vehicle):
    return Controller(settings, vehicle)
