# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The plain controller's commands in the closed loop."""

import pytest

from training.iql_lstm.logs.plain_controller import PlainController
from training.iql_lstm.logs.plain_driver import PlainDriver
from warmstart_planner.problem import Rung, StationGoal
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation.closed_loop import drive
from warmstart_planner.simulation.configuration import SimulationConfiguration
from warmstart_planner.vehicle import load_vehicle


@pytest.fixture
def controller(observer):
    return PlainController(load_vehicle())


def test_a_driver_brakes_until_it_knows_the_problem(controller, make_problem):
    driver, problem = PlainDriver(controller), make_problem()
    given = (0.0, problem.initial_state, 0.0, None, problem.road, (), 1.0)
    assert driver.step(*given).rung is Rung.BRAKING
    assert driver.step(*given).acceleration < 0.0
    assert driver.plan(problem, deadline=0.05).trajectory is None
    assert driver.step(*given).rung is Rung.OPTIMISED
    driver.reset()
    assert driver.step(*given).rung is Rung.BRAKING


def test_a_noisy_driver_repeats_itself_after_a_reset(controller, make_problem):
    driver, problem = PlainDriver(controller, noise=1.0, seed=3), make_problem()

    def commands():
        driver.reset()
        driver.plan(problem, deadline=0.05)
        given = (0.0, problem.initial_state, 0.0, None, problem.road, (), 1.0)
        return [(o.acceleration, o.steering_angle) for o in (driver.step(*given) for _ in 'abc')]

    assert commands() == commands()


def test_it_drives_the_simulated_car_to_its_goal(controller):
    road = road_from_segments(
        [(40.0, 0.0, 0.0), (20.0, 0.0, 0.015), (150.0, 0.015, 0.015)], 4, 4, 15
    )
    scenario = Scenario(
        name='test',
        description='a bend for a test',
        road=road,
        initial_state=[10.0, 0.5, 0.0, 10.0, 0.0],
        goal=StationGoal(120.0, 10.0),
        traffic=(),
        duration=20.0,
    )
    driver = PlainDriver(controller)
    done = drive(scenario, driver, driver, SimulationConfiguration())
    _, offset = road.project(done.record.states[:, :2])
    assert done.safe
    assert abs(offset[-40:]).max() < 0.6
