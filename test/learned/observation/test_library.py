# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled observation: one library a car."""

import pytest

from warmstart_planner.generation import generated
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.observation import library
from warmstart_planner.learned.observation.observer import Observer
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle


def test_each_car_has_a_library_of_its_own():
    keys = [library.key(load_vehicle(name)) for name in (DEFAULT_VEHICLE, 'commonroad_3')]
    assert generated.solver_folder('observation', keys[0]) != generated.solver_folder(
        'observation', keys[1]
    )


def test_without_its_library_a_car_sees_nothing_and_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
    with pytest.raises(SolverMissingError, match="'observation' is not generated.*: run `"):
        Observer(load_vehicle('commonroad_4'))
