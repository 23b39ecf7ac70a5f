# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A benchmark, and a drive of it that no solver is needed for."""

import numpy as np
import pytest
from commonroad_document import whole_document
from road_files import write_road_files

from warmstart_planner.evaluation.benchmark import read_benchmark
from warmstart_planner.evaluation.driven import driven_at
from warmstart_planner.files.vehicle_file import load_description
from warmstart_planner.scenarios import load_scenario
from warmstart_planner.simulation.configuration import ActuatorConfiguration
from warmstart_planner.simulation.plants import KinematicPlant
from warmstart_planner.simulation.record import DriveRecord

PERIOD = 0.05  # of the record [s]
FINE = 0.005  # of the integration [s]


@pytest.fixture
def write_document(tmp_path):
    def write(**parts):
        path = tmp_path / 'ZAM_Test-1_1.xml'
        path.write_text(whole_document(**parts))
        return path

    return write


@pytest.fixture
def drive_of():
    """Return a function that drives a file's start on with the kinematic car, for a time [s]."""

    def drive(path, duration, acceleration=0.0, steering=0.0):
        scenario = load_scenario(path)
        car = KinematicPlant(
            load_description(scenario.vehicle),
            scenario.initial_state,
            1.0,
            1.0,
            ActuatorConfiguration(),
        )
        states = [car.rear_axle_state()]
        for _ in range(round(duration / PERIOD)):
            for _ in range(round(PERIOD / FINE)):
                car.step(acceleration, steering, FINE)
            states.append(car.rear_axle_state())
        times = np.arange(len(states)) * PERIOD
        record = DriveRecord(times, np.array(states), (), ())
        return scenario, driven_at(record, scenario.car, read_benchmark(path).dt)

    return drive


@pytest.fixture
def road_files(tmp_path):
    return write_road_files(tmp_path / 'inputs')
