# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The car and its tracking solver, generated once and kept."""

import pytest

from warmstart_planner.mpc import ControllerSettings
from warmstart_planner.mpc.tracking.generate import generate
from warmstart_planner.vehicle import load_vehicle


@pytest.fixture(scope='session')
def vehicle():
    return load_vehicle()


@pytest.fixture(scope='session')
def settings(vehicle):
    chosen = ControllerSettings(rear_slip=0.0)  # a kinematic car, whose tyres do not slip
    generate(vehicle, chosen)
    return chosen
